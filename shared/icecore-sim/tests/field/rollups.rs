//! Several roll-ups at once, and what pruning may take.

use crate::site::{HOUR, MINUTE, Site, notes, object};
use icecore_core::plan::SnapshotRule;
use icecore_core::{Key, UpdateId};
use icecore_replica::SpaceReplica;
use icecore_sim::bucket::Faults;
use icecore_store::prune::prune;
use icecore_store::rollup::{RollupOptions, Warm, roll_up_warm};
use std::collections::BTreeMap;
use std::time::Duration;

/// Two compactors ran at once, each sure that it was alone: the later one overwrote the earlier one's result, or one
/// deleted what the other had not folded (slatedb#604, RFC-0026, RFC-0029; wal3 PR#5153, #4834; super-productivity#9040,
/// #8958; litestream#1270; automerge-repo-rs#52). Leases do not help: their holder may be stalled. Here each generation
/// is put if absent, so of any number of racing roll-ups exactly one writes it, and all of them hold the same state.
#[tokio::test(start_paused = true)]
async fn row_05_racing_roll_ups_have_one_winner_per_generation() {
    let mut site = Site::new().await;
    site.settings.chunk_objects_max = 7;
    let mut writers: Vec<SpaceReplica> = (0..4).map(|_| site.replica()).collect();
    let slow = Faults {
        latency_max: 400,
        ..Faults::none()
    };
    let mut warm: Vec<Option<Warm>> = vec![None; 8];
    let (mut written, mut raced) = (0_usize, 0);
    for round in 0..12 {
        for (w, writer) in writers.iter_mut().enumerate() {
            for n in 0..3 {
                site.write(writer, &format!("{round}/{w}/{n}")).await;
            }
        }
        site.wait(10_000).await;
        let runs = warm.iter_mut().enumerate().map(|(n, warm)| {
            let store = site.store_seen(&site.clock, slow, n % 2 == 0);
            if n % 4 == round % 4 {
                *warm = None; // A cold start.
            }
            let space = site.space.clone();
            async move {
                let options = RollupOptions::default();
                roll_up_warm(&store, &space, &options, warm).await.unwrap()
            }
        });
        for report in futures::future::join_all(runs).await {
            written += usize::try_from(report.segments).unwrap();
            raced += usize::from(report.raced);
        }
    }
    let segments = site.paths("/segments/");
    assert_eq!(written, segments.len(), "one writer per segment");
    assert!(raced > 12, "they did race: {raced}");
    let info = site.store().space(&site.space).await.unwrap().info;
    for warm in &mut warm {
        let warm = warm.as_mut().unwrap();
        assert!(warm.refresh(&site.store(), &info).await.unwrap());
    }
    let states = warm
        .iter()
        .map(|warm| warm.as_ref().unwrap().base.pack_snapshot([0; 16]).unwrap());
    let digests: Vec<_> = states.map(|packed| packed.digest).collect();
    assert!(digests.iter().all(|d| *d == digests[0]), "{digests:?}");
    let mut all: Vec<&mut SpaceReplica> = writers.iter_mut().collect();
    let folded = site.agreed(&mut all).await;
    assert_eq!(notes(&folded).len(), 12 * 4 * 3);
    site.verified().await;
}

/// Roll-ups that are slower than the retention: what is old enough to be pruned is not covered yet. It stays, with every
/// prune, until a segment and a snapshot stand for it; only then it goes.
#[tokio::test(start_paused = true)]
async fn row_05_what_is_not_covered_is_never_pruned() {
    let mut site = Site::new().await;
    site.settings.retention = Duration::from_mins(5);
    // Snapshots are rarer than segments: a segment alone does not allow pruning.
    site.settings.snapshot = SnapshotRule {
        small_bytes: 0,
        fraction: 1_000.0,
        segments_max: 3,
        ..SnapshotRule::default()
    };
    let mut writer = site.replica();
    let mut ids: BTreeMap<Key, UpdateId> = BTreeMap::new();
    for n in 0..40 {
        let id = site.write(&mut writer, &format!("n{n}")).await;
        ids.insert(writer.reader().unwrap().key_of(id).unwrap(), id);
        site.wait(MINUTE).await;
        if n % 9 == 8 {
            site.roll_up().await;
        }
        prune(&site.store(), &site.space, None).await.unwrap();
        let kept = site.paths("/updates/");
        let covered = snapshot_covers(&site);
        for (key, id) in &ids {
            let stored = kept.iter().any(|path| path.ends_with(&format!("{key:#}")));
            assert!(stored || covered.contains(*id), "{id} at {key} is gone");
        }
        let folded = site.agreed(&mut [&mut writer]).await;
        assert_eq!(notes(&folded).len(), n + 1);
    }
    assert!(site.paths("/updates/").len() < 40, "something was pruned");
    site.verified().await;
}

