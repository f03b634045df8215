//! What the benchmarks write: updates such as small apps make.

use icecore_core::{Author, Error, Result, Seq, Update, UpdateId};
use icecore_replica::NewUpdate;
use serde_json::json;
use serde_json::value::to_raw_value;
use std::sync::LazyLock;

/// Real words compress like real words: the sample of the demo.
const CONVERSATION: &str = include_str!("../../sample/conversation.txt");

/// 2026-11-20T12:00:00Z.
const NOON: i64 = 1_795_176_000_000;

/// A chat message: the n-th of an author. The words are those of the conversation, the sentences are new: no
/// message says what another one said.
pub(super) fn message(author: u64, n: u64) -> Result<Update> {
    let mut random = Random(author * 1_000_003 + n);
    let length = 3 + random.next() % 12;
    let text = random.words(length);
    let data = json!({"/messages": [{"from": format!("person-{author}"), "n": n, "text": text}]});
    update(
        NOON + i64::try_from(n * 1_000).unwrap_or(0),
        "append",
        &data,
    )
}

/// Text of this many bytes, of words: the n-th. It stands in JSON as it is.
pub(super) fn text(n: u64, bytes: usize) -> String {
    let mut random = Random(n);
    let mut text = String::with_capacity(bytes + 16);
    while text.len() < bytes {
        let words = random.words(4);
        text.extend(
            words
                .chars()
                .filter(|c| c.is_ascii_alphanumeric() || *c == ' '),
        );
        text.push(' ');
    }
    text.truncate(bytes);
    text
}

/// Knuth's generator: the same words on every machine.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        self.0 >> 33
    }

    fn words(&mut self, count: u64) -> String {
        static WORDS: LazyLock<Vec<&str>> = LazyLock::new(|| {
            let said = CONVERSATION
                .lines()
                .filter_map(|line| line.split_once("> "));
            said.flat_map(|(_, text)| text.split_whitespace()).collect()
        });
        let words: Vec<&str> = (0..count).map(|_| pick(&WORDS, self.next())).collect();
        words.join(" ")
    }
}

/// One of the updates of a task list with `tasks` tasks, each about 100 bytes of state. The first update of
/// each task makes it; of the later ones 6 in 10 merge fields, 2 count, 1 adds a tag, 1 moves a date forward.
pub(super) fn task(n: u64, tasks: u64) -> Result<Update> {
    let at = NOON + i64::try_from(n).unwrap_or(0);
    let (id, turn) = (format!("task-{:07}", n % tasks), n / tasks);
    let due = 1_795_176 + turn * 97 % 9_999;
    if turn == 0 {
        let title = Random(n).words(4);
        let task = json!({"title": title, "done": false, "count": 0, "due": due, "tags": ["new"]});
        return update(at, "merge", &json!({"tasks": {id: task}}));
    }
    match (n * 7 + turn) % 10 {
        0..=5 => update(
            at,
            "merge",
            &json!({"tasks": {id: {"done": turn % 2 == 1, "due": due}}}),
        ),
        6 | 7 => update(at, "increment", &json!({format!("/tasks/{id}/count"): 1})),
        8 => {
            let tag = pick(&["home", "work", "garden"], turn);
            update(at, "add", &json!({format!("/tasks/{id}/tags"): [tag]}))
        }
        _ => update(at, "max", &json!({format!("/tasks/{id}/due"): due})),
    }
}

fn pick<'a>(list: &[&'a str], n: u64) -> &'a str {
    usize::try_from(n).map_or("", |n| list[n % list.len()])
}

fn update(at: i64, kind: &str, data: &serde_json::Value) -> Result<Update> {
    let data = to_raw_value(data)
        .map_err(|e| Error::internal("BUG: JSON has a JSON form").with_source(e))?;
    Update::new(at, kind, &data, None)
}

/// As the queue takes it.
pub(super) fn queued(update: Update) -> NewUpdate {
    NewUpdate { update }
}

/// The n-th author of a benchmark.
pub(super) fn author(n: u64) -> Author {
    Author::from_parts(1_795_176_000_000 + n, u128::from(n) << 32)
}

/// An id.
pub(super) fn id(author: Author, seq: u64) -> Result<UpdateId> {
    Ok(UpdateId {
        author,
        seq: Seq::new(seq)?,
    })
}

/// The bytes of `kind` and `data` alone, as an app would send them.
pub(super) fn bare_bytes(update: &Update) -> u64 {
    let Some(parts) = update.parts() else {
        return 0;
    };
    (r#"{"kind":"","data":}"#.len() + parts.kind.len() + parts.data.get().len()) as u64
}
