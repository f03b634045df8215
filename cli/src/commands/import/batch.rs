//! The order in which an import is published: each author's updates together, where nothing that counts depends on it.
//!
//! An object carries one author's updates. Where authors take turns in a file, its very order would be one object per line.
//! What counts is what comes of them: the state, what is rejected, and who set what. So both orders are folded, and where
//! they give the same, the one with fewer objects is taken; else each half is looked at by itself.

use icecore_core::{Author, Folded, Key, Result, Update, UpdateId};
use std::collections::{BTreeMap, BTreeSet};

/// What is looked at together: more would take more memory than it saves objects.
const TOGETHER_MAX: usize = 10_000;
/// Below this the order of the file stays as it is: to fold once more costs more than the objects.
const TOGETHER_MIN: usize = 32;

type Line = (UpdateId, Update);

/// The updates in the order in which they are to be published; `folded` is the state before them.
///
/// # Errors
/// What writing a state as JSON reports.
pub(super) fn ordered(mut folded: Folded, lines: &[Line]) -> Result<Vec<Line>> {
    let mut all = Vec::with_capacity(lines.len());
    for together in lines.chunks(TOGETHER_MAX) {
        folded = order(folded, together, &mut all)?;
    }
    Ok(all)
}

/// Returns the state after them.
fn order(before: Folded, lines: &[Line], all: &mut Vec<Line>) -> Result<Folded> {
    let after = fold(before.clone(), lines);
    let by_author = by_author(lines);
    if by_author.len() < 2 || lines.len() < TOGETHER_MIN {
        all.extend_from_slice(lines);
        return Ok(after);
    }
    let grouped: Vec<Line> = by_author.into_iter().flatten().cloned().collect();
    if outcome(&fold(before.clone(), &grouped))? == outcome(&after)? {
        all.extend(grouped);
        return Ok(after);
    }
    let (one, other) = lines.split_at(lines.len() / 2);
    let between = order(before, one, all)?;
    order(between, other, all)
}

/// Each author's lines, in the order in which the authors appear.
fn by_author(lines: &[Line]) -> Vec<Vec<&Line>> {
    let mut places: BTreeMap<Author, usize> = BTreeMap::new();
    let mut groups: Vec<Vec<&Line>> = Vec::new();
    for line in lines {
        let place = *places.entry(line.0.author).or_insert(groups.len());
        if place == groups.len() {
            groups.push(Vec::new());
        }
        groups[place].push(line);
    }
    groups
}

fn fold(mut folded: Folded, lines: &[Line]) -> Folded {
    for (id, update) in lines {
        folded.apply_opened(*id, Key::MAX, update);
    }
    folded
}

type Outcome = (
    Vec<u8>,
    (u64, BTreeSet<UpdateId>),
    BTreeMap<String, UpdateId>,
    bool,
);

fn outcome(folded: &Folded) -> Result<Outcome> {
    let rejected = folded.rejected.list.iter().map(|rejected| rejected.id);
    Ok((
        folded.state_json()?,
        (folded.rejected.count, rejected.collect()),
        folded.touched.clone(),
        folded.inconsistent.is_some(),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use icecore_core::model::document::Document;
    use icecore_core::{Author, Seq};
    use std::sync::Arc;

    fn lines(count: u64, data: impl Fn(u64, u64) -> String) -> Vec<Line> {
        let both = (1..=count).flat_map(|seq| [(1, seq), (2, seq)]);
        both.map(|(author, seq)| {
            let id = UpdateId {
                author: Author::from_parts(author, 0),
                seq: Seq::new(seq).unwrap(),
            };
            let text = format!(r#"{{"at":"2026-01-01T00:00:00Z",{}}}"#, data(author, seq));
            (id, Update::from_text(text).unwrap())
        })
        .collect()
    }

    fn initial() -> Folded {
        Folded::initial(icecore_core::Content::from(
            Arc::new(Document::default()) as Arc<dyn icecore_core::model::AnyModel>
        ))
    }

    fn runs(lines: &[Line]) -> usize {
        lines
            .chunk_by(|one, other| one.0.author == other.0.author)
            .count()
    }

    #[test]
    fn authors_are_put_together_where_it_makes_no_difference() {
        let counted = lines(1_500, |author, _| {
            format!(r#""kind":"increment","data":{{"/n{}":1}}"#, author % 2)
        });
        assert_eq!(runs(&ordered(initial(), &counted).unwrap()), 2);
    }

    #[test]
    fn the_order_stays_where_it_counts() {
        let appended = lines(200, |author, seq| {
            format!(r#""kind":"append","data":{{"/log":["{author}-{seq}"]}}"#)
        });
        assert_eq!(ordered(initial(), &appended).unwrap(), appended);
        // Only the last hundred write to one place.
        let mixed = lines(800, |author, seq| match seq {
            ..=700 => format!(r#""kind":"merge","data":{{"k{author}-{seq}":1}}"#),
            _ => format!(r#""kind":"append","data":{{"/log":["{author}-{seq}"]}}"#),
        });
        let ordered = ordered(initial(), &mixed).unwrap();
        assert_eq!(
            outcome(&fold(initial(), &ordered)).unwrap(),
            outcome(&fold(initial(), &mixed)).unwrap()
        );
        assert!((200..300).contains(&runs(&ordered)), "{}", runs(&ordered));
    }
}
