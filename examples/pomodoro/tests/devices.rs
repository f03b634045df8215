//! Devices on one store, a folder; encrypted where that matters.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test tells what it skipped and stops at what it did not expect"
)]

use icecore::{ErrorKind, Meta, Model, Place, RawValue, Refusal, Rejected, Replica, message};
use icecore_example_pomodoro::command::{Lines, Watching, watch};
use icecore_example_pomodoro::history::{self, History};
use icecore_example_pomodoro::import::Mode;
use icecore_example_pomodoro::line::read_call;
use icecore_example_pomodoro::model::Pomodoros;
use icecore_example_pomodoro::session::{Sent, Session};
use icecore_example_pomodoro::state::State;
use icecore_example_pomodoro::update::Update;
use icecore_example_pomodoro::view::view;
use std::path::Path;
use std::time::Duration;
use tempfile::TempDir;

const SPACE: &str = "pomodoro";
const PASSPHRASE: &str = "twenty-five minutes";
const START: i64 = 1_781_096_400_000;
const MINUTE: i64 = 60_000;

fn place(folder: &TempDir, device: &str) -> Place {
    Place::new(folder.path().join("store").display().to_string())
        .with_replica(folder.path().join(device))
        .with_passphrase(PASSPHRASE)
}

/// The first device of a space that is not encrypted: opening one that is takes its time, on purpose.
async fn created(folder: &TempDir) -> Session {
    let place = place(folder, "laptop");
    Session::create(&place, SPACE, true).await.unwrap()
}

async fn created_encrypted(folder: &TempDir) -> Session {
    let place = place(folder, "laptop");
    Session::create(&place, SPACE, false).await.unwrap()
}

async fn joined(folder: &TempDir, device: &str) -> Session {
    let session = Session::open(&place(folder, device), SPACE).await.unwrap();
    session.replica.sync().await.unwrap();
    session
}

fn update(call: &str) -> Update {
    icecore_example_pomodoro::kinds::update_of(&read_call(call).unwrap()).unwrap()
}

