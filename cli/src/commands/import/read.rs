//! The lines of an import, checked.

use crate::commands::typed::check_content;
use crate::lines;
use icecore_core::update::UPDATE_BYTES_MAX;
use icecore_core::{Author, Error, Generation, Key, Result, Seq, Update, UpdateId, time};
use icecore_seal::Sealed;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::path::Path;

const FORM: &str = r#"a line is like {"author": …, "seq": 1, "at": …, "kind": "merge", "data": {}}, as `icecore export` prints it"#;

/// What a line must hold.
#[derive(Debug)]
pub(super) struct Rules<'a> {
    /// When an update happened that does not say so.
    pub(super) now: i64,
    /// The model of the space.
    pub(super) model: &'a str,
    /// Whether each line must name its author and seq.
    pub(super) ids_required: bool,
}

/// An update of a file.
#[derive(Debug)]
pub(super) struct Imported {
    /// Where it stands.
    pub(super) line: usize,
    /// Its id in the history that it comes from.
    pub(super) id: Option<UpdateId>,
    /// The update as its author wrote it.
    pub(super) update: Update,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Line<'a> {
    author: Option<Author>,
    seq: Option<Seq>,
    #[serde(default, rename = "key")]
    _key: Option<Key>,
    #[serde(default, rename = "generation")]
    _generation: Option<Generation>,
    #[serde(borrow, default)]
    at: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    kind: Option<Cow<'a, str>>,
    #[serde(borrow, default, deserialize_with = "present")]
    data: Option<&'a RawValue>,
    #[serde(borrow, default)]
    resolves: Option<Cow<'a, str>>,
    #[serde(borrow, default, deserialize_with = "present")]
    raw: Option<&'a RawValue>,
}

/// What is there, also where it is null.
fn present<'de: 'a, 'a, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<&'a RawValue>, D::Error> {
    <&RawValue>::deserialize(deserializer).map(Some)
}

#[derive(Serialize)]
struct Written<'a> {
    at: &'a str,
    kind: &'a str,
    data: &'a RawValue,
    #[serde(skip_serializing_if = "Option::is_none")]
    resolves: Option<&'a str>,
}

/// Reads a file. An update that stands in it twice is taken once.
///
/// # Errors
/// `Invalid`, naming the line, for the first line that cannot be imported.
pub(super) fn read(file: &Path, rules: &Rules<'_>) -> Result<Vec<Imported>> {
    let name = if file.as_os_str() == "-" {
        "stdin".to_owned()
    } else {
        file.display().to_string()
    };
    let at_line = |number: usize| format!("{name}, {}", lines::at(number));
    let mut all: Vec<Imported> = Vec::new();
    let mut seen: BTreeMap<UpdateId, usize> = BTreeMap::new();
    for line in lines::read(file)? {
        let imported = parse(line.number, &line.text, rules)
            .map_err(|e| e.with_object(at_line(line.number)))?;
        let Some(id) = imported.id else {
            all.push(imported);
            continue;
        };
        match seen.get(&id) {
            None => {
                seen.insert(id, all.len());
                all.push(imported);
            }
            Some(&index) if all[index].update == imported.update => {}
            Some(&index) => {
                return Err(Error::invalid(format!("the update {id} stands here with another content than in line {}", all[index].line))
                    .with_object(at_line(line.number))
                    .with_hint("an author and a seq stand for one update for ever: remove one of the two lines"));
            }
        }
    }
    Ok(all)
}

