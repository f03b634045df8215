//! Several conversations, as people use the command.

use crate::World;
use crate::commands::{chat, chat_alone};
use icecore::ErrorKind;
use serde_json::Value;

/// The lines without their times.
fn rows(log: &str) -> Vec<&str> {
    log.lines().map(|line| &line[17..]).collect()
}

#[tokio::test]
async fn conversations_are_made_named_and_talked_in() {
    let world = World::new();
    for who in ["ada", "bo"] {
        chat(&world, who, &["create"]).await.unwrap();
        chat(&world, who, &["join", who]).await.unwrap();
    }
    let made = chat(&world, "ada", &["conversations", "new", "Trip"])
        .await
        .unwrap();
    let id = made.split(' ').next().unwrap().to_owned();
    assert_eq!(made, format!("{id} is called Trip, sent\n"));
    // Bo has not heard of it yet, and is told.
    chat(&world, "bo", &["say", "--in", "Trip", "When?"])
        .await
        .unwrap();
    chat(&world, "bo", &["join", "--in", &id, "bo"])
        .await
        .unwrap();
    chat(&world, "ada", &["say", "at home"]).await.unwrap();
    let log = chat(&world, "ada", &["log", "--in", "Trip"]).await.unwrap();
    assert_eq!(rows(&log), ["<bo> When? (sent)"]);
    let log = chat(&world, "ada", &["log"]).await.unwrap();
    assert_eq!(rows(&log), ["<ada> at home (sent)"]);

    let renamed = chat(
        &world,
        "bo",
        &["conversations", "rename", "--in", "Trip", "Big trip"],
    );
    assert_eq!(
        renamed.await.unwrap(),
        format!("{id} is called Big trip, sent\n")
    );
    let list = chat(&world, "ada", &["conversations"]).await.unwrap();
    let lines: Vec<&str> = list.lines().collect();
    assert_eq!(lines.len(), 2);
    assert!(
        lines[0].ends_with("(no name)  2 in it, 1 said, 0 unread"),
        "{list}"
    );
    assert!(lines[1].contains("Big trip (named by bo 20"), "{list}");
    assert!(lines[1].ends_with("2 in it, 1 said, 1 unread"), "{list}");
    let json = chat(&world, "ada", &["conversations", "list", "--json"])
        .await
        .unwrap();
    let trip: Value = serde_json::from_str(json.lines().nth(1).unwrap()).unwrap();
    assert_eq!(
        (&trip["conversation"], &trip["named"]["name"]),
        (&id.into(), &"Big trip".into())
    );
    let who = chat(&world, "ada", &["who", "--in", "Big trip"])
        .await
        .unwrap();
    assert_eq!(who, "ada, joined\nbo, joined\n");
    chat(&world, "bo", &["leave", "--in", "Big trip"])
        .await
        .unwrap();
    let who = chat(&world, "ada", &["who", "--in", "Big trip"])
        .await
        .unwrap();
    assert_eq!(who, "ada, joined\nbo, not joined\n");
    world.seen_anew().await.unwrap();
}

#[tokio::test]
async fn a_conversation_that_is_not_there_is_asked_for() {
    let world = World::new();
    chat(&world, "ada", &["create"]).await.unwrap();
    for arguments in [
        &["say", "--in", "Trip", "x"][..],
        &["log", "--in", "Trip"],
        &["say", "--offline", "--in", "Trip", "x"],
    ] {
        assert_eq!(
            chat(&world, "ada", arguments).await,
            Err(ErrorKind::NotFound)
        );
    }
    let nameless = chat(&world, "ada", &["conversations", "new", " "]).await;
    assert_eq!(nameless, Err(ErrorKind::Invalid));
    world.seen_anew().await.unwrap();
}

#[tokio::test]
async fn a_row_says_how_far_its_message_is() {
    let world = World::new();
    for who in ["ada", "bo", "cy"] {
        chat(&world, who, &["create"]).await.unwrap();
        chat(&world, who, &["join", who]).await.unwrap();
    }
    let log = async |who| chat(&world, who, &["log"]).await.unwrap();
    chat(&world, "ada", &["say", "hi", "--offline"])
        .await
        .unwrap();
    let alone = chat_alone(&world, "ada", &["log"]).await.unwrap();
    assert_eq!(rows(&alone), ["<ada> hi (sending)"]);
    assert_eq!(rows(&log("ada").await), ["<ada> hi (sent)"]);
    assert_eq!(
        chat(&world, "bo", &["read"]).await.unwrap(),
        "1 message read, sent\n"
    );
    assert_eq!(
        chat(&world, "bo", &["read"]).await.unwrap(),
        "0 messages read, sent\n"
    );
    assert_eq!(
        chat(&world, "ada", &["read"]).await.unwrap(),
        "0 messages read, sent\n"
    );
    assert_eq!(rows(&log("ada").await), ["<ada> hi (read by bo)"]);
    chat(&world, "cy", &["read"]).await.unwrap();
    let row = log("ada").await;
    assert!(
        row.contains("bo") && row.contains("cy") && row.contains("(read by "),
        "{row}"
    );
    let json = chat(&world, "ada", &["log", "--json"]).await.unwrap();
    let row: Value = serde_json::from_str(&json).unwrap();
    assert_eq!(
        (&row["state"], row["read_by"].as_array().unwrap().len()),
        (&"read".into(), 2)
    );
    assert_eq!(world.seen_anew().await.unwrap().reads.len(), 1);
}

#[tokio::test]
async fn a_person_with_two_devices_is_one() {
    let world = World::new();
    for device in ["phone", "laptop"] {
        chat(&world, device, &["create"]).await.unwrap();
        chat(&world, device, &["join", "ada", "--user", "U-1"])
            .await
            .unwrap();
        chat(&world, device, &["say", device, "--user", "U-1"])
            .await
            .unwrap();
    }
    chat(&world, "bo", &["create"]).await.unwrap();
    chat(&world, "bo", &["join", "bo"]).await.unwrap();
    assert_eq!(
        chat(&world, "bo", &["read"]).await.unwrap(),
        "2 messages read, sent\n"
    );
    let log = chat(&world, "phone", &["log"]).await.unwrap();
    let all = ["<ada> phone (read by bo)", "<ada> laptop (read by bo)"];
    assert_eq!(rows(&log), all);
    // One has not to read what one said on the other.
    let read = chat(&world, "laptop", &["read", "--user", "U-1"])
        .await
        .unwrap();
    assert_eq!(read, "0 messages read, sent\n");
    let state = world.seen_anew().await.unwrap();
    assert_eq!(state.users.len(), 2);
}
