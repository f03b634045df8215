//! The covered set: which `(author, seq)` the segments so far contain, as ranges per author.

use crate::error::{Error, Result};
use crate::ids::{Author, Seq, UpdateId};
use serde::de::{Error as _, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::collections::BTreeMap;
use std::fmt;

/// A set of update ids. Ranges are inclusive, sorted, and neither overlap nor touch, so equal sets have
/// equal JSON.
///
/// ```
/// use icecore_core::{Author, Covered, Seq, UpdateId};
/// let author = Author::from_parts(0, 0);
/// let mut covered = Covered::default();
/// for seq in [1, 3, 2] {
///     assert!(covered.insert(UpdateId { author, seq: Seq::new(seq)? }));
/// }
/// assert_eq!(covered.len(), 3);
/// assert_eq!(serde_json::to_string(&covered).unwrap(), format!("{{\"{author}\":[[1,3]]}}"));
/// # Ok::<(), icecore_core::Error>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Covered {
    authors: BTreeMap<Author, Vec<(u64, u64)>>,
}

impl Covered {
    /// Adds one id; `false` if it was there.
    pub fn insert(&mut self, id: UpdateId) -> bool {
        let seq = id.seq.get();
        let ranges = self.authors.entry(id.author).or_default();
        // The first range that ends at or after seq - 1: the only one that can hold or touch seq from below.
        let i = ranges.partition_point(|&(_, to)| to + 1 < seq);
        match ranges.get(i).copied() {
            Some((from, to)) if from <= seq && seq <= to => return false,
            Some((from, to)) if to + 1 == seq => {
                let merged = ranges
                    .get(i + 1)
                    .filter(|next| next.0 == seq + 1)
                    .map(|next| next.1);
                ranges[i] = (from, merged.unwrap_or(seq));
                if merged.is_some() {
                    ranges.remove(i + 1);
                }
            }
            Some((from, to)) if from == seq + 1 => ranges[i] = (seq, to),
            _ => ranges.insert(i, (seq, seq)),
        }
        true
    }

    /// Is the id in the set?
    pub fn contains(&self, id: UpdateId) -> bool {
        let seq = id.seq.get();
        self.authors.get(&id.author).is_some_and(|ranges| {
            let i = ranges.partition_point(|&(_, to)| to < seq);
            ranges.get(i).is_some_and(|&(from, _)| from <= seq)
        })
    }

    /// Adds every id of another set.
    pub fn extend(&mut self, other: &Self) {
        for (author, ranges) in &other.authors {
            let mine = self.authors.entry(*author).or_default();
            mine.extend(ranges);
            mine.sort_unstable();
            let mut joined: Vec<(u64, u64)> = Vec::with_capacity(mine.len());
            for &(from, to) in mine.iter() {
                match joined.last_mut() {
                    Some(last) if from <= last.1 + 1 => last.1 = last.1.max(to),
                    _ => joined.push((from, to)),
                }
            }
            *mine = joined;
        }
    }

    /// The ids that are not in another set.
    #[must_use]
    pub fn without(&self, other: &Self) -> Self {
        let mut left = Self::default();
        for (author, ranges) in &self.authors {
            let theirs = other.ranges_of(*author);
            let mut kept = Vec::new();
            for &(from, to) in ranges {
                let mut next = from;
                let first = theirs.partition_point(|range| range.1 < from);
                for &(start, end) in theirs[first..].iter().take_while(|range| range.0 <= to) {
                    if start > next {
                        kept.push((next, start - 1));
                    }
                    next = next.max(end + 1);
                }
                if next <= to {
                    kept.push((next, to));
                }
            }
            if !kept.is_empty() {
                left.authors.insert(*author, kept);
            }
        }
        left
    }

