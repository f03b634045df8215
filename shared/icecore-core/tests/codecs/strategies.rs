//! What the objects of a bucket may hold, at random.

use icecore_core::fold::{RejectedList, RejectedUpdate};
use icecore_core::ids::{EPOCH_MAX, GENERATION_MAX, KEY_MAX};
use icecore_core::segment::BaseHeader;
use icecore_core::snapshot::SnapshotHeader;
use icecore_core::space::OldEpoch;
use icecore_core::{
    Author, Conflict, Covered, Digest, Entry, Epoch, Generation, Head, Key, Linked, ModelRef,
    ObjectKey, Order, Reason, SegmentHeader, Seq, SpaceInfo, SpaceName, StoreId, StoreInfo, Update,
    UpdateId, UpdateObject, time,
};
use icecore_seal::KeyNumber;
use proptest::collection::{btree_map, btree_set, vec};
use proptest::option;
use proptest::prelude::*;
use serde_json::{Value, json};

pub(crate) fn author() -> impl Strategy<Value = Author> {
    prop_oneof![
        3 => (0_u64..4).prop_map(|n| Author::from_parts(n, 0)),
        1 => any::<(u64, u128)>().prop_map(|(millis, random)| Author::from_parts(millis, random)),
    ]
}

pub(crate) fn seq() -> impl Strategy<Value = Seq> {
    prop_oneof![3 => 1_u64..20, 1 => 1..=Seq::MAX.get()].prop_map(|n| Seq::new(n).unwrap())
}

pub(crate) fn key() -> impl Strategy<Value = Key> {
    prop_oneof![1 => 0_u64..20, 3 => 1_760_000_000_000..1_790_000_000_000_u64, 1 => 0..=KEY_MAX]
        .prop_map(|n| Key::new(n).unwrap())
}

pub(crate) fn epoch() -> impl Strategy<Value = Epoch> {
    (1..=EPOCH_MAX, any::<u64>()).prop_map(|(n, id)| Epoch::new(n, id).unwrap())
}

/// A generation that names an object.
pub(crate) fn generation() -> impl Strategy<Value = Generation> {
    prop_oneof![1_u64..20, 1..=GENERATION_MAX].prop_map(|n| Generation::new(n).unwrap())
}

pub(crate) fn update_id() -> impl Strategy<Value = UpdateId> {
    (author(), seq()).prop_map(|(author, seq)| UpdateId { author, seq })
}

pub(crate) fn space_name() -> impl Strategy<Value = SpaceName> {
    "[a-z0-9_-][a-z0-9_.-]{0,62}[a-z0-9_-]"
        .prop_filter_map("the name of a device", |name| name.parse().ok())
}

fn digest() -> impl Strategy<Value = Digest> {
    any::<u64>().prop_map(|n| Digest::of(&n.to_be_bytes()))
}

fn rfc3339() -> impl Strategy<Value = String> {
    (-2_000_000_000_000_i64..=4_000_000_000_000).prop_map(time::to_rfc3339)
}

pub(crate) fn json_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".{0,8}".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 16, 4, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(Value::from),
            btree_map(".{0,4}", inner, 0..4).prop_map(|members| members.into_iter().collect()),
        ]
    })
}

pub(crate) fn update() -> impl Strategy<Value = Update> {
    let parts = (rfc3339(), ".{0,8}", json_value(), option::of(".{0,8}"));
    (parts, any::<bool>()).prop_map(|((at, kind, data, resolves), pretty)| {
        let mut update = json!({"at": at, "kind": kind, "data": data});
        if let Some(resolves) = resolves {
            update["resolves"] = resolves.into();
        }
        let text = if pretty {
            format!("{update:#}")
        } else {
            update.to_string()
        };
        Update::from_text(text).unwrap()
    })
}

pub(crate) fn update_object() -> impl Strategy<Value = UpdateObject> {
    (author(), seq(), vec(update(), 1..5)).prop_map(|(author, seq, updates)| {
        let seq = seq.min(Seq::MAX.saturating_sub(updates.len() as u64));
        UpdateObject::new(author, seq, updates)
    })
}

