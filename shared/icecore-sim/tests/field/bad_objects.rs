//! One bad object or one refused request, and everybody else.

use crate::site::{HOUR, MINUTE, Site, note, notes, shown};
use icecore_core::update::OBJECT_BYTES_MAX;
use icecore_core::{ErrorKind, ModelRef, ObjectKey, Order, Update, UpdateObject};
use icecore_replica::{NewUpdate, Replica};
use icecore_sim::clock::SimClock;
use icecore_sim::random::Random;
use icecore_sim::s3_server;
use icecore_store::prune::prune;
use icecore_store::{Store, backend};
use object_store::memory::InMemory;
use serde_json::value::RawValue;
use std::sync::Arc;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

/// Bodies that nobody can read, and why.
fn bad_bodies() -> Vec<(&'static str, Vec<u8>)> {
    let author = "018bcfe5-6800-7fff-bfff-ffffffffffff";
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    vec![
        ("empty", Vec::new()),
        ("no text", vec![0xff, 0xfe, 0x00]),
        (
            "cut short",
            br#"{"v":1,"author":"018bcfe5-6800-7fff-bf"#.to_vec(),
        ),
        ("another shape", b"[1,2,3]".to_vec()),
        ("nested", deep.into_bytes()),
        (
            "no updates",
            format!(r#"{{"v":1,"author":"{author}","seq":1,"updates":[]}}"#).into_bytes(),
        ),
        (
            "no author",
            br#"{"v":1,"author":"me","seq":1,"updates":[{}]}"#.to_vec(),
        ),
        (
            "seq 0",
            format!(r#"{{"v":1,"author":"{author}","seq":0,"updates":[{{}}]}}"#).into_bytes(),
        ),
        ("2 MiB", vec![b' '; 2 * OBJECT_BYTES_MAX]),
    ]
}

/// One object that could not be decoded, or one that somebody else put there, stopped the sync of everything for
/// everybody, until somebody found and removed it by hand (LiveSync#698, #1096; powersync-native#15;
/// powersync.dart#307). Here it is passed over and reported, and the roll-up moves it to quarantine, where it can be
/// looked at and hinders nobody.
#[tokio::test(start_paused = true)]
async fn row_09_one_bad_object_never_stops_the_others() {
    for (what, body) in bad_bodies() {
        let site = Site::new().await;
        let (mut writer, mut reader) = (site.replica(), site.replica());
        site.write(&mut writer, "before").await;
        site.wait(1_000).await;
        let key = icecore_core::plan::key::clamp(site.now());
        let path = ObjectKey::Update(site.space.clone(), site.first_epoch(), key).to_string();
        site.put(&path, &body);
        site.wait(1_000).await;
        site.write(&mut writer, "after").await;

        reader.pull().await.unwrap();
        assert_eq!(shown(&mut reader), ["before", "after"], "{what}");
        let told = reader.status().unwrap().unreadable;
        assert!(told.len() == 1 && told[0].contains(&path), "{told:?}");

        site.wait(MINUTE).await;
        let report = site.roll_up().await;
        assert_eq!(report.updates, 2, "{what}: {report:?}");
        assert_eq!(report.quarantined.len(), 1, "{what}: {report:?}");
        let aside = site.paths("/quarantine/");
        assert_eq!(site.bytes(aside.first().unwrap()), body, "kept as it was");

        site.write(&mut writer, "later").await;
        let folded = site.agreed(&mut [&mut reader, &mut writer]).await;
        assert_eq!(notes(&folded), ["before", "after", "later"], "{what}");
        let verified = site.verified().await;
        assert_eq!(verified.quarantined.len(), 1, "reported, and no failure");

        // It goes once nobody can be writing under its key any more; the copy stays.
        site.wait(25 * HOUR).await;
        prune(&site.store(), &site.space, None).await.unwrap();
        assert!(!site.paths("/updates/").contains(&path), "{what}");
        assert_eq!(site.bytes(aside.first().unwrap()), body, "kept as it was");
        assert_eq!(site.verified().await.quarantined.len(), 1);
    }
}

/// The same for files that are no objects at all, in any folder, and for a hint and a snapshot that are broken.
#[tokio::test(start_paused = true)]
async fn row_09_foreign_files_and_broken_helpers_stop_nobody() {
    let site = Site::new().await;
    let mut writer = site.replica();
    site.write(&mut writer, "before").await;
    site.wait(MINUTE).await;
    site.roll_up().await;
    let epoch = ObjectKey::epoch(&site.space, site.first_epoch());
    for name in [
        "updates/.DS_Store",
        "updates/1795132800000.json",
        "updates/179513280000",
        "segments/readme.txt",
        "snapshots/0000000001.bak",
        "photo.jpg",
    ] {
        site.put(&format!("{epoch}/{name}"), b"not ours");
    }
    site.put(&ObjectKey::Head(site.space.clone()).to_string(), b"{{{{");
    let snapshot = site
        .paths("/snapshots/")
        .into_iter()
        .find(|path| !path.contains(".bak"))
        .unwrap();
    site.put(&snapshot, b"not a snapshot");
    let mut fresh = site.replica();
    site.write(&mut fresh, "after").await;
    site.wait(MINUTE).await;
    site.roll_up().await;
    let folded = site.agreed(&mut [&mut writer, &mut fresh]).await;
    assert_eq!(notes(&folded), ["before", "after"]);
    // The operator is told of each.
    let report = icecore_store::verify::verify(&site.store(), &site.space, &mut |_, _| {})
        .await
        .unwrap();
    assert_eq!(report.problems.len(), 7, "{report:#?}");
}

/// An update that the model cannot apply (an unknown kind, a wrong type, too large a number) is well-formed and stays in
/// the history: it is listed, and what comes after it is applied.
#[tokio::test(start_paused = true)]
async fn row_09_an_update_that_the_model_refuses_is_listed_and_the_rest_applied() {
    let site = Site::with(ModelRef::named("document"), Order::Timestamp).await;
    let mut writer = site.replica();
    let made = [
        ("merge", r#"{"a":1}"#),
        ("frobnicate", r#"{"a":2}"#),
        ("increment", r#"{"/a":"one"}"#),
        ("increment", r#"{"/a/b":1}"#),
        ("increment", r#"{"/a":18446744073709551615}"#),
        ("merge", r#"{"b":2}"#),
    ];
    let updates = made.map(|(kind, data)| NewUpdate {
        update: Update::new(
            site.now(),
            kind,
            &RawValue::from_string(data.into()).unwrap(),
            None,
        )
        .unwrap(),
    });
    writer.enqueue(&updates).unwrap();
    writer.sync().await.unwrap();
    for _ in 0..2 {
        let folded = site.agreed(&mut [&mut writer]).await;
        assert_eq!(folded.state_json().unwrap(), br#"{"a":1,"b":2}"#);
        assert_eq!(writer.waiting().unwrap().rejected.list.len(), 4);
        site.wait(MINUTE).await;
        site.roll_up().await;
    }
    site.verified().await;
}

/// What can never be stored is refused before it is queued: at the head of a queue it would hold up all that follow
/// (hercycle#313).
#[tokio::test(start_paused = true)]
async fn row_09_what_no_bucket_takes_never_enters_the_queue() {
    let site = Site::new().await;
    let mut writer = site.replica();
    let large = RawValue::from_string(format!("\"{}\"", "x".repeat(2 * OBJECT_BYTES_MAX))).unwrap();
    let refused = Update::new(site.now(), "note", &large, None).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Invalid);
    assert!(refused.hint().unwrap().contains("split it"), "{refused}");
    // The largest that is allowed goes through, and so does a queue of them.
    let fits = "x".repeat(icecore_core::update::UPDATE_BYTES_MAX - 80);
    writer
        .enqueue(&[note(&fits), note(&fits), note("small")])
        .unwrap();
    assert_eq!(writer.sync().await.unwrap().acknowledged.len(), 3);
    for path in site.paths("/updates/") {
        assert!(UpdateObject::from_json(&site.bytes(&path)).is_ok());
    }
    assert_eq!(site.notes().await.len(), 3);
}

/// Somebody who answers 401 to everything, as a proxy whose login has expired.
async fn unauthorized() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut request = vec![0; 64 * 1024];
            let read = stream.read(&mut request).await.unwrap();
            assert!(read > 0);
            let answer =
                "HTTP/1.1 401 Unauthorized\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
            stream.write_all(answer.as_bytes()).await.unwrap();
        }
    });
    address
}

/// A token had expired; the client took the 401 for a final answer to the upload and dropped what it had queued
/// (powersync.dart#307, hercycle#313). Here a refusal is never the queue's fault: everything stays queued, in order,
/// over restarts, is said to be denied, and goes out when the credentials are right.
#[tokio::test]
async fn row_09_a_refused_login_never_drops_the_queue() {
    let server = s3_server::start(Arc::new(InMemory::new())).await.unwrap();
    let clock = SimClock::start();
    let time = || Arc::new(clock.clone());
    let store_with = |changes: &[(&str, &str)]| {
        let mut environment = server.environment();
        for (name, value) in &mut environment {
            if let Some((_, other)) = changes.iter().find(|(changed, _)| name == changed) {
                (*other).clone_into(value);
            }
        }
        let backend = backend::open(&server.url("root"), environment.into_iter(), time()).unwrap();
        Store::new(&backend, time(), Arc::new(Random::new(9)))
    };
    let right = store_with(&[]);
    right.create().await.unwrap();
    let space = "notes".parse().unwrap();
    let model = ModelRef::named("log");
    right
        .create_space(&space, model, Order::Timestamp)
        .await
        .unwrap();

    let replica = Replica::in_memory(right.clone()).unwrap();
    let mut session = replica.space(&space).unwrap();
    session.enqueue(&[note("n0")]).unwrap();
    session.sync().await.unwrap();
    let proxy = unauthorized().await;
    let refusals: [&[(&str, &str)]; 3] = [
        &[("AWS_SECRET_ACCESS_KEY", "expired")],
        &[("AWS_ACCESS_KEY_ID", "unknown")],
        &[("AWS_ENDPOINT_URL", &proxy)],
    ];
    for (n, changes) in refusals.iter().enumerate() {
        let mut refused = replica.reopened(store_with(changes)).space(&space).unwrap();
        refused.enqueue(&[note(&format!("n{}", n + 1))]).unwrap();
        for _ in 0..2 {
            let error = refused.sync().await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Denied, "{changes:?}: {error}");
        }
        assert_eq!(refused.pending(9).unwrap().len(), n + 1);
        let status = refused.status().unwrap();
        assert!(status.problem.is_some(), "{status:?}");
        assert_eq!(status.queued, n as u64 + 1);
    }
    // A session that was refused in the middle of its life goes on as well.
    let acknowledged = session.sync().await.unwrap().acknowledged;
    assert_eq!(acknowledged.len(), 3);
    assert_eq!(notes(&session.state().unwrap()), ["n0", "n1", "n2", "n3"]);
    assert_eq!(session.status().unwrap().problem, None);
}
