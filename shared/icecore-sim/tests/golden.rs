//! Stores and replicas that were written once, and must be read by every later version.
//!
//! Below `tests/golden/` lies a folder for each version of the format, and in it one for each kind of store: the objects,
//! a replica that was saved half-way with updates in its queue, and what a reader must find (`expected.json`). Nothing
//! there is ever written again: `ICECORE_BLESS=1` makes what is missing, and leaves alone what is there.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "power/lives.rs"]
#[expect(dead_code, reason = "only the clock and the store of it are used here")]
mod lives;

use icecore_core::{Generation, ModelRef, Order, SpaceName, Update};
use icecore_replica::{NewUpdate, Replica, SpaceReplica};
use icecore_seal::{Identity, NewHolder, Passphrase, PassphraseCost, Secret};
use icecore_store::Store;
use icecore_store::backend::Folder;
use icecore_store::epochs::{Redaction, compress, redact};
use icecore_store::history::Segments;
use icecore_store::link::link;
use icecore_store::rollup::{RollupOptions, roll_up};
use icecore_store::verify::verify;
use serde_json::value::RawValue;
use serde_json::{Value, json};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The version of the format that this program writes.
const VERSION: &str = "v1";
const KINDS: [&str; 5] = ["plain", "encrypted", "sequenced", "epochs", "linked"];
const PASSPHRASE: &str = "correct horse battery staple";

fn golden() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/golden")
}

fn identity() -> Identity {
    Identity::generate(&mut || [7; 32])
}

/// Either of these opens the encrypted store.
fn secrets() -> [Secret; 2] {
    let passphrase = Passphrase::new(PASSPHRASE).unwrap();
    [Secret::Identity(identity()), Secret::Passphrase(passphrase)]
}

fn open(root: &Path, secret: Secret) -> Store {
    lives::open(root).with_secrets(Arc::new(vec![Arc::new(secret)]))
}

fn name(space: &str) -> SpaceName {
    space.parse().unwrap()
}

fn update(kind: &str, data: &Value) -> NewUpdate {
    let data = RawValue::from_string(data.to_string()).unwrap();
    let update = Update::new(icecore_sim::clock::EPOCH_MILLIS, kind, &data, None);
    NewUpdate {
        update: update.unwrap(),
    }
}

async fn write(replica: &mut SpaceReplica, updates: &[NewUpdate]) {
    for update in updates {
        replica.enqueue(std::slice::from_ref(update)).unwrap();
        replica.sync().await.unwrap();
    }
}

async fn rolled_up(store: &Store, space: &str) {
    let options = RollupOptions {
        full: true,
        now: true,
        time_max: None,
    };
    roll_up(store, &name(space), &options).await.unwrap();
}

async fn make_space(store: &Store, space: &str, kind: &str) {
    let rules = json!({ "rules": [{ "path": "/tasks/*/slot", "rule": "unique" }] });
    let model = ModelRef {
        name: "document".to_owned(),
        settings: rules,
    };
    let order = if kind == "sequenced" {
        Order::Sequence
    } else {
        Order::Timestamp
    };
    if kind == "encrypted" {
        let holders = vec![
            NewHolder::Member {
                name: "ada".to_owned(),
                public: identity().public(),
            },
            NewHolder::Passphrase {
                name: "paper".to_owned(),
                passphrase: Passphrase::new(PASSPHRASE).unwrap(),
                cost: PassphraseCost::default(),
            },
        ];
        store
            .create_encrypted_space(&name(space), model, order, holders)
            .await
            .unwrap();
    } else {
        store
            .create_space(&name(space), model, order)
            .await
            .unwrap();
    }
}

/// Writes the store of one kind, and a replica that has seen half of it.
async fn make(root: &Path, kind: &str) {
    let [secret, _] = secrets();
    let store = open(root, secret);
    Folder::new(root.join("store")).create().await.unwrap();
    store.create().await.unwrap();
    make_space(&store, "plan", kind).await;
    let first = Replica::in_memory(store.clone()).unwrap();
    let mut first = first.space(&name("plan")).unwrap();
    let second = Replica::open(store.clone(), &root.join("replica")).unwrap();
    let mut second = second.space(&name("plan")).unwrap();
    write(&mut first, &[
        update("merge", &json!({ "title": "Hike", "tasks": { "a": { "text": "Tents \u{e9}", "slot": 1 } } })),
        update("increment", &json!({ "/seats": 2, "/ratio": 0.1 })),
    ]).await;
    write(
        &mut second,
        &[update("merge", &json!({ "tasks": { "b": { "slot": 1 } } }))],
    )
    .await;
    rolled_up(&store, "plan").await;
    second.sync().await.unwrap();
    write(
        &mut first,
        &[
            update(
                "add",
                &json!({ "/tags": ["outdoor", 9_007_199_254_740_993_u64] }),
            ),
            update("append", &json!({ "/log": [null, true, 1.5] })),
        ],
    )
    .await;
    if kind != "sequenced" {
        // Rejected: there is no such instruction.
        write(&mut first, &[update("unheard-of", &json!([1]))]).await;
    }
    rolled_up(&store, "plan").await;
    if kind == "epochs" {
        compress(&store, &name("plan")).await.unwrap();
        let ids = first
            .enqueue(&[update("merge", &json!({ "secret": "to be redacted" }))])
            .unwrap();
        first.sync().await.unwrap();
        redact(&store, &name("plan"), Redaction::Update(ids[0]))
            .await
            .unwrap();
        write(&mut first, &[update("merge", &json!({ "after": 1 }))]).await;
        rolled_up(&store, "plan").await;
    }
    if kind == "linked" {
        make_space(&store, "of-user", kind).await;
        link(&store, &name("plan"), &name("of-user")).await.unwrap();
        write(
            &mut first,
            &[update("merge", &json!({ "guest": "wrote on" }))],
        )
        .await;
        rolled_up(&store, "plan").await;
        rolled_up(&store, "of-user").await;
    }
    // Not rolled up, and not sent.
    write(&mut first, &[update("increment", &json!({ "/seats": 1 }))]).await;
    second
        .enqueue(&[update("append", &json!({ "/log": ["queued"] }))])
        .unwrap();
}

