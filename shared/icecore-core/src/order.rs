//! The order of what is not rolled up yet, and the gaps in it (docs/protocol.md, Read).

use crate::covered::Covered;
use crate::ids::{Author, Key, Seq, UpdateId};
use crate::rules::{self, Rule};
use crate::space::Order;
use std::collections::BTreeSet;

/// An update's place: the object that carries it, and its id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The key that it counts as (see [`sort`]).
    pub effective: Key,
    /// Which update.
    pub id: UpdateId,
    /// The object that carries it; the least key where several do.
    pub key: Key,
}

/// The ids in each visible object: `(key, author, first seq, count)`.
pub type Visible = (Key, Author, Seq, usize);

/// Sorts all uncovered updates of the visible objects.
///
/// In a timestamp space by `(effective key, author, seq)`, where the effective key of `(author, seq)` is the
/// least key among that author's uncovered visible updates with this or a higher seq: an author's updates
/// never change places, whatever clock stamped them. In a sequenced space by `(key, seq)`. An update that
/// several objects carry (a lost response, a new epoch) counts once, at its least key.
pub fn sort(
    order: Order,
    visible: impl IntoIterator<Item = Visible>,
    covered: &Covered,
) -> Vec<Place> {
    let mut places = Vec::new();
    let mut effective = Key::MAX;
    // From an author's last update to the first.
    for (id, key) in least_keys(visible, covered).into_iter().rev() {
        let is_last = places
            .last()
            .is_none_or(|after: &Place| after.id.author != id.author);
        effective = match order {
            Order::Timestamp if !is_last && rules::is_on(Rule::EffectiveOrder) => {
                effective.min(key)
            }
            Order::Timestamp | Order::Sequence => key,
        };
        places.push(Place { effective, id, key });
    }
    places.sort_unstable();
    places
}

/// The uncovered updates by author and seq, each with its least key.
fn least_keys(
    visible: impl IntoIterator<Item = Visible>,
    covered: &Covered,
) -> Vec<(UpdateId, Key)> {
    let mut keys = Vec::new();
    for (key, author, first, count) in visible {
        for offset in 0..count as u64 {
            let seq = first.saturating_add(offset);
            let id = UpdateId { author, seq };
            if !covered.contains(id) {
                keys.push((id, key));
            }
        }
    }
    keys.sort_unstable();
    keys.dedup_by_key(|(id, _)| *id);
    keys
}

/// The ids that must exist and were not seen: for each visible uncovered `(author, seq)`, `seq − 1` where that
/// is neither visible nor covered. Not empty means: the listing was not deep enough.
pub fn gaps(visible: impl IntoIterator<Item = Visible>, covered: &Covered) -> BTreeSet<UpdateId> {
    let mut gaps = BTreeSet::new();
    if !rules::is_on(Rule::GapRule) {
        return gaps;
    }
    let mut last = None;
    for (id, _) in least_keys(visible, covered) {
        let before = Seq::new(id.seq.get() - 1).map(|seq| UpdateId { seq, ..id });
        if let Ok(before) = before
            && last != Some(before)
            && !covered.contains(before)
        {
            gaps.insert(before);
        }
        last = Some(id);
    }
    gaps
}

/// What belongs to a moment of the past, asked of one stretch of the history after the other: the updates whose
/// effective key is at most the moment's key. Where an update is left out, all later ones of its author are too, so
/// that a past state is one that its authors could have seen.
#[derive(Debug)]
pub struct Until {
    order: Order,
    key: Key,
    left_out: BTreeSet<Author>,
}

impl Until {
    /// The moment after the last update with this key.
    pub fn new(order: Order, key: Key) -> Self {
        Self {
            order,
            key,
            left_out: BTreeSet::new(),
        }
    }

    /// Which updates of the next stretch belong to the moment.
    pub fn take(&mut self, updates: impl IntoIterator<Item = (Key, UpdateId)>) -> Covered {
        let visible = updates
            .into_iter()
            .map(|(key, id)| (key, id.author, id.seq, 1));
        let mut taken = Covered::default();
        for place in sort(self.order, visible, &Covered::default()) {
            let author = place.id.author;
            if place.effective > self.key || self.left_out.contains(&author) {
                self.left_out.insert(author);
            } else {
                taken.insert(place.id);
            }
        }
        taken
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn author(n: u64) -> Author {
        Author::from_parts(n, 0)
    }

    fn visible(list: &[(u64, u64, u64)]) -> Vec<Visible> {
        list.iter()
            .map(|&(key, a, seq)| (Key::new(key).unwrap(), author(a), Seq::new(seq).unwrap(), 1))
            .collect()
    }

    fn sorted(list: &[(u64, u64, u64)]) -> Vec<(u64, u64)> {
        let covered = Covered::default();
        sort(Order::Timestamp, visible(list), &covered)
            .iter()
            .map(|p| (p.effective.get(), p.id.seq.get()))
            .collect()
    }

    #[test]
    fn a_clock_that_went_back_does_not_swap_an_authors_updates() {
        assert_eq!(
            sorted(&[(900, 1, 1), (500, 1, 2), (700, 2, 1)]),
            [(500, 1), (500, 2), (700, 1)]
        );
    }

    #[test]
    fn one_clock_in_the_future_leaves_the_others_alone() {
        assert_eq!(
            sorted(&[(9_000, 1, 1), (500, 2, 1), (501, 2, 2)]),
            [(500, 1), (501, 2), (9_000, 1)]
        );
    }

    #[test]
    fn an_update_seen_twice_counts_once_at_its_least_key() {
        assert_eq!(sorted(&[(20, 1, 1), (10, 1, 1)]), [(10, 1)]);
    }

    fn taken(until: &mut Until, list: &[(u64, u64, u64)]) -> Vec<(u64, u64)> {
        let updates = visible(list)
            .into_iter()
            .map(|(key, author, seq, _)| (key, UpdateId { author, seq }));
        let taken = until.take(updates);
        (0..9)
            .flat_map(|a| {
                let ranges = taken.ranges_of(author(a)).to_vec();
                ranges
                    .into_iter()
                    .flat_map(move |(from, to)| (from..=to).map(move |seq| (a, seq)))
            })
            .collect()
    }

    #[test]
    fn a_moment_never_has_an_authors_later_update_without_the_earlier_one() {
        let until = || Until::new(Order::Timestamp, Key::new(600).unwrap());
        // The clock went back between the two: they count as one moment.
        let list = [(900, 1, 1), (500, 1, 2), (700, 2, 1)];
        assert_eq!(taken(&mut until(), &list), [(1, 1), (1, 2)]);
        // The first one is in a segment that did not know of the second.
        let mut parted = until();
        assert_eq!(taken(&mut parted, &[(900, 1, 1), (400, 2, 1)]), [(2, 1)]);
        assert_eq!(taken(&mut parted, &[(500, 1, 2), (600, 2, 2)]), [(2, 2)]);
    }

    #[test]
    fn gaps_name_what_is_missing() {
        let mut covered = Covered::default();
        let found = gaps(visible(&[(10, 1, 3), (11, 1, 4), (12, 2, 1)]), &covered);
        let missing = UpdateId {
            author: author(1),
            seq: Seq::new(2).unwrap(),
        };
        assert_eq!(found.into_iter().collect::<Vec<_>>(), [missing]);
        covered.insert(missing);
        assert!(gaps(visible(&[(10, 1, 3)]), &covered).is_empty());
    }
}
