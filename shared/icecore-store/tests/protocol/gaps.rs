//! When what is missing may not be passed, however often a roll-up has listed everything.

use super::bench::Bench;
use icecore_core::{Key, ObjectKey, Seq, Update, UpdateObject};
use icecore_store::Clock;
use icecore_store::rollup::{RollupOptions, roll_up_warm};
use serde_json::value::RawValue;

/// The first author's update of this seq, which sets `n` to it.
fn object(bench: &Bench, seq: u64) -> Vec<u8> {
    let data = RawValue::from_string(format!(r#"{{"n":{seq}}}"#)).unwrap();
    let update = Update::new(bench.clock.now(), "merge", &data, None).unwrap();
    UpdateObject::new(Bench::author(1), Seq::new(seq).unwrap(), vec![update]).to_json()
}

async fn put(bench: &Bench, key: u64, body: Vec<u8>) {
    let info = bench.info().await;
    let path = ObjectKey::Update(info.space.clone(), info.epoch, Key::new(key).unwrap());
    bench.store.bucket.put(&path, body.into()).await.unwrap();
}

/// What a newer program wrote may be the very update that is missing: until somebody can read it, nothing that its author wrote
/// later is rolled up.
#[tokio::test(start_paused = true)]
async fn a_gap_that_a_newer_program_may_have_filled_is_not_passed() {
    let mut bench = Bench::new("document").await;
    bench.write(2, "merge", r#"{"other":true}"#).await;
    bench.roll_up().await;
    let now = u64::try_from(bench.clock.now()).unwrap();
    put(&bench, now + 1, br#"{"v":2,"unknown":"form"}"#.to_vec()).await;
    put(&bench, now + 2, object(&bench, 2)).await;
    // By a process that remembers what it saw.
    let everything = RollupOptions {
        full: true,
        now: true,
        time_max: None,
    };
    let mut warm = None;
    for _ in 0..4 {
        let report = roll_up_warm(&bench.store, &bench.space, &everything, &mut warm);
        assert_eq!(report.await.unwrap().updates, 0);
    }
    // The program is updated; in the test it is the object that becomes older.
    put(&bench, now + 1, object(&bench, 1)).await;
    assert_eq!(bench.roll_up().await.updates, 2);
    assert_eq!(bench.state().await, r#"{"n":2,"other":true}"#);
    assert_eq!(bench.verify().await.problems, []);
}
