//! Whether what the replicas hold is what the log says.

use crate::digest::sha256;
use crate::model::State;
use crate::plan::Plan;
use icecore::Author;
use std::collections::BTreeSet;
use std::sync::Arc;

/// What a replica holds in the end.
#[derive(Debug, Clone)]
pub struct Ending {
    /// As whom it wrote.
    pub author: Author,
    /// How many of its updates are not acknowledged.
    pub pending: usize,
    /// Its state.
    pub state: Arc<State>,
}

/// The SHA-256 of the state, if all hold the same, and everything that is not as promised: all replicas hold the same
/// state, nothing is missing, nothing is there twice, each author's messages are in the author's order. `endings` are in
/// the order of the plan's people.
pub fn differences(plan: &Plan, endings: &[Ending]) -> (Option<String>, Vec<String>) {
    let mut wrong = Vec::new();
    let who = |person: usize| {
        plan.people
            .get(person)
            .map_or_else(String::new, |names| names.join(", "))
    };
    for (person, ending) in endings.iter().enumerate() {
        if ending.pending > 0 {
            wrong.push(format!(
                "{}: {} updates were not acknowledged",
                who(person),
                ending.pending
            ));
        }
    }
    let Some(first) = endings.first() else {
        return (None, wrong);
    };
    let one = sha256(&json(&first.state));
    for (person, ending) in endings.iter().enumerate().skip(1) {
        if sha256(&json(&ending.state)) != one {
            wrong.push(format!(
                "{} holds another state than {}: {} messages and {}",
                who(person),
                who(0),
                ending.state.messages().count(),
                first.state.messages().count()
            ));
        }
    }
    let same = wrong.is_empty().then_some(one);
    let all: BTreeSet<Author> = endings.iter().map(|ending| ending.author).collect();
    if all.len() < endings.len() {
        wrong.push("two replicas write as one author".to_owned());
    }
    wrong.extend(
        against_the_log(plan, endings, &first.state)
            .map(|(person, text)| format!("{}: {text}", who(person))),
    );
    wrong.extend(beyond_the_log(&all, &first.state));
    (same, wrong)
}

/// What differs between each person's lines and what is in the state.
fn against_the_log<'a>(
    plan: &'a Plan,
    endings: &'a [Ending],
    state: &'a State,
) -> impl Iterator<Item = (usize, String)> + 'a {
    endings.iter().enumerate().filter_map(|(person, ending)| {
        let said = plan.messages_of(person);
        let own = state
            .messages()
            .filter(|message| message.id.author == ending.author);
        let held: Vec<(&str, &str)> = own
            .map(|message| {
                (
                    message.name.as_deref().unwrap_or_default(),
                    message.text.as_str(),
                )
            })
            .collect();
        if held == said {
            return None;
        }
        let at = held
            .iter()
            .zip(&said)
            .take_while(|(held, said)| held == said)
            .count();
        let shown = |list: &[(&str, &str)]| {
            list.get(at).map_or("nothing".to_owned(), |(name, text)| {
                format!("<{name}> {text}")
            })
        };
        let text = format!(
            "{} of {} messages; the first that differs is number {}: {:?} instead of {:?}",
            held.len(),
            said.len(),
            at + 1,
            shown(&held),
            shown(&said)
        );
        Some((person, text))
    })
}

/// What is in the state and in nobody's lines: messages of strangers, and messages that are there twice.
fn beyond_the_log(all: &BTreeSet<Author>, state: &State) -> Vec<String> {
    let mut seen = BTreeSet::new();
    let mut wrong = Vec::new();
    for message in state.messages() {
        if !seen.insert(message.id) {
            wrong.push(format!("the message {} is there twice", message.id));
        }
        if !all.contains(&message.id.author) {
            wrong.push(format!("the message {} is nobody's", message.id));
        }
    }
    wrong
}

fn json(state: &State) -> Vec<u8> {
    serde_json::to_vec(state).expect("BUG: plain data has a JSON form")
}

#[cfg(test)]
mod tests;
