//! The state at the end against the conversation itself: nothing lost, nothing twice, everybody's in order.

use super::conversation::{Conversation, line_of};
use super::script::Cast;
use icecore_core::{Error, Result};
use serde_json::{Map, Value};

/// Checks a state that all replicas agree on.
///
/// # Errors
/// `Corrupt`, naming the first line that is off.
pub(super) fn check(state: &[u8], conversation: &Conversation, cast: &Cast) -> Result<()> {
    let state: Value =
        serde_json::from_slice(state).map_err(|e| wrong("the state is not JSON").with_source(e))?;
    lines(&state["lines"], conversation, cast)?;
    let count = &state["count"];
    if count.as_u64() != Some(conversation.lines.len() as u64) {
        return Err(wrong(format!(
            "/count is {count}, the conversation has {} lines",
            conversation.lines.len()
        )));
    }
    people(&state["people"], conversation)
}

fn lines(lines: &Value, conversation: &Conversation, cast: &Cast) -> Result<()> {
    let lines = lines.as_array().ok_or_else(|| wrong("/lines is no list"))?;
    let mut seen = vec![false; conversation.lines.len()];
    let mut last = vec![0; cast.replicas];
    for entry in lines {
        let entry = entry
            .as_object()
            .ok_or_else(|| wrong("an entry of /lines is no object"))?;
        let index = index_of(entry, conversation)?;
        let line = &conversation.lines[index];
        if std::mem::replace(&mut seen[index], true) {
            return Err(wrong(format!("line {} is there twice", line.number)));
        }
        if line_of(entry).as_deref() != Some(line.text.as_str()) {
            return Err(wrong(format!("line {} is not what was said", line.number)));
        }
        let replica = cast.of(index);
        if last[replica] > line.number {
            return Err(wrong(format!(
                "line {} comes after line {}, and replica-{} said them the other way round",
                line.number,
                last[replica],
                replica + 1
            )));
        }
        last[replica] = line.number;
    }
    match seen.iter().position(|seen| !seen) {
        Some(index) => Err(wrong(format!("line {} is missing", index + 1))),
        None => Ok(()),
    }
}

fn index_of(entry: &Map<String, Value>, conversation: &Conversation) -> Result<usize> {
    let number = entry
        .get("line")
        .and_then(Value::as_u64)
        .and_then(|n| usize::try_from(n).ok());
    number
        .and_then(|number| number.checked_sub(1))
        .filter(|index| *index < conversation.lines.len())
        .ok_or_else(|| wrong("an entry of /lines has no number of the conversation"))
}

/// Who is here, under which name: merged in the order of the conversation.
fn people(people: &Value, conversation: &Conversation) -> Result<()> {
    let mut expected = Map::new();
    for patch in conversation
        .lines
        .iter()
        .filter_map(super::conversation::Line::people)
    {
        let Value::Object(patch) = patch else {
            continue;
        };
        for (name, fields) in patch {
            let person = expected
                .entry(name)
                .or_insert_with(|| Value::Object(Map::new()));
            if let (Value::Object(person), Value::Object(fields)) = (person, fields) {
                person.extend(fields);
            }
        }
    }
    let none = Map::new();
    let found = people.as_object().unwrap_or(&none);
    let wrong_name = expected
        .iter()
        .find(|(name, person)| found.get(*name) != Some(person))
        .or_else(|| found.iter().find(|(name, _)| !expected.contains_key(*name)));
    match wrong_name {
        Some((name, _)) => Err(wrong(format!(
            "/people/{name} is not what the conversation says"
        ))),
        None => Ok(()),
    }
}

fn wrong(what: impl Into<String>) -> Error {
    Error::corrupt(what)
        .with_hint("this must not happen: please report it, with the folder that the demo left")
}

#[cfg(test)]
mod tests {
    use super::super::conversation::SAMPLE;
    use super::*;
    use serde_json::json;

    fn conversation() -> (Conversation, Cast) {
        let conversation = Conversation::parse(SAMPLE.as_bytes());
        let cast = Cast::new(&conversation, 3);
        (conversation, cast)
    }

    fn state(conversation: &Conversation) -> Value {
        let mut people = Map::new();
        for patch in conversation
            .lines
            .iter()
            .filter_map(super::super::conversation::Line::people)
        {
            for (name, fields) in patch.as_object().unwrap() {
                let person = people.entry(name.as_str()).or_insert_with(|| json!({}));
                person
                    .as_object_mut()
                    .unwrap()
                    .extend(fields.as_object().unwrap().clone());
            }
        }
        let lines: Vec<Value> = conversation
            .lines
            .iter()
            .map(super::super::conversation::Line::entry)
            .collect();
        json!({"lines": lines, "count": conversation.lines.len(), "people": people})
    }

    fn verdict(change: impl FnOnce(&mut Value)) -> String {
        let (conversation, cast) = conversation();
        let mut state = state(&conversation);
        change(&mut state);
        match check(state.to_string().as_bytes(), &conversation, &cast) {
            Ok(()) => "right".to_owned(),
            Err(error) => error.to_string(),
        }
    }

    fn lines(state: &mut Value) -> &mut Vec<Value> {
        state["lines"].as_array_mut().unwrap()
    }

    #[test]
    fn whatever_is_off_is_found() {
        assert_eq!(verdict(|_| {}), "right");
        assert_eq!(verdict(|s| drop(lines(s).remove(5))), "line 6 is missing");
        assert_eq!(
            verdict(|s| {
                let line = lines(s)[5].clone();
                lines(s).push(line);
            }),
            "line 6 is there twice"
        );
        assert_eq!(
            verdict(|s| lines(s)[5]["text"] = json!("other")),
            "line 6 is not what was said"
        );
        assert!(verdict(|s| lines(s).reverse()).contains("the other way round"));
        assert!(verdict(|s| s["count"] = json!(3)).contains("/count is 3"));
        assert!(verdict(|s| s["people"]["maren"]["here"] = json!(true)).contains("/people/maren"));
        assert!(verdict(|s| s["people"]["nobody"] = json!({})).contains("/people/nobody"));
    }
}