pub(crate) fn covered() -> impl Strategy<Value = Covered> {
    let short = btree_set(update_id(), 0..20).prop_map(Covered::from_iter);
    let long = btree_map(author(), vec((2_u64..1 << 40, 1_u64..1 << 40), 1..4), 0..4);
    let long = long.prop_map(|authors| {
        let ranges = authors.into_iter().map(|(author, steps)| {
            let mut at = 0;
            let ranges: Vec<(u64, u64)> = steps
                .into_iter()
                .map(|(hole, length)| {
                    let from = at + hole;
                    at = from + length - 1;
                    (from, at)
                })
                .collect();
            (author.to_string(), json!(ranges))
        });
        serde_json::from_value(ranges.collect()).unwrap()
    });
    prop_oneof![short, long]
}

pub(crate) fn store_info() -> impl Strategy<Value = StoreInfo> {
    (store_id(), rfc3339()).prop_map(|(store, created_at)| StoreInfo {
        needs: icecore_core::space::Needs::default(),
        v: 1,
        store,
        created_at,
    })
}

fn store_id() -> impl Strategy<Value = StoreId> {
    any::<(u64, u128)>().prop_map(|(millis, random)| StoreId::from_parts(millis, random))
}

fn linked() -> impl Strategy<Value = Linked> {
    (space_name(), rfc3339()).prop_map(|(into, at)| Linked { into, at })
}

pub(crate) fn space_info() -> impl Strategy<Value = SpaceInfo> {
    let names = (store_id(), space_name(), epoch());
    let model = ("[a-z]{1,8}", json_value());
    let order = prop_oneof![Just(Order::Timestamp), Just(Order::Sequence)];
    let old = vec((epoch(), any::<(i64, i64)>(), generation()), 0..3);
    let times = (rfc3339(), option::of(rfc3339()), option::of(linked()));
    (names, model, order, old, times).prop_map(|(names, model, order, old, times)| SpaceInfo {
        v: 1,
        linked: times.2,
        keyring: None,
        store: names.0,
        space: names.1,
        epoch: names.2,
        model: ModelRef {
            name: model.0,
            settings: model.1,
        },
        order,
        created_at: times.0,
        old_epochs: old
            .into_iter()
            .map(|(epoch, (left_at, settled_at), generation)| OldEpoch {
                epoch,
                left_at,
                settled_at,
                generation,
            })
            .collect(),
        erased_at: times.1,
        needs: icecore_core::space::Needs::default(),
        other: std::iter::once(("later".to_owned(), Value::Bool(true))).collect(),
    })
}

pub(crate) fn head() -> impl Strategy<Value = Head> {
    (epoch(), generation(), generation(), key(), key()).prop_map(
        |(epoch, generation, snapshot, through, key)| Head {
            v: 1,
            epoch,
            generation,
            snapshot,
            through,
            key,
        },
    )
}

pub(crate) fn object_key() -> impl Strategy<Value = ObjectKey> {
    let part = "[a-zA-Z0-9 é_-][a-zA-Z0-9 ._~-]{0,10}";
    prop_oneof![
        Just(ObjectKey::Store),
        space_name().prop_map(ObjectKey::Head),
        space_name().prop_map(ObjectKey::Space),
        (space_name(), space_name()).prop_map(|(space, from)| ObjectKey::Joined(space, from)),
        (space_name(), epoch(), key()).prop_map(|(s, e, k)| ObjectKey::Update(s, e, k)),
        (space_name(), epoch(), generation()).prop_map(|(s, e, g)| ObjectKey::Segment(s, e, g)),
        (space_name(), epoch(), generation()).prop_map(|(s, e, g)| ObjectKey::Snapshot(s, e, g)),
        (space_name(), epoch(), key(), author())
            .prop_map(|(s, e, k, a)| ObjectKey::Transient(s, e, k, a)),
        (space_name(), epoch(), vec(part, 1..4)).prop_map(|(s, e, parts)| ObjectKey::Quarantine(
            s,
            e,
            parts.join("/")
        )),
    ]
}