fn state_of(replica: &mut SpaceReplica) -> Value {
    let json = replica.state().unwrap().state_json().unwrap();
    Value::String(String::from_utf8(json).unwrap())
}

/// What a device that comes new finds in one space.
async fn found(store: &Store, space: &SpaceName) -> Value {
    let replica = Replica::in_memory(store.clone()).unwrap();
    let mut replica = replica.space(space).unwrap();
    replica.sync().await.unwrap();
    let state = state_of(&mut replica);
    let folded = replica.state().unwrap();
    let info = store.space(space).await.unwrap().info;
    let mut segments = Segments::after(store, &info, Generation::ZERO)
        .await
        .unwrap();
    let mut log = Vec::new();
    while let Some(segment) = segments.next().await.unwrap() {
        for entry in &segment.entries {
            log.push(json!([
                entry.id.to_string(),
                entry.key,
                entry.update.as_text()
            ]));
        }
    }
    let report = verify(store, space, &mut |_, _| {}).await.unwrap();
    assert!(report.problems.is_empty(), "{report:?}");
    let rejected = folded.rejected.list.len();
    json!({
        "state": state, "rejected": rejected, "conflicts": folded.conflicts().len(), "log": log,
        "verified": [report.segments, report.updates, report.snapshots],
    })
}

/// Everything that must be found in a store, and in the replica that goes on with it.
async fn read(root: &Path, secret: Secret) -> Value {
    let store = open(root, secret);
    let mut spaces = serde_json::Map::new();
    for space in store.spaces().await.unwrap() {
        spaces.insert(space.to_string(), found(&store, &space).await);
    }
    let replica = Replica::open(store.clone(), &root.join("replica")).unwrap();
    let mut replica = replica.space(&name("plan")).unwrap();
    let queued = replica.pending(usize::MAX).unwrap();
    let queued: Vec<_> = queued
        .iter()
        .map(|p| p.update.as_text().to_owned())
        .collect();
    let offline = state_of(&mut replica);
    replica.sync().await.unwrap();
    assert!(replica.pending(1).unwrap().is_empty());
    json!({ "spaces": spaces, "queued": queued, "offline": offline, "caught_up": state_of(&mut replica) })
}

/// Copies a folder, without the lock of the store, which is no part of it.
fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let (name, target) = (entry.file_name(), to.join(entry.file_name()));
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else if !name.to_string_lossy().ends_with("lock") {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

async fn bless(kind: &str) {
    let kept = golden().join(VERSION).join(kind);
    if kept.exists() {
        return; // For ever.
    }
    let made = tempfile::tempdir().unwrap();
    Box::pin(make(made.path(), kind)).await;
    copy(made.path(), &kept);
    let [secret, _] = secrets();
    let expected = read(made.path(), secret).await;
    let text = serde_json::to_string_pretty(&expected).unwrap();
    fs::write(kept.join("expected.json"), text + "\n").unwrap();
}

#[tokio::test]
async fn every_store_that_was_ever_written_is_read() {
    if std::env::var_os("ICECORE_BLESS").is_some() {
        for kind in KINDS {
            Box::pin(bless(kind)).await;
        }
    }
    let mut read_all = 0;
    for version in fs::read_dir(golden()).unwrap() {
        for kept in fs::read_dir(version.unwrap().path()).unwrap() {
            let kept = kept.unwrap().path();
            let text = fs::read_to_string(kept.join("expected.json")).unwrap();
            let expected: Value = serde_json::from_str(&text).unwrap();
            for secret in secrets() {
                let copied = tempfile::tempdir().unwrap();
                copy(&kept, copied.path());
                let found = read(copied.path(), secret).await;
                assert_eq!(found, expected, "{}", kept.display());
            }
            read_all += 1;
        }
    }
    assert!(read_all >= KINDS.len(), "only {read_all} stores");
}
