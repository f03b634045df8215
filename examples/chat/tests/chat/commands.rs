use crate::World;
use crate::pictures::PIXEL;
use clap::Parser;
use icecore::{Error, ErrorKind};
use icecore_example_chat::args::Cli;
use icecore_example_chat::command::run;
use icecore_example_chat::output::Output;
use serde_json::Value;

/// What a command prints, or its error.
async fn run_at(store: &str, folder: &str, arguments: &[&str]) -> Result<String, Error> {
    let mut all = vec!["chat", "--store", store, "--replica", folder];
    all.extend(arguments);
    let cli = Cli::try_parse_from(all).unwrap();
    let mut printed = Vec::new();
    let code = run(&cli, &mut Output::new(cli.json, &mut printed)).await?;
    assert_eq!(
        format!("{code:?}"),
        format!("{:?}", std::process::ExitCode::SUCCESS)
    );
    Ok(String::from_utf8(printed).unwrap())
}

/// What a command prints, or the kind of its error.
pub(crate) async fn chat(
    world: &World,
    who: &str,
    arguments: &[&str],
) -> Result<String, ErrorKind> {
    let (store, folder) = (world.path("store"), world.path(who));
    run_at(&store, &folder, arguments).await.map_err(|error| {
        assert!(error.hint().is_some(), "{error}");
        error.kind()
    })
}

/// The same where nobody answers.
pub(crate) async fn chat_alone(
    world: &World,
    who: &str,
    arguments: &[&str],
) -> Result<String, ErrorKind> {
    let folder = world.path(who);
    let ran = run_at("http://127.0.0.1:9", &folder, arguments).await;
    ran.map_err(|error| error.kind())
}

/// The error of a command.
pub(crate) async fn refusal(world: &World, who: &str, arguments: &[&str]) -> Error {
    let (store, folder) = (world.path("store"), world.path(who));
    run_at(&store, &folder, arguments).await.unwrap_err()
}

#[tokio::test]
async fn two_people_chat() {
    let world = World::new();
    for who in ["ada", "bo"] {
        assert!(
            chat(&world, who, &["create"])
                .await
                .unwrap()
                .starts_with("the chat chat is there")
        );
        assert_eq!(
            chat(&world, who, &["join", who])
                .await
                .unwrap()
                .matches("sent ")
                .count(),
            2
        );
    }
    assert!(
        chat(&world, "ada", &["say", "one", "--offline"])
            .await
            .unwrap()
            .starts_with("queued ")
    );
    assert_eq!(chat(&world, "bo", &["log"]).await.unwrap(), "");
    let synced = chat(&world, "ada", &["sync"]).await.unwrap();
    assert_eq!(synced, "sent 1, 0 pending; the chat has 1 messages\n");
    chat(&world, "bo", &["say", "two"]).await.unwrap();
    chat(&world, "bo", &["name", "bob"]).await.unwrap();
    chat(&world, "bo", &["leave"]).await.unwrap();
    std::fs::write(world.path("pixel.png"), PIXEL).unwrap();
    chat(&world, "ada", &["picture", &world.path("pixel.png")])
        .await
        .unwrap();
    chat(&world, "ada", &["typing"]).await.unwrap();

    let log = chat(&world, "ada", &["log"]).await.unwrap();
    let said: Vec<&str> = log.lines().map(|line| &line[17..]).collect();
    assert_eq!(said, ["<ada> one (sent)", "<bo> two (sent)"]);
    let who = chat(&world, "bo", &["who"]).await.unwrap();
    let who: Vec<&str> = who.lines().collect();
    assert!(
        who[0].starts_with("ada, joined, typing, picture 1 x 1, 67 bytes, "),
        "{who:?}"
    );
    assert_eq!(who[1], "bob, not joined");
    let json = chat(&world, "bo", &["who", "--json"]).await.unwrap();
    let ada: Value = serde_json::from_str(json.lines().next().unwrap()).unwrap();
    assert_eq!(
        (&ada["name"], &ada["picture"]["width"]),
        (&Value::from("ada"), &Value::from(1))
    );
    world.seen_anew().await.unwrap();
}

#[tokio::test]
async fn what_is_wrong_is_said() {
    let world = World::new();
    chat(&world, "ada", &["create"]).await.unwrap();
    for arguments in [
        &["say", " "][..],
        &["name", ""],
        &["picture", "no-such-file"],
        &["picture", "Cargo.toml"],
        &["replay", "no-such-file"],
        &["replay", "Cargo.toml"],
    ] {
        assert_eq!(
            chat(&world, "ada", arguments).await,
            Err(ErrorKind::Invalid),
            "{arguments:?}"
        );
    }
    assert_eq!(
        chat(&world, "ada", &["sync"]).await.unwrap(),
        "sent 0, 0 pending; the chat has 0 messages\n"
    );
    for arguments in [
        &["chat", "replay", "log", "--speed", "0"][..],
        &["chat", "replay", "log", "--offline-chance", "2"],
    ] {
        assert!(Cli::try_parse_from(arguments).is_err(), "{arguments:?}");
    }
    let cli = Cli::try_parse_from(["chat", "--store", &world.path("store"), "log"]).unwrap();
    let error = run(&cli, &mut Output::new(false, &mut Vec::new()))
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid);
    world.seen_anew().await.unwrap();
}

#[tokio::test]
async fn a_conversation_is_replayed_and_reported() {
    let world = World::new();
    let file = world.path("2026-11-20.txt");
    std::fs::write(
        &file,
        "=== a [x@y]  has joined #c\n[23:59] <a> hi\n[00:00] <b> ho\n=== b is now known as c\n",
    )
    .unwrap();
    let json = chat(
        &world,
        "replay",
        &[
            "--json",
            "replay",
            &file,
            "--speed",
            "max",
            "--offline-chance",
            "1",
        ],
    )
    .await
    .unwrap();
    let report: Value = serde_json::from_str(&json).unwrap();
    let number = |name: &str| report[name].as_u64().unwrap();
    assert_eq!(
        (
            number("messages"),
            number("authors"),
            number("replicas"),
            number("nicknames")
        ),
        (2, 2, 2, 3)
    );
    assert_eq!((number("updates"), number("disconnections")), (6, 2));
    assert_eq!(report["differences"], Value::Array(vec![]));
    let state = world.seen_anew().await.unwrap();
    let at: Vec<&str> = state.messages().map(|message| &message.at[..16]).collect();
    assert_eq!(at, ["2026-11-20T23:59", "2026-11-21T00:00"]);
}
