use super::*;
use crate::conversation::Conversation;
use crate::id::ConversationId;
use crate::model::{Chat, Message};
use crate::plan::{Action, Chances};
use crate::update::Update;
use icecore::{Key, Meta, Model, Seq};
use std::collections::BTreeMap;

const LOG: &[u8] = b"[10:00] <a> one\n[10:01] <b> two\n[10:02] <a> three\n[10:03] <b> four\n";

fn author(person: usize) -> Author {
    Author::from_parts(person as u64 + 1, 0)
}

/// A replay that went well.
fn well() -> (Plan, State) {
    let conversation = Conversation::parse(LOG).unwrap();
    let (offline, seed) = (0.0, 1);
    let plan = Plan::of(&conversation, Chances { offline, seed });
    let mut state = State::default();
    let mut seqs = BTreeMap::new();
    for cue in &plan.cues {
        let Action::Make(update) = &cue.action else {
            continue;
        };
        let seq = seqs.entry(cue.person).or_insert(0);
        *seq += 1;
        let meta = Meta {
            author: author(cue.person),
            seq: Seq::new(*seq).unwrap(),
            key: Key::MIN,
            at: "",
        };
        Chat.apply(&mut state, Update::clone(update), &meta)
            .unwrap();
    }
    (plan, state)
}

fn messages(state: &mut State) -> &mut Vec<Message> {
    let all = state.conversations.get_mut(&ConversationId::default());
    &mut all.unwrap().messages
}

fn judge(change: impl Fn(&mut [Ending; 2])) -> Vec<String> {
    let (plan, state) = well();
    let mut endings = [0, 1].map(|person| Ending {
        author: author(person),
        pending: 0,
        state: Arc::new(state.clone()),
    });
    change(&mut endings);
    let (sha256, differences) = differences(&plan, &endings);
    assert!(sha256.is_some() || !differences.is_empty());
    differences
}

/// The same change at both.
fn judge_state(change: impl Fn(&mut State)) -> Vec<String> {
    judge(|endings| {
        let mut state = State::clone(&endings[0].state);
        change(&mut state);
        let state = Arc::new(state);
        for ending in endings {
            ending.state = Arc::clone(&state);
        }
    })
}

#[test]
fn what_is_as_promised_is_not_complained_of() {
    assert_eq!(judge(|_| {}), [""; 0]);
    // Two who speak at the same time may stand in any order, as long as it is the same everywhere.
    assert_eq!(judge_state(|state| messages(state).swap(1, 2)), [""; 0]);
}

#[test]
fn every_broken_promise_is_found() {
    assert_eq!(
        judge(|endings| endings[1].pending = 2),
        ["b: 2 updates were not acknowledged"]
    );
    assert_eq!(
        judge(|endings| drop(messages(Arc::make_mut(&mut endings[1].state)).pop())),
        ["b holds another state than a: 3 messages and 4"]
    );
    assert_eq!(
        judge_state(|state| drop(messages(state).remove(2))),
        [
            "a: 1 of 2 messages; the first that differs is number 2: \"nothing\" instead of \"<a> three\""
        ]
    );
    assert_eq!(
        judge_state(|state| messages(state).swap(0, 2)),
        [
            "a: 2 of 2 messages; the first that differs is number 1: \"<a> three\" instead of \"<a> one\""
        ]
    );
    let twice = judge_state(|state| {
        let again = messages(state)[3].clone();
        messages(state).push(again);
    });
    assert_eq!(twice.len(), 2);
    assert!(twice[0].starts_with("b: 3 of 2 messages") && twice[1].ends_with("is there twice"));
    let strange = judge_state(|state| messages(state)[0].id.author = author(7));
    assert_eq!(strange.len(), 2);
    assert!(strange[0].starts_with("a: 1 of 2") && strange[1].ends_with("is nobody's"));
    let one = judge(|endings| endings[1].author = endings[0].author);
    assert!(one.contains(&"two replicas write as one author".to_owned()));
}
