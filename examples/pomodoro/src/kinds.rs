//! Between an update and the kind and texts of a line: the two tables that must agree.

use crate::line::Call;
use crate::span::Span;
use crate::update::{PomodoroType, Update};

/// Who creates users in Flowkeeper's files.
pub const ADMIN: &str = "admin@local.host";

/// The update that a call stands for.
///
/// # Errors
/// What is wrong with it: a kind that there is not, another number of texts, a text that is no number.
pub fn update_of(call: &Call) -> Result<Update, String> {
    let texts: Vec<&str> = call.texts.iter().map(String::as_str).collect();
    let kind = call.kind.as_str();
    let found = structure_of(kind, &texts)
        .transpose()
        .or_else(|| work_of(kind, &texts).transpose());
    found.unwrap_or_else(|| Err(unknown(kind, &call.texts)))
}

/// What is said of a call that no table has: of the two reasons, the one that helps.
fn unknown(kind: &str, texts: &[String]) -> String {
    if KINDS.contains(&kind) {
        format!("{kind} does not have these texts: {texts:?}")
    } else {
        format!(
            "{kind} is not a kind of update; those are {}",
            KINDS.join(", ")
        )
    }
}

const KINDS: [&str; 22] = [
    "CreateUser",
    "CreateBacklog",
    "RenameBacklog",
    "ReorderBacklog",
    "DeleteBacklog",
    "CreateWorkitem",
    "RenameWorkitem",
    "MoveWorkitem",
    "ReorderWorkitem",
    "CompleteWorkitem",
    "RestoreWorkitem",
    "DeleteWorkitem",
    "UpdateWorkitemCategories",
    "AddPomodoro",
    "RemovePomodoro",
    "StartTimer",
    "StopTimer",
    "AddInterruption",
    "CreateCategory",
    "RenameCategory",
    "ReorderCategory",
    "DeleteCategory",
];

/// Users, backlogs and categories. `None` for what is not here.
fn structure_of(kind: &str, texts: &[&str]) -> Result<Option<Update>, String> {
    Ok(Some(match (kind, texts) {
        ("CreateUser", [identity, name]) => Update::CreateUser {
            identity: own(identity),
            name: own(name),
        },
        ("CreateBacklog", [id, name]) => Update::CreateBacklog {
            id: own(id),
            name: own(name),
        },
        ("RenameBacklog", [id, name]) => Update::RenameBacklog {
            id: own(id),
            name: own(name),
        },
        ("ReorderBacklog", [id, index]) => Update::ReorderBacklog {
            id: own(id),
            index: number(index)?,
        },
        ("DeleteBacklog", [id] | [id, ""]) => Update::DeleteBacklog { id: own(id) },
        ("CreateCategory", [id, parent, name]) => Update::CreateCategory {
            id: own(id),
            parent: own(parent),
            name: own(name),
        },
        ("RenameCategory", [id, name]) => Update::RenameCategory {
            id: own(id),
            name: own(name),
        },
        ("ReorderCategory", [id, index]) => Update::ReorderCategory {
            id: own(id),
            index: number(index)?,
        },
        ("DeleteCategory", [id] | [id, ""]) => Update::DeleteCategory { id: own(id) },
        _ => return Ok(None),
    }))
}

