//! Notes on two devices: what is written comes back as what it was, and what a merge breaks is for a person to settle.

#![allow(clippy::unwrap_used, reason = "a test stops at what it did not expect")]

use icecore::typed::{Date, to_typed};
use icecore::{News, Order, Place, RawValue, Replica, Typed};
use icecore_example_notes::notebook::{Add, Mark, Postpone, Rename, Write};
use icecore_example_notes::{Call, Note, NoteId, Notebook, NotesModel, Status};
use serde_json::json;
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
    phone.update(add("n1", "Pack")).await.unwrap();
    let done = Status::Done(Date::from_millis(phone.now()).unwrap());
    phone
        .update(Call::Mark(Mark {
            id: "n1".into(),
            status: done,
        }))
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
        assert_eq!(laptop.state().notes["n1"], expected);
        phone.roll_up().await.unwrap();
    }
    let json = serde_json::to_value(&*laptop.state()).unwrap();
    assert_eq!(json, to_typed(&laptop.state().0).unwrap());
    assert_eq!(json["$type"], "Notebook");
    assert_eq!(
        serde_json::from_value::<Typed<Notebook>>(json).unwrap(),
        *laptop.state()
    );
    assert!(phone.verify().await.unwrap().problems.is_empty());
}

/// Other systems let the last writer win, and a note was gone without anybody knowing. Here both notes stay, both
/// devices say that they have one title, and who wrote them; a rename by a person ends it, on both.
#[tokio::test]
async fn row_13_two_notes_of_one_title_are_flagged_and_settled_by_a_person() {
    let site = Site::new();
    let (phone, laptop) = (site.device("phone").await, site.device("laptop").await);
    let first = phone.update(add("p", "Shopping")).await.unwrap();
    let second = laptop.update(add("l", "Shopping")).await.unwrap();
    assert!(phone.conflicts().await.unwrap().is_empty());
    phone.sync().await.unwrap();
    laptop.sync().await.unwrap();
    phone.sync().await.unwrap();
    assert_eq!(phone.state().notes.len(), 2);
    let conflicts = phone.conflicts().await.unwrap();
    assert_eq!(conflicts, laptop.conflicts().await.unwrap());
    assert_eq!(conflicts.len(), 1);
    assert_eq!(conflicts[0].paths, ["/notes/l/title", "/notes/p/title"]);
    let mut both = [first, second];
    both.sort_unstable();
    assert_eq!(conflicts[0].updates, both);
    // It stays, through roll-ups and snapshots, until somebody settles it.
    laptop.roll_up().await.unwrap();
    phone.sync().await.unwrap();
    assert_eq!(phone.conflicts().await.unwrap(), conflicts);

    let mut news = laptop.changes();
    phone
        .resolve(&conflicts[0].id, rename("p", "Shopping in town"))
        .await
        .unwrap();
    phone.sync().await.unwrap();
    laptop.sync().await.unwrap();
    assert!(phone.conflicts().await.unwrap().is_empty());
    assert!(laptop.conflicts().await.unwrap().is_empty());
    assert_eq!(laptop.state().notes["p"].title, "Shopping in town");
    let Some(News::Change(change)) = news.try_next() else {
        panic!("the rename is told");
    };
    assert_eq!(change.update, Ok(rename("p", "Shopping in town")));
    assert!(laptop.verify().await.unwrap().problems.is_empty());
}

#[tokio::test]
async fn what_lost_its_note_meanwhile_is_listed_and_stops_nothing() {
    let site = Site::new();
    let (phone, laptop) = (site.device("phone").await, site.device("laptop").await);
    phone.update(add("n1", "Pack")).await.unwrap();
    phone.sync().await.unwrap();
    laptop.sync().await.unwrap();
    phone.update(Call::Remove("n1".into())).await.unwrap();
    phone.sync().await.unwrap();
    let late = laptop.update(rename("n1", "Pack the tent")).await.unwrap();
    laptop.update(add("n2", "Sleep")).await.unwrap();
    laptop.sync().await.unwrap();
    let rejected = laptop.rejected().await.unwrap();
    assert_eq!(rejected.len(), 1);
    assert_eq!(
        (rejected[0].id, rejected[0].reason.to_string().as_str()),
        (late, "there is no note n1")
    );
    assert_eq!(laptop.state().notes.keys().collect::<Vec<_>>(), ["n2"]);
}

#[tokio::test]
async fn a_device_that_stops_before_it_sends_sends_when_it_is_back() {
    let site = Site::new();
    let phone = site.device("phone").await;
    phone.update(add("n1", "Pack")).await.unwrap();
    drop(phone);
    let phone = Replica::open(NotesModel, &site.place("phone"), "notes")
        .await
        .unwrap();
    assert_eq!(phone.state().notes["n1"], note("Pack"));
    phone.sync().await.unwrap();
    assert_eq!(phone.pending().await.unwrap(), 0);
    let laptop = site.device("laptop").await;
    assert_eq!(laptop.state().notes["n1"], note("Pack"));
}
