//! What a client in a browser depends on: storage that is evicted, and snapshots that nobody else can write.

use crate::site::{MINUTE, Site, note, object};
use bytes::Bytes;
use icecore_core::{Author, ErrorKind, Generation, ObjectKey, Order};
use icecore_replica::SpaceReplica;
use icecore_store::bucket::{Content, PutNew};
use icecore_store::rollup::{RollupOptions, roll_up};
use icecore_store::verify::verify;
use icecore_store::{Reader, Store};

/// A device of an app whose tokens name the author, which has written twice, and what is left when its storage is gone.
async fn evicted(site: &Site) -> (Author, SpaceReplica) {
    let author = site.author();
    let mut lost = site.replica_on(site.bound_to(author));
    site.write(&mut lost, "first").await;
    site.write(&mut lost, "second").await;
    let mut fresh = site.replica_on(site.bound_to(author));
    fresh.enqueue(&[note("after")]).unwrap();
    let error = fresh.sync().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Conflict);
    assert!(error.to_string().contains(&author.to_string()), "{error}");
    (author, fresh)
}

/// The browser evicted the app's storage, and with it the counter (localForage#943; super-productivity#7892): beginning anew
/// would use seqs twice and hide what was written before. Here the new replica is told, and goes on after the last seq that is
/// stored, once nothing of the lost one can land any more, be it under way for a minute.
#[tokio::test(start_paused = true)]
async fn row_19_an_author_whose_storage_was_evicted_uses_no_seq_twice() {
    let site = Site::new().await;
    let (author, mut fresh) = evicted(&site).await;
    let (bucket, key) = (site.clone(), site.now() - 20_000);
    let under_way = tokio::spawn(async move {
        bucket.wait(MINUTE).await;
        bucket.land(key, &object(author, 3, "under way"));
    });
    assert_eq!(fresh.resume_author().await.unwrap(), Some(author));
    under_way.await.unwrap();
    let sent = fresh.sync().await.unwrap().acknowledged;
    let seqs: Vec<u64> = sent.iter().map(|a| a.id.seq.get()).collect();
    assert_eq!((seqs, sent[0].id.author), (vec![4], author));
    let mut seen = site.notes().await;
    seen.sort();
    assert_eq!(seen, ["after", "first", "second", "under way"]);
    assert_eq!(fresh.resume_author().await.unwrap(), None, "it is its own");
    site.wait(MINUTE).await;
    site.roll_up_full().await;
    site.verified().await;
}

/// Where the other replica lives, its updates go on arriving: nobody goes on as its author, and the queue stays.
#[tokio::test(start_paused = true)]
async fn row_19_an_author_that_still_writes_is_not_taken_over() {
    let site = Site::new().await;
    let (author, mut fresh) = evicted(&site).await;
    let bucket = site.clone();
    let lives = tokio::spawn(async move {
        for seq in 3..100 {
            bucket.wait(MINUTE).await;
            bucket.land(bucket.now(), &object(author, seq, "it lives"));
        }
    });
    let error = fresh.resume_author().await.unwrap_err();
    lives.abort();
    assert_eq!(error.kind(), ErrorKind::Conflict);
    assert_eq!(fresh.pending(10).unwrap().len(), 1);
}

/// Whether a snapshot of a generation can be put.
async fn put(
    store: &Store,
    site: &Site,
    generation: u64,
    body: &'static [u8],
) -> icecore_core::Result<PutNew> {
    let epoch = store.space(&site.space).await?.info.epoch;
    let generation = Generation::new(generation).unwrap();
    let key = ObjectKey::Snapshot(site.space.clone(), epoch, generation);
    store
        .bucket
        .put_new(&key, Bytes::from_static(body), Content::Layer)
        .await
}

async fn roll_up_blind(site: &Site) {
    let everything = RollupOptions {
        now: true,
        ..RollupOptions::default()
    };
    let report = roll_up(&site.locked(), &site.space, &everything)
        .await
        .unwrap();
    assert_eq!((report.segments, report.snapshots), (1, 0));
}

/// Opening read the whole history again where nobody wrote snapshots (electric#4470): a roll-up without keys cannot, and
/// devices hold no more than the right to write. Here they may put the one snapshot that is due.
#[tokio::test(start_paused = true)]
async fn row_12_who_may_write_puts_the_snapshot_that_is_due_in_an_encrypted_space() {
    let site = Site::encrypted(Order::Timestamp).await;
    let mut writer = site.replica_on(site.bound_to(site.author()));
    for text in ["one", "two"] {
        site.write(&mut writer, text).await;
        site.wait(10_000).await;
        roll_up_blind(&site).await;
        writer.sync().await.unwrap();
    }
    assert!(!site.paths("/snapshots/").is_empty(), "{}", site.tree());
    let stranger = Reader::open(&site.store(), &site.space).await.unwrap();
    assert_eq!(stranger.snapshot, stranger.base.generation);
    assert_eq!(site.notes().await, ["one", "two"]);
    site.verified().await;
}

/// What somebody with the right to write and no key does with it: a snapshot that does not open changes no state, is named by
/// `verify`, and takes the place of no later one.
#[tokio::test(start_paused = true)]
async fn row_12_a_forged_snapshot_fools_nobody() {
    let site = Site::encrypted(Order::Timestamp).await;
    let mut writer = site.replica_on(site.bound_to(site.author()));
    site.write(&mut writer, "one").await;
    site.wait(10_000).await;
    roll_up_blind(&site).await;
    let mallory = site.bound_to(site.author());
    let early = put(&mallory, &site, 2, b"in advance").await.unwrap_err();
    assert_eq!(early.kind(), ErrorKind::Conflict, "{early}");
    let forged = put(&mallory, &site, 1, b"forged").await.unwrap();
    assert!(matches!(forged, PutNew::Stored(_)), "{forged:?}");
    assert_eq!(
        put(&mallory, &site, 1, b"again").await.unwrap(),
        PutNew::Taken
    );
    assert_eq!(site.notes().await, ["one"]);
    let report = verify(&site.store(), &site.space, &mut |_, _| {})
        .await
        .unwrap();
    assert!(
        report
            .problems
            .iter()
            .any(|p| p.object.contains("snapshots/0000000001")),
        "{report:?}"
    );
    site.write(&mut writer, "two").await;
    assert_eq!(site.notes().await, ["one", "two"]);
}

/// In a space that is not encrypted a snapshot shows nothing of who made it: there the roll-up writes it, and who
/// administers.
#[tokio::test(start_paused = true)]
async fn row_12_who_may_write_puts_no_snapshot_in_a_clear_space() {
    let site = Site::new().await;
    let mut writer = site.replica_on(site.bound_to(site.author()));
    site.write(&mut writer, "one").await;
    site.wait(10_000).await;
    site.roll_up().await;
    let mallory = site.bound_to(site.author());
    let refused = put(&mallory, &site, 1, b"forged").await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Denied, "{refused}");
}
