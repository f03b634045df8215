use super::*;

fn parse(log: &str) -> Conversation {
    Conversation::parse(log.as_bytes()).unwrap()
}

fn one(log: &str) -> (String, Event) {
    let mut lines = parse(log).lines;
    assert_eq!(lines.len(), 1, "{log}");
    let line = lines.remove(0);
    (line.nickname, line.event)
}

#[test]
fn lines_of_real_logs_are_understood() {
    let say = |nickname: &str, text: &str| (nickname.to_owned(), Event::Say(text.to_owned()));
    assert_eq!(one("[01:02] <a_> b > <c> d "), say("a_", "b > <c> d "));
    assert_eq!(
        one("[00:41] <[cro] smiley> how to?"),
        say("[cro] smiley", "how to?")
    );
    assert_eq!(one("[11:14] <zcat[1] > so\r\n"), say("zcat[1]", "so"));
    let other = |nickname: &str, event| (nickname.to_owned(), event);
    assert_eq!(
        one("=== [x]y  [n=[x] @h.net]  has joined #ubuntu"),
        other("[x]y", Event::Join)
    );
    assert_eq!(
        one("=== a [b@c]  has left #ubuntu [\"see [you]\"]"),
        other("a", Event::Leave)
    );
    let renamed = Event::Rename("Cre[a] tive".to_owned());
    assert_eq!(
        one("=== a| is now known as Cre[a] tive "),
        other("a|", renamed)
    );
}

#[test]
fn what_is_of_no_interest_is_counted() {
    let log =
        "=== mode/#ubuntu [+o Seveas]  by ChanServ\n\n=== a shrugs\n=== a has joined\n=== ===\n";
    let conversation = parse(log);
    assert_eq!((conversation.lines.len(), conversation.passed_over), (0, 5));
}

#[test]
fn a_line_that_is_not_understood_is_passed_over_and_counted() {
    for odd in [
        "[17:05]  * Nick waves",
        "***",
        "[1:2] <a> b",
        "[24:00] <a> b",
        "[01:60] <a> b",
        "[01:02] a b",
        "[01:02] <a>",
        "[01:02] <a>  ",
        "[01:02] < > b",
        "===",
    ] {
        let conversation = parse(&format!("[01:02] <a> b\n{odd}\n[01:03] <a> c\n"));
        assert_eq!(conversation.not_understood, [2], "{odd:?}");
        assert_eq!(conversation.messages().count(), 2, "{odd:?}");
    }
    let error = Conversation::parse("?\n".repeat(12).as_bytes()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "not a line of an IRC log: 1, 2, 3, 4, 5, 6, 7, 8, 9, 10 …; line 1 is \"?\" (line 1)"
    );
}

#[test]
fn minutes_never_go_back() {
    let log = "=== a is now known as b\n[11:59] <b> x\n[11:58] <b> x\n[00:01] <b> x\n=== b is now known as c\n[11:02] <c> x\n[10:00] <c> x\n[23:59] <c> x\n[00:01] <c> x";
    let minutes: Vec<u32> = parse(log).lines.iter().map(|line| line.minute).collect();
    assert_eq!(minutes, [719, 719, 719, 721, 721, 721, 1320, 1439, 1441]);
}

#[test]
fn what_is_not_utf_8_is_kept_byte_by_byte() {
    let conversation = Conversation::parse(b"[01:02] <a> caf\xe9\n").unwrap();
    assert_eq!(conversation.lines[0].event, Event::Say("café".to_owned()));
}
