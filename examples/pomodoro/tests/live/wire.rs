//! What goes over the wire between a client and a server: everything is recorded, both ways.

use crate::processes::{Client, Server};
use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use tempfile::TempDir;

/// Stands between clients and a server, and keeps what passes.
struct Wire {
    url: String,
    passed: Arc<Mutex<Vec<u8>>>,
}

impl Wire {
    fn to(server: &Server) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let to = server.url().trim_start_matches("http://").to_owned();
        let passed = Arc::new(Mutex::new(Vec::new()));
        let record = Arc::clone(&passed);
        // It ends with the process of the tests.
        thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                let Ok(server) = TcpStream::connect(&to) else {
                    return;
                };
                for (from, to) in [(&client, &server), (&server, &client)] {
                    let (from, to) = (from.try_clone().unwrap(), to.try_clone().unwrap());
                    let record = Arc::clone(&record);
                    thread::spawn(move || pass(from, to, &record));
                }
            }
        });
        Self { url, passed }
    }

    /// What passed since the last look, in small letters.
    fn take(&self) -> String {
        let passed = std::mem::take(&mut *self.passed.lock().unwrap());
        String::from_utf8_lossy(&passed).to_ascii_lowercase()
    }
}

fn pass(mut from: TcpStream, mut to: TcpStream, record: &Mutex<Vec<u8>>) {
    let mut bytes = [0; 16 * 1024];
    while let Ok(count @ 1..) = from.read(&mut bytes) {
        record.lock().unwrap().extend(&bytes[..count]);
        if to.write_all(&bytes[..count]).is_err() {
            break;
        }
    }
    drop(to.shutdown(Shutdown::Both));
}

/// A whole life of an account, by two devices.
fn live(laptop: &Client, phone: &Client, create: &[&str]) {
    laptop.ok(create);
    laptop.ok(&["add-backlog", "secret plans", "--id", "plans"]);
    laptop.ok(&["add-item", "plans", "Hidden work", "--id", "hidden"]);
    laptop.ok(&["add-pomodoro", "hidden"]);
    laptop.ok(&["start", "hidden"]);
    phone.ok(&["interrupt", "a private call"]);
    assert!(phone.ok(&["state"]).contains("Hidden work [>]"));
    phone.ok(&["ping"]);
    phone.ok(&["replay"]);
    phone.ok(&["compress"]);
    laptop.ok(&["stop"]);
}

const SECRETS: [&str; 8] = [
    "secret plans",
    "hidden",
    "a private call",
    "starttimer",
    "stoptimer",
    "createbacklog",
    "user@local.host",
    "normal",
];

/// All business content is encrypted from end to end. What is not is about the communication alone: who asks (the token),
/// whether somebody is there (the ping, of which the bucket sees that there is one), errors, what is to be read, and that
/// an account is deleted.
#[test]
fn nothing_on_the_wire_shows_the_content() {
    let folder = TempDir::new().unwrap();
    let server = Server::start(&folder);
    let wire = Wire::to(&server);
    let client = |device: &str| {
        Client::new(&folder, device, &wire.url).with("ICECORE_TOKEN", &server.token("*"))
    };
    let with_passphrase =
        |device: &str| client(device).with("ICECORE_PASSPHRASE", "twenty-five minutes");

    let (laptop, phone) = (with_passphrase("laptop"), with_passphrase("phone"));
    live(&laptop, &phone, &["create"]);
    let denied = client("phone").with("ICECORE_TOKEN", "x").run(&["sync"]);
    assert_eq!(denied.status.code(), Some(1));
    laptop.ok(&["delete-account", "--yes"]);
    assert_eq!(phone.run(&["sync"]).status.code(), Some(1));
    let passed = wire.take();
    for secret in SECRETS.into_iter().chain(["twenty-five"]) {
        assert!(!passed.contains(secret), "{secret:?} passed");
    }
    for message in [
        // Authenticate
        "authorization: bearer ",
        // Ping and pong
        "/transient/",
        // Error
        "\"code\":\"denied\"",
        // Replay
        "/updates/",
        // DeleteAccount
        "erased_at",
    ] {
        assert!(passed.contains(message), "{message:?} did not pass");
    }

    // The same in a space that is not encrypted: there it would have been seen.
    let (laptop, phone) = (
        client("laptop").with("POMODORO_SPACE", "open"),
        client("phone").with("POMODORO_SPACE", "open"),
    );
    live(&laptop, &phone, &["create", "--clear"]);
    let passed = wire.take();
    for secret in SECRETS {
        assert!(passed.contains(secret), "{secret:?} did not pass");
    }
}
