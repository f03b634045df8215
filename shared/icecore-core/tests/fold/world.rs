//! Spaces at random: what several authors have written, in any order of arrival.

use icecore_core::model::AnyModel;
use icecore_core::plan::Loaded;
use icecore_core::{
    Author, Base, Epoch, Key, ModelRef, Order, Registry, Seq, SpaceInfo, StoreId, Update,
    UpdateObject,
};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use serde_json::json;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Times and keys are below this one.
pub(crate) const END: i64 = 4_000;

pub(crate) fn author(n: usize) -> Author {
    Author::from_parts(n as u64, 0)
}

pub(crate) fn info(model: &str, order: Order) -> SpaceInfo {
    let settings = match model {
        "document" => json!({"rules": [
            {"rule": "unique", "path": "/seat/*"},
            {"rule": "max", "path": "/count", "value": 5},
        ]}),
        _ => serde_json::Value::Null,
    };
    SpaceInfo {
        v: 1,
        store: StoreId::from_parts(0, 0),
        space: "s".parse().unwrap(),
        epoch: Epoch::MIN,
        model: ModelRef {
            name: model.to_owned(),
            settings,
        },
        order,
        created_at: String::new(),
        old_epochs: Vec::new(),
        linked: None,
        keyring: None,
        erased_at: None,
        needs: icecore_core::space::Needs::default(),
        other: BTreeMap::default(),
    }
}

pub(crate) fn model(info: &SpaceInfo) -> Arc<dyn AnyModel> {
    Registry::built_in().open(&info.model).unwrap()
}

pub(crate) fn initial(info: &SpaceInfo) -> Base {
    Base::initial(info, model(info))
}

/// Updates whose order matters, some that a document rejects, some that nobody can read.
fn update() -> impl Strategy<Value = Update> {
    let data = prop_oneof![
        (0..3, 0..9).prop_map(|(field, n)| ("merge", json!({"title": n, format!("f{field}"): n}))),
        (0..3, 0..3).prop_map(|(who, seat)| ("merge", json!({"seat": {format!("p{who}"): seat}}))),
        (1..4).prop_map(|n| ("increment", json!({"/count": n}))),
        (0..9).prop_map(|n| ("append", json!({"/list": [n]}))),
        (0..9).prop_map(|n| ("max", json!({"/title": n}))),
        Just(("delete", json!(["/list"]))),
        Just(("note", json!("for a log only"))),
    ];
    let settles = (0_usize..3, 1_u64..5).prop_map(|(a, seq)| format!("{}:{seq}", author(a)));
    let resolves = option::weighted(0.1, settles);
    let good = (data, resolves).prop_map(|((kind, data), resolves)| {
        let mut update = json!({"at": "2026-11-20T12:00:00.000Z", "kind": kind, "data": data});
        if let Some(resolves) = resolves {
            update["resolves"] = resolves.into();
        }
        update
    });
    prop_oneof![12 => good, 1 => Just(json!({"kind": "merge"})), 1 => Just(json!(5))]
        .prop_map(|update| serde_json::from_value(update).unwrap())
}

/// One PUT: its key, when the server stored it, what it holds, and a second key if its response was lost.
#[derive(Debug, Clone)]
struct Put {
    key: u64,
    stored: i64,
    updates: Vec<Update>,
    again: Option<(u64, i64)>,
}

fn put() -> impl Strategy<Value = Put> {
    let again = option::weighted(0.2, (1_u64..2_000, 0..END / 2));
    (1_u64..2_000, 0..END / 2, vec(update(), 1..4), again).prop_map(
        |(key, stored, updates, again)| Put {
            key,
            stored,
            updates,
            again,
        },
    )
}

/// The objects under `updates/` in any order of arrival; no key twice, as the bucket sees to.
pub(crate) fn objects() -> impl Strategy<Value = Vec<Loaded>> {
    vec(vec(put(), 0..5), 1..4)
        .prop_map(|authors| {
            let mut stored: BTreeMap<Key, Loaded> = BTreeMap::new();
            for (n, puts) in authors.into_iter().enumerate() {
                let mut seq = Seq::FIRST;
                for put in puts {
                    let object = UpdateObject::new(author(n), seq, put.updates);
                    seq = object.end();
                    store(&mut stored, put.key, put.stored, &object);
                    if let Some((key, at)) = put.again {
                        store(&mut stored, key, at, &object);
                    }
                }
            }
            stored.into_values().collect::<Vec<_>>()
        })
        .prop_shuffle()
}

/// Under the first free key.
fn store(stored: &mut BTreeMap<Key, Loaded>, key: u64, last_modified: i64, object: &UpdateObject) {
    let mut key = Key::new(key).unwrap();
    while stored.contains_key(&key) {
        key = key.next().unwrap();
    }
    let loaded = Loaded {
        key,
        last_modified,
        object: Some(object.clone()),
    };
    stored.insert(key, loaded);
}

/// The same objects without some of them: what a listing shows that is not deep enough.
pub(crate) fn some_objects() -> impl Strategy<Value = Vec<Loaded>> {
    objects().prop_flat_map(|objects| {
        let most = objects.len();
        proptest::sample::subsequence(objects, 0..=most).prop_shuffle()
    })
}

/// The same objects under the keys 1, 2, 3 …, with a few keys missing: a sequenced space while it is written.
pub(crate) fn sequence() -> impl Strategy<Value = Vec<Loaded>> {
    (objects(), vec(0_u64..12, 0..2)).prop_map(|(mut objects, holes)| {
        objects.sort_by_key(|l| {
            let object = l.object.as_ref().unwrap();
            (object.seq, object.author, l.key)
        });
        for (loaded, n) in objects.iter_mut().zip(1..) {
            loaded.key = Key::new(n).unwrap();
        }
        objects.retain(|l| !holes.contains(&l.key.get()));
        objects
    })
}