/// Of this program, of an app, and of a program of tomorrow.
fn reason() -> impl Strategy<Value = Reason> {
    prop_oneof![
        ".{0,12}".prop_map(Reason::from),
        ("[a-z]{1,8}", "[a-z]{1,8}", any::<i64>())
            .prop_map(|(code, name, value)| Reason::app(&code).with(&name, value)),
        (".{0,8}", "[l-n]{1,4}", ".{0,8}").prop_map(|(code, name, value)| {
            serde_json::from_value(serde_json::json!({"code": code, name: [value, null]})).unwrap()
        }),
    ]
}

fn rejected() -> impl Strategy<Value = RejectedList> {
    let one = (update_id(), key(), reason()).prop_map(|(id, key, reason)| RejectedUpdate {
        id,
        key,
        reason,
    });
    (any::<u32>(), vec(one, 0..3)).prop_map(|(count, list)| RejectedList {
        count: u64::from(count),
        list,
    })
}

fn conflict() -> impl Strategy<Value = Conflict> {
    let texts = ("[0-9a-f]{12}", ".{0,8}", vec(".{0,8}", 0..3), reason());
    (texts, vec(update_id(), 0..3)).prop_map(|((id, rule, paths, reason), updates)| Conflict {
        id,
        rule,
        paths,
        updates,
        reason,
    })
}

/// The lines of a segment.
#[derive(Debug, Clone)]
pub(crate) struct Lines {
    pub(crate) header: SegmentHeader,
    pub(crate) base_state: Option<Vec<u8>>,
    pub(crate) entries: Vec<Entry>,
}

pub(crate) fn segment() -> impl Strategy<Value = Lines> {
    let ids = btree_map(update_id(), (key(), update()), 0..12);
    let names = (space_name(), epoch(), generation(), option::of(digest()));
    let numbers = (key(), any::<i64>(), any::<i64>(), any::<u32>());
    let base = option::of((base_header(), json_value()));
    (names, numbers, ids, covered(), base).prop_map(|(names, numbers, ids, carried, base)| {
        let mut header = SegmentHeader::new(&names.0, names.1, names.2, names.3);
        (
            header.through,
            header.rolled_at,
            header.full_at,
            header.model_version,
        ) = numbers;
        header.count = ids.len() as u64;
        header.covered = ids.keys().copied().collect();
        header.carried = carried;
        let (base, state) = base.unzip();
        header.base = base.map(Box::new);
        // In order of their keys, as in a roll-up, and not of their ids.
        let mut entries: Vec<Entry> = ids
            .into_iter()
            .map(|(id, (key, update))| Entry { id, key, update })
            .collect();
        entries.sort_by_key(|e| (e.key, e.id));
        Lines {
            header,
            base_state: state.map(|state| state.to_string().into_bytes()),
            entries,
        }
    })
}

fn base_header() -> impl Strategy<Value = BaseHeader> {
    let touched = btree_map(".{0,8}", update_id(), 0..3);
    (any::<(u32, u64)>(), epoch(), rejected(), touched).prop_map(
        |((model_version, count), epoch, rejected, touched)| BaseHeader {
            model_version,
            count,
            epoch,
            rejected,
            touched,
            sealed: KeyNumber::new(model_version % 3),
        },
    )
}

pub(crate) fn snapshot() -> impl Strategy<Value = (SnapshotHeader, Value)> {
    let names = (space_name(), epoch(), generation(), digest());
    let numbers = (
        key(),
        any::<(i64, u32, u64)>(),
        vec(0_u64..1 << 41, 0..5),
        "[a-z]{1,8}",
    );
    let touched = btree_map(".{0,8}", update_id(), 0..3);
    let lists = (covered(), rejected(), vec(conflict(), 0..3), touched);
    (names, numbers, lists, json_value()).prop_map(|(names, numbers, lists, state)| {
        let mut header = SnapshotHeader::new(&names.0, names.1, names.2, names.3);
        let (through, (full_at, model_version, count), recent, model) = numbers;
        header.through = through;
        header.full_at = full_at;
        header.model_version = model_version;
        header.count = count;
        header.recent = recent;
        header.model = model;
        header.sealed = KeyNumber::new(model_version % 3);
        (
            header.covered,
            header.rejected,
            header.conflicts,
            header.touched,
        ) = lists;
        (header, state)
    })
}
