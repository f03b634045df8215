//! An IRC log as a conversation: who says what, comes, goes and takes another name, and in which minute.
//!
//! ```
//! use icecore_example_chat::conversation::{Conversation, Event};
//!
//! let log = b"=== maren [m@host]  has joined #hikers\n[11:59] <maren> evening all\n[00:00] <maren> anybody?\n";
//! let conversation = Conversation::parse(log)?;
//! assert_eq!(conversation.lines[1].event, Event::Say("evening all".to_owned()));
//! // The clock of the log has twelve hours.
//! assert_eq!(conversation.lines[2].minute, conversation.lines[1].minute + 1);
//! # Ok::<(), icecore::Error>(())
//! ```

use icecore::{Error, Result};

/// Half a day: logs are written with a clock of 12 or of 24 hours.
const HALF_DAY: u32 = 12 * 60;
/// A clock that goes back by less was set right; by more, it has passed twelve.
const SET_BACK_MAX: u32 = 60;

/// What a line says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// `[18:02] <maren> evening all`
    Say(String),
    /// `=== maren [host]  has joined #hikers`
    Join,
    /// `=== maren [host]  has left #hikers ["bye"]`
    Leave,
    /// `=== pavlo is now known as beetleman`
    Rename(String),
}

/// A line that says something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// Its number in the log, from 1.
    pub number: usize,
    /// Minutes since the midnight before the first line; lines without a time happen in the minute of the one before.
    pub minute: u32,
    /// Who.
    pub nickname: String,
    /// What.
    pub event: Event,
}

/// A log.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Conversation {
    /// What happens, as it stands in the log.
    pub lines: Vec<Line>,
    /// How many lines are the server's and of no interest, such as `=== mode/#hikers [+o maren]  by ChanServ`, and how
    /// many tell of somebody (`=== maren yawns`).
    pub passed_over: usize,
    /// The numbers of the lines that are of another make, such as `[17:05]  * Nick waves`: they are passed over too.
    pub not_understood: Vec<usize>,
}

impl Conversation {
    /// Reads a log.
    ///
    /// # Errors
    /// `Invalid`, naming the lines, when none at all is understood: then it is no such log. Otherwise those that are not are
    /// passed over and counted.
    pub fn parse(log: &[u8]) -> Result<Self> {
        let text = decode(log);
        let mut conversation = Self::default();
        let mut refused = Vec::new();
        let mut minute = None;
        for (line, number) in text.lines().zip(1..) {
            let Some(read) = Read::of(line) else {
                refused.push((number, line));
                continue;
            };
            let Read::Event {
                time,
                nickname,
                event,
            } = read
            else {
                conversation.passed_over += 1;
                continue;
            };
            if let Some(time) = time {
                minute = Some(onward(minute, time));
            }
            conversation.lines.push(Line {
                number,
                minute: minute.unwrap_or_default(),
                nickname,
                event,
            });
        }
        conversation.begin_with_the_first_time();
        if conversation.lines.is_empty() && !refused.is_empty() {
            return Err(not_understood(&refused));
        }
        conversation.not_understood = refused.iter().map(|(number, _)| *number).collect();
        Ok(conversation)
    }

    /// The first lines may have no time: they happen in the minute of the first that has one.
    fn begin_with_the_first_time(&mut self) {
        let says = |line: &Line| matches!(line.event, Event::Say(_));
        if let Some(first) = self.lines.iter().position(says) {
            let minute = self.lines[first].minute;
            self.lines[..first]
                .iter_mut()
                .for_each(|line| line.minute = minute);
        }
    }

    /// What was said, in order.
    pub fn messages(&self) -> impl Iterator<Item = (&str, &str)> {
        self.lines.iter().filter_map(|line| match &line.event {
            Event::Say(text) => Some((line.nickname.as_str(), text.as_str())),
            _ => None,
        })
    }
}

fn not_understood(refused: &[(usize, &str)]) -> Error {
    let numbers: Vec<String> = refused
        .iter()
        .take(10)
        .map(|(number, _)| number.to_string())
        .collect();
    let more = if refused.len() > 10 { " …" } else { "" };
    let (number, line) = refused[0];
    let begin: String = line.chars().take(60).collect();
    Error::invalid(format!(
        "not a line of an IRC log: {}{more}; line {number} is {begin:?}",
        numbers.join(", ")
    ))
    .with_object(format!("line {number}"))
    .with_hint("lines are `[hh:mm] <name> text` or begin with `=== `")
}

/// Old logs are not always UTF-8: then each byte is a character, as in Latin-1, so that nothing is lost.
fn decode(log: &[u8]) -> String {
    match std::str::from_utf8(log) {
        Ok(text) => text.to_owned(),
        Err(_) => log.iter().map(|&byte| char::from(byte)).collect(),
    }
}

/// The minute that a clock means that shows `time` after `last`.
fn onward(last: Option<u32>, time: u32) -> u32 {
    let Some(last) = last else { return time };
    let mut minute = time;
    while minute + SET_BACK_MAX <= last {
        minute += HALF_DAY;
    }
    minute.max(last)
}

/// What one line is.
enum Read {
    Event {
        time: Option<u32>,
        nickname: String,
        event: Event,
    },
    OfNoInterest,
}

impl Read {
    /// `None` for what is no line of a log.
    fn of(line: &str) -> Option<Self> {
        if line.is_empty() {
            return Some(Self::OfNoInterest);
        }
        match line.strip_prefix("=== ") {
            Some(notice) => Some(Self::notice(notice).unwrap_or(Self::OfNoInterest)),
            None => Self::message(line),
        }
    }

    fn message(line: &str) -> Option<Self> {
        let (time, rest) = line.strip_prefix('[')?.split_once("] <")?;
        let (nickname, text) = rest.split_once("> ")?;
        // Some names have blanks in these logs, as `<zcat[1] >`.
        let nickname = nickname.trim();
        let is_whole = !nickname.is_empty() && !text.trim().is_empty();
        is_whole.then_some(Self::Event {
            time: Some(minutes(time)?),
            nickname: nickname.to_owned(),
            event: Event::Say(text.to_owned()),
        })
    }

    fn notice(notice: &str) -> Option<Self> {
        let (nickname, event) = if let Some((head, _)) = notice.split_once("]  has joined #") {
            (before_host(head)?, Event::Join)
        } else if let Some((head, _)) = notice.split_once("]  has left #") {
            (before_host(head)?, Event::Leave)
        } else {
            let (from, to) = notice.split_once(" is now known as ")?;
            (from.trim(), Event::Rename(to.trim().to_owned()))
        };
        let named = !nickname.is_empty() && event != Event::Rename(String::new());
        named.then(|| Self::Event {
            time: None,
            nickname: nickname.to_owned(),
            event,
        })
    }
}

/// `nick [host`, where either may hold brackets: the last bracket after a blank opens the host.
fn before_host(head: &str) -> Option<&str> {
    head.rsplit_once(" [").map(|(nickname, _)| nickname.trim())
}

/// `18:02` in minutes since midnight.
fn minutes(time: &str) -> Option<u32> {
    let (hours, minutes) = time.split_once(':')?;
    let number = |text: &str, below: u32| {
        let digits = text.len() == 2 && text.bytes().all(|b| b.is_ascii_digit());
        let number: u32 = digits.then(|| text.parse().ok()).flatten()?;
        (number < below).then_some(number)
    };
    Some(number(hours, 24)? * 60 + number(minutes, 60)?)
}

#[cfg(test)]
mod tests;
