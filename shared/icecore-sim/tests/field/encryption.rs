//! Encrypted spaces: what is written to the bucket, what who holds no key can do, and what nobody can do unnoticed.

use super::site::{MINUTE, Site, ada, note, notes, secrets, shown};
use icecore_core::transient::TransientEvent;
use icecore_core::{ErrorKind, Key, ModelRef, ObjectKey, Order, SpaceInfo, UpdateObject};
use icecore_replica::{Replica, SpaceReplica};
use icecore_seal::{Identity, NewHolder};
use icecore_store::keyring::{KeyringChange, change_keyring};
use icecore_store::prune::prune;
use icecore_store::rollup::{RollupOptions, RollupReport, roll_up};
use icecore_store::verify::verify;
use icecore_store::{Reader, epochs, link, transient};
use std::time::Duration;

const SECRET: &str = "the melon is in the cellar";

/// One run of a roll-up that holds no key.
async fn roll_up_locked(site: &Site) -> RollupReport {
    let options = RollupOptions {
        now: true,
        ..RollupOptions::default()
    };
    roll_up(&site.locked(), &site.space, &options)
        .await
        .unwrap()
}

fn space_json(site: &Site) -> (String, SpaceInfo) {
    let path = ObjectKey::Space(site.space.clone()).to_string();
    let info = SpaceInfo::from_json(&site.bytes(&path)).unwrap();
    (path, info)
}

/// Bob, with an identity of his own, on a device of his own.
fn bob() -> Identity {
    Identity::generate(&mut || [8; 32])
}

fn device_of(site: &Site, who: Identity) -> SpaceReplica {
    let store = site.locked().with_secrets(secrets(who));
    site.replica_on(store)
}

async fn add_bob(site: &Site) {
    let public = bob().public();
    let name = "bob".to_owned();
    let add = KeyringChange::Add(NewHolder::Member { name, public });
    change_keyring(&site.store(), &site.space, add)
        .await
        .unwrap();
}

#[tokio::test(start_paused = true)]
async fn who_holds_no_key_rolls_up_and_prunes_and_sees_nothing() {
    let site = Site::encrypted(Order::Timestamp).await;
    let mut phone = site.replica();
    for n in 0..5 {
        site.write(&mut phone, &format!("{SECRET} {n}")).await;
    }
    let report = roll_up_locked(&site).await;
    assert_eq!(
        (report.updates, report.segments, report.snapshots),
        (5, 1, 0)
    );
    // The next one who reads and holds the key writes the snapshot.
    let mut laptop = site.replica();
    laptop.sync().await.unwrap();
    let first = ObjectKey::Snapshot(
        site.space.clone(),
        site.first_epoch(),
        1_u64.try_into().unwrap(),
    );
    assert!(
        site.paths("snapshots").contains(&first.to_string()),
        "{}",
        site.tree()
    );
    site.wait(25 * 60 * MINUTE).await;
    let pruned = prune(&site.locked(), &site.space, None).await.unwrap();
    assert_eq!(pruned.updates, 5);
    // From the snapshot alone.
    assert_eq!(shown(&mut laptop).len(), 5);
    assert_eq!(site.notes().await.len(), 5);
    assert_eq!(site.holding("melon"), [""; 0], "{}", site.tree());
    let locked = verify(&site.locked(), &site.space, &mut |_, _| {})
        .await
        .unwrap();
    assert_eq!(
        (
            locked.problems.len(),
            locked.snapshots,
            locked.snapshots_unread
        ),
        (0, 0, 1)
    );
    assert_eq!(site.verified().await.snapshots, 1);

    let mut blind = site.replica_on(site.locked());
    blind.sync().await.unwrap();
    assert_eq!(blind.state().unwrap_err().kind(), ErrorKind::Denied);
}

#[tokio::test(start_paused = true)]
async fn new_epochs_are_as_sealed_as_old_ones() {
    let site = Site::encrypted(Order::Timestamp).await;
    let mut phone = site.replica();
    let first = site.write(&mut phone, SECRET).await;
    site.write(&mut phone, "a second melon").await;
    let store = site.store();
    epochs::compress(&store, &site.space).await.unwrap();
    site.write(&mut phone, "a third melon").await;
    epochs::compress(&store, &site.space).await.unwrap();
    assert_eq!(site.agreed(&mut [&mut phone]).await.rejected.count, 0);
    assert_eq!(site.notes().await.len(), 3);
    assert_eq!(site.holding("melon"), [""; 0]);
    let error = epochs::compress(&site.locked(), &site.space)
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Denied);
    let redaction = epochs::Redaction::Update(first);
    let error = epochs::redact(&store, &site.space, redaction)
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid, "it was compressed");
    epochs::reset(&store, &site.space).await.unwrap();
    assert_eq!(site.notes().await, [""; 0]);
    site.verified().await;
}

