//! The command as a person types it, without a terminal.

#![allow(clippy::unwrap_used, reason = "a test stops at what it did not expect")]

use clap::Parser;
use icecore::{Error, ErrorKind};
use icecore_example_pomodoro::args::Cli;
use icecore_example_pomodoro::command::{Output, run};
use tempfile::TempDir;

async fn type_in(folder: &TempDir, device: &str, line: &[&str]) -> Result<Output, Error> {
    let path = |name: &str| folder.path().join(name).display().to_string();
    let place = [
        "--store".to_owned(),
        path("store"),
        "--replica".to_owned(),
        path(device),
    ];
    let words = ["pomodoro".to_owned()].into_iter().chain(place);
    let words = words.chain(line.iter().map(|word| (*word).to_owned()));
    run(Cli::try_parse_from(words).unwrap(), &mut std::io::sink()).await
}

async fn text(folder: &TempDir, line: &[&str]) -> String {
    let output = type_in(folder, "laptop", line).await.unwrap();
    assert_eq!(output.notes, Vec::<String>::new(), "{line:?}");
    output.text
}

async fn folder_with_an_item() -> TempDir {
    let folder = TempDir::new().unwrap();
    for line in [
        &["create", "--clear"][..],
        &["add-backlog", "Today", "--id", "today"],
        &["add-item", "today", "Write \"it\" down", "--id", "write"],
        &["add-pomodoro", "write", "--count", "2"],
        &["add-pomodoro", "write", "--tracker"],
    ] {
        text(&folder, line).await;
    }
    folder
}

