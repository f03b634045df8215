//! The folder of the local copy that nobody named.

use crate::support::command::{Place, Ran, Replica};
use icecore_core::Digest;
use std::fs;
use std::path::{Path, PathBuf};

fn add(n: u64) -> String {
    format!(r#"{{"kind":"append","data":{{"/log":[{n}]}}}}"#)
}

/// Runs the command in a folder of its own.
fn run_in(folder: &Path, replica: &Replica, arguments: &[&str]) -> Ran {
    let mut command = replica.command(arguments);
    command.current_dir(folder);
    Ran::of(command, "")
}

fn replicas(place: &Place) -> PathBuf {
    place.folder().join(".local/share/icecore/replicas")
}

/// The folders of replicas, sorted.
fn folders(place: &Place) -> Vec<String> {
    let entries = fs::read_dir(replicas(place)).unwrap();
    let names = entries.map(|e| e.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<String> = names.filter(|name| name != "addresses").collect();
    names.sort();
    names
}

/// Where a program that went by the address as it was typed kept the replica.
fn by_typed(place: &Place, typed: &str) -> PathBuf {
    let name = Digest::of(format!("folder {typed} ").as_bytes()).to_string();
    replicas(place).join(&name[..16])
}

fn id_of(store: &Path) -> String {
    let text = fs::read_to_string(store.join("store.json")).unwrap();
    let info: serde_json::Value = serde_json::from_str(&text).unwrap();
    info["store"].as_str().unwrap().to_owned()
}

/// A client's copy was kept by the path as it was typed, and two projects that both said `./my-store` shared it: an update of
/// the one was published into the store of the other (ready-for-agent PR#173; borg#4402). Here the copy belongs to the store,
/// by its id.
#[test]
fn row_22_two_projects_that_type_the_same_address_share_nothing() {
    let place = Place::empty();
    let user = place.replica("a").in_default_folder().on("./my-store");
    let projects = ["one", "two"].map(|name| place.folder().join(name));
    for (folder, n) in projects.iter().zip(1..) {
        fs::create_dir(folder).unwrap();
        run_in(folder, &user, &["init"]).ok();
        run_in(folder, &user, &["space", "create", "todo"]).ok();
        run_in(folder, &user, &["update", "todo", "--offline", &add(n)]).ok();
    }
    for (folder, n) in projects.iter().zip(1..) {
        run_in(folder, &user, &["sync"]).ok();
        let state = run_in(folder, &user, &["state", "todo"]).ok();
        assert_eq!(state, format!("{{\"log\":[{n}]}}\n"));
    }
    let mut ids = projects.map(|folder| id_of(&folder.join("my-store")));
    ids.sort();
    assert_eq!(folders(&place), ids);
}

/// Nine spellings of one store made eight copies, each with an author and a queue of its own. Here they are one, also while
/// the store cannot be reached.
#[cfg(unix)]
#[test]
fn row_22_however_its_address_is_spelled_a_store_has_one_copy() {
    let place = Place::with_todo();
    let user = place.replica("a").in_default_folder();
    std::os::unix::fs::symlink("store", place.folder().join("link")).unwrap();
    fs::create_dir(place.folder().join("x")).unwrap();
    let absolute = place.folder().join("store").display().to_string();
    let spellings = [
        "store".to_owned(),
        "./store".to_owned(),
        "store/".to_owned(),
        "x/../store".to_owned(),
        "link".to_owned(),
        "file:store".to_owned(),
        absolute.clone(),
        format!("{absolute}/"),
        format!("file://{absolute}"),
    ];
    for (spelling, n) in spellings.iter().zip(1..) {
        user.clone()
            .on(spelling)
            .ok(&["update", "todo", "--offline", &add(n)]);
    }
    assert_eq!(folders(&place), [id_of(Path::new(&absolute))]);
    // The disk is away: what was typed before finds the same copy, however it is spelled.
    let away = place.folder().join("away");
    fs::rename(&absolute, &away).unwrap();
    for spelling in &spellings {
        let status = user
            .clone()
            .on(spelling)
            .json(&["status", "todo", "--offline"]);
        assert_eq!(status[0]["queued"], 9, "{spelling}");
    }
    fs::rename(&away, &absolute).unwrap();
    user.on("link").ok(&["sync"]);
    let seen = place.replica("b").ok(&["state", "todo"]);
    assert_eq!(seen, "{\"log\":[1,2,3,4,5,6,7,8,9]}\n");
    assert_eq!(folders(&place).len(), 1);
}

/// What was queued before the store was ever reached lies under its address, and is sent once it is known.
#[test]
fn row_22_what_was_queued_before_the_store_was_reached_is_sent() {
    let place = Place::empty();
    let user = place.replica("a").in_default_folder();
    user.ok(&["update", "todo", "--offline", &add(1)]);
    user.clone()
        .on("./store")
        .ok(&["update", "todo", "--offline", &add(2)]);
    let maker = place.replica("maker");
    maker.ok(&["init"]);
    maker.ok(&["space", "create", "todo"]);
    user.ok(&["sync"]);
    assert_eq!(maker.ok(&["state", "todo"]), "{\"log\":[1,2]}\n");
    assert_eq!(folders(&place), [id_of(Path::new(place.url()))]);
}

/// What an older program kept under the address as it was typed goes over to the copy of the store, with its queue; where
/// two stores shared it, each gets its own.
#[test]
fn row_22_what_lies_under_the_old_name_is_taken_over() {
    let place = Place::with_todo();
    let other = place
        .replica("other")
        .on(place.folder().join("second").display().to_string());
    other.ok(&["init"]);
    other.ok(&["space", "create", "plan"]);
    for typed in ["./store", "store"] {
        // As the older program left it: both stores' spaces in one folder.
        let old = place
            .replica("old")
            .with("ICECORE_REPLICA", by_typed(&place, typed).to_str().unwrap());
        old.ok(&["update", "todo", "--offline", &add(1)]);
        if typed == "store" {
            old.ok(&["sync"]);
            old.clone()
                .on(place.folder().join("second").display().to_string())
                .ok(&["update", "plan", &add(8)]);
            old.ok(&["update", "todo", "--offline", &add(2)]);
            old.ok(&["update", "plan", "--offline", &add(9)]);
        }
    }
    let user = place.replica("a").in_default_folder();
    for typed in ["./store", "store"] {
        user.clone().on(typed).ok(&["sync"]);
    }
    let seen = place.replica("b");
    assert_eq!(seen.ok(&["state", "todo", "--path", "/log"]), "[1,1,2]\n");
    // What is of the other store was not sent anywhere, and still waits.
    assert_eq!(other.ok(&["state", "plan"]), "{\"log\":[8]}\n");
    let left = place.replica("old").with(
        "ICECORE_REPLICA",
        by_typed(&place, "store").to_str().unwrap(),
    );
    let status = left.json(&["status", "--offline"]);
    let queued: Vec<_> = status
        .iter()
        .map(|s| (s["space"].clone(), s["queued"].clone()))
        .collect();
    assert_eq!(
        queued,
        [("plan".into(), 1.into()), ("todo".into(), 0.into())]
    );
}
