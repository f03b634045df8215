//! Signatures by a clock that is off.

use crate::site::{MINUTE, YEAR};
use icecore_core::{ModelRef, Order, SpaceName};
use icecore_replica::Replica;
use icecore_sim::clock::SimClock;
use icecore_sim::random::Random;
use icecore_sim::s3_server;
use icecore_store::rollup::{RollupOptions, roll_up};
use icecore_store::{Reader, Store, backend};
use object_store::memory::InMemory;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

/// Half an hour off, and every request was refused for weeks, with nothing but "403" to go by (remotely-save#1096;
/// siyuan#7910): S3 takes no signature that is more than 15 minutes off. Here the refusal itself tells the server's time,
/// what is refused for that is signed by it and sent once more, and so is all that follows.
#[tokio::test]
async fn row_26_a_clock_half_an_hour_off_is_no_reason_to_be_refused() {
    let server = s3_server::start(Arc::new(InMemory::new())).await.unwrap();
    let space: SpaceName = "notes".parse().unwrap();
    let system = SimClock::start();
    #[expect(clippy::disallowed_methods, reason = "a real client signs by it")]
    let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    let ahead = i64::try_from(since_1970.as_millis()).unwrap() - system.true_now();
    let on = |off: i64| {
        let clock = Arc::new(system.skewed(ahead + off));
        let environment = server.environment().into_iter();
        let opened = backend::open(&server.url("root"), environment, Arc::clone(&clock) as _);
        Store::new(&opened.unwrap(), clock, Arc::new(Random::new(26)))
    };
    let right = on(0);
    right.create().await.unwrap();
    let log = ModelRef::named("log");
    let created = right.create_space(&space, log, Order::Timestamp).await;
    created.unwrap();

    for (n, off) in [31 * MINUTE, -31 * MINUTE, YEAR, -3 * YEAR]
        .into_iter()
        .enumerate()
    {
        // What a new device says before it has ever reached the store waits, and goes out with the first sync.
        let replica = Replica::in_memory(on(off)).unwrap();
        let mut wrong = replica.space(&space).unwrap();
        wrong.enqueue(&[crate::site::note("made offline")]).unwrap();
        let sent = wrong.sync().await.unwrap().acknowledged;
        assert_eq!(sent.len(), 1, "{off}");
        let key = i64::try_from(sent[0].key.get()).unwrap();
        assert!(
            (key - system.true_now() - ahead).abs() < 10_000,
            "{off}: {key}"
        );
        let offset = wrong.status().unwrap().clock_offset_ms;
        assert!((offset + off).abs() < 3_000, "{off}: {offset}");
        // And it may do everything else.
        let everything = RollupOptions {
            now: true,
            ..RollupOptions::default()
        };
        let rolled = roll_up(replica.store(), &space, &everything).await.unwrap();
        assert_eq!(rolled.segments, 1, "{off}");
        let reader = Reader::open(&right, &space).await.unwrap();
        assert_eq!(reader.base.covered.len(), n as u64 + 1);
    }
}
