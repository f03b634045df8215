//! The last modification counts, for any modifications in any order of arrival.

use icecore::latest::AHEAD_MAX;
use icecore::{Author, Key, Meta, Seq, time};
use icecore::{Latest, Modified};
use proptest::collection::vec;
use proptest::prelude::*;

/// Small ranges: all ties occur. An author's seq belongs to one value, as in life.
fn settings() -> impl Strategy<Value = Vec<(u32, Modified)>> {
    let one = (0..5_i64, 0..3_u128, 1..4_u64);
    vec(one, 0..12).prop_map(|all| {
        let value = |(at, author, seq): (i64, u128, u64)| {
            let number = u32::try_from(author * 10 + u128::from(seq)).unwrap();
            (number, modified(at, author, seq))
        };
        all.into_iter().map(value).collect()
    })
}

fn modified(at: i64, author: u128, seq: u64) -> Modified {
    modified_with_key(at, Key::MAX, author, seq)
}

fn modified_with_key(at: i64, key: Key, author: u128, seq: u64) -> Modified {
    let meta = Meta {
        author: Author::from_parts(1, author),
        seq: Seq::new(seq).unwrap(),
        key,
        at: &time::to_rfc3339(at),
    };
    Modified::of(&meta).unwrap()
}

fn fold(settings: &[(u32, Modified)]) -> Latest<u32> {
    let mut latest = Latest::default();
    for (value, modified) in settings {
        latest.offer(*value, *modified);
    }
    latest
}

proptest! {
    #[test]
    fn any_order_of_arrival_gives_the_same(
        (settings, shuffled) in settings().prop_flat_map(|s| (Just(s.clone()), Just(s).prop_shuffle()))
    ) {
        let latest = fold(&settings);
        prop_assert_eq!(&fold(&shuffled), &latest);
        let newest = settings.iter().max_by_key(|(_, modified)| *modified);
        prop_assert_eq!(latest.get(), newest.map(|(value, _)| value));
    }

    #[test]
    fn merging_is_as_good_as_offering_in_any_grouping(a in settings(), b in settings(), c in settings()) {
        let all = fold(&[a.clone(), b.clone(), c.clone()].concat());
        let (a, b, c) = (fold(&a), fold(&b), fold(&c));
        let merged = |parts: [&Latest<u32>; 3]| {
            let mut latest = Latest::default();
            for part in parts {
                latest.merge(part.clone());
            }
            latest
        };
        prop_assert_eq!(merged([&a, &b, &c]), all.clone());
        prop_assert_eq!(merged([&c, &a, &b]), all.clone());
        // Once more changes nothing, nor does a snapshot.
        let mut again = all.clone();
        prop_assert!(!again.merge(all.clone()) && !again.merge(a));
        let json = serde_json::to_string(&all).unwrap();
        prop_assert_eq!(serde_json::from_str::<Latest<u32>>(&json).unwrap(), all);
    }

    #[test]
    fn no_clock_gets_further_ahead_than_a_day(at in any::<i32>(), key in 0..u64::from(u32::MAX)) {
        let at = i64::from(at);
        let key = i64::try_from(key).unwrap();
        let counted = modified_with_key(at, Key::new(key.unsigned_abs()).unwrap(), 1, 1).millis();
        prop_assert!(counted <= key + AHEAD_MAX);
        prop_assert_eq!(counted, if at > key + AHEAD_MAX { key } else { at });
    }
}

#[test]
fn a_time_that_is_none_is_rejected() {
    let meta = Meta {
        author: Author::from_parts(1, 1),
        seq: Seq::FIRST,
        key: Key::MIN,
        at: "noon",
    };
    assert!(
        Modified::of(&meta)
            .unwrap_err()
            .to_string()
            .starts_with("at: ")
    );
}
