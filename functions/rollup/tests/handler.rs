//! Events in, answers out: the handler on a bucket in memory.

#![allow(clippy::unwrap_used, reason = "a test stops at what it did not expect")]

#[path = "support/site.rs"]
mod site;

#[path = "../examples/own_model.rs"]
#[allow(dead_code, reason = "its `main` is not called here")]
mod own_model;

use icecore_core::{ObjectKey, Registry};
use icecore_rollup::queue::{MemoryQueue, Queue};
use icecore_rollup::{Failed, Function};
use icecore_sim::bucket::{Faults, SimBucket};
use icecore_sim::clock::SimClock;
use icecore_sim::random::Random;
use icecore_store::backend::ServerTime;
use icecore_store::rounds::{Limits, Rounds};
use icecore_store::{Clock, Store};
use lambda_runtime::{Context, Diagnostic, LambdaEvent};
use object_store::path::Path;
use serde_json::{Value, json};
use site::{Site, name};
use std::sync::{Arc, Mutex};
use std::time::Duration;

const MINUTE: Duration = Duration::from_mins(1);

struct Stage {
    site: Site,
    bucket: SimBucket,
    clock: SimClock,
    queue: Arc<MemoryQueue>,
    function: Function,
    lines: Arc<Mutex<Vec<String>>>,
}

impl Stage {
    async fn new(spaces: usize) -> Self {
        Self::with(spaces, "document", Registry::built_in(), true).await
    }

    async fn with(spaces: usize, model: &str, registry: Registry, has_queue: bool) -> Self {
        let (random, clock) = (Random::new(7), SimClock::start());
        let bucket = SimBucket::new(random.clone(), clock.clone());
        let store = Store::on(
            Arc::new(bucket.clone()),
            Path::from("root"),
            Arc::new(clock.clone()),
            Arc::new(random),
            Arc::new(ServerTime::new()),
        );
        let store = store.with_registry(registry);
        let queue = Arc::new(MemoryQueue::default());
        let lines: Arc<Mutex<Vec<String>>> = Arc::default();
        let log = Arc::clone(&lines);
        let function = Function::new(
            Rounds::new(store.clone(), Limits::default()),
            has_queue.then(|| Arc::clone(&queue) as Arc<dyn Queue>),
            "rollup-of-test",
            Arc::new(move |line| log.lock().unwrap().push(line.to_owned())),
        );
        Self {
            site: Site::new(store, spaces, model).await,
            bucket,
            clock,
            queue,
            function,
            lines,
        }
    }

    async fn send(&self, event: Value, time: Duration) -> Result<Value, Diagnostic> {
        let deadline = self.clock.now() + i64::try_from(time.as_millis()).unwrap();
        self.send_with(event, u64::try_from(deadline).unwrap())
            .await
    }

    async fn send_with(&self, event: Value, deadline: u64) -> Result<Value, Diagnostic> {
        let mut context = Context::default();
        "request-1".clone_into(&mut context.request_id);
        context.deadline = deadline;
        let answer = self.function.handle(LambdaEvent::new(event, context)).await;
        match answer {
            Ok(answer) => Ok(serde_json::to_value(answer).unwrap()),
            Err(failed) => Err(diagnostic(failed)),
        }
    }

    async fn send_file(&self, file: &str) -> Result<Value, Diagnostic> {
        self.send(event(file), 5 * MINUTE).await
    }

    /// The newest line that was logged.
    fn line(&self) -> Value {
        let lines = self.lines.lock().unwrap();
        serde_json::from_str(lines.last().unwrap()).unwrap()
    }

    fn damage(&self, space: usize) {
        let path = self.site.store.bucket.path(&ObjectKey::Space(name(space)));
        self.bucket.with_disk(|disk| {
            let stored = disk.objects.get_mut(path.as_ref()).unwrap();
            stored.bytes = "{".into();
        });
    }
}

fn diagnostic(failed: Failed) -> Diagnostic {
    failed.into()
}