/// Items, their pomodoros and the timer. `None` for what is not here.
fn work_of(kind: &str, texts: &[&str]) -> Result<Option<Update>, String> {
    Ok(Some(match (kind, texts) {
        ("CreateWorkitem", [id, backlog, name]) => Update::CreateWorkitem {
            id: own(id),
            backlog: own(backlog),
            name: own(name),
        },
        ("RenameWorkitem", [id, name]) => Update::RenameWorkitem {
            id: own(id),
            name: own(name),
        },
        ("MoveWorkitem", [id, backlog]) => Update::MoveWorkitem {
            id: own(id),
            backlog: own(backlog),
        },
        ("ReorderWorkitem", [id, index]) => Update::ReorderWorkitem {
            id: own(id),
            index: number(index)?,
        },
        ("CompleteWorkitem", [id, "finished"]) => Update::CompleteWorkitem { id: own(id) },
        ("RestoreWorkitem", [id] | [id, ""]) => Update::RestoreWorkitem { id: own(id) },
        ("DeleteWorkitem", [id] | [id, ""]) => Update::DeleteWorkitem { id: own(id) },
        ("UpdateWorkitemCategories", [id, remove, add]) => Update::UpdateWorkitemCategories {
            id: own(id),
            remove: own(remove),
            add: own(add),
        },
        ("AddPomodoro", [item, count]) => Update::AddPomodoro {
            item: own(item),
            count: number(count)?,
            r#type: PomodoroType::Normal,
        },
        ("AddPomodoro", [item, count, word]) => Update::AddPomodoro {
            item: own(item),
            count: number(count)?,
            r#type: pomodoro_type(word)?,
        },
        ("RemovePomodoro", [item, count]) => Update::RemovePomodoro {
            item: own(item),
            count: number(count)?,
        },
        ("StartTimer", [item, work, rest @ ..]) if rest.len() < 2 => {
            let rest = rest.first().map_or(Ok(None), |rest| span(rest))?;
            Update::StartTimer {
                item: own(item),
                work: span(work)?,
                rest,
            }
        }
        ("StopTimer", [] | [""] | ["", ""]) => Update::StopTimer,
        ("AddInterruption", [item, reason]) => Update::AddInterruption {
            item: own(item),
            reason: own(reason),
            duration: None,
        },
        ("AddInterruption", [item, reason, duration]) => Update::AddInterruption {
            item: own(item),
            reason: own(reason),
            duration: span(duration)?,
        },
        _ => return Ok(None),
    }))
}

