//! Calls that are recorded by one instance and replayed into another.

use crate::{Site, add, rename};
use icecore::{ErrorKind, Inputs, Order, Replica};
use icecore_example_notes::calls::{CALL_BYTES_MAX, Content};
use icecore_example_notes::inputs::notes;
use icecore_example_notes::notebook::{Notebook, Write};
use icecore_example_notes::{
    Call, NotesModel, RecordedCall, Recorder, Replayed, State, Update, replay,
};

/// Makes calls on an instance, and records them.
async fn record(replica: &Replica<NotesModel>, calls: Vec<Call>) -> Vec<u8> {
    let mut recording = Vec::new();
    let mut recorder = Recorder::new(&mut recording);
    for call in calls {
        let at = replica.now();
        let id = replica.update_at(at, call.clone().into()).await.unwrap();
        let (id, at) = (Some(id), Some(at));
        recorder.record(&RecordedCall { id, at, call }).unwrap();
    }
    recording
}

fn read(recording: &[u8]) -> Vec<RecordedCall> {
    let lines = recording.split(|byte| *byte == b'\n');
    let lines = lines.filter(|line| !line.is_empty());
    lines
        .map(|line| RecordedCall::parse(line).unwrap())
        .collect()
}

async fn play(replica: &Replica<NotesModel>, recording: &[u8]) -> Vec<Replayed> {
    let mut played = Vec::new();
    for call in read(recording) {
        played.push(replay(replica, call).await.unwrap());
    }
    played
}

fn count(played: &[Replayed]) -> (usize, usize, usize) {
    let count = |of: fn(&Replayed) -> bool| played.iter().filter(|p| of(p)).count();
    (
        count(|p| matches!(p, Replayed::Made(_))),
        count(|p| matches!(p, Replayed::Known)),
        count(|p| matches!(p, Replayed::Refused(_))),
    )
}

fn title(replica: &Replica<NotesModel>, id: &str) -> String {
    replica.state().notebook.notes[id].title.clone()
}

/// Two instances that share nothing but a recording.
#[tokio::test]
async fn a_recording_is_replayed_into_another_instance_and_counts_once() {
    let (here, there) = (Site::new(), Site::new());
    let (phone, laptop) = (here.device("phone").await, there.device("laptop").await);
    let calls = vec![
        add("n1", "Pack"),
        rename("n1", "Pack the tent"),
        rename("n1", "Pack everything"),
        Call::Remove("gone".into()),
    ];
    let mut possible = calls.clone();
    possible.pop();
    let recording = record(&phone, possible).await;

    assert_eq!(count(&play(&laptop, &recording).await), (3, 0, 0));
    assert_eq!(laptop.state().notebook, phone.state().notebook);
    assert_eq!(read(&recording)[0].at, {
        laptop.sync().await.unwrap();
        let first = laptop.history().await.unwrap().remove(0);
        RecordedCall::of(first).unwrap().at
    });

    // The other one goes on; the recording, once more, undoes nothing.
    laptop.update(rename("n1", "Sleep").into()).await.unwrap();
    assert_eq!(count(&play(&laptop, &recording).await), (0, 3, 0));
    assert_eq!(
        (laptop.state().notebook.notes.len(), title(&laptop, "n1")),
        (1, "Sleep".into())
    );
    assert_eq!(laptop.pending().await.unwrap(), 1, "only its own");

    // Nor does it after a restart, by another device, or with a snapshot in between.
    laptop.sync().await.unwrap();
    laptop.roll_up().await.unwrap();
    drop(laptop);
    for device in ["laptop", "tablet"] {
        let again = there.device(device).await;
        assert_eq!(count(&play(&again, &recording).await), (0, 3, 0));
        assert_eq!(title(&again, "n1"), "Sleep");
    }

    // And back: what came from the phone is known there.
    let tablet = there.device("tablet").await;
    let mut back = Vec::new();
    for recorded in tablet.history().await.unwrap() {
        let line = RecordedCall::of(recorded).unwrap().to_line().unwrap();
        back.extend_from_slice((line + "\n").as_bytes());
    }
    assert_eq!(count(&play(&phone, &back).await), (1, 3, 0));
    assert_eq!(phone.state().notebook, tablet.state().notebook);
    assert!(tablet.verify().await.unwrap().problems.is_empty());
}

