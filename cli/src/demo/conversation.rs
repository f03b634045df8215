//! An IRC log as a conversation: who says what, comes, goes and takes another name, minute by minute.

use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// The sample that lies beside this program: 120 lines about a hike.
pub(super) const SAMPLE: &str = include_str!("../../sample/conversation.txt");

/// What a line says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Event {
    /// `[18:02] <maren> evening all`
    Message {
        time: String,
        from: String,
        text: String,
    },
    /// `=== maren [host]  has joined #hikers`
    Joined { who: String, host: String },
    /// `=== maren [host]  has left #hikers ["bye"]`
    Left { who: String },
    /// `=== pavlo is now known as beetleman`
    Renamed { from: String, to: String },
    /// Everything else, as it stands: an action, a mode, a line of another make.
    Note { who: Option<String> },
}

/// One line of the log.
#[derive(Debug, Clone)]
pub(super) struct Line {
    /// Its number, from 1.
    pub(super) number: usize,
    /// The line as it stands.
    pub(super) text: String,
    /// Lines of one minute share a tick: they are said at the same moment.
    pub(super) tick: usize,
    pub(super) event: Event,
}

/// A log, line by line.
#[derive(Debug)]
pub(super) struct Conversation {
    pub(super) lines: Vec<Line>,
}

impl Conversation {
    /// Reads a log; a line that is not understood becomes a note, and no line is left out.
    pub(super) fn parse(log: &[u8]) -> Self {
        let text = decode(log);
        let mut tick = 0;
        let mut minute: Option<String> = None;
        let lines = text.lines().zip(1..).map(|(text, number)| {
            let event = Event::parse(text);
            if let Event::Message { time, .. } = &event {
                if minute.as_ref().is_some_and(|minute| minute != time) {
                    tick += 1;
                }
                minute = Some(time.clone());
            }
            Line {
                number,
                text: text.to_owned(),
                tick,
                event,
            }
        });
        Self {
            lines: lines.collect(),
        }
    }

    /// How many moments the conversation has.
    pub(super) fn ticks(&self) -> usize {
        self.lines.last().map_or(0, |line| line.tick + 1)
    }

    /// Everybody who says something, comes, goes or is named, in groups: the names of one person.
    pub(super) fn people(&self) -> People {
        let mut people = People::default();
        for line in &self.lines {
            match &line.event {
                Event::Renamed { from, to } => people.join(from, to),
                event => {
                    if let Some(who) = event.who() {
                        people.meet(who);
                    }
                }
            }
        }
        people
    }
}

/// Old logs are not always UTF-8: then each byte is a character, as in Latin-1, so that nothing is lost.
fn decode(log: &[u8]) -> String {
    match std::str::from_utf8(log) {
        Ok(text) => text.to_owned(),
        Err(_) => log.iter().map(|&byte| char::from(byte)).collect(),
    }
}

impl Event {
    fn parse(line: &str) -> Self {
        Self::message(line)
            .or_else(|| Self::notice(line))
            .unwrap_or(Self::Note { who: None })
    }

    fn message(line: &str) -> Option<Self> {
        let (time, rest) = line.strip_prefix('[')?.split_once("] <")?;
        let (from, text) = rest.split_once("> ")?;
        let is_time = time.len() == 5 && time.bytes().all(|b| b.is_ascii_digit() || b == b':');
        (is_time && !from.is_empty()).then(|| Self::Message {
            time: time.to_owned(),
            from: from.to_owned(),
            text: text.to_owned(),
        })
    }

    fn notice(line: &str) -> Option<Self> {
        let rest = line.strip_prefix("=== ")?;
        if let Some((who, host)) = rest
            .split_once("]  has joined #")
            .and_then(|(head, _)| named(head))
        {
            return Some(Self::Joined { who, host });
        }
        if let Some((who, _)) = rest
            .split_once("]  has left #")
            .and_then(|(head, _)| named(head))
        {
            return Some(Self::Left { who });
        }
        if let Some((from, to)) = rest.split_once(" is now known as ") {
            return Some(Self::Renamed {
                from: from.to_owned(),
                to: to.trim_end().to_owned(),
            });
        }
        let who = rest
            .split(' ')
            .next()
            .filter(|who| !who.is_empty() && !who.contains('/'));
        Some(Self::Note {
            who: who.map(str::to_owned),
        })
    }

    /// Who it is about.
    pub(super) fn who(&self) -> Option<&str> {
        match self {
            Self::Message { from, .. } | Self::Renamed { from, .. } => Some(from),
            Self::Joined { who, .. } | Self::Left { who } => Some(who),
            Self::Note { who } => who.as_deref(),
        }
    }
}

/// `nick [host`, where either may hold brackets: the last bracket after a blank opens the host.
fn named(head: &str) -> Option<(String, String)> {
    let (who, host) = head.rsplit_once(" [")?;
    Some((who.trim_end().to_owned(), host.to_owned()))
}