fn parse(number: usize, text: &str, rules: &Rules<'_>) -> Result<Imported> {
    let bad = |message: &str| Error::invalid(message).with_hint(FORM);
    let line: Line<'_> = serde_json::from_str(text)
        .map_err(|e| bad("the line is no update of a history").with_source(e))?;
    let id = match (line.author, line.seq) {
        (Some(author), Some(seq)) => Some(UpdateId { author, seq }),
        (None, None) => None,
        _ => return Err(bad("the line has only one of author and seq")),
    };
    if id.is_some_and(|id| id.seq.next().is_none()) {
        return Err(bad(
            "the seq is the greatest there is: no object can hold it",
        ));
    }
    if id.is_none() && rules.ids_required {
        return Err(Error::invalid("the line has no author and no seq")
            .with_hint("`--replay` appends such lines as new updates of this replica"));
    }
    let update = match (line.raw, line.kind, line.data) {
        (Some(raw), None, None) if serde_json::from_str::<Sealed>(raw.get()).is_ok() => {
            return Err(Error::invalid("the line is sealed: it opens nowhere else")
                .with_hint("print the history again with a secret that opens its space, by `icecore export`"));
        }
        (Some(raw), None, None) if raw.get().len() <= UPDATE_BYTES_MAX => {
            serde_json::from_str(raw.get())
                .map_err(|e| bad("the raw update does not parse").with_source(e))?
        }
        (None, Some(kind), Some(data)) => {
            // What comes from a history is taken as it is: a model rejects there what it rejected here.
            if id.is_none() {
                check_content(Some(rules.model), &kind, data)?;
            } else if line.at.is_none() {
                return Err(bad("the line has no `at`"));
            }
            let at = line
                .at
                .unwrap_or_else(|| time::to_rfc3339(rules.now).into());
            let written = Written {
                at: &at,
                kind: &kind,
                data,
                resolves: line.resolves.as_deref(),
            };
            let text = serde_json::to_string(&written)
                .map_err(|e| bad("the line has no JSON form").with_source(e))?;
            // Of a history also where its time cannot be read: so it was written, and so it is kept.
            match id {
                Some(_) if text.len() <= UPDATE_BYTES_MAX => Update::from_stored(text)?,
                _ => Update::from_text(text)?,
            }
        }
        _ => return Err(bad("the line has no `kind` and `data`")),
    };
    Ok(Imported {
        line: number,
        id,
        update,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const AUTHOR: &str = "018bcfe5-6800-7fff-bfff-ffffffffffff";

    fn parsed(text: &str, ids_required: bool) -> Result<Imported> {
        parse(
            1,
            text,
            &Rules {
                now: 0,
                model: "document",
                ids_required,
            },
        )
    }

    #[test]
    fn what_export_prints_is_read_as_it_was_written() {
        let text = format!(
            r#"{{"author":"{AUTHOR}","seq":3,"key":17,"at":"2026-01-02T03:04:05+01:00","kind":"x","data":null,"resolves":"y","generation":2}}"#
        );
        let imported = parsed(&text, true).unwrap();
        assert_eq!(imported.id.unwrap().to_string(), format!("{AUTHOR}:3"));
        assert_eq!(
            imported.update.as_text(),
            r#"{"at":"2026-01-02T03:04:05+01:00","kind":"x","data":null,"resolves":"y"}"#
        );
        let raw = format!(r#"{{"author":"{AUTHOR}","seq":3,"key":17,"raw":{{"odd":1}}}}"#);
        assert_eq!(parsed(&raw, true).unwrap().update.as_text(), r#"{"odd":1}"#);
    }

    #[test]
    fn what_a_person_wrote_is_checked() {
        let update = parsed(r#"{"kind":"merge","data":{"a":1}}"#, false)
            .unwrap()
            .update;
        assert_eq!(
            update.as_text(),
            r#"{"at":"1970-01-01T00:00:00.000Z","kind":"merge","data":{"a":1}}"#
        );
        let half = format!(r#"{{"author":"{AUTHOR}","kind":"merge","data":{{}}}}"#);
        let no_time = format!(r#"{{"author":"{AUTHOR}","seq":1,"kind":"merge","data":{{}}}}"#);
        let bad_time = r#"{"at":"now","kind":"merge","data":{}}"#;
        for (text, message) in [
            ("nonsense", "no update of a history"),
            ("{}", "no `kind` and `data`"),
            (r#"{"kind":"merge"}"#, "no `kind` and `data`"),
            (
                r#"{"kind":"merge","data":{},"more":1}"#,
                "no update of a history",
            ),
            (r#"{"kind":"mrege","data":{}}"#, "does not know the kind"),
            (
                r#"{"author":"x","seq":1,"kind":"merge","data":{}}"#,
                "no update of a history",
            ),
            (half.as_str(), "only one of author and seq"),
            (no_time.as_str(), "no `at`"),
            (bad_time, "RFC 3339"),
        ] {
            let error = parsed(text, false).unwrap_err();
            assert!(
                error.to_string().contains(message) && error.hint().is_some(),
                "{text}: {error}"
            );
        }
        assert!(
            parsed(r#"{"kind":"merge","data":{}}"#, true)
                .unwrap_err()
                .hint()
                .unwrap()
                .contains("--replay")
        );
    }
}
