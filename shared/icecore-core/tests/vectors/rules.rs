//! `covered.json`, `order.json` and `keys.json`: what decides which updates count, in which order, and where
//! they are stored.

use super::files::check;
use icecore_core::plan::KeyClock;
use icecore_core::{Author, Covered, Key, Order, Seq, UpdateId, order};
use serde::{Deserialize, Serialize};

/// `[author, seq]`.
#[derive(Clone, Copy, Serialize, Deserialize)]
struct Id(Author, Seq);

impl From<Id> for UpdateId {
    fn from(Id(author, seq): Id) -> Self {
        Self { author, seq }
    }
}

impl From<UpdateId> for Id {
    fn from(id: UpdateId) -> Self {
        Self(id.author, id.seq)
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct CoveredFile {
    sets: Vec<SetCase>,
    unions: Vec<UnionCase>,
    invalid: Vec<InvalidSet>,
}

/// Ids put into an empty set in this order.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct SetCase {
    name: String,
    insert: Vec<Id>,
    /// The one text of the set.
    #[serde(default)]
    text: String,
    #[serde(default)]
    len: u64,
    /// Ids that are asked for, and whether they are in it.
    asked: Vec<Id>,
    #[serde(default)]
    contains: Vec<bool>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct UnionCase {
    name: String,
    a: Covered,
    b: Covered,
    #[serde(default)]
    union: Covered,
    #[serde(default)]
    overlaps: bool,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct InvalidSet {
    name: String,
    text: String,
}

#[test]
fn covered_sets() {
    check_covered_sets();
}

pub(crate) fn check_covered_sets() {
    check("covered.json", |mut file: CoveredFile| {
        for case in &mut file.sets {
            let set: Covered = case.insert.iter().map(|&id| id.into()).collect();
            case.text = serde_json::to_string(&set).unwrap();
            assert_eq!(serde_json::from_str::<Covered>(&case.text).unwrap(), set);
            case.len = set.len();
            let contains = case.asked.iter().map(|&id| set.contains(id.into()));
            case.contains = contains.collect();
        }
        for case in &mut file.unions {
            case.union = case.a.clone();
            case.union.extend(&case.b);
            case.overlaps = case.a.overlaps(&case.b);
        }
        for case in &file.invalid {
            let read = serde_json::from_str::<Covered>(&case.text);
            assert!(read.is_err(), "{}", case.name);
        }
        file
    });
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct OrderFile {
    cases: Vec<OrderCase>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct OrderCase {
    name: String,
    order: Order,
    covered: Covered,
    /// The visible objects, in no order.
    visible: Vec<VisibleObject>,
    /// The uncovered updates in canonical order.
    #[serde(default)]
    sorted: Vec<Sorted>,
    #[serde(default)]
    gaps: Vec<Id>,
}

#[derive(Clone, Copy, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct VisibleObject {
    key: Key,
    author: Author,
    /// Of the first update.
    seq: Seq,
    count: usize,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Sorted {
    effective: Key,
    author: Author,
    seq: Seq,
    /// The key of the object that counts.
    key: Key,
}

#[test]
fn orders() {
    check("order.json", |mut file: OrderFile| {
        for case in &mut file.cases {
            let objects = case.visible.clone();
            let visible = || objects.iter().map(|o| (o.key, o.author, o.seq, o.count));
            let sorted = order::sort(case.order, visible(), &case.covered);
            let sorted = sorted.into_iter().map(|place| Sorted {
                effective: place.effective,
                author: place.id.author,
                seq: place.id.seq,
                key: place.key,
            });
            case.sorted = sorted.collect();
            let gaps = order::gaps(visible(), &case.covered);
            case.gaps = gaps.into_iter().map(Id::from).collect();
        }
        file
    });
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct KeysFile {
    cases: Vec<KeysCase>,
}

/// One author's clock from its start.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct KeysCase {
    name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    own_last: Option<Key>,
    seen: Key,
    steps: Vec<Step>,
}

#[derive(Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "lowercase", deny_unknown_fields)]
enum Step {
    /// Choose the first key to try.
    First {
        now: i64,
        #[serde(flatten)]
        choice: Choice,
    },
    /// Choose the key after a collision.
    Bump {
        taken: Key,
        #[serde(flatten)]
        choice: Choice,
    },
    /// A key is stored; `clean` without a collision.
    Wrote {
        key: Key,
        clean: bool,
    },
    /// A key was seen.
    Saw {
        key: Key,
        now: i64,
    },
    Reached {
        through: Key,
    },
}

#[derive(Default, Serialize, Deserialize)]
struct Choice {
    /// What the random source gives when it is asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    random: Option<u64>,
    /// The inclusive range that it is asked for; absent when it is not asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    range: Option<(u64, u64)>,
    /// The key that is chosen.
    #[serde(default)]
    key: Key,
}

impl Choice {
    fn compute(&mut self, choose: impl FnOnce(&mut dyn FnMut(u64, u64) -> u64) -> Key) {
        let mut asked = None;
        let random = self.random;
        self.key = choose(&mut |min, max| {
            asked = Some((min, max));
            let random = random.expect("a random number is asked for");
            assert!((min..=max).contains(&random), "{random} in {min}..={max}");
            random
        });
        assert_eq!(asked.is_some(), random.is_some(), "a number is not used");
        self.range = asked;
    }
}

#[test]
fn keys() {
    check("keys.json", |mut file: KeysFile| {
        for case in &mut file.cases {
            let mut clock = KeyClock::new(case.own_last, case.seen);
            for step in &mut case.steps {
                match step {
                    Step::First { now, choice } => {
                        choice.compute(|random| clock.first(*now, random));
                    }
                    Step::Bump { taken, choice } => {
                        choice.compute(|random| clock.bump(*taken, random));
                    }
                    Step::Wrote { key, clean } => clock.wrote(*key, *clean),
                    Step::Saw { key, now } => clock.saw(*key, *now),
                    Step::Reached { through } => clock.reached(*through),
                }
            }
        }
        file
    });
}
