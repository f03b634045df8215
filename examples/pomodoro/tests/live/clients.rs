//! Two clients in processes of their own, while both run: what one does the other one sees, and each computes by itself
//! what ends.

use crate::processes::{Client, Server};
use tempfile::TempDir;

fn prepare(client: &Client) {
    client.ok(&["add-backlog", "Today", "--id", "today"]);
    client.ok(&["add-item", "today", "Report", "--id", "report"]);
    client.ok(&["add-pomodoro", "report", "--count", "3"]);
}

/// The laptop and the phone watch; commands on either are seen by the other.
fn see_each_other(laptop: &Client, phone: &Client) {
    prepare(laptop);
    // What watches on a device shares its folder with the commands that are typed there.
    let mut on_laptop = laptop.watch();
    let mut on_phone = phone.watch();
    on_laptop.until("Report [ ] [ ] [ ]  (report)");
    on_phone.until("Report [ ] [ ] [ ]  (report)");

    laptop.ok(&["start", "report", "--work", "3", "--rest", "2"]);
    on_phone.until(r#"StartTimer("report", "3", "2")"#);
    // Nobody types anything: both clients finish it by their own clocks.
    on_phone.until("* finished Report  (report)");
    on_laptop.until("* finished Report  (report)");

    let started = phone.ok(&["start", "report"]);
    assert_eq!(started, "StartTimer(\"report\", \"1500\", \"300\")\n");
    on_laptop.until("* at work on Report  (report) until ");
    // One timer, on all devices: it runs for the laptop too.
    assert_eq!(laptop.run(&["start", "report"]).status.code(), Some(2));
    laptop.ok(&["complete", "report"]);
    on_phone.until("* void: Report  (report)");
    drop((on_laptop, on_phone));

    let log = phone.ok(&["log"]);
    let kinds: Vec<&str> = log
        .lines()
        .filter_map(|line| line.split(": ").nth(1)?.split('(').next())
        .collect();
    let people = [
        "CreateUser",
        "CreateBacklog",
        "CreateWorkitem",
        "AddPomodoro",
        "StartTimer",
        "StartTimer",
        "CompleteWorkitem",
    ];
    assert_eq!(kinds, people, "{log}");
    assert_eq!(laptop.ok(&["state"]), phone.ok(&["state"]));
}

#[test]
fn two_clients_on_a_folder_see_what_the_other_does_while_both_run() {
    let folder = TempDir::new().unwrap();
    let store = folder.path().join("store").display().to_string();
    let laptop = Client::new(&folder, "laptop", &store);
    laptop.ok(&["create", "--clear"]);
    see_each_other(&laptop, &Client::new(&folder, "phone", &store));
}

#[test]
fn two_clients_see_what_the_other_does_through_a_server_that_cannot_read_it() {
    let folder = TempDir::new().unwrap();
    let server = Server::start(&folder);
    let laptop = server.client(&folder, "laptop");
    laptop.ok(&["create"]);
    see_each_other(&laptop, &server.client(&folder, "phone"));
}

/// The server is killed in the middle of a pomodoro: the clients go on, the pomodoro ends, and what was done meanwhile is
/// there when the server is.
#[test]
fn a_pomodoro_ends_without_a_server_and_the_clients_go_on_with_it_later() {
    let folder = TempDir::new().unwrap();
    let mut server = Server::start(&folder);
    let laptop = server.client(&folder, "laptop");
    laptop.ok(&["create"]);
    prepare(&laptop);
    let phone = server.client(&folder, "phone");
    let mut on_phone = phone.watch();
    on_phone.until("Report");
    laptop.ok(&["start", "report", "--work", "8", "--rest", "2"]);
    on_phone.until("* at work on Report");
    server.kill();
    on_phone.until("! ");
    on_phone.until("* finished Report  (report)");
    laptop.ok(&["do", r#"RenameWorkitem("report", "Essay")"#]);
    server.start_again();
    laptop.ok(&["sync"]);
    on_phone.until(r#"RenameWorkitem("report", "Essay")"#);
    assert!(phone.ok(&["state"]).contains("Essay [x] [ ] [ ]  (report)"));
}

/// Nobody runs anywhere, not even the server, when it ends.
#[test]
fn a_pomodoro_ends_while_no_client_and_no_server_runs() {
    let folder = TempDir::new().unwrap();
    let mut server = Server::start(&folder);
    let laptop = server.client(&folder, "laptop");
    laptop.ok(&["create"]);
    prepare(&laptop);
    laptop.ok(&["start", "report", "--work", "1", "--rest", "1"]);
    let log = laptop.ok(&["log"]);
    server.kill();
    // Nothing runs here for as long as it lasts: the store is asked in vain.
    let mut seen = String::new();
    for _ in 0..100 {
        seen = laptop.ok(&["state", "--offline"]);
        if seen.contains("[x]") {
            break;
        }
    }
    assert!(seen.contains("[x] [ ] [ ]"), "{seen}");
    server.start_again();
    let phone = server.client(&folder, "phone");
    assert!(
        phone
            .ok(&["state"])
            .contains("Report [x] [ ] [ ]  (report)")
    );
    assert_eq!(phone.ok(&["log"]), log);
}

#[test]
fn a_client_that_watches_ends_when_the_account_is_deleted() {
    let folder = TempDir::new().unwrap();
    let store = folder.path().join("store").display().to_string();
    let laptop = Client::new(&folder, "laptop", &store);
    laptop.ok(&["create", "--clear"]);
    prepare(&laptop);
    let mut on_phone = Client::new(&folder, "phone", &store).watch();
    on_phone.until("Report");
    laptop.ok(&["delete-account", "--yes"]);
    on_phone.until("was erased");
    assert_eq!(on_phone.ended(), Some(1));
}

/// The server goes away twice. Each time that is told once, and so is its coming back; the second time used to be silent.
#[test]
fn each_outage_is_told_once_and_so_is_its_end() {
    let folder = TempDir::new().unwrap();
    let mut server = Server::start(&folder);
    let laptop = server.client(&folder, "laptop");
    laptop.ok(&["create"]);
    prepare(&laptop);
    let mut on_laptop = laptop.watch();
    on_laptop.until("Report");
    for _ in 0..2 {
        server.kill();
        let before = on_laptop.until("! ");
        assert!(
            !before.last().unwrap().contains("answers again"),
            "{before:?}"
        );
        server.start_again();
        let after = on_laptop.until("! ");
        assert_eq!(after, ["! the store answers again"]);
    }
}
