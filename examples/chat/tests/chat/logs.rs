use crate::real_logs;
use icecore_example_chat::conversation::{Conversation, Event};

#[test]
fn every_line_of_the_real_logs_is_understood() {
    for log in real_logs().unwrap_or_default() {
        let bytes = std::fs::read(&log).unwrap();
        let conversation = Conversation::parse(&bytes).unwrap();
        let text = String::from_utf8(bytes).unwrap();
        let understood = conversation.lines.len() + conversation.passed_over;
        assert_eq!(understood, text.lines().count(), "{}", log.display());
        // Whatever begins with a time is a message, and its text is kept to the letter.
        let said: Vec<&str> = text
            .lines()
            .filter(|line| line.starts_with('['))
            .map(|line| line.split_once("> ").unwrap().1)
            .collect();
        let heard: Vec<&str> = conversation.messages().map(|(_, text)| text).collect();
        assert_eq!(heard, said, "{}", log.display());
        for (event, words) in [
            (Event::Join, "]  has joined #"),
            (Event::Leave, "]  has left #"),
        ] {
            let told = text
                .lines()
                .filter(|line| line.starts_with("===") && line.contains(words))
                .count();
            let found = conversation
                .lines
                .iter()
                .filter(|line| line.event == event)
                .count();
            assert_eq!(found, told, "{event:?} in {}", log.display());
        }
        assert!(
            conversation
                .lines
                .iter()
                .map(|line| line.minute)
                .is_sorted()
        );
        let (first, last) = (&conversation.lines[0], conversation.lines.last().unwrap());
        assert!(
            last.minute - first.minute < 5 * 60,
            "an afternoon: {}",
            log.display()
        );
    }
}