/// The same call comes by the store, and by two replays that know nothing of each other: it counts once, on all devices.
#[tokio::test]
async fn a_call_that_comes_by_the_store_and_by_replays_counts_once() {
    let site = Site::new();
    let phone = site.device("phone").await;
    let (laptop, tablet) = (site.device("laptop").await, site.device("tablet").await);
    let recording = record(&phone, vec![add("n1", "Pack"), rename("n1", "Go")]).await;
    for device in [&laptop, &tablet] {
        assert_eq!(count(&play(device, &recording).await), (2, 0, 0));
    }
    laptop.update(rename("n1", "Sleep").into()).await.unwrap();
    for device in [&laptop, &phone, &tablet, &laptop, &phone] {
        device.sync().await.unwrap();
    }
    assert_eq!(laptop.history().await.unwrap().len(), 7, "all is kept");
    for device in [&phone, &laptop, &tablet] {
        assert_eq!(device.state(), phone.state());
        assert_eq!(
            (device.state().notebook.notes.len(), title(device, "n1")),
            (1, "Sleep".into())
        );
        assert_eq!(device.state().calls.len(), 3, "three calls were made");
        assert!(device.rejected().await.unwrap().is_empty());
    }
    assert!(phone.verify().await.unwrap().problems.is_empty());
}

/// Without ids, as somebody writes calls by hand, the methods themselves decide: an id of a note is taken once.
#[tokio::test]
async fn without_ids_the_methods_decide() {
    let site = Site::new();
    let phone = site.device("phone").await;
    let mut calls = vec![add("n1", "Pack"), rename("n1", "Go")];
    for expected in [(2, 0, 0), (1, 0, 1)] {
        let mut played = Vec::new();
        for call in calls.clone() {
            let (id, at) = (None, None);
            let call = RecordedCall { id, at, call };
            played.push(replay(&phone, call).await.unwrap());
        }
        assert_eq!(count(&played), expected);
        assert_eq!(
            (phone.state().notebook.notes.len(), title(&phone, "n1")),
            (1, "Go".into())
        );
    }
    calls.truncate(1);
    let refused = RecordedCall {
        id: None,
        at: None,
        call: calls.remove(0),
    };
    assert_eq!(
        replay(&phone, refused).await.unwrap(),
        Replayed::Refused("there is a note n1 already".into())
    );
}

/// A call that is not possible yet is not taken for known: it is replayed again when it is.
#[tokio::test]
async fn what_is_refused_can_be_replayed_later() {
    let (here, there) = (Site::new(), Site::new());
    let (phone, laptop) = (here.device("phone").await, there.device("laptop").await);
    let first = record(&phone, vec![add("n1", "Pack")]).await;
    let second = record(&phone, vec![rename("n1", "Go")]).await;
    assert_eq!(count(&play(&laptop, &second).await), (0, 0, 1));
    assert_eq!(count(&play(&laptop, &first).await), (1, 0, 0));
    assert_eq!(count(&play(&laptop, &second).await), (1, 0, 0));
    assert_eq!(title(&laptop, "n1"), "Go");
}

/// No store is needed for it: a state, and calls.
#[test]
fn calls_are_replayed_into_a_class_alone() {
    let id = |seq: u64| {
        format!("01a1f94a-adf5-7162-b238-06dc7b14e4b5:{seq}")
            .parse()
            .unwrap()
    };
    let (mut by_hand, mut state) = (Notebook::default(), State::default());
    for call in crate::all_calls() {
        call.apply(&mut by_hand).unwrap();
    }
    for _ in 0..2 {
        for (call, seq) in crate::all_calls().into_iter().zip(1..) {
            state.play(id(seq), call).unwrap();
        }
        assert_eq!(state.notebook.0, by_hand);
    }
    assert_eq!(state.calls.len(), 6);
}