/// Somebody with access to the bucket and no key: what is planted, changed or moved is listed, and nothing else stops.
#[tokio::test(start_paused = true)]
async fn what_was_planted_changed_or_moved_is_listed_and_stops_nothing() {
    let site = Site::encrypted(Order::Timestamp).await;
    let (mut phone, mut laptop) = (site.replica(), site.replica());
    site.write(&mut phone, SECRET).await;
    let path = site.paths("updates").pop_first().unwrap();
    let good = UpdateObject::from_json(&site.bytes(&path)).unwrap();
    let now = site.now();
    // In clear, under a new author.
    let stranger = site.author();
    site.land(
        now + 1,
        &UpdateObject::new(
            stranger,
            1_u64.try_into().unwrap(),
            vec![note("hello").update],
        ),
    );
    // The sealed update, as another author's.
    let other = site.author();
    site.land(
        now + 2,
        &UpdateObject::new(other, good.seq, good.updates.clone()),
    );
    // The same, a character off.
    let text = good.updates[0].as_text();
    let (head, tail) = text.split_at(text.len() - 12);
    let flipped = tail.replacen(|c: char| c.is_ascii_lowercase(), "Q", 1);
    let changed = icecore_core::Update::from_stored(format!("{head}{flipped}")).unwrap();
    let third = site.author();
    site.land(now + 3, &UpdateObject::new(third, good.seq, vec![changed]));
    site.wait(2 * MINUTE).await;
    let folded = site.agreed(&mut [&mut phone, &mut laptop]).await;
    assert_eq!(notes(&folded), [SECRET]);
    assert_eq!(folded.rejected.count, 3);
    let reasons: Vec<&str> = folded
        .rejected
        .list
        .iter()
        .map(|r| r.reason.code())
        .collect();
    assert!(reasons[0] == "not-sealed", "{reasons:?}");
    assert!(reasons[1] == "not-opened", "{reasons:?}");
    roll_up_locked(&site).await;
    site.write(&mut laptop, "and on").await;
    assert_eq!(
        site.agreed(&mut [&mut phone, &mut laptop])
            .await
            .rejected
            .count,
        3
    );
    site.verified().await;
}

/// A state from another place, or of another header, is no state: the history is folded instead.
#[tokio::test(start_paused = true)]
async fn a_forged_snapshot_is_passed_over() {
    let site = Site::encrypted(Order::Timestamp).await;
    let mut phone = site.replica();
    site.write(&mut phone, SECRET).await;
    site.wait(MINUTE).await;
    site.roll_up().await;
    site.write(&mut phone, "a second").await;
    site.wait(MINUTE).await;
    site.roll_up().await;
    let paths: Vec<String> = site.paths("snapshots").into_iter().collect();
    let older = site.bytes(&paths[0]);
    site.put(&paths[1], &older);
    assert_eq!(site.notes().await, [SECRET, "a second"]);
    let report = verify(&site.store(), &site.space, &mut |_, _| {})
        .await
        .unwrap();
    assert_eq!(report.problems.len(), 1, "{:?}", report.problems);
}

/// Row 10: people changed a passphrase, and devices that had the old one wrote what nobody could read; a failed decryption
/// wiped data (super-productivity#9332; actual#3620; taskwarrior#3815, #4123; joplin#3742; feedzero PR#121). Keys have
/// numbers, old ones stay, and who is out is told before it writes.
#[tokio::test(start_paused = true)]
async fn row_10_who_was_removed_is_told_and_loses_nothing() {
    let site = Site::encrypted(Order::Timestamp).await;
    add_bob(&site).await;
    let (mut phone, mut bobs) = (site.replica(), device_of(&site, bob()));
    site.write(&mut phone, SECRET).await;
    bobs.sync().await.unwrap();
    assert_eq!(shown(&mut bobs), [SECRET]);
    let remove = KeyringChange::Remove("bob".to_owned());
    change_keyring(&site.store(), &site.space, remove)
        .await
        .unwrap();
    site.write(&mut phone, "without bob").await;
    bobs.enqueue(&[note("still here")]).unwrap();
    site.wait(2 * MINUTE).await;
    let before = site.paths("updates");
    let error = bobs.sync().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Denied);
    assert!(error.hint().unwrap().contains("stays queued"), "{error:?}");
    assert_eq!(site.paths("updates"), before);
    // What he had read stays, with what he wrote on top; nothing is wiped.
    assert_eq!(shown(&mut bobs), [SECRET, "still here"]);
    // Back again, with all the keys.
    add_bob(&site).await;
    bobs.sync().await.unwrap();
    let folded = site.agreed(&mut [&mut phone, &mut bobs]).await;
    assert_eq!(notes(&folded), [SECRET, "without bob", "still here"]);
    site.verified().await;
}

