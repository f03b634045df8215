//! From a conversation to what each replica does and when: who speaks, loses the connection, finds it again.
//!
//! The same conversation and the same seed give the same plan. Nothing here knows of a store.

use crate::conversation::{Conversation, Event};
use crate::id::ConversationId;
use crate::update::Update;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use std::collections::BTreeMap;

const MINUTE: i64 = 60_000;
/// How long a connection is lost, in milliseconds of the log.
const OFFLINE: std::ops::Range<i64> = 10_000..10 * MINUTE;
/// How often who is connected looks for what others wrote, in milliseconds of the log. Whoever speaks does so anyway.
const POLL_EVERY: i64 = 20 * MINUTE;

/// How often connections are lost, and the seed from which it is drawn.
#[derive(Debug, Clone, Copy)]
pub struct Chances {
    /// How likely a line is said while the connection is just lost: 0 to 1.
    pub offline: f64,
    /// The same seed, the same losses.
    pub seed: u64,
}

/// What a replica does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// Does something in the chat.
    Make(Update),
    /// Loses the connection.
    Disconnect,
    /// Has it again, and catches up.
    Connect,
    /// Looks for what is new, if it is connected.
    Poll,
}

/// What a replica does at a time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cue {
    /// When, in milliseconds since the midnight before the first line.
    pub at: i64,
    /// Which replica: an index into [`Plan::people`].
    pub person: usize,
    /// What.
    pub action: Action,
}

/// A conversation as a play for many replicas.
#[derive(Debug, Clone, Default)]
pub struct Plan {
    /// One replica each: the nicknames of one person, in order of appearance. Who takes another nickname stays at the same
    /// device, so all lines of one nickname belong to one replica and keep their order.
    pub people: Vec<Vec<String>>,
    /// What happens, by time; what happens at one time, in the order of the log.
    pub cues: Vec<Cue>,
}

impl Plan {
    /// Plans a conversation.
    pub fn of(conversation: &Conversation, chances: Chances) -> Self {
        let (people, person_of) = people(conversation);
        let mut cues = says(conversation, &person_of);
        let end = cues.last().map_or(0, |cue| cue.at);
        let mut more = Vec::new();
        for person in 0..people.len() {
            let own: Vec<i64> = cues
                .iter()
                .filter(|c| c.person == person)
                .map(|c| c.at)
                .collect();
            more.extend(losses(person, &own, chances));
            more.extend(polls(person, own.first().copied().unwrap_or(end), end));
        }
        cues.extend(more);
        // A connection is lost before the line that is said then, and found before one is said with it.
        cues.sort_by_key(|cue| (cue.at, matches!(cue.action, Action::Make(_))));
        Self { people, cues }
    }

    /// The names and texts of a person's messages, in order.
    pub fn messages_of(&self, person: usize) -> Vec<(&str, &str)> {
        let mut name = "";
        let mut messages = Vec::new();
        for cue in self.cues.iter().filter(|cue| cue.person == person) {
            match &cue.action {
                Action::Make(Update::Name { name: new, .. }) => name = new,
                Action::Make(Update::Say { text, .. }) => messages.push((name, text.as_str())),
                _ => {}
            }
        }
        messages
    }

    /// How many updates there are.
    pub fn updates(&self) -> usize {
        let is_update = |cue: &&Cue| matches!(cue.action, Action::Make(_));
        self.cues.iter().filter(is_update).count()
    }
}

/// The nicknames by person, and each nickname's person.
fn people(conversation: &Conversation) -> (Vec<Vec<String>>, BTreeMap<&str, usize>) {
    let mut people: Vec<Vec<&str>> = Vec::new();
    let mut person_of: BTreeMap<&str, usize> = BTreeMap::new();
    for line in &conversation.lines {
        let person = *person_of.entry(&line.nickname).or_insert_with(|| {
            people.push(vec![&line.nickname]);
            people.len() - 1
        });
        let Event::Rename(to) = &line.event else {
            continue;
        };
        match person_of.insert(to, person) {
            None => people[person].push(to),
            // Two who were thought to be two are one.
            Some(other) if other != person => {
                let theirs = std::mem::take(&mut people[other]);
                for nickname in &theirs {
                    person_of.insert(nickname, person);
                }
                people[person].extend(theirs);
            }
            Some(_) => {}
        }
    }
    let numbers: BTreeMap<usize, usize> = (0..people.len())
        .filter(|&n| !people[n].is_empty())
        .zip(0..)
        .collect();
    for person in person_of.values_mut() {
        *person = numbers[person];
    }
    people.retain(|nicknames| !nicknames.is_empty());
    let owned = |nicknames: Vec<&str>| nicknames.into_iter().map(str::to_owned).collect();
    (people.into_iter().map(owned).collect(), person_of)
}

/// Every line as updates of its person's replica. Whoever does something under a name that the replica does not have
/// takes it first: at first sight, and after a change that the log does not tell of.
fn says(conversation: &Conversation, person_of: &BTreeMap<&str, usize>) -> Vec<Cue> {
    let mut cues = Vec::new();
    let mut names: BTreeMap<usize, &str> = BTreeMap::new();
    for (n, line) in conversation.lines.iter().enumerate() {
        let person = person_of[line.nickname.as_str()];
        let at = i64::from(line.minute) * MINUTE + within_minute(conversation, n);
        let mut add = |update| {
            let action = Action::Make(update);
            cues.push(Cue { at, person, action });
        };
        if names.insert(person, &line.nickname) != Some(&line.nickname) {
            add(Update::name(&line.nickname));
        }
        match &line.event {
            Event::Say(text) => add(Update::say(text)),
            Event::Join => add(Update::join(ConversationId::default())),
            Event::Leave => add(Update::leave(ConversationId::default())),
            Event::Rename(to) => {
                add(Update::name(to));
                names.insert(person, to);
            }
        }
    }
    cues
}

/// The log tells the minute: its lines are spread over it evenly.
fn within_minute(conversation: &Conversation, n: usize) -> i64 {
    let lines = &conversation.lines;
    let minute = lines[n].minute;
    let same = |line: &&crate::conversation::Line| line.minute == minute;
    let before = lines[..n].iter().rev().take_while(same).count();
    let all = before + lines[n..].iter().take_while(same).count();
    let share = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
    MINUTE * share(before) / share(all)
}

/// When a person loses the connection and has it again: always just before saying something, so that it is queued.
fn losses(person: usize, own: &[i64], chances: Chances) -> Vec<Cue> {
    // Each person's losses are drawn on their own: one line more in the log changes nobody else's.
    let seed = chances.seed ^ (person as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    let mut random = StdRng::seed_from_u64(seed);
    let mut cues = Vec::new();
    let mut back = i64::MIN;
    for &at in own {
        let is_lost = random.random_bool(chances.offline.clamp(0.0, 1.0));
        if is_lost && at > back {
            back = at + random.random_range(OFFLINE);
            cues.push(Cue {
                at,
                person,
                action: Action::Disconnect,
            });
            cues.push(Cue {
                at: back,
                person,
                action: Action::Connect,
            });
        }
    }
    cues
}

fn polls(person: usize, first: i64, end: i64) -> Vec<Cue> {
    let mut times = Vec::new();
    let mut at = first + POLL_EVERY;
    while at < end {
        times.push(at);
        at += POLL_EVERY;
    }
    let poll = |at| Cue {
        at,
        person,
        action: Action::Poll,
    };
    times.into_iter().map(poll).collect()
}

#[cfg(test)]
mod tests;
