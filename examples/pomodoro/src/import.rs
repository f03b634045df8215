//! Taking over a file: which of its updates a space lacks.

use crate::history::{Dated, History, fold_onto};
use crate::state::State;
use icecore::{Error, Result};

/// How a file is taken over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// The whole file, into a space in which nothing happened yet.
    Replay,
    /// What the space lacks of it: both must be the same as far as both go.
    Merge,
}

/// What a space holds: the state that its history begins with, and the updates since.
#[derive(Debug, Clone, Default)]
pub struct Stored {
    /// Empty, unless the history was compressed.
    pub base: State,
    /// In order.
    pub updates: Vec<Dated>,
}

impl Stored {
    /// The state that they make.
    ///
    /// # Errors
    /// `Corrupt` for an update that cannot have happened.
    pub fn fold(&self) -> Result<State> {
        let mut state = self.base.clone();
        fold_onto(&mut state, &self.updates)?;
        Ok(state)
    }

    /// How many updates made it, with those that were compressed.
    pub fn count(&self) -> u64 {
        self.base.count + self.updates.len() as u64
    }
}

/// The updates of the file that are to be made in the space, in order.
///
/// # Errors
/// `Conflict` when the space holds something else than the file: for a merge with the first line that differs.
pub fn plan(file: &History, stored: &Stored, mode: Mode) -> Result<Vec<Dated>> {
    match mode {
        Mode::Replay if stored.count() == 0 => Ok(file.updates.clone()),
        Mode::Replay => Err(Error::conflict(format!(
            "the space has a history of {} updates already, and a replay begins with none",
            stored.count()
        ))
        .with_hint(
            "take over what it lacks with --merge, or replay into another space with --space",
        )),
        Mode::Merge => {
            compare(file, stored)?;
            let held = usize::try_from(stored.count()).unwrap_or(usize::MAX);
            Ok(file.updates.get(held..).unwrap_or_default().to_vec())
        }
    }
}

fn compare(file: &History, stored: &Stored) -> Result<()> {
    let compressed = usize::try_from(stored.base.count).unwrap_or(usize::MAX);
    let (before, after) = file.updates.split_at(compressed.min(file.updates.len()));
    let mut base = State::default();
    fold_onto(&mut base, before)?;
    // What was compressed is no list of updates any more, but everything that they did is in the state.
    if base != stored.base {
        return Err(differs(format!(
            "the first {compressed} updates of the space were compressed, and the file's lines do not make the same state"
        )));
    }
    let places = file.places.iter().skip(compressed);
    for ((ours, theirs), place) in stored.updates.iter().zip(after).zip(places) {
        if ours != theirs {
            return Err(differs(format!(
                "line {place} differs from what the space holds there"
            )));
        }
    }
    Ok(())
}

fn differs(reason: String) -> Error {
    Error::conflict(reason).with_hint(
        "compare the file with `pomodoro log`; two histories that differ cannot become one",
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::update::Update;

    fn dated(at: i64, id: &str) -> Dated {
        let name = String::new();
        (
            at,
            Update::CreateBacklog {
                id: id.to_owned(),
                name,
            },
        )
    }

    fn user() -> Dated {
        let (identity, name) = ("u@local.host".to_owned(), String::new());
        (1, Update::CreateUser { identity, name })
    }

    fn file(updates: &[Dated]) -> History {
        let text = crate::history::write(1, "u@local.host", updates);
        History::read(format!("# a comment\n{text}").as_bytes()).unwrap()
    }

    #[test]
    fn a_replay_takes_all_and_needs_an_empty_space() {
        let all = [user(), dated(2_000, "a")];
        assert_eq!(
            plan(&file(&all), &Stored::default(), Mode::Replay)
                .unwrap()
                .len(),
            2
        );
        let stored = Stored {
            updates: all.to_vec(),
            ..Stored::default()
        };
        let refused = plan(&file(&all), &stored, Mode::Replay).unwrap_err();
        assert!(
            refused.is_conflict() && refused.hint().is_some_and(|hint| hint.contains("--merge"))
        );
    }

    #[test]
    fn a_merge_takes_what_is_missing_and_refuses_what_differs() {
        let all = [(0, user().1), dated(2_000, "a"), dated(3_000, "b")];
        let other = [(0, user().1), dated(2_000, "a"), dated(4_000, "b")];
        for held in 0..=3 {
            let compressed = Stored {
                updates: all[..held].to_vec(),
                ..Stored::default()
            };
            let compressed = Stored {
                base: compressed.fold().unwrap(),
                updates: Vec::new(),
            };
            for stored in [
                Stored {
                    updates: all[..held].to_vec(),
                    ..Stored::default()
                },
                compressed.clone(),
            ] {
                assert_eq!(
                    plan(&file(&all), &stored, Mode::Merge).unwrap(),
                    all[held..]
                );
            }
            let shorter = plan(&file(&all[..1]), &compressed, Mode::Merge);
            assert_eq!(shorter.is_err(), held > 1, "{held}");
        }
        let stored = Stored {
            updates: all.to_vec(),
            ..Stored::default()
        };
        assert!(
            plan(&file(&all[..1]), &stored, Mode::Merge)
                .unwrap()
                .is_empty()
        );
        let refused = plan(&file(&other), &stored, Mode::Merge).unwrap_err();
        assert_eq!(
            refused.to_string(),
            "line 4 differs from what the space holds there"
        );
        let compressed = Stored {
            base: stored.fold().unwrap(),
            updates: Vec::new(),
        };
        assert!(
            plan(&file(&other), &compressed, Mode::Merge)
                .unwrap_err()
                .is_conflict()
        );
    }
}