#[tokio::test(start_paused = true)]
async fn of_two_who_change_the_keyring_at_once_one_is_told() {
    let site = Site::encrypted(Order::Timestamp).await;
    let (one, other) = (site.store(), site.store());
    let rotate = || KeyringChange::Rotate;
    let (one, other) = tokio::join!(
        change_keyring(&one, &site.space, rotate()),
        change_keyring(&other, &site.space, rotate())
    );
    let mut outcomes = [one.map(drop), other.map(drop)];
    outcomes.sort_by_key(Result::is_err);
    assert!(outcomes[0].is_ok());
    assert!(
        outcomes[1]
            .as_ref()
            .is_err_and(icecore_core::Error::is_conflict)
    );
    let (_, info) = space_json(&site);
    assert_eq!(info.keyring.unwrap().keys().len(), 2);
}

/// Whoever can write space.json cannot put the replicas back to an old keyring, to one of his own, or to none.
#[tokio::test(start_paused = true)]
async fn a_keyring_that_went_back_is_refused() {
    let site = Site::encrypted(Order::Timestamp).await;
    let mut phone = site.replica();
    site.write(&mut phone, SECRET).await;
    let (path, old) = space_json(&site);
    change_keyring(&site.store(), &site.space, KeyringChange::Rotate)
        .await
        .unwrap();
    // Nobody hints at a new key: a running device notices within a minute.
    site.wait(2 * MINUTE).await;
    phone.pull().await.unwrap();
    site.write(&mut phone, "with a new key").await;
    let (_, new) = space_json(&site);
    let stripped = SpaceInfo {
        keyring: None,
        ..new.clone()
    };
    for forged in [&old, &stripped] {
        site.put(&path, &forged.to_json());
        phone.enqueue(&[note("not for everybody")]).unwrap();
        site.wait(2 * MINUTE).await;
        let stored = site.paths("updates");
        let error = phone.sync().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Corrupt, "{error:?}");
        assert_eq!(site.paths("updates"), stored, "nothing is sent");
        assert_eq!(shown(&mut phone)[..2], [SECRET, "with a new key"]);
    }
    site.put(&path, &new.to_json());
    site.wait(2 * MINUTE).await;
    phone.sync().await.unwrap();
    assert_eq!(site.notes().await.len(), 4);
    assert_eq!(site.holding("everybody"), [""; 0]);
}

/// A key is made and used between two requests of a reader: it must not list as unreadable what it can read.
#[tokio::test(start_paused = true)]
async fn a_reader_that_meets_a_newer_key_looks_for_it() {
    let site = Site::encrypted(Order::Timestamp).await;
    let (mut phone, store) = (site.replica(), site.store());
    site.write(&mut phone, SECRET).await;
    let mut reader = Reader::open(&store, &site.space).await.unwrap();
    let stale = reader.info.clone();
    change_keyring(&store, &site.space, KeyringChange::Rotate)
        .await
        .unwrap();
    site.write(&mut phone, "with the second key").await;
    site.wait(MINUTE).await;
    site.roll_up().await;
    // As if its look at space.json had come before.
    assert_eq!(reader.info, stale);
    site.wait(11 * MINUTE).await;
    reader
        .poll(icecore_store::reader::Waited::Not)
        .await
        .unwrap();
    let state = reader.state();
    assert_eq!((state.rejected.count, notes(&state).len()), (0, 2));
    site.verified().await;
}

/// A folder that was copied writes under a new author: what is sealed for the old one is sealed anew.
#[tokio::test(start_paused = true)]
async fn a_queue_that_gets_another_author_is_sealed_anew() {
    let site = Site::encrypted(Order::Timestamp).await;
    let folder = tempfile::tempdir().unwrap();
    let (one, two) = (folder.path().join("one"), folder.path().join("two"));
    let open = |path: &std::path::Path| site.opened(&Replica::open(site.store(), path).unwrap());
    let mut first = open(&one);
    site.write(&mut first, "before").await;
    drop(first);
    std::fs::create_dir(&two).unwrap();
    std::fs::copy(one.join("replica.db"), two.join("replica.db")).unwrap();
    let (mut first, mut second) = (open(&one), open(&two));
    second.sync().await.unwrap();
    second.enqueue(&[note("of the copy")]).unwrap();
    site.write(&mut first, "of the first").await;
    site.wait(2 * MINUTE).await;
    for _ in 0..3 {
        // The first of them may only tell that somebody else writes as this author.
        drop(second.sync().await);
    }
    let mut all = notes(&site.agreed(&mut [&mut first, &mut second]).await);
    all.sort_unstable();
    assert_eq!(all, ["before", "of the copy", "of the first"]);
    site.verified().await;
}

