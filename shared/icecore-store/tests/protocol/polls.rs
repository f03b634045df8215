//! Polls that fail half-way, by a reader that goes on.

use super::bench::Bench;
use icecore_sim::bucket::Faults;
use icecore_store::reader::Waited;
use icecore_store::{Clock, Reader};
use std::time::Duration;

/// What a poll did not get to does not count as seen: neither the head, nor how far was listed.
#[tokio::test(start_paused = true)]
async fn a_poll_that_fails_half_way_hides_nothing_from_the_next_one() {
    let mut bench = Bench::new("document").await;
    bench.write(1, "increment", r#"{"/n":1}"#).await;
    let mut reader = Reader::open(&bench.store, &bench.space).await.unwrap();
    let mut failed = 0;
    for round in 0..120 {
        let (id, _) = bench.write(1, "increment", r#"{"/n":1}"#).await;
        write_head(&bench, &reader).await;
        if round % 2 == 0 {
            // Longer ago than a listing looks back, and so long that the next one is due.
            bench.clock.sleep(Duration::from_mins(2)).await;
        }
        bench.bucket.set_faults(Faults {
            refused: 0.3,
            ..Faults::none()
        });
        failed += u32::from(reader.poll(Waited::AsDue).await.is_err());
        bench.bucket.set_faults(Faults::none());
        reader.poll(Waited::AsDue).await.unwrap();
        assert!(reader.has(id), "after {failed} polls that failed");
    }
    assert!(failed > 20, "{failed}");
}

/// The hint that the update is there.
async fn write_head(bench: &Bench, reader: &Reader) {
    let head = reader.head(reader.largest_key().saturating_add(1));
    let head = icecore_core::Head {
        key: icecore_core::Key::new(u64::try_from(bench.clock.now()).unwrap()).unwrap(),
        ..head
    };
    icecore_store::publish::write_head(&bench.store, &reader.info, &head)
        .await
        .unwrap();
}