impl Line {
    /// What is kept of it in the list of lines: enough to write the line again.
    pub(super) fn entry(&self) -> Value {
        match &self.event {
            Event::Message { time, from, text } => {
                json!({"line": self.number, "time": time, "from": from, "text": text})
            }
            _ => json!({"line": self.number, "note": self.text}),
        }
    }

    /// What it changes in the list of people: a merge patch for each name.
    pub(super) fn people(&self) -> Option<Value> {
        match &self.event {
            Event::Joined { who, host } => Some(json!({who: {"here": true, "host": host}})),
            Event::Left { who } => Some(json!({who: {"here": false}})),
            Event::Renamed { from, to } if from != to => {
                Some(json!({from: {"here": false, "now": to}, to: {"here": true, "was": from}}))
            }
            _ => None,
        }
    }
}

/// The line that an entry was made from.
pub(super) fn line_of(entry: &Map<String, Value>) -> Option<String> {
    let text = |name: &str| entry.get(name).and_then(Value::as_str);
    match text("note") {
        Some(note) => Some(note.to_owned()),
        None => Some(format!(
            "[{}] <{}> {}",
            text("time")?,
            text("from")?,
            text("text")?
        )),
    }
}

/// The names of the conversation; names that were exchanged for one another belong to one person, who sits at
/// one device: so what a person does stays in order.
#[derive(Debug, Default)]
pub(super) struct People {
    order: Vec<String>,
    known: BTreeSet<String>,
    same_as: BTreeMap<String, String>,
}

impl People {
    fn meet(&mut self, name: &str) {
        if self.known.insert(name.to_owned()) {
            self.order.push(name.to_owned());
        }
    }

    fn join(&mut self, a: &str, b: &str) {
        self.meet(a);
        self.meet(b);
        let (a, b) = (self.first_name(a), self.first_name(b));
        if a != b {
            self.same_as.insert(b, a);
        }
    }

    fn first_name(&self, name: &str) -> String {
        let mut name = name;
        while let Some(earlier) = self.same_as.get(name) {
            name = earlier;
        }
        name.to_owned()
    }

    /// One name of each person, in order of appearance.
    pub(super) fn persons(&self) -> Vec<&str> {
        self.order
            .iter()
            .map(String::as_str)
            .filter(|name| !self.same_as.contains_key(*name))
            .collect()
    }

    /// The one name by which [`People::persons`] lists somebody.
    pub(super) fn person(&self, name: &str) -> String {
        self.first_name(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(line: &str) -> Event {
        Event::parse(line)
    }

    fn text(text: &str) -> String {
        text.to_owned()
    }

    #[test]
    fn lines_of_real_logs_are_understood() {
        let message = Event::Message {
            time: text("01:02"),
            from: text("a_"),
            text: text("b > <c> d"),
        };
        assert_eq!(event("[01:02] <a_> b > <c> d"), message);
        let joined = Event::Joined {
            who: text("[x]y"),
            host: text("n=[x] @h.net"),
        };
        assert_eq!(
            event("=== [x]y  [n=[x] @h.net]  has joined #ubuntu"),
            joined
        );
        assert_eq!(
            event("=== a [b@c]  has left #ubuntu [\"see [you]\"]"),
            Event::Left { who: text("a") }
        );
        assert_eq!(
            event("=== a is now known as b"),
            Event::Renamed {
                from: text("a"),
                to: text("b")
            }
        );
        assert_eq!(
            event("=== a shrugs"),
            Event::Note {
                who: Some(text("a"))
            }
        );
        for odd in [
            "=== mode/#ubuntu [+o Seveas]  by ChanServ",
            "",
            "***",
            "[1:2] <a> b",
            "[01:02] a b",
            "[01:02] <a>",
        ] {
            assert_eq!(event(odd), Event::Note { who: None }, "{odd:?}");
        }
    }

    #[test]
    fn every_line_of_the_sample_can_be_written_again() {
        let conversation = Conversation::parse(SAMPLE.as_bytes());
        let again: Vec<String> = conversation
            .lines
            .iter()
            .map(|line| line_of(line.entry().as_object().unwrap()).unwrap())
            .collect();
        assert_eq!(again, SAMPLE.lines().collect::<Vec<_>>());
    }

    #[test]
    fn names_that_were_exchanged_are_one_person() {
        let log = "=== a is now known as b\n[01:00] <c> x\n=== c is now known as d\n=== b is now known as e\n[01:01] <e> y";
        let conversation = Conversation::parse(log.as_bytes());
        let people = conversation.people();
        assert_eq!(people.persons(), ["a", "c"]);
        assert_eq!([people.person("e"), people.person("d")], ["a", "c"]);
        assert_eq!(conversation.ticks(), 2);
    }

    #[test]
    fn what_is_not_utf_8_is_kept_byte_by_byte() {
        let conversation = Conversation::parse(b"[01:02] <a> caf\xe9\n\xff");
        assert_eq!(conversation.lines[0].text, "[01:02] <a> café");
        assert_eq!(conversation.lines[1].text, "ÿ");
    }
}
