use super::*;

const LOG: &str = "\
=== a [x@y]  has joined #c
[10:00] <a> one
[10:00] <b> two
[10:00] <a> three
=== a is now known as a_
[10:01] <a_> four
=== b is now known as c
[10:30] <c> five
[10:30] <a> six
=== c [x@y]  has left #c []
";

fn plan(log: &str, offline: f64, seed: u64) -> Plan {
    let conversation = Conversation::parse(log.as_bytes()).unwrap();
    Plan::of(&conversation, Chances { offline, seed })
}

fn made(plan: &Plan, of: usize) -> Vec<&Update> {
    let own = plan.cues.iter().filter(|cue| cue.person == of);
    own.filter_map(|cue| match &cue.action {
        Action::Make(update) => Some(update),
        _ => None,
    })
    .collect()
}

#[test]
fn everybody_does_their_lines_in_order() {
    let plan = plan(LOG, 0.0, 1);
    assert_eq!(plan.people, [vec!["a", "a_"], vec!["b", "c"]]);
    let a = [
        Update::name("a"),
        Update::join(ConversationId::default()),
        Update::say("one"),
        Update::say("three"),
        Update::name("a_"),
        Update::say("four"),
        Update::name("a"),
        Update::say("six"),
    ];
    assert_eq!(made(&plan, 0), a.iter().collect::<Vec<_>>());
    assert_eq!(plan.messages_of(1), [("b", "two"), ("c", "five")]);
    assert_eq!(plan.updates(), 8 + 5);
    assert!(plan.cues.iter().any(|cue| cue.action == Action::Poll));
    let times: Vec<i64> = plan.cues.iter().map(|cue| cue.at).collect();
    assert!(times.is_sorted());
    assert_eq!(times[0], 10 * 60 * MINUTE);
    // Lines of one minute are apart.
    let said = |text: &str| {
        plan.cues
            .iter()
            .find(|c| c.action == Action::Make(Update::say(text)))
            .unwrap()
            .at
    };
    assert_eq!(said("three") - said("two"), MINUTE / 5);
}

#[test]
fn two_who_turn_out_to_be_one_share_a_replica() {
    let log = "[10:00] <a> x\n[10:00] <b> y\n[10:00] <d> z\n=== a is now known as b\n=== b is now known as c\n[10:01] <a> w\n";
    let plan = plan(log, 0.0, 1);
    assert_eq!(plan.people, [vec!["a", "b", "c"], vec!["d"]]);
    assert_eq!(plan.messages_of(0), [("a", "x"), ("b", "y"), ("a", "w")]);
}

#[test]
fn a_seed_decides_who_loses_the_connection() {
    let losses = |seed| plan(LOG, 0.5, seed).cues;
    assert_eq!(losses(7), losses(7));
    assert!((0..20).any(|seed| losses(seed) != losses(7)));
    let mut offline = [false; 2];
    let all = plan(LOG, 1.0, 3);
    for cue in &all.cues {
        match &cue.action {
            Action::Disconnect => assert!(!std::mem::replace(&mut offline[cue.person], true)),
            Action::Connect => assert!(std::mem::replace(&mut offline[cue.person], false)),
            Action::Make(Update::Say { text, .. }) if text == "one" => assert!(offline[0]),
            _ => {}
        }
    }
    assert_eq!(plan(LOG, 0.0, 7).cues, plan(LOG, 0.0, 8).cues);
}

#[test]
fn an_empty_log_is_an_empty_play() {
    assert!(plan("", 1.0, 1).cues.is_empty());
}
