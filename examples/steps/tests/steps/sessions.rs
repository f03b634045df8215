//! What the central side does, and what it does not know.

use crate::home::Home;
use crate::support::files;
use icecore_example_steps::{Device, Message};
use serde_json::Value;
use std::path::PathBuf;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// A request as it goes over the wire, and the answer's body.
async fn post(url: &str, path: &str, body: &str) -> (String, Value) {
    let host = url.trim_start_matches("http://");
    let mut stream = TcpStream::connect(host).await.unwrap();
    let length = body.len();
    let request = format!(
        "POST {path} HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}"
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let status = head.lines().next().unwrap().to_owned();
    (status, serde_json::from_str(body).unwrap())
}

#[tokio::test]
async fn the_gateway_makes_the_ids_of_guests() {
    let home = Home::open().await;
    let ask = r#"{"model":{"name":"steps"}}"#;
    let (status, made) = post(&home.url, "/v1/users", ask).await;
    assert_eq!(status, "HTTP/1.1 201 Created");
    let id = made["user"].as_str().unwrap();
    assert!(id.starts_with("guest-"), "{id}");
    assert_eq!(made["space"], id);
    assert!(made["token"].is_string() && made["expires_at"].is_i64());
    // Nobody chooses one, and no two are the same.
    let chosen = r#"{"model":{"name":"steps"},"user":"guest-1"}"#;
    let (status, _) = post(&home.url, "/v1/users", chosen).await;
    assert!(status.starts_with("HTTP/1.1 4"), "{status}");
    let (phone, tablet) = (home.guest("phone").await, home.guest("tablet").await);
    let ids = [id, &phone.owner().space, &tablet.owner().space];
    assert!(ids[0] != ids[1] && ids[1] != ids[2] && ids[0] != ids[2]);
}

/// Where devices leave no trace, nothing can depend on knowing them.
#[tokio::test]
async fn the_store_holds_no_list_of_devices() {
    let home = Home::open().await;
    let mut phone = home.guest("phone").await;
    phone.add(10, None).await.unwrap();
    phone.sync().await.unwrap();
    let before = files(&home.path("store"));
    let mut devices = Vec::new();
    for n in 0..5 {
        let device = home.copied("phone", &format!("device-{n}")).await;
        device.sync().await.unwrap();
        assert_eq!(device.state().steps(), 10);
        devices.push(device);
    }
    // One that records and has not been heard of.
    devices[0].add(100, None).await.unwrap();
    assert_eq!(files(&home.path("store")), before);
    // What it sends is an update; the hint that there is one is the one that was there, written anew.
    devices[0].sync().await.unwrap();
    let after = files(&home.path("store"));
    let new: Vec<&PathBuf> = after
        .keys()
        .filter(|path| !before.contains_key(*path) && !path.ends_with(".icecore-lock"))
        .collect();
    assert_eq!(new.len(), 1, "{new:?}");
    assert!(new[0].parent().unwrap().ends_with("updates"), "{new:?}");
}

#[tokio::test]
async fn what_is_changed_of_the_metadata_is_kept_here_until_it_is_stored() {
    let home = Home::open().await;
    let phone = home.guest("phone").await;
    let tablet = home.copied("phone", "tablet").await;
    let name = |name: &str| Message::SetName {
        name: name.to_owned(),
    };
    for message in [
        name("A."),
        name("Ada"),
        Message::SetHeight { cm: 170 },
        Message::SetGoal { steps: 8_000 },
    ] {
        phone.set(message).await.unwrap();
    }
    drop(phone);
    let phone = Device::open(&home.path("phone")).await.unwrap();
    assert_eq!(phone.state().name.get().unwrap(), "Ada");
    assert_eq!(phone.replica().pending().await.unwrap(), 4);
    tablet.sync().await.unwrap();
    assert_eq!(tablet.state().name.get(), None);

    phone.sync().await.unwrap();
    assert_eq!(phone.replica().pending().await.unwrap(), 0);
    tablet.sync().await.unwrap();
    let state = tablet.state();
    assert_eq!(state.name.get().unwrap(), "Ada");
    assert_eq!(
        (state.height.get(), state.goal.get()),
        (Some(&170), Some(&8_000))
    );
}