/// The call that stands for an update.
pub fn call_of(update: &Update) -> Call {
    let (kind, texts) = match update {
        Update::CreateUser { identity, name } => ("CreateUser", vec![own(identity), own(name)]),
        Update::CreateBacklog { id, name } => ("CreateBacklog", vec![own(id), own(name)]),
        Update::RenameBacklog { id, name } => ("RenameBacklog", vec![own(id), own(name)]),
        Update::ReorderBacklog { id, index } => {
            ("ReorderBacklog", vec![own(id), index.to_string()])
        }
        Update::DeleteBacklog { id } => ("DeleteBacklog", vec![own(id)]),
        Update::CreateWorkitem { id, backlog, name } => {
            ("CreateWorkitem", vec![own(id), own(backlog), own(name)])
        }
        Update::RenameWorkitem { id, name } => ("RenameWorkitem", vec![own(id), own(name)]),
        Update::MoveWorkitem { id, backlog } => ("MoveWorkitem", vec![own(id), own(backlog)]),
        Update::ReorderWorkitem { id, index } => {
            ("ReorderWorkitem", vec![own(id), index.to_string()])
        }
        Update::CompleteWorkitem { id } => ("CompleteWorkitem", vec![own(id), own("finished")]),
        Update::RestoreWorkitem { id } => ("RestoreWorkitem", vec![own(id)]),
        Update::DeleteWorkitem { id } => ("DeleteWorkitem", vec![own(id)]),
        Update::UpdateWorkitemCategories { id, remove, add } => (
            "UpdateWorkitemCategories",
            vec![own(id), own(remove), own(add)],
        ),
        Update::AddPomodoro {
            item,
            count,
            r#type,
        } => (
            "AddPomodoro",
            vec![own(item), count.to_string(), own(r#type.word())],
        ),
        Update::RemovePomodoro { item, count } => {
            ("RemovePomodoro", vec![own(item), count.to_string()])
        }
        Update::StartTimer { item, work, rest } => {
            let spans = [Some(write_span(*work)), rest.map(|rest| rest.to_string())];
            (
                "StartTimer",
                [Some(own(item))]
                    .into_iter()
                    .chain(spans)
                    .flatten()
                    .collect(),
            )
        }
        Update::StopTimer => ("StopTimer", Vec::new()),
        Update::AddInterruption {
            item,
            reason,
            duration,
        } => {
            let duration = duration.map_or_else(String::new, |span| format!("{span:#}"));
            ("AddInterruption", vec![own(item), own(reason), duration])
        }
        Update::CreateCategory { id, parent, name } => {
            ("CreateCategory", vec![own(id), own(parent), own(name)])
        }
        Update::RenameCategory { id, name } => ("RenameCategory", vec![own(id), own(name)]),
        Update::ReorderCategory { id, index } => {
            ("ReorderCategory", vec![own(id), index.to_string()])
        }
        Update::DeleteCategory { id } => ("DeleteCategory", vec![own(id)]),
    };
    Call {
        kind: own(kind),
        texts,
    }
}

fn own(text: &str) -> String {
    text.to_owned()
}

fn number<T: std::str::FromStr>(text: &str) -> Result<T, String> {
    text.parse()
        .map_err(|_| format!("{text:?} is not a number that fits here"))
}

fn span(text: &str) -> Result<Option<Span>, String> {
    if text.is_empty() {
        return Ok(None);
    }
    let span = Span::parse(text).ok_or_else(|| format!("{text:?} is not a number of seconds"))?;
    Ok(Some(span))
}

fn write_span(span: Option<Span>) -> String {
    span.map_or_else(String::new, |span| span.to_string())
}

fn pomodoro_type(word: &str) -> Result<PomodoroType, String> {
    let known = [PomodoroType::Normal, PomodoroType::Tracker];
    let found = known.into_iter().find(|one| one.word() == word);
    found.ok_or_else(|| format!("{word:?} is not a sort of pomodoro: use normal or tracker"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::line::read_call;

    #[test]
    fn each_kind_goes_both_ways() {
        for text in [
            r#"CreateUser("a@b.c", "A")"#,
            r#"CreateBacklog("b", "B")"#,
            r#"RenameBacklog("b", "")"#,
            r#"ReorderBacklog("b", "0")"#,
            r#"DeleteBacklog("b")"#,
            r#"CreateWorkitem("i", "b", "I")"#,
            r#"RenameWorkitem("i", "I")"#,
            r#"MoveWorkitem("i", "b")"#,
            r#"ReorderWorkitem("i", "7")"#,
            r#"CompleteWorkitem("i", "finished")"#,
            r#"RestoreWorkitem("i")"#,
            r#"DeleteWorkitem("i")"#,
            r##"UpdateWorkitemCategories("i", "", "#c")"##,
            r#"AddPomodoro("i", "2", "tracker")"#,
            r#"RemovePomodoro("i", "1")"#,
            r#"StartTimer("i", "1500", "300")"#,
            r#"StartTimer("i", "")"#,
            r#"StopTimer("")"#,
            r#"AddInterruption("i", "why", "348.0")"#,
            r##"CreateCategory("c", "#p", "C")"##,
            r#"RenameCategory("c", "C")"#,
            r#"ReorderCategory("c", "0")"#,
            r#"DeleteCategory("c")"#,
        ] {
            let call = read_call(text).unwrap();
            let update = update_of(&call).unwrap();
            let mut written = call_of(&update);
            if text.starts_with("StopTimer") {
                written.texts.push(String::new());
            }
            assert_eq!(written, call);
            assert!(KINDS.contains(&written.kind.as_str()), "{text}");
        }
    }

    #[test]
    fn what_is_no_update_is_refused_with_the_reason() {
        for (text, reason) in [
            (
                r#"StartWork("i", "1500")"#,
                "StartWork is not a kind of update; those are CreateUser, ",
            ),
            (
                r#"StopTimer("now")"#,
                "StopTimer does not have these texts: [\"now\"]",
            ),
            (
                r#"CompleteWorkitem("i", "started")"#,
                "CompleteWorkitem does not have these texts: [\"i\", \"started\"]",
            ),
            (
                r#"ReorderBacklog("b", "-1")"#,
                "\"-1\" is not a number that fits here",
            ),
            (
                r#"AddPomodoro("i", "1", "counter")"#,
                "\"counter\" is not a sort of pomodoro: use normal or tracker",
            ),
            (
                r#"StartTimer("i", "soon", "300")"#,
                "\"soon\" is not a number of seconds",
            ),
        ] {
            let refused = update_of(&read_call(text).unwrap()).unwrap_err();
            assert!(refused.starts_with(reason), "{refused}");
        }
    }
}