#[test]
fn a_line_is_a_call_with_its_id_and_time() {
    let line = r#"{"id":"01a1f94a-adf5-7162-b238-06dc7b14e4b5:7","at":"2026-11-20T12:00:00.000Z","kind":"rename","data":{"$type":"Rename","id":"n1","title":"Go"}}"#;
    let call = RecordedCall::parse(line.as_bytes()).unwrap();
    assert_eq!(
        (call.at, &call.call),
        (Some(1_795_176_000_000), &rename("n1", "Go"))
    );
    assert_eq!(call.to_line().unwrap(), line);
    // As an update it keeps its id.
    let update = serde_json::to_string(&call.clone().into_update()).unwrap();
    let expected = r#"{"kind":"replay","data":{"id":"01a1f94a-adf5-7162-b238-06dc7b14e4b5:7","kind":"rename","data":{"$type":"Rename","id":"n1","title":"Go"}}}"#;
    assert_eq!(update, expected);
    let back: Update = serde_json::from_str(&update).unwrap();
    assert_eq!(back, call.into_update());

    let bare = r#"{"kind":"remove","data":"n1"}"#;
    let call = RecordedCall::parse(bare.as_bytes()).unwrap();
    assert_eq!((call.id, call.at), (None, None));
    assert_eq!(call.to_line().unwrap(), bare);
    assert_eq!(call.into_update(), Update::Call(Call::Remove("n1".into())));
}