    /// Every id, by author and seq.
    pub fn ids(&self) -> impl Iterator<Item = UpdateId> + '_ {
        self.authors.iter().flat_map(|(author, ranges)| {
            let seqs = ranges.iter().flat_map(|&(from, to)| from..=to);
            seqs.filter_map(|seq| {
                let seq = Seq::new(seq).ok()?;
                Some(UpdateId {
                    author: *author,
                    seq,
                })
            })
        })
    }

    /// Do the two sets share an id?
    pub fn overlaps(&self, other: &Self) -> bool {
        other.authors.iter().any(|(author, ranges)| {
            self.authors.get(author).is_some_and(|mine| {
                ranges.iter().any(|&(from, to)| {
                    let i = mine.partition_point(|range| range.1 < from);
                    mine.get(i).is_some_and(|range| range.0 <= to)
                })
            })
        })
    }

    /// How many ids it holds.
    pub fn len(&self) -> u64 {
        self.authors
            .values()
            .flatten()
            .map(|(from, to)| to - from + 1)
            .fold(0, u64::saturating_add)
    }

    /// Holds it none?
    pub fn is_empty(&self) -> bool {
        self.authors.is_empty()
    }

    /// The authors, sorted.
    pub fn authors(&self) -> impl ExactSizeIterator<Item = Author> + '_ {
        self.authors.keys().copied()
    }

    /// The greatest seq of an author.
    pub fn last_of(&self, author: Author) -> Option<Seq> {
        let (_, to) = self.authors.get(&author)?.last()?;
        Seq::new(*to).ok()
    }

    /// The author's inclusive ranges of seqs, sorted.
    pub fn ranges_of(&self, author: Author) -> &[(u64, u64)] {
        self.authors.get(&author).map_or(&[], Vec::as_slice)
    }

    /// Every id of one author.
    #[must_use]
    pub fn of_author(&self, author: Author) -> Self {
        Self {
            authors: self
                .authors
                .get(&author)
                .map(|r| (author, r.clone()))
                .into_iter()
                .collect(),
        }
    }

    /// Adds an author that comes after all others: equal sets have equal JSON, so there is one order.
    fn push(&mut self, author: Author, ranges: Vec<(u64, u64)>) -> Result<()> {
        if self
            .authors
            .last_key_value()
            .is_some_and(|(last, _)| *last >= author)
        {
            return Err(Error::corrupt(format!(
                "the covered author {author} is not after the one before"
            )));
        }
        if ranges.is_empty() {
            return Err(Error::corrupt(format!(
                "author {author} has no covered range"
            )));
        }
        let mut free_from = 1;
        for &(from, to) in &ranges {
            if from < free_from || to < from || Seq::new(to).is_err() {
                return Err(Error::corrupt(format!(
                    "the covered ranges of author {author} are not in order"
                )));
            }
            free_from = to + 2;
        }
        self.authors.insert(author, ranges);
        Ok(())
    }
}

impl FromIterator<UpdateId> for Covered {
    fn from_iter<I: IntoIterator<Item = UpdateId>>(ids: I) -> Self {
        let mut covered = Self::default();
        for id in ids {
            covered.insert(id);
        }
        covered
    }
}

impl Serialize for Covered {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.authors.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Covered {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(CoveredJson)
    }
}

struct CoveredJson;

impl<'de> Visitor<'de> for CoveredJson {
    type Value = Covered;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ranges of seqs by author")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Covered, A::Error> {
        let mut covered = Covered::default();
        while let Some((author, ranges)) = map.next_entry()? {
            covered.push(author, ranges).map_err(A::Error::custom)?;
        }
        Ok(covered)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(author: u64, seq: u64) -> UpdateId {
        UpdateId {
            author: Author::from_parts(author, 0),
            seq: Seq::new(seq).unwrap(),
        }
    }

    #[test]
    fn ranges_join_when_the_hole_is_filled() {
        let mut covered: Covered = [1, 2, 4, 5].map(|s| id(0, s)).into_iter().collect();
        assert_eq!(covered.ranges_of(id(0, 1).author), [(1, 2), (4, 5)]);
        assert!(!covered.contains(id(0, 3)));
        assert!(covered.insert(id(0, 3)));
        assert!(!covered.insert(id(0, 3)));
        assert_eq!(covered.ranges_of(id(0, 1).author), [(1, 5)]);
        assert_eq!(covered.len(), 5);
    }

    #[test]
    fn what_is_left_of_a_set_without_another() {
        let set = |ids: &[(u64, u64)]| ids.iter().map(|&(a, s)| id(a, s)).collect::<Covered>();
        let all = set(&[(0, 1), (0, 2), (0, 3), (0, 5), (1, 1)]);
        assert_eq!(all.without(&Covered::default()), all);
        assert_eq!(
            all.without(&set(&[(0, 2), (0, 9), (1, 1), (2, 1)])),
            set(&[(0, 1), (0, 3), (0, 5)])
        );
        assert!(all.without(&all).is_empty());
        assert_eq!(all.ids().count(), 5);
    }

    #[test]
    fn malformed_ranges_are_refused() {
        let author = id(0, 1).author;
        for ranges in [
            "[[2,1]]",
            "[[1,2],[3,4]]",
            "[[1,5],[4,9]]",
            "[[0,1]]",
            "[]",
            "[[1,9007199254740992]]",
        ] {
            let json = format!("{{\"{author}\":{ranges}}}");
            assert!(serde_json::from_str::<Covered>(&json).is_err(), "{ranges}");
        }
    }
}