#[tokio::test(start_paused = true)]
async fn a_sequence_can_be_encrypted_too() {
    let site = Site::encrypted(Order::Sequence).await;
    let (mut phone, mut laptop) = (site.replica(), site.replica());
    site.write(&mut phone, SECRET).await;
    laptop.enqueue(&[note("second")]).unwrap();
    laptop.sync().await.unwrap();
    roll_up_locked(&site).await;
    site.write(&mut phone, "third").await;
    let folded = site.agreed(&mut [&mut phone, &mut laptop]).await;
    assert_eq!(notes(&folded), [SECRET, "second", "third"]);
    assert_eq!(site.holding("melon"), [""; 0]);
    site.verified().await;
}

#[tokio::test(start_paused = true)]
async fn transient_events_are_sealed_and_links_refused() {
    let site = Site::encrypted(Order::Timestamp).await;
    let (store, author) = (site.store(), site.author());
    let (_, info) = space_json(&site);
    let data = serde_json::json!({ "in": "cellar" });
    let event = TransientEvent::new("typing", data, Duration::from_secs(30)).unwrap();
    transient::send(&store, &info, author, &event)
        .await
        .unwrap();
    assert_eq!(
        transient::live(&store, &info).await.unwrap()[0].event,
        event
    );
    assert_eq!(site.holding("cellar"), [""; 0]);
    assert!(
        transient::live(&site.locked(), &info)
            .await
            .unwrap()
            .is_empty()
    );
    assert!(
        transient::send(&site.locked(), &info, author, &event)
            .await
            .is_err()
    );

    let clear = "clear".parse().unwrap();
    store
        .create_space(&clear, ModelRef::named("log"), Order::Timestamp)
        .await
        .unwrap();
    for (from, into) in [(&site.space, &clear), (&clear, &site.space)] {
        let error = link::link(&store, from, into).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Invalid);
        assert!(error.hint().unwrap().contains("import --replay"));
    }
}

/// What a transient event says is sealed for its author and its space: whoever may write to the bucket and holds no key cannot
/// let somebody else say it.
#[tokio::test(start_paused = true)]
async fn a_transient_event_is_its_authors_and_of_its_space() {
    let site = Site::encrypted(Order::Timestamp).await;
    let (store, author) = (site.store(), site.author());
    let (_, info) = space_json(&site);
    let event = TransientEvent::new("typing", 1.into(), Duration::from_secs(30)).unwrap();
    let key = transient::send(&store, &info, author, &event)
        .await
        .unwrap();
    let object = |author| ObjectKey::Transient(site.space.clone(), info.epoch, key, author);
    let sealed = site.bytes(&object(author).to_string());
    let another = icecore_store::new_author(&*store.clock, &*store.ids);
    site.put(&object(another).to_string(), &sealed);
    let seen = transient::live(&store, &info).await.unwrap();
    assert_eq!(
        seen.iter().map(|seen| seen.author).collect::<Vec<_>>(),
        [author]
    );
}

/// One roll-up serves the spaces of every app: whose model it does not know, it rolls up all the same, and the app itself
/// writes the snapshots.
#[tokio::test(start_paused = true)]
async fn a_roll_up_need_not_know_the_model() {
    let site = Site::new().await;
    let mut phone = site.replica();
    site.write(&mut phone, "one").await;
    let stranger = site
        .store()
        .with_registry(icecore_core::Registry::default());
    let options = RollupOptions {
        now: true,
        ..RollupOptions::default()
    };
    let report = roll_up(&stranger, &site.space, &options).await.unwrap();
    assert_eq!((report.segments, report.snapshots), (1, 0));
    phone.sync().await.unwrap();
    assert_eq!(site.paths("snapshots").len(), 1, "{}", site.tree());
    // What it hands on: the version of the model that the segments name already.
    for text in ["two", "three"] {
        site.write(&mut phone, text).await;
        site.wait(MINUTE).await;
        site.roll_up().await;
    }
    site.write(&mut phone, "four").await;
    roll_up(&stranger, &site.space, &options).await.unwrap();
    let reader = Reader::open(&stranger, &site.space).await.unwrap();
    assert_eq!(
        (reader.base.model_version, reader.base.generation.get()),
        (1, 4)
    );
    assert_eq!(
        reader.state().check_readable().unwrap_err().kind(),
        ErrorKind::Invalid
    );
    assert_eq!(
        verify(&stranger, &site.space, &mut |_, _| {})
            .await
            .unwrap()
            .problems,
        []
    );
    assert_eq!(site.notes().await, ["one", "two", "three", "four"]);
    assert!(reader.base.covered.len() == 4 && reader.largest_key() > Key::MIN);
    site.verified().await;
}

#[test]
fn ada_is_no_stranger() {
    assert_ne!(ada().public(), bob().public());
}
