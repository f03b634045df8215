//! Notes on two devices: what is written comes back as what it was, and what a merge breaks is for a person to settle.

#![allow(clippy::unwrap_used, reason = "a test stops at what it did not expect")]

#[path = "notes/bucket.rs"]
mod bucket;
#[path = "notes/inputs.rs"]
mod inputs;
#[path = "notes/replays.rs"]
mod replays;
#[path = "notes/running.rs"]
mod running;

use icecore::typed::{Date, from_typed, info, to_typed};
use icecore::{News, Order, Place, RawValue, Replica, Stage, Typed};
use icecore_example_notes::notebook::{Add, Mark, Postpone, Rename, Write};
use icecore_example_notes::{Call, Note, NoteId, Notebook, NotesModel, Status};
use serde_json::json;
use std::path::PathBuf;
use std::time::Duration;
use tempfile::TempDir;

const DUE: &str = "2026-12-24T18:00:00.000Z";

struct Site(TempDir);

impl Site {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn place(&self, device: &str) -> Place {
        let store = self.0.path().join("store").display().to_string();
        Place::new(store).with_replica(self.0.path().join(device))
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    async fn device(&self, name: &str) -> Replica<NotesModel> {
        Replica::create(NotesModel, &self.place(name), "notes", Order::Timestamp)
            .await
            .unwrap()
    }
}

fn note(title: &str) -> Note {
    Note {
        title: title.to_owned(),
        text: String::new(),
        due: Some(DUE.parse().unwrap()),
        status: Status::Open,
    }
}

fn add(id: &str, title: &str) -> Call {
    let (id, note) = (id.to_owned(), note(title));
    Call::Add(Add { id, note })
}

fn rename(id: &str, title: &str) -> Call {
    let (id, title) = (id.to_owned(), title.to_owned());
    Call::Rename(Rename { id, title })
}

fn all_calls() -> Vec<Call> {
    let id = || NoteId::from("a/b~c");
    let done = Status::Done(DUE.parse().unwrap());
    vec![
        add("a/b~c", "Pack"),
        rename("a/b~c", "Pack the tent"),
        Call::Write(Write {
            id: id(),
            text: "and the $type of stove".to_owned(),
        }),
        Call::Postpone(Postpone {
            id: id(),
            due: None,
        }),
        Call::Mark(Mark {
            id: id(),
            status: done,
        }),
        Call::Remove(id()),
    ]
}

#[test]
fn each_method_is_one_update_both_ways() {
    let mut by_calls = Notebook::default();
    let mut by_updates = Notebook::default();
    let mut methods = Vec::new();
    for call in all_calls() {
        let (method, argument) = (call.method(), call.argument().unwrap());
        let back = Call::from_update(method, &argument).unwrap();
        assert_eq!(back, call);
        methods.push(method);
        call.apply(&mut by_calls).unwrap();
        back.apply(&mut by_updates).unwrap();
        assert_eq!(by_calls, by_updates);
    }
    assert_eq!(methods, Call::METHODS, "each method is tried");
}

#[test]
fn an_update_is_json_with_types() {
    let call = add("n1", "Pack");
    let expected = json!({"kind": "add", "data": {"$type": "Add", "id": "n1", "note": {
        "$type": "Note", "title": "Pack", "text": "", "due": {"$date": DUE},
        "status": {"$enum": "Status", "name": "Open"}}}});
    assert_eq!(serde_json::to_value(&call).unwrap(), expected);
}

#[test]
fn what_is_no_call_is_rejected_with_the_place() {
    let raw = |text: &str| RawValue::from_string(text.to_owned()).unwrap();
    for (method, argument, reason) in [
        (
            "burn",
            "null",
            "a notebook has no method `burn`; it has add, rename,",
        ),
        (
            "rename",
            r#"{"$type":"Add"}"#,
            "rename: expected an object of type `Rename`",
        ),
        (
            "mark",
            r#"{"$type":"Mark","id":"n","status":"Done"}"#,
            "/status",
        ),
        ("remove", "7", "remove: "),
    ] {
        let rejected = Call::from_update(method, &raw(argument)).unwrap_err();
        assert!(rejected.to_string().contains(reason), "{rejected}");
    }
}

#[tokio::test]
async fn classes_enums_and_dates_come_back_as_what_they_were() {
    let site = Site::new();
    let (phone, laptop) = (site.device("phone").await, site.device("laptop").await);
    phone.update(add("n1", "Pack").into()).await.unwrap();
    let done = Status::Done(Date::from_millis(phone.now()).unwrap());
    phone
        .update(
            Call::Mark(Mark {
                id: "n1".into(),
                status: done,
            })
            .into(),
        )
        .await
        .unwrap();
    phone.sync().await.unwrap();
    // From a snapshot, and from updates alone.
    for _ in 0..2 {
        laptop.sync().await.unwrap();
        let expected = Note {
            status: done,
            ..note("Pack")
        };
        assert_eq!(laptop.state().notebook.notes["n1"], expected);
        phone.roll_up().await.unwrap();
    }
    let json = serde_json::to_value(&laptop.state().notebook).unwrap();
    assert_eq!(json, to_typed(&laptop.state().notebook.0).unwrap());
    assert_eq!(json["$type"], "Notebook");
    assert_eq!(
        serde_json::from_value::<Typed<Notebook>>(json).unwrap(),
        laptop.state().notebook
    );
    assert!(phone.verify().await.unwrap().problems.is_empty());
}

/// Other systems let the last writer win, and a note was gone without anybody knowing. Here both notes stay, both
/// devices say that they have one title, and who wrote them; a rename by a person ends it, on both.
#[tokio::test]
async fn row_13_two_notes_of_one_title_are_flagged_and_settled_by_a_person() {
    let site = Site::new();
    let (phone, laptop) = (site.device("phone").await, site.device("laptop").await);
    let first = phone.update(add("p", "Shopping").into()).await.unwrap();
    let second = laptop.update(add("l", "Shopping").into()).await.unwrap();
    assert!(phone.conflicts().await.unwrap().is_empty());
    phone.sync().await.unwrap();
    laptop.sync().await.unwrap();
    phone.sync().await.unwrap();
    assert_eq!(phone.state().notebook.notes.len(), 2);
    let conflicts = phone.conflicts().await.unwrap();
    assert_eq!(conflicts, laptop.conflicts().await.unwrap());
    assert_eq!(conflicts.len(), 1);
    assert_eq!(
        conflicts[0].paths,
        ["/notebook/notes/l/title", "/notebook/notes/p/title"]
    );
    let mut both = [first, second];
    both.sort_unstable();
    assert_eq!(conflicts[0].updates, both);
    // It stays, through roll-ups and snapshots, until somebody settles it.
    laptop.roll_up().await.unwrap();
    phone.sync().await.unwrap();
    assert_eq!(phone.conflicts().await.unwrap(), conflicts);

    let mut news = laptop.changes();
    phone
        .resolve(&conflicts[0].id, rename("p", "Shopping in town").into())
        .await
        .unwrap();
    phone.sync().await.unwrap();
    laptop.sync().await.unwrap();
    assert!(phone.conflicts().await.unwrap().is_empty());
    assert!(laptop.conflicts().await.unwrap().is_empty());
    assert_eq!(laptop.state().notebook.notes["p"].title, "Shopping in town");
    let Some(News::Change(change)) = news.try_next() else {
        panic!("the rename is told");
    };
    assert_eq!(change.update, Ok(rename("p", "Shopping in town").into()));
    assert!(laptop.verify().await.unwrap().problems.is_empty());
}

#[tokio::test]
async fn what_lost_its_note_meanwhile_is_listed_and_stops_nothing() {
    let site = Site::new();
    let (phone, laptop) = (site.device("phone").await, site.device("laptop").await);
    phone.update(add("n1", "Pack").into()).await.unwrap();
    phone.sync().await.unwrap();
    laptop.sync().await.unwrap();
    phone
        .update(Call::Remove("n1".into()).into())
        .await
        .unwrap();
    phone.sync().await.unwrap();
    let late = laptop
        .update(rename("n1", "Pack the tent").into())
        .await
        .unwrap();
    laptop.update(add("n2", "Sleep").into()).await.unwrap();
    laptop.sync().await.unwrap();
    let rejected = laptop.rejected().await.unwrap();
    assert_eq!(rejected.len(), 1);
    assert_eq!(
        (rejected[0].id, rejected[0].reason.to_string().as_str()),
        (late, "there is no note n1")
    );
    assert_eq!(
        laptop.state().notebook.notes.keys().collect::<Vec<_>>(),
        ["n2"]
    );
}

#[tokio::test]
async fn a_device_that_stops_before_it_sends_sends_when_it_is_back() {
    let site = Site::new();
    let phone = site.device("phone").await;
    phone.update(add("n1", "Pack").into()).await.unwrap();
    drop(phone);
    let phone = Replica::open(NotesModel, &site.place("phone"), "notes")
        .await
        .unwrap();
    assert_eq!(phone.state().notebook.notes["n1"], note("Pack"));
    phone.sync().await.unwrap();
    assert_eq!(phone.pending().await.unwrap(), 0);
    let laptop = site.device("laptop").await;
    assert_eq!(laptop.state().notebook.notes["n1"], note("Pack"));
}

/// The same notebook in its two forms: stored, each class, date and member of an enum says what it is, and comes back as
/// that; shown, they are plain.
#[test]
fn what_is_stored_has_types_and_what_is_shown_has_none() {
    let done = Status::Done(DUE.parse().unwrap());
    let notebook = Notebook {
        notes: [
            ("$date".to_owned(), note("a tag?")),
            (
                "n1".to_owned(),
                Note {
                    text: r#"{"$type": "Note"}"#.to_owned(),
                    due: None,
                    status: done,
                    ..note("Pack")
                },
            ),
        ]
        .into(),
    };
    let stored = json!({"$type": "Notebook", "notes": {
        "$$date": {"$type": "Note", "title": "a tag?", "text": "", "due": {"$date": DUE},
            "status": {"$enum": "Status", "name": "Open"}},
        "n1": {"$type": "Note", "title": "Pack", "text": r#"{"$type": "Note"}"#, "due": null,
            "status": {"$enum": "Status", "name": "Done", "value": {"$date": DUE}}}}});
    let shown = json!({"notes": {
        "$date": {"title": "a tag?", "text": "", "due": DUE, "status": "Open"},
        "n1": {"title": "Pack", "text": r#"{"$type": "Note"}"#, "due": null, "status": {"Done": DUE}}}});
    assert_eq!(to_typed(&notebook).unwrap(), stored);
    assert_eq!(info(&notebook).unwrap(), shown);
    let back: Notebook = from_typed(&stored).unwrap();
    assert_eq!(back, notebook);
    assert_eq!(
        back.notes["n1"].status, done,
        "the very member, with its date"
    );
    assert!(from_typed::<Notebook>(&shown).is_err(), "to be shown only");
    let call = add("n1", "Pack");
    assert_eq!(
        call.info().unwrap(),
        json!({"id": "n1", "note": {"title": "Pack", "text": "", "due": DUE, "status": "Open"}})
    );
}

/// Two people change one note while they are offline. An update says what is to change and nothing else, so both changes
/// stay; an update of the whole note would have undone one of them.
#[tokio::test]
async fn two_devices_change_one_note_and_both_changes_stay() {
    let site = Site::new();
    let (phone, laptop) = (site.device("phone").await, site.device("laptop").await);
    phone.update(add("n1", "Pack").into()).await.unwrap();
    phone.sync().await.unwrap();
    laptop.sync().await.unwrap();
    phone
        .update(rename("n1", "Pack the tent").into())
        .await
        .unwrap();
    let mark = Mark {
        id: "n1".into(),
        status: Status::Started,
    };
    laptop.update(Call::Mark(mark).into()).await.unwrap();
    for device in [&laptop, &phone, &laptop] {
        device.sync().await.unwrap();
    }
    let expected = Note {
        status: Status::Started,
        ..note("Pack the tent")
    };
    assert_eq!(phone.state().notebook.notes["n1"], expected);
    assert_eq!(phone.state(), laptop.state());
}

/// Three devices change the same note while they are offline, and come back in any order.
#[tokio::test]
async fn all_orders_of_calls_end_alike_on_all_devices() {
    for order in [
        [0, 1, 2],
        [0, 2, 1],
        [1, 0, 2],
        [1, 2, 0],
        [2, 0, 1],
        [2, 1, 0],
    ] {
        let site = Site::new();
        let mut devices = Vec::new();
        for name in ["phone", "laptop", "tablet"] {
            devices.push(site.device(name).await);
        }
        devices[0].update(add("n1", "Pack").into()).await.unwrap();
        for device in &devices {
            device.sync().await.unwrap();
        }
        let calls = [
            rename("n1", "Pack the tent"),
            rename("n1", "Sleep"),
            Call::Remove("n1".into()),
        ];
        for (device, call) in devices.iter().zip(calls) {
            device.update(call.into()).await.unwrap();
            device
                .update(add(&device.author().await.unwrap().to_string(), "own").into())
                .await
                .unwrap();
        }
        for turn in order.into_iter().chain([0, 1, 2]) {
            devices[turn].sync().await.unwrap();
        }
        let state = devices[0].state();
        assert_eq!(
            (state.notebook.notes.len(), state.notebook.notes.get("n1")),
            (3, None)
        );
        // What came after the removal is not applied any more, and listed.
        let behind = order.iter().skip_while(|device| **device != 2).count() - 1;
        for device in &devices {
            assert_eq!(device.state(), state, "{order:?}");
            assert_eq!(device.rejected().await.unwrap().len(), behind, "{order:?}");
        }
        devices[1].roll_up().await.unwrap();
        for device in &devices {
            device.sync().await.unwrap();
            assert_eq!(device.state(), state, "{order:?}");
        }
        assert!(devices[2].verify().await.unwrap().problems.is_empty());
    }
}

/// Nothing of the store is there when the app starts, and nothing waits for it: the app shows what it has, takes changes,
/// and is told when more has come.
#[tokio::test]
async fn what_the_store_holds_arrives_later_and_is_told() {
    let site = Site::new();
    let phone = site.device("phone").await;
    phone.update(add("p", "Pack").into()).await.unwrap();
    phone.sync().await.unwrap();

    let laptop = Replica::open(NotesModel, &site.place("laptop"), "notes")
        .await
        .unwrap();
    let mut news = laptop.changes();
    assert!(
        laptop.state().notebook.notes.is_empty(),
        "before it was asked for"
    );
    laptop.update(add("l", "Sleep").into()).await.unwrap();
    assert_eq!(laptop.state().notebook.notes.len(), 1, "its own");

    let syncing = laptop.clone();
    let syncing =
        tokio::spawn(async move { syncing.keep_syncing(Duration::from_millis(20)).await });
    while laptop.state().notebook.notes.len() < 2 || laptop.pending().await.unwrap() > 0 {
        news.next().await.unwrap();
    }
    // From now on it is told one by one.
    while news.try_next().is_some() {}
    phone
        .update(rename("p", "Pack the tent").into())
        .await
        .unwrap();
    phone.sync().await.unwrap();
    let arrived = loop {
        match news.next().await.unwrap() {
            News::Change(change) if !change.own => break change,
            _ => {}
        }
    };
    assert_eq!(arrived.stage, Stage::Confirmed);
    assert_eq!(arrived.update, Ok(rename("p", "Pack the tent").into()));
    assert_eq!(laptop.state().notebook.notes["p"].title, "Pack the tent");
    syncing.abort();
}

/// One user who is always online: what is there is loaded at the start, and saved after each change. Nothing waits.
#[tokio::test]
async fn the_simple_mode_loads_at_the_start_and_saves_after_each_change() {
    let site = Site::new();
    for (start, title) in ["Pack", "Sleep", "Go"].into_iter().enumerate() {
        let notes = Replica::create(NotesModel, &site.place("anew"), "notes", Order::Timestamp)
            .await
            .unwrap();
        assert_eq!(notes.state().notebook.notes.len(), start, "loaded");
        notes.update(add(title, title).into()).await.unwrap();
        notes.sync().await.unwrap();
        assert_eq!(notes.pending().await.unwrap(), 0, "saved");
        drop(notes);
        // Nothing is left on the machine: all of it is in the store.
        std::fs::remove_dir_all(site.path("anew")).unwrap();
    }
}