/// What the newest snapshot stands for.
fn snapshot_covers(site: &Site) -> icecore_core::Covered {
    let newest = site.paths("/snapshots/").into_iter().next_back();
    let Some(newest) = newest else {
        return icecore_core::Covered::default();
    };
    let snapshot = icecore_core::Snapshot::unpack(&site.bytes(&newest)).unwrap();
    snapshot.header.covered
}

/// A writer that was stalled for longer than the retention stores its update under a key that was used, rolled up and
/// pruned long ago: put-if-absent finds the key free, and the acknowledged update lies where nobody looks any more.
/// Here it is found by the next listing of everything, folded late, and not taken for the object that was there before.
#[tokio::test(start_paused = true)]
async fn row_05_a_pruned_key_that_is_used_again_is_folded_late() {
    for busy in [true, false] {
        let site = Site::new().await;
        let (mut writer, mut reader) = (site.replica(), site.replica());
        site.wait(HOUR).await;
        let id = site.write(&mut writer, "first").await;
        let key = writer.reader().unwrap().key_of(id).unwrap();
        reader.pull().await.unwrap();
        site.wait(MINUTE).await;
        site.roll_up().await;
        site.wait(30 * HOUR).await;
        let pruned = prune(&site.store(), &site.space, None).await.unwrap();
        assert_eq!(pruned.updates, 1);

        let again = object(site.author(), 1, "stalled for a day");
        let path = site.land(i64::try_from(key.get()).unwrap(), &again);
        for n in 0..26 {
            if busy {
                site.write(&mut writer, &format!("n{n}")).await;
            }
            site.wait(HOUR).await;
            site.roll_up().await;
            prune(&site.store(), &site.space, None).await.unwrap();
        }
        let folded = site.agreed(&mut [&mut writer, &mut reader]).await;
        let texts = notes(&folded);
        let found = texts.iter().filter(|t| *t == "stalled for a day").count();
        assert_eq!(found, 1, "busy: {busy}\n{}", site.tree());
        assert_eq!(texts.iter().filter(|t| *t == "first").count(), 1);
        site.verified().await;
        // And it may be pruned in its turn.
        site.wait(30 * HOUR).await;
        prune(&site.store(), &site.space, None).await.unwrap();
        assert!(!site.paths("/updates/").contains(&path));
        site.agreed(&mut [&mut writer, &mut reader]).await;
    }
}

/// The same update once more, from a request that was stalled on its way: it is covered, counts once, and goes again.
#[tokio::test(start_paused = true)]
async fn row_05_a_pruned_update_that_lands_again_counts_once() {
    let site = Site::new().await;
    let mut writer = site.replica();
    let id = site.write(&mut writer, "once").await;
    let key = writer.reader().unwrap().key_of(id).unwrap();
    site.wait(MINUTE).await;
    site.roll_up().await;
    site.wait(30 * HOUR).await;
    prune(&site.store(), &site.space, None).await.unwrap();
    let mut fresh = site.replica();
    for at in [key.get(), key.get() + 7] {
        site.land(
            i64::try_from(at).unwrap(),
            &object(id.author, id.seq.get(), "once"),
        );
    }
    assert_eq!(
        site.roll_up_full().await.updates,
        0,
        "there is nothing to fold"
    );
    let folded = site.agreed(&mut [&mut writer, &mut fresh]).await;
    assert_eq!(notes(&folded), ["once"]);
    site.verified().await;
    site.wait(30 * HOUR).await;
    let pruned = prune(&site.store(), &site.space, None).await.unwrap();
    assert_eq!((pruned.updates, site.paths("/updates/").len()), (2, 0));
}