#[tokio::test]
async fn a_day() {
    let folder = folder_with_an_item().await;
    assert_eq!(
        text(&folder, &["start", "write"]).await,
        "StartTimer(\"write\", \"1500\", \"300\")\n"
    );
    assert_eq!(
        text(&folder, &["interrupt", "the phone", "--duration", "12"]).await,
        "AddInterruption(\"write\", \"the phone\", \"12.0\")\n"
    );
    let seen = "Today  (today)\n  Write \"it\" down [>] [ ] [ ] 1 interrupted  (write)\n";
    assert_eq!(text(&folder, &["state"]).await, seen);
    text(&folder, &["stop"]).await;
    let renamed = text(
        &folder,
        &["do", r#"RenameWorkitem("write", "Write it up")"#],
    )
    .await;
    assert_eq!(renamed, "RenameWorkitem(\"write\", \"Write it up\")\n");
    text(&folder, &["complete", "write"]).await;
    let seen = "Today  (today)\n  Write it up [ ] [ ] [ ] 1 interrupted done  (write)\n";
    assert_eq!(text(&folder, &["state"]).await, seen);

    let log = text(&folder, &["log"]).await;
    assert_eq!(log.lines().count(), 10);
    assert!(
        log.lines()
            .next()
            .unwrap()
            .ends_with("admin@local.host: CreateUser(\"user@local.host\", \"Local User\")")
    );
    let file = folder.path().join("history.txt");
    std::fs::write(&file, &log).unwrap();
    let file = file.display().to_string();
    text(&folder, &["create", "--clear", "--space", "copy"]).await;
    assert_eq!(
        text(&folder, &["import", &file, "--space", "copy"]).await,
        "took over 10 of 10 lines\n"
    );
    let json = text(&folder, &["state", "--json", "--space", "copy"]).await;
    assert_eq!(json, text(&folder, &["state", "--json"]).await);
    assert!(
        json.starts_with("{\n \"today\": {\n  \"name\": \"Today\",\n") && json.ends_with("\n }\n}")
    );

    assert_eq!(
        text(&folder, &["replay"]).await,
        "10 updates make exactly the same state\n"
    );
    assert!(
        text(&folder, &["ping"])
            .await
            .starts_with("the store answered in ")
    );
    assert_eq!(
        text(&folder, &["compress"]).await,
        "compressed 10 updates; the state is exactly the same\n"
    );
    assert_eq!(json, text(&folder, &["state", "--json"]).await);
    assert_eq!(
        text(&folder, &["import", &file, "--merge"]).await,
        "took over 0 of 10 lines\n"
    );
}

#[tokio::test]
async fn what_is_recorded_offline_is_sent_later_or_refused_with_what_came_between() {
    let folder = folder_with_an_item().await;
    type_in(&folder, "phone", &["sync"]).await.unwrap();
    let offline = type_in(&folder, "phone", &["start", "write", "--offline"])
        .await
        .unwrap();
    assert_eq!(offline.notes.len(), 1);
    text(&folder, &["start", "write", "--work", "60"]).await;

    let refused = type_in(&folder, "phone", &["sync"]).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Conflict);
    let said = refused.to_string();
    assert!(
        said.contains("the timer runs already, on the item write"),
        "{said}"
    );
    assert!(
        said.contains("meanwhile: ") && said.contains(r#"StartTimer("write", "60", "300")"#),
        "{said}"
    );
    let list = type_in(&folder, "phone", &["refused"]).await.unwrap().text;
    let number = list.split(' ').next().unwrap().to_owned();
    assert!(
        list.contains(r#"StartTimer("write", "1500", "300")"#),
        "{list}"
    );
    // Still impossible: it stays listed. Once the timer stops, it is not.
    let again = type_in(&folder, "phone", &["refused", "--again", &number]).await;
    assert_eq!(again.unwrap_err().kind(), ErrorKind::Invalid);
    text(&folder, &["stop"]).await;
    type_in(&folder, "phone", &["refused", "--again", &number])
        .await
        .unwrap();
    assert_eq!(
        type_in(&folder, "phone", &["refused"]).await.unwrap().text,
        ""
    );
    let synced = type_in(&folder, "phone", &["sync"]).await.unwrap();
    assert_eq!(synced.text, "in step: 8 updates\n");
    let gone = type_in(&folder, "phone", &["refused", "--drop", &number]).await;
    assert_eq!(gone.unwrap_err().kind(), ErrorKind::NotFound);
}

#[tokio::test]
async fn bad_input_is_an_error_that_says_why() {
    let folder = folder_with_an_item().await;
    std::fs::write(
        folder.path().join("bad.txt"),
        "1, 2026-06-10 12:51:40+00:00, admin@local.host: CreateUser(\"u@l\", \"\n",
    )
    .unwrap();
    let bad = folder.path().join("bad.txt").display().to_string();
    for (line, kind, reason) in [
        (
            &["start", "nothing"][..],
            ErrorKind::Invalid,
            "there is no item nothing",
        ),
        (
            &["stop"],
            ErrorKind::Invalid,
            "no timer runs that could be stopped",
        ),
        (
            &["interrupt"],
            ErrorKind::Invalid,
            "nothing runs that could be interrupted",
        ),
        (
            &["start", "write", "--work", "soon"],
            ErrorKind::Invalid,
            "\"soon\" is not a number of seconds",
        ),
        (
            &["do", "Jump()"],
            ErrorKind::Invalid,
            "\")\" stands where a text in quotes must",
        ),
        (
            &["state", "--at", "noon"],
            ErrorKind::Invalid,
            "\"noon\" is not a time with a zone",
        ),
        (
            &["import", "/nowhere/x"],
            ErrorKind::Invalid,
            "cannot read the file",
        ),
        (
            &["import", &bad],
            ErrorKind::Invalid,
            "line 1: ends in the middle of a text",
        ),
        (
            &["refused", "--drop", "7"],
            ErrorKind::NotFound,
            "there is no refused update 7",
        ),
        (
            &["delete-account"],
            ErrorKind::Invalid,
            "this removes everything",
        ),
    ] {
        let error = type_in(&folder, "laptop", line).await.unwrap_err();
        assert_eq!(error.kind(), kind, "{line:?}: {error}");
        assert!(error.to_string().starts_with(reason), "{line:?}: {error}");
    }
}

#[tokio::test]
async fn a_deleted_account_is_gone() {
    let folder = folder_with_an_item().await;
    let deleted = type_in(&folder, "laptop", &["delete-account", "--yes"])
        .await
        .unwrap();
    assert!(deleted.text.starts_with("removed ") && deleted.notes.len() == 1);
    let gone = type_in(&folder, "laptop", &["add-backlog", "Tomorrow"])
        .await
        .unwrap_err();
    assert_eq!(gone.kind(), ErrorKind::NotFound, "{gone}");
}