#[test]
fn a_line_that_is_no_call_says_what_is_wrong() {
    for (line, message) in [
        ("", "the line is no call"),
        ("[]", "the line is no call"),
        ("\u{fffd}{", "the line is no call"),
        (r#"{"kind":"remove"}"#, "the line is no call"),
        (
            r#"{"kind":"burn","data":1}"#,
            "a notebook has no method `burn`",
        ),
        (r#"{"kind":"remove","data":1}"#, "remove: "),
        (
            r#"{"kind":"remove","data":"n","id":"7"}"#,
            "`7` is not an update id",
        ),
        (
            r#"{"kind":"remove","data":"n","at":"now"}"#,
            "\"now\" is not an RFC 3339 time",
        ),
    ] {
        let error = RecordedCall::parse(line.as_bytes()).unwrap_err();
        assert!(error.to_string().starts_with(message), "{line}: {error}");
        assert_eq!(
            (error.kind(), error.hint().is_some()),
            (ErrorKind::Invalid, true)
        );
    }
    assert!(RecordedCall::parse(b"{\"kind\":\"\xff\"}").is_err());
    for data in [
        r#"{"kind":"remove","data":"n"}"#,
        r#"{"id":"x","kind":"remove","data":"n"}"#,
        r#"{"id":"01a1f94a-adf5-7162-b238-06dc7b14e4b5:7","kind":"replay","data":{}}"#,
        "7",
    ] {
        let data = icecore::RawValue::from_string(data.to_owned()).unwrap();
        assert!(Update::from_parts("replay", &data).is_err(), "{data}");
    }
}

/// Somebody was killed while a line was written: half of it is there. What is recorded next stands on a line of its own.
#[test]
fn half_a_line_spoils_no_other_one() {
    let site = Site::new();
    let file = site.path("calls.ndjson");
    let (id, at) = (None, None);
    let whole = |title| RecordedCall {
        id,
        at,
        call: rename("n1", title),
    };
    Recorder::append_to(&file)
        .unwrap()
        .record(&whole("one"))
        .unwrap();
    let torn = std::fs::read_to_string(&file).unwrap() + "{\"kind\":\"ren";
    std::fs::write(&file, torn).unwrap();
    for title in ["two", "three"] {
        Recorder::append_to(&file)
            .unwrap()
            .record(&whole(title))
            .unwrap();
    }
    let recording = std::fs::read_to_string(&file).unwrap();
    let lines: Vec<_> = recording
        .lines()
        .map(|line| RecordedCall::parse(line.as_bytes()).ok())
        .collect();
    assert_eq!(
        lines,
        [
            Some(whole("one")),
            None,
            Some(whole("two")),
            Some(whole("three"))
        ]
    );
    let error = Recorder::append_to(&site.path("none/calls")).unwrap_err();
    assert_eq!(
        (error.kind(), error.hint().is_some()),
        (ErrorKind::Denied, true)
    );
}

/// A phone is put back from a backup and goes on: what it calls then has ids that other calls had before. Whoever knows those
/// went by the id alone, and took the new calls for known: they were lost in silence. Now they are told apart by what they are.
#[tokio::test]
async fn another_call_under_a_known_id_is_no_known_one() {
    let (here, there) = (Site::new(), Site::new());
    let (phone, laptop) = (here.device("phone").await, there.device("laptop").await);
    let before = record(&phone, vec![add("n1", "Pack"), rename("n1", "Go")]).await;
    let mut after = read(&before);
    after[1].call = rename("n1", "Sleep");
    assert_eq!(count(&play(&laptop, &before).await), (2, 0, 0));
    let known = replay(&laptop, after.remove(0)).await.unwrap();
    assert_eq!(known, Replayed::Known);
    let id = after[0].id.unwrap();
    let Replayed::Conflict(why) = replay(&laptop, after[0].clone()).await.unwrap() else {
        panic!("it is taken for known");
    };
    assert!(
        why.contains(&format!("another call is known as {id}")),
        "{why}"
    );
    assert_eq!(title(&laptop, "n1"), "Go");
    assert_eq!(laptop.pending().await.unwrap(), 2, "nothing was made of it");

    // Two devices of one store that do not know of each other each take one of the two. Then it is listed, on both alike.
    let tablet = there.device("tablet").await;
    let first = read(&before).remove(0);
    let of_tablet = [first, after[0].clone()];
    for call in of_tablet {
        assert!(matches!(
            replay(&tablet, call).await.unwrap(),
            Replayed::Made(_)
        ));
    }
    for device in [&laptop, &tablet, &laptop] {
        device.sync().await.unwrap();
    }
    assert_eq!(laptop.state(), tablet.state());
    for device in [&laptop, &tablet] {
        let rejected = device.rejected().await.unwrap();
        assert_eq!(rejected.len(), 1);
        let why = rejected[0].reason.to_string();
        assert!(
            why.contains(&format!("another call is known as {id}")),
            "{why}"
        );
    }
    assert!(laptop.verify().await.unwrap().problems.is_empty());
}

/// The same in a sequence of inputs: the first one counts, and the other one is left out with the reason.
#[tokio::test]
async fn another_input_under_a_known_id_is_left_out_with_the_reason() {
    let site = Site::new();
    let phone = site.device("phone").await;
    let calls = read(&record(&phone, vec![add("n1", "Pack"), rename("n1", "Go")]).await);
    let store = Inputs::<Update>::create(&site.place("laptop"), "inputs")
        .await
        .unwrap();
    let mut other = calls[1].clone();
    other.call = rename("n1", "Sleep");
    for (at, call) in (1_000..).zip([&calls[0], &calls[1], &calls[1], &other]) {
        store.append(at, &call.clone().into_update()).await.unwrap();
    }
    let made = notes(store.all());
    assert_eq!(made.state.notebook.notes["n1"].title, "Go");
    assert_eq!(made.left_out.len(), 1);
    let why = made.left_out[0].1.to_string();
    assert!(why.contains("another call is known as"), "{why}");
}

/// The largest call that can be made can be replayed too, also into an encrypted notebook; and one that could not is refused
/// when it is made, not when somebody else replays the recording.
#[tokio::test]
async fn what_can_be_made_can_be_replayed() {
    let (here, there) = (Site::new(), Site::new());
    let phone = here.device("phone").await;
    let call = |bytes: usize| {
        let (id, text) = ("n1".to_owned(), "x".repeat(bytes));
        Call::Write(Write { id, text })
    };
    let around = call(0).argument().unwrap().get().len();
    let largest = call(CALL_BYTES_MAX - around);
    let recording = record(&phone, vec![add("n1", "Pack"), largest.clone()]).await;
    let too_large = call(CALL_BYTES_MAX - around + 1);
    assert!(Content::of(&too_large).is_err());
    let error = phone.update(too_large.into()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid);
    assert!(
        error
            .to_string()
            .contains("at most 785408 can be recorded and replayed"),
        "{error}"
    );
    assert_eq!(phone.pending().await.unwrap(), 2);

    let secret = there.place("laptop").with_passphrase("a long passphrase");
    let sealed = Replica::create_encrypted(NotesModel, &secret, "notes", Order::Timestamp).await;
    let sealed = sealed.unwrap();
    let clear = here.device("tablet").await;
    for device in [&sealed, &clear] {
        assert_eq!(count(&play(device, &recording).await), (2, 0, 0));
        device.sync().await.unwrap();
        assert_eq!(device.pending().await.unwrap(), 0);
        assert_eq!(device.state().notebook, phone.state().notebook);
    }
}