fn event(file: &str) -> Value {
    let path = format!("{}/testdata/{file}.json", env!("CARGO_MANIFEST_DIR"));
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

fn failed_messages(answer: &Value) -> Vec<&str> {
    let failures = answer["batchItemFailures"].as_array().unwrap().iter();
    failures
        .map(|f| {
            f["itemIdentifier"]
                .as_str()
                .unwrap()
                .trim_start_matches(['0', '-'])
        })
        .collect()
}

#[tokio::test(start_paused = true)]
async fn a_schedule_rolls_up_what_changed() {
    let mut stage = Stage::new(4).await;
    stage.site.write_everywhere(3).await;
    stage.site.wait(MINUTE).await;
    let answer = stage.send_file("scheduler").await.unwrap();
    assert_eq!(
        (&answer["rolled_up"], &answer["updates"]),
        (&json!(3), &json!(3))
    );
    assert_eq!(
        (&answer["left"], &answer["failures"]),
        (&json!([]), &json!([]))
    );
    let line = stage.line();
    assert_eq!(line["_aws"]["CloudWatchMetrics"][0]["Namespace"], "icecore");
    let metrics = line["_aws"]["CloudWatchMetrics"][0]["Metrics"]
        .as_array()
        .unwrap();
    for metric in metrics {
        assert!(
            line[metric["Name"].as_str().unwrap()].is_u64(),
            "{metric} in {line}"
        );
    }
    assert_eq!(
        (&line["SpacesRolledUp"], &line["Lag"]),
        (&json!(3), &json!(0))
    );
    assert_eq!(
        (&line["FunctionName"], &line["request_id"]),
        (&json!("rollup-of-test"), &json!("request-1"))
    );
    stage.site.wait(MINUTE).await;
    for event in [json!({}), json!({ "work": "scheduled" })] {
        assert_eq!(stage.send(event, MINUTE).await.unwrap()["rolled_up"], 0);
    }
    assert_eq!(stage.queue.take(), [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn messages_name_spaces() {
    let mut stage = Stage::new(4).await;
    stage.site.write_everywhere(4).await;
    stage.site.wait(MINUTE).await;
    let answer = stage.send_file("sqs_one").await.unwrap();
    assert_eq!(answer, json!({ "batchItemFailures": [] }));
    let rolled_up = [stage.site.rolled_up(0).await, stage.site.rolled_up(1).await];
    assert_eq!(rolled_up, [0, 1]);
    stage.damage(2);
    let answer = stage.send_file("sqs_many").await.unwrap();
    assert_eq!(failed_messages(&answer), ["2"]);
    assert_eq!(stage.line()["report"]["spaces"], 4, "each once");
    assert_eq!(stage.line()["Failures"], 1);
    let rolled_up = [stage.site.rolled_up(0).await, stage.site.rolled_up(3).await];
    assert_eq!(rolled_up, [1, 1]);
}

#[tokio::test(start_paused = true)]
async fn a_message_that_cannot_be_read_fails_alone_and_is_not_logged() {
    let mut stage = Stage::new(4).await;
    stage.site.write_everywhere(4).await;
    stage.site.wait(MINUTE).await;
    let answer = stage.send_file("sqs_malformed").await.unwrap();
    assert_eq!(failed_messages(&answer), ["1", "3"]);
    assert_eq!(stage.site.rolled_up(2).await, 1);
    let line = stage.line();
    assert_eq!(
        (&line["malformed"], &line["Failures"]),
        (&json!(2), &json!(2))
    );
    assert!(!line.to_string().contains("hunter2"));
}

#[tokio::test(start_paused = true)]
async fn a_deadline_may_be_missing_or_say_how_long_there_is() {
    // cargo-lambda's emulator names ten minutes and not the moment ten minutes from now. Taken for a moment, that was long
    // past: under the emulator no round began anything.
    let mut stage = Stage::new(1).await;
    for deadline in [0, 600_000] {
        stage.site.write_everywhere(1).await;
        stage.site.wait(MINUTE).await;
        let answer = stage.send_with(json!({}), deadline).await.unwrap();
        assert_eq!(answer["updates"], 1, "{answer}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_the_time_does_not_allow_goes_to_the_queue() {
    let mut stage = Stage::new(60).await;
    stage.site.write_everywhere(60).await;
    stage.site.wait(MINUTE).await;
    let near = Duration::from_secs(5);
    let answer = stage.send(event("scheduler"), near).await.unwrap();
    assert_eq!(
        (&answer["spaces"], answer["left"].as_array().unwrap().len()),
        (&json!(0), 60)
    );
    let sent = stage.queue.take();
    assert_eq!(sent.len(), 3, "25 spaces per message");
    let line = stage.line();
    assert_eq!(
        (&line["Left"], &line["handed_over"]),
        (&json!(60), &json!(true))
    );
    assert_eq!(
        line["report"]["left"].as_array().unwrap().len(),
        20,
        "a line is bounded"
    );
    // What came back from the queue, and again had no time, is sent once more instead of failing.
    let records = sent.iter().enumerate().map(
        |(n, body)| json!({ "messageId": n.to_string(), "body": body, "eventSource": "aws:sqs" }),
    );
    let back = json!({ "Records": records.collect::<Vec<_>>() });
    let answer = stage.send(back.clone(), near).await.unwrap();
    assert_eq!(answer, json!({ "batchItemFailures": [] }));
    assert_eq!(stage.queue.take().len(), 3);
    let answer = stage.send(back, MINUTE).await.unwrap();
    assert_eq!(answer, json!({ "batchItemFailures": [] }));
    assert_eq!(
        (&stage.line()["SpacesRolledUp"], &stage.line()["Left"]),
        (&json!(60), &json!(0))
    );
}

#[tokio::test(start_paused = true)]
async fn a_space_that_is_never_finished_ends_in_the_dead_letter_queue() {
    let mut stage = Stage::new(1).await;
    stage.site.write_everywhere(1).await;
    stage.site.wait(MINUTE).await;
    let near = Duration::from_secs(5);
    stage.send(event("scheduler"), near).await.unwrap();
    let mut hops = 0;
    loop {
        let sent = stage.queue.take();
        assert_eq!(sent.len(), 1);
        let back = json!({ "Records": [{
            "messageId": "1", "body": sent[0], "eventSource": "aws:sqs",
        }] });
        hops += 1;
        match stage.send(back, near).await {
            Ok(answer) => assert_eq!(answer, json!({ "batchItemFailures": [] })),
            Err(error) => {
                assert_eq!(error.error_type, "Icecore.Unavailable");
                break;
            }
        }
        assert!(hops < 100, "it circulates for ever");
    }
    let line = stage.line();
    assert_eq!((hops, &line["Failures"]), (30, &json!(1)));
    assert!(line.to_string().contains("more memory"), "{line}");
    // A schedule finds it again, with all its chances.
    stage.site.wait(5 * MINUTE).await;
    assert_eq!(stage.send(json!({}), MINUTE).await.unwrap()["rolled_up"], 1);
}

#[tokio::test(start_paused = true)]
async fn without_a_queue_messages_come_again_and_a_schedule_goes_on() {
    let mut stage = Stage::with(3, "document", Registry::built_in(), false).await;
    stage.site.write_everywhere(3).await;
    stage.site.wait(MINUTE).await;
    let near = Duration::from_secs(5);
    let answer = stage.send(event("sqs_one"), near).await.unwrap();
    assert_eq!(failed_messages(&answer), ["1"]);
    let answer = stage.send(json!({}), near).await.unwrap();
    assert_eq!(answer["left"].as_array().unwrap().len(), 3);
    let answer = stage.send(json!({}), MINUTE).await.unwrap();
    assert_eq!(answer["rolled_up"], 3);
}

#[tokio::test(start_paused = true)]
async fn an_invocation_of_which_everything_failed_is_an_error_with_a_type() {
    let mut stage = Stage::new(2).await;
    stage.site.write_everywhere(2).await;
    stage.site.wait(MINUTE).await;
    let named = json!({ "spaces": ["space-0"] });
    stage.damage(0);
    let error = stage.send(named.clone(), MINUTE).await.unwrap_err();
    assert_eq!(error.error_type, "Icecore.Corrupt");
    assert!(
        error.error_message.contains("spaces/space-0/space.json"),
        "{error:?}"
    );
    // One of two is no reason.
    let answer = stage.send(json!({}), MINUTE).await.unwrap();
    assert_eq!(
        (
            &answer["rolled_up"],
            answer["failures"].as_array().unwrap().len()
        ),
        (&json!(1), 1)
    );
    assert_eq!(answer["failures"][0]["code"], "corrupt");
    stage.bucket.set_faults(Faults {
        refused: 1.0,
        ..Faults::none()
    });
    let error = stage.send(json!({}), MINUTE).await.unwrap_err();
    assert_eq!(error.error_type, "Icecore.Unavailable");
    let error = stage
        .send(json!({ "work": "sing" }), MINUTE)
        .await
        .unwrap_err();
    assert_eq!(error.error_type, "Icecore.Invalid");
}

#[tokio::test(start_paused = true)]
async fn a_model_of_ones_own_is_folded() {
    let mut stage = Stage::with(1, "steps", own_model::registry(), true).await;
    for steps in [4_000, 9_000, 7_000] {
        let data = json!({ "day": "2026-11-20", "steps": steps });
        stage.site.write(0, "walked", &data.to_string()).await;
    }
    stage.site.wait(MINUTE).await;
    assert_eq!(stage.send_file("scheduler").await.unwrap()["updates"], 3);
    assert_eq!(stage.site.state(0).await, r#"{"2026-11-20":9000}"#);
}