/// A history of these calls, each so many minutes after the start.
fn dated(calls: &[(i64, &str)]) -> Vec<(i64, Update)> {
    let before = [
        (0, r#"CreateUser("user@local.host", "U")"#),
        (0, r#"CreateBacklog("b", "secret plans")"#),
        (0, r#"CreateWorkitem("i", "b", "I")"#),
        (0, r#"CreateWorkitem("j", "b", "J")"#),
        (0, r#"AddPomodoro("i", "2", "normal")"#),
        (0, r#"AddPomodoro("j", "1", "tracker")"#),
    ];
    let all = before.iter().chain(calls);
    all.map(|(minutes, call)| (START + minutes * MINUTE, update(call)))
        .collect()
}

fn file(calls: &[(i64, &str)]) -> Vec<u8> {
    history::write(1, "user@local.host", &dated(calls)).into_bytes()
}

async fn make(session: &Session, minutes: i64, call: &str) {
    let at = START + minutes * MINUTE;
    session.replica.update_at(at, update(call)).await.unwrap();
}

fn words(session: &Session, item: &str, minutes: i64) -> Vec<&'static str> {
    let seen = view(&session.replica.state(), START + minutes * MINUTE);
    seen.pomodoros(seen.state().item(item).unwrap())
}

async fn assert_sound(session: &Session) {
    let report = session.replica.verify().await.unwrap();
    assert!(report.problems.is_empty(), "{:?}", report.problems);
}

fn real_file(name: &str) -> Option<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data/pomodoro");
    let found = std::fs::read(folder.join(name)).ok();
    if found.is_none() {
        println!("skipped: there is no {name} in ../shared/data/pomodoro");
    }
    found
}

const START_I: &str = r#"StartTimer("i", "1500", "300")"#;
const START_J: &str = r#"StartTimer("j", "")"#;

#[tokio::test]
async fn a_real_history_goes_through_the_store_and_out_again() {
    let (Some(file), Some(expected)) = (real_file("history.txt"), real_file("final-state.json"))
    else {
        return;
    };
    let folder = TempDir::new().unwrap();
    let laptop = created_encrypted(&folder).await;
    let imported = laptop.import(&file, Mode::Replay).await.unwrap();
    assert_eq!((imported.read, imported.taken), (2_659, 2_659));
    assert_eq!(laptop.replica.pending().await.unwrap(), 0);

    let phone = joined(&folder, "phone").await;
    assert!(
        phone
            .view(Some(i64::MAX))
            .await
            .unwrap()
            .to_json()
            .as_bytes()
            == expected
    );
    assert!(phone.log().await.unwrap().as_bytes() == file);
    let replayed = phone.replay().await.unwrap();
    assert!(replayed.same && replayed.updates == 2_659 && replayed.problems.is_empty());

    // What was seen in the middle of it is still to be seen, and is what that much of the file makes.
    let lines: Vec<&[u8]> = file.split_inclusive(|byte| *byte == b'\n').collect();
    let prefix = History::read(&lines[..1_000].concat()).unwrap();
    let then = phone.view(Some(prefix.state.last)).await.unwrap();
    assert_eq!(
        then.to_json(),
        view(&prefix.state, prefix.state.last).to_json()
    );

    // Compressed it is exactly the same, and nothing before can be read any more.
    phone.replica.roll_up().await.unwrap();
    assert!(phone.compress().await.unwrap());
    assert!(
        phone
            .view(Some(i64::MAX))
            .await
            .unwrap()
            .to_json()
            .as_bytes()
            == expected
    );
    assert_eq!(phone.log().await.unwrap(), "");
    let gone = phone.view(Some(prefix.state.last)).await.unwrap_err();
    assert_eq!(gone.kind(), ErrorKind::NotFound);
    laptop.replica.sync().await.unwrap();
    assert_eq!(laptop.replica.state(), phone.replica.state());
    assert_sound(&laptop).await;
}

#[tokio::test]
async fn nothing_that_is_stored_shows_the_content() {
    let folder = TempDir::new().unwrap();
    let laptop = created_encrypted(&folder).await;
    laptop
        .import(&file(&[(1, START_I)]), Mode::Replay)
        .await
        .unwrap();
    laptop.replica.roll_up().await.unwrap();
    laptop.compress().await.unwrap();
    make(&laptop, 40, r#"RenameBacklog("b", "more secret plans")"#).await;
    laptop.replica.sync().await.unwrap();
    let phone = joined(&folder, "phone").await;
    assert_eq!(phone.replica.state().backlogs[0].name, "more secret plans");

    let mut files = 0;
    let mut folders = vec![folder.path().join("store")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            files += 1;
            let bytes = std::fs::read(&path).unwrap();
            for secret in [
                "secret plans",
                "StartTimer",
                "user@local.host",
                "RenameBacklog",
                "2026-06",
            ] {
                let found = bytes
                    .windows(secret.len())
                    .any(|part| part == secret.as_bytes());
                assert!(!found, "{secret:?} stands in {}", path.display());
            }
        }
    }
    assert!(files > 5, "{files}");
    assert_sound(&phone).await;
}

#[tokio::test]
async fn without_the_passphrase_nothing_can_be_read() {
    let folder = TempDir::new().unwrap();
    let laptop = created_encrypted(&folder).await;
    laptop.import(&file(&[]), Mode::Replay).await.unwrap();
    let stranger = place(&folder, "stranger").with_passphrase("thirty minutes");
    let failed = match Session::open(&stranger, SPACE).await {
        Ok(session) => session.replica.sync().await.map(drop).unwrap_err(),
        Err(error) => error,
    };
    assert_eq!(failed.kind(), ErrorKind::Denied, "{failed}");
    assert_sound(&laptop).await;
}

#[tokio::test]
async fn a_client_that_comes_later_sees_what_ended_while_none_ran() {
    let folder = TempDir::new().unwrap();
    let laptop = created(&folder).await;
    laptop
        .import(&file(&[(1, START_I)]), Mode::Replay)
        .await
        .unwrap();
    assert_eq!(words(&laptop, "i", 2), ["work", "new"]);
    drop(laptop);

    let phone = joined(&folder, "phone").await;
    assert_eq!(words(&phone, "i", 25), ["work", "new"]);
    assert_eq!(words(&phone, "i", 26), ["rest", "new"]);
    assert_eq!(words(&phone, "i", 31), ["finished", "new"]);
    // Nobody wrote down that it ended, and the next one can start.
    make(&phone, 600, START_J).await;
    phone.replica.sync().await.unwrap();
    let tablet = joined(&folder, "tablet").await;
    assert_eq!(
        (words(&tablet, "i", 601), words(&tablet, "j", 601)),
        (vec!["finished", "new"], vec!["work"])
    );
    assert_eq!(tablet.replica.state(), phone.replica.state());
    assert_sound(&tablet).await;
}

#[tokio::test]
async fn what_runs_is_void_when_another_device_deletes_or_completes_its_item() {
    for (call, expected) in [
        (r#"CompleteWorkitem("i", "finished")"#, vec!["new", "new"]),
        (r#"DeleteWorkitem("i", "")"#, vec![]),
    ] {
        let folder = TempDir::new().unwrap();
        let laptop = created(&folder).await;
        laptop
            .import(&file(&[(1, START_I)]), Mode::Replay)
            .await
            .unwrap();
        let phone = joined(&folder, "phone").await;
        make(&phone, 5, call).await;
        phone.replica.sync().await.unwrap();
        laptop.replica.sync().await.unwrap();
        let state = laptop.replica.state();
        assert!(state.timer.is_none());
        let seen = view(&state, i64::MAX);
        assert_eq!(
            state.item("i").map_or(vec![], |item| seen.pomodoros(item)),
            expected
        );
        assert_sound(&laptop).await;
    }
}

#[tokio::test]
async fn two_devices_start_the_timer_and_the_second_is_refused() {
    let folder = TempDir::new().unwrap();
    let laptop = created_encrypted(&folder).await;
    laptop.import(&file(&[]), Mode::Replay).await.unwrap();
    let phone = joined(&folder, "phone").await;

    // Both are offline, and both are right as far as they know.
    make(&laptop, 1, START_I).await;
    make(&phone, 2, START_J).await;
    laptop.replica.sync().await.unwrap();
    let error = phone.replica.sync().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Conflict);
    let refusal = Refusal::of(&error).unwrap();
    assert_eq!(refusal.reason, "the timer runs already, on the item i");
    assert_eq!(refusal.since.len(), 1);

    // Nothing was merged in silence: the laptop's timer runs, the phone's waits for a person.
    assert_eq!(
        (words(&phone, "i", 3), words(&phone, "j", 3)),
        (vec!["work", "new"], vec!["new"])
    );
    let refused = phone.replica.refused().await.unwrap();
    assert_eq!(refused.len(), 1);
    assert_eq!(phone.replica.pending().await.unwrap(), 0);
    assert!(phone.replica.drop_refused(refused[0].id).await.unwrap());
    phone.replica.sync().await.unwrap();
    assert_eq!(phone.replica.state(), laptop.replica.state());
    assert_sound(&phone).await;
}

#[tokio::test]
async fn what_both_allow_is_taken_in_turn() {
    let folder = TempDir::new().unwrap();
    let laptop = created(&folder).await;
    laptop.import(&file(&[]), Mode::Replay).await.unwrap();
    let phone = joined(&folder, "phone").await;
    make(&laptop, 1, START_I).await;
    make(&phone, 2, r#"RenameWorkitem("j", "another")"#).await;
    laptop.replica.sync().await.unwrap();
    phone.replica.sync().await.unwrap();
    laptop.replica.sync().await.unwrap();
    assert_eq!(laptop.replica.state(), phone.replica.state());
    assert_eq!(laptop.replica.state().count, 8);
    assert_sound(&laptop).await;
}

#[tokio::test]
async fn a_file_is_taken_over_whole_or_not_at_all() {
    let folder = TempDir::new().unwrap();
    let laptop = created(&folder).await;
    let good = String::from_utf8(file(&[(1, START_I), (2, r#"StopTimer("", "")"#)])).unwrap();
    let lines: Vec<&str> = good.split_inclusive('\n').collect();
    let half = &good[..good.len() - 5];
    let missing = [&lines[..3], &lines[4..]].concat().concat();
    let twice = good.clone() + &lines[6].replacen('7', "9", 1) + &lines[6].replacen('7', "10", 1);
    for (bad, reason) in [
        (half, "line 8: ends in the middle"),
        (&missing, "line 4: has the number 5 where 4 must follow"),
        (
            &twice,
            "line 9: happened at 2026-06-10T13:01:00.000Z, before",
        ),
        (
            &good.replace("\"i\", \"1500\"", "\"x\", \"1500\""),
            "line 7: there is no item x",
        ),
    ] {
        for mode in [Mode::Replay, Mode::Merge] {
            let refused = laptop.import(bad.as_bytes(), mode).await.unwrap_err();
            assert_eq!(refused.kind(), ErrorKind::Invalid);
            assert!(refused.to_string().starts_with(reason), "{refused}");
        }
    }
    assert_eq!(*laptop.replica.state(), State::default());
    assert_eq!(laptop.replica.pending().await.unwrap(), 0);
    assert!(laptop.replica.history().await.unwrap().is_empty());

    // A prefix first, the rest by a merge, and once more: nothing is there twice.
    laptop
        .import(lines[..5].concat().as_bytes(), Mode::Replay)
        .await
        .unwrap();
    let again = laptop
        .import(good.as_bytes(), Mode::Replay)
        .await
        .unwrap_err();
    assert_eq!(again.kind(), ErrorKind::Conflict);
    assert_eq!(
        laptop
            .import(good.as_bytes(), Mode::Merge)
            .await
            .unwrap()
            .taken,
        3
    );
    assert_eq!(
        laptop
            .import(good.as_bytes(), Mode::Merge)
            .await
            .unwrap()
            .taken,
        0
    );
    assert_eq!(laptop.log().await.unwrap(), good);

    let other = good.replace("13:02:00", "13:03:00");
    let differs = laptop
        .import(other.as_bytes(), Mode::Merge)
        .await
        .unwrap_err();
    assert_eq!(differs.kind(), ErrorKind::Conflict);
    assert_eq!(
        differs.to_string(),
        "line 8 differs from what the space holds there"
    );
    assert_sound(&laptop).await;
}

#[tokio::test]
async fn an_export_makes_the_same_state_in_another_space() {
    let folder = TempDir::new().unwrap();
    let laptop = created(&folder).await;
    let name = r#"RenameWorkitem("i", "say \"hi\", then C:\\dir")"#;
    laptop
        .import(&file(&[(1, name), (2, START_I)]), Mode::Replay)
        .await
        .unwrap();
    let exported = laptop.log().await.unwrap();
    let other = Session::create(&place(&folder, "laptop-2"), "copy", true)
        .await
        .unwrap();
    other
        .import(exported.as_bytes(), Mode::Replay)
        .await
        .unwrap();
    assert_eq!(other.replica.state(), laptop.replica.state());
    assert_eq!(other.log().await.unwrap(), exported);
    assert_sound(&other).await;
}

#[tokio::test]
async fn a_compressed_history_goes_on_and_takes_the_rest_of_a_file() {
    let folder = TempDir::new().unwrap();
    let laptop = created(&folder).await;
    let whole = file(&[(1, START_I), (40, START_J)]);
    let begun = file(&[(1, START_I)]);
    laptop.import(&begun, Mode::Replay).await.unwrap();
    let before = laptop
        .view(Some(START + 5 * MINUTE))
        .await
        .unwrap()
        .to_json();
    assert!(laptop.compress().await.unwrap());
    // The timer still runs, and ends when it would have ended.
    assert_eq!(
        laptop
            .view(Some(START + 5 * MINUTE))
            .await
            .unwrap()
            .to_json(),
        before
    );
    assert_eq!(words(&laptop, "i", 31), ["finished", "new"]);

    assert_eq!(laptop.import(&whole, Mode::Merge).await.unwrap().taken, 1);
    assert!(laptop.log().await.unwrap().starts_with("8, "));
    let replayed = laptop.replay().await.unwrap();
    assert_eq!(
        (replayed.updates, replayed.compressed, replayed.same),
        (1, 7, true)
    );
    let other = String::from_utf8(whole)
        .unwrap()
        .replace("secret plans", "other plans");
    let refused = laptop
        .import(other.as_bytes(), Mode::Merge)
        .await
        .unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Conflict);

    let phone = joined(&folder, "phone").await;
    assert_eq!(phone.replica.state(), laptop.replica.state());
    assert_sound(&phone).await;
}

#[tokio::test]
async fn a_ping_leaves_nothing_in_the_history() {
    let folder = TempDir::new().unwrap();
    let laptop = created(&folder).await;
    laptop.import(&file(&[]), Mode::Replay).await.unwrap();
    let before = laptop.log().await.unwrap();
    assert!(laptop.ping().await.unwrap() < 60_000);
    laptop.replica.sync().await.unwrap();
    assert_eq!(laptop.log().await.unwrap(), before);
    assert_sound(&laptop).await;
}

#[tokio::test]
async fn after_the_account_is_deleted_writing_is_an_error() {
    let folder = TempDir::new().unwrap();
    let laptop = created(&folder).await;
    laptop.import(&file(&[]), Mode::Replay).await.unwrap();
    drop(joined(&folder, "phone").await);
    assert!(laptop.delete_account().await.unwrap() > 0);
    for device in ["laptop", "phone"] {
        let session = Session::open(&place(&folder, device), SPACE).await.unwrap();
        let gone = match session.record(update(START_I)).await {
            Ok(()) => session.sync().await.unwrap_err(),
            Err(error) => error,
        };
        assert_eq!(gone.kind(), ErrorKind::NotFound, "{gone}");
        assert!(gone.to_string().contains("was erased at"), "{gone}");
    }
    // Its name stays taken.
    let again = Session::create(&place(&folder, "tablet"), SPACE, false).await;
    assert_eq!(again.unwrap_err().kind(), ErrorKind::NotFound);
}

#[tokio::test]
async fn a_clock_that_is_behind_does_not_lock_a_device_out() {
    let folder = TempDir::new().unwrap();
    let laptop = created(&folder).await;
    let far = 9_000_000 * MINUTE;
    laptop.import(&file(&[]), Mode::Replay).await.unwrap();
    laptop
        .replica
        .update_at(START + far, update(START_I))
        .await
        .unwrap();
    laptop.record(update(r#"StopTimer("", "")"#)).await.unwrap();
    assert_eq!(laptop.sync().await.unwrap(), Sent::Yes);
    assert_eq!(laptop.replica.state().last, START + far);
    assert_sound(&laptop).await;
}

/// A client with a mistake: it takes everything for possible.
#[derive(Debug, Clone)]
struct Careless;

impl Model for Careless {
    type State = State;
    type Update = Update;
    fn name(&self) -> &'static str {
        Pomodoros.name()
    }
    fn version(&self) -> u32 {
        Pomodoros.version()
    }
    fn initial(&self) -> State {
        State::default()
    }
    fn decode(&self, kind: &str, data: &RawValue) -> Result<Update, Rejected> {
        message::decode(kind, data)
    }
    fn apply(&self, _: &mut State, _: Update, _: &Meta<'_>) -> Result<(), Rejected> {
        Ok(())
    }
}

#[tokio::test]
async fn an_impossible_history_in_the_store_is_refused_with_the_update_that_is_wrong() {
    let folder = TempDir::new().unwrap();
    let laptop = created(&folder).await;
    laptop
        .import(&file(&[(1, START_I)]), Mode::Replay)
        .await
        .unwrap();
    let careless = Replica::open(Careless, &place(&folder, "careless"), SPACE)
        .await
        .unwrap();
    careless.sync().await.unwrap();
    let id = careless
        .update_at(START + 2 * MINUTE, update(START_J))
        .await
        .unwrap();
    careless.sync().await.unwrap();

    let error = laptop.replica.sync().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Corrupt);
    assert!(
        format!("{error}").contains("the timer runs already"),
        "{error}"
    );
    assert!(format!("{error}").contains(&id.to_string()), "{error}");
    // What came before it is still shown, and nothing can be added.
    assert_eq!(words(&laptop, "i", 3), ["work", "new"]);
    assert!(
        laptop
            .replica
            .update_at(START + 3 * MINUTE, update(r#"StopTimer("", "")"#))
            .await
            .is_err()
    );
    // A client that runs stops there. Nobody repairs it: the store holds what it held.
    let mut sink = std::io::sink();
    let mut lines = Lines::new(false, &mut sink);
    let how = Watching::until(Duration::from_millis(20), std::future::pending());
    let ended = watch(&laptop, &mut lines, how).await.unwrap_err();
    assert_eq!(ended.kind(), ErrorKind::Corrupt);
    careless.sync().await.unwrap();
    assert_eq!(careless.history().await.unwrap().len(), 8);
}
