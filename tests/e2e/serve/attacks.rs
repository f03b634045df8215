//! What strangers can do to a server that is open to them, and what the others notice of it.

use crate::support::http::{Answer, Http, Presigned, write_request_in};
use crate::support::serving::Serving;
use serde_json::{Value, json};
use std::fs;
use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::time::{Duration, Instant};

const AUTHOR: &str = "018bcfe5-6800-7fff-bfff-ffffffffffff";
/// What nobody may have to wait for, whatever others do.
const SOON: Duration = Duration::from_secs(1);

/// A server with these settings.
fn serving(settings: &Value, arguments: &[&str]) -> Serving {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("settings.json");
    fs::write(&file, settings.to_string()).expect("a file");
    let file = file.display().to_string();
    Serving::start_with(&[&["--settings", file.as_str()], arguments].concat())
}

fn address(serving: &Serving) -> &str {
    serving.url().trim_start_matches("http://")
}

/// A connection that has sent these bytes, and waits.
fn connection(serving: &Serving, bytes: &str) -> TcpStream {
    let mut stream = TcpStream::connect(address(serving)).expect("a connection");
    stream.write_all(bytes.as_bytes()).expect("bytes go out");
    stream
}

/// The head of a presigned PUT, as it goes over the wire.
fn head_of(serving: &Serving, put: &Presigned, length: usize) -> String {
    let path = put.url.trim_start_matches(serving.url());
    let mut head = format!("PUT {path} HTTP/1.1\r\nhost: {}\r\n", address(serving));
    for (name, value) in &put.headers {
        if name != "content-length" && name != "host" {
            head.extend([name, ": ", value, "\r\n"]);
        }
    }
    head + &format!("content-length: {length}\r\n\r\n")
}

/// A guest: its space, the epoch of it, and its token.
fn guest(serving: &Serving, http: &Http) -> (String, String, String) {
    let url = format!("{}/v1/users", serving.url());
    let made = http.call("POST", &url, "", &json!({}));
    assert_eq!(made.status, 201, "{}", made.body);
    let made = made.json();
    let text = |name: &str| made[name].as_str().expect("text").to_owned();
    let (space, token) = (text("space"), text("token"));
    let place = serving.behind(&token);
    let status = &place.replica("guest").json(&["status", &space])[0];
    let epoch = status["store"]["epoch"].as_str().expect("an epoch");
    (space, epoch.to_owned(), token)
}

fn slot(serving: &Serving, http: &Http, guest: &(String, String, String), body: &str) -> Presigned {
    let (space, epoch, token) = guest;
    let url = format!("{}/v1/spaces/{space}/sync", serving.url());
    let request = write_request_in(epoch, AUTHOR, body);
    let answer = http.call("POST", &url, token, &request);
    assert_eq!(answer.status, 200, "{}", answer.body);
    Presigned::of(&answer.json()["slots"][0][0])
}

fn update(data: &str) -> String {
    format!(
        r#"{{"v":1,"author":"{AUTHOR}","seq":1,"updates":[{{"at":"2026-11-20T12:00:00.000Z","kind":"merge","data":{data}}}]}}"#
    )
}

#[expect(clippy::disallowed_methods, reason = "it is how long people wait")]
fn timed<T>(work: impl FnOnce() -> T) -> (T, Duration) {
    let began = Instant::now();
    let done = work();
    (done, began.elapsed())
}

fn healthy(serving: &Serving, http: &Http) -> Answer {
    let url = format!("{}/healthz", serving.url());
    http.call("GET", &url, "", &Value::Null)
}

#[test]
fn what_is_announced_and_never_sent_keeps_nobody_waiting() {
    let serving = serving(&json!({ "guests": {} }), &["--memory", "128M"]);
    let http = Http::new();
    let bad = guest(&serving, &http);
    let good = guest(&serving, &http);
    // Together they announce more than twice the memory that the server may take.
    let large = update(&format!(r#"{{"a":"{}"}}"#, "x".repeat(1_000_000)));
    let put = slot(&serving, &http, &bad, &large);
    let head = head_of(&serving, &put, large.len());
    let held: Vec<_> = (0..300).map(|_| connection(&serving, &head)).collect();
    let small = update(r#"{"a":1}"#);
    let put = slot(&serving, &http, &good, &small);
    let (answer, took) = timed(|| http.send(&put, &small));
    assert_eq!(answer.status, 200, "{}", answer.body);
    assert!(took < SOON, "{took:?}");
    drop(held);
}

#[test]
fn whoever_uploads_much_at_once_is_told_to_slow_down() {
    let serving = serving(&json!({ "guests": {} }), &["--memory", "128M"]);
    let http = Http::new();
    let bad = guest(&serving, &http);
    let good = guest(&serving, &http);
    let large = update(&format!(r#"{{"a":"{}"}}"#, "x".repeat(1_000_000)));
    let put = slot(&serving, &http, &bad, &large);
    let head = head_of(&serving, &put, large.len());
    // All but the last byte: the server holds what came.
    let most = &large[..large.len() - 1];
    let begun: Vec<_> = (0..60)
        .map(|_| {
            let mut stream = connection(&serving, &head);
            // One that is refused half-way reads no further.
            drop(stream.write_all(most.as_bytes()));
            stream
        })
        .collect();
    let small = update(r#"{"a":1}"#);
    let put = slot(&serving, &http, &good, &small);
    let (answer, took) = timed(|| http.send(&put, &small));
    assert_eq!(answer.status, 200, "{}", answer.body);
    assert!(took < SOON, "{took:?}");
    let mut refused = 0;
    for mut stream in begun {
        let mut answer = [0; 12];
        let wait = Some(Duration::from_millis(50));
        stream.set_read_timeout(wait).expect("a time-out");
        if stream.read_exact(&mut answer).is_ok() {
            assert_eq!(&answer, b"HTTP/1.1 503");
            refused += 1;
        }
    }
    assert!(refused > 0, "32 MiB are there for all bodies together");
}

#[test]
fn silent_connections_shut_nobody_out() {
    let limits = json!({ "connections": 64, "connections_per_address": 64 });
    let serving = serving(&json!({ "limits": limits }), &[]);
    let http = Http::new();
    let silent: Vec<_> = (0..200).map(|_| connection(&serving, "")).collect();
    let slow: Vec<_> = (0..200)
        .map(|_| connection(&serving, "GET /healthz HTTP/1.1\r\nx-slow: "))
        .collect();
    let (answer, took) = timed(|| healthy(&serving, &http));
    assert_eq!(answer.status, 200);
    assert!(took < SOON, "{took:?}");
    drop((silent, slow));
}

#[test]
fn who_asks_for_nothing_is_let_go() {
    let serving = Serving::start();
    let mut silent = connection(&serving, "");
    let wait = Some(Duration::from_secs(20));
    silent.set_read_timeout(wait).expect("a time-out");
    let (read, took) = timed(|| silent.read(&mut [0; 1]));
    assert_eq!(read.expect("the server closes it"), 0);
    assert!(took < Duration::from_secs(15), "{took:?}");
}

/// A byte now and then keeps no connection: whoever has many addresses could hold all of them with it. A line that is slow
/// but steady is no attack.
#[test]
fn who_sends_little_by_little_is_let_go() {
    let serving = serving(&json!({ "guests": {} }), &[]);
    let http = Http::new();
    let text = update(&format!(r#"{{"a":"{}"}}"#, "x".repeat(80_000)));
    let begin = || {
        let put = slot(&serving, &http, &guest(&serving, &http), &text);
        connection(&serving, &head_of(&serving, &put, text.len()))
    };
    let (mut trickling, mut slow) = (begin(), begin());
    std::thread::scope(|threads| {
        let steady = threads.spawn(|| send_in_portions(&mut slow, text.as_bytes(), 4 << 10));
        let (answer, took) = timed(|| send_in_portions(&mut trickling, text.as_bytes(), 1));
        assert!(!answer.contains(" 200 "), "{answer}");
        assert!(took < Duration::from_secs(25), "{took:?}");
        let answer = steady.join().expect("it ends");
        assert!(answer.contains(" 200 "), "{answer}");
    });
}

/// Sends so many bytes a second until there is an answer, and returns how that begins: nothing where the connection ends.
fn send_in_portions(stream: &mut TcpStream, bytes: &[u8], size: usize) -> String {
    const SECONDS_MAX: usize = 60;
    let second = Some(Duration::from_secs(1));
    stream.set_read_timeout(second).expect("a time-out");
    let mut answer = [0; 64];
    let mut portions = bytes.chunks(size);
    for _ in 0..SECONDS_MAX {
        // One that is refused half-way reads no further.
        drop(stream.write_all(portions.next().unwrap_or_default()));
        match stream.read(&mut answer) {
            Ok(read) => return String::from_utf8_lossy(&answer[..read]).into_owned(),
            Err(e) if e.kind() == ErrorKind::WouldBlock => {}
            Err(_) => return String::new(),
        }
    }
    panic!("there is no answer");
}

/// Without the rest of the refused body, what follows would be taken for it.
#[test]
fn a_connection_is_good_for_the_next_request_after_one_that_was_refused() {
    let serving = Serving::start();
    let refused = "PUT /icecore/spaces/x HTTP/1.1\r\nhost: x\r\ncontent-length: 1000\r\n\r\n";
    let next = "GET /healthz HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";
    let mut stream = connection(&serving, refused);
    stream.write_all(&[b'x'; 1000]).expect("the body goes out");
    stream.write_all(next.as_bytes()).expect("and the next one");
    let mut text = String::new();
    stream.read_to_string(&mut text).expect("answers");
    assert!(text.starts_with("HTTP/1.1 403"), "{text}");
    assert!(text.contains("HTTP/1.1 200"), "{text}");

    // One that is too much to read ends its connection, and says so.
    let large = refused.replace("1000", "10000000");
    let mut stream = connection(&serving, &large);
    let mut text = String::new();
    drop(stream.read_to_string(&mut text));
    let text = text.to_lowercase();
    assert!(text.starts_with("http/1.1 403"), "{text}");
    assert!(text.contains("connection: close"), "{text}");
}

#[test]
fn a_name_that_is_no_text_gets_a_refusal_like_any_other() {
    let serving = Serving::start();
    let http = Http::new();
    let url = format!("{}/v1/spaces/%ff%fe/sync", serving.url());
    let answer = http.call("POST", &url, &serving.admin(), &json!({ "look": {} }));
    assert_eq!(answer.status, 400);
    assert_eq!(answer.json()["code"], "invalid", "{}", answer.body);
}

#[test]
fn a_guest_gets_no_space_that_could_never_be_folded() {
    let serving = serving(&json!({ "guests": {} }), &[]);
    let http = Http::new();
    let url = format!("{}/v1/users", serving.url());
    let model = json!({ "name": "document", "settings": { "rules": [{ "rule": "nonsense" }] } });
    let answer = http.call("POST", &url, "", &json!({ "model": model }));
    assert_eq!(answer.status, 400, "{}", answer.body);
    assert!(answer.json()["hint"].is_string(), "{}", answer.body);
}

#[test]
fn a_guest_writes_only_so_much() {
    let limits = json!({ "write_bytes_burst": 400_000, "write_bytes_per_second": 1 });
    let serving = serving(&json!({ "guests": {}, "limits": limits }), &[]);
    let http = Http::new();
    let writer = guest(&serving, &http);
    let body = update(&format!(r#"{{"a":"{}"}}"#, "x".repeat(20_000)));
    let (space, epoch, token) = &writer;
    let url = format!("{}/v1/spaces/{space}/sync", serving.url());
    let request = write_request_in(epoch, AUTHOR, &body);
    // Three slots of 20 KB, four times: a guest has a quarter.
    assert_eq!(http.call("POST", &url, token, &request).status, 200);
    let refused = http.call("POST", &url, token, &request);
    assert_eq!(refused.status, 429, "{}", refused.body);
    assert!(refused.headers.contains_key("retry-after"));
    // Somebody else has as much of its own.
    drop(slot(&serving, &http, &guest(&serving, &http), &body));
}

/// What a guest writes beyond what its space may hold stays with the guest, until there is room; nobody else notices.
#[test]
fn a_guest_fills_no_more_than_its_space() {
    // Each update has three slots, and each counts.
    const OBJECTS: usize = 40;
    let folder = tempfile::tempdir().expect("a folder");
    let settings = |guests: &Value| {
        let file = folder.path().join("settings.json");
        let limits = json!({ "burst": 10_000, "calls_per_second": 10_000 });
        fs::write(
            &file,
            json!({ "guests": guests, "limits": limits }).to_string(),
        )
        .expect("a file");
        file.display().to_string()
    };
    let small = settings(&json!({ "space_objects": OBJECTS }));
    let mut serving = Serving::start_with(&["--settings", &small]);
    let (space, _, token) = guest(&serving, &Http::new());
    let place = serving.behind(&token);
    let writer = place.replica("writer");
    let line = |n: usize| format!(r#"{{"kind":"merge","data":{{"n{n}":1}}}}"#);
    let mut written = 0;
    let refused = loop {
        let ran = writer.run(&["update", &space, &line(written)]);
        written += 1;
        if ran.code != Some(0) {
            break ran;
        }
        assert!(written <= OBJECTS, "a space of {OBJECTS} objects is full");
    };
    assert!(written > OBJECTS / 5, "only {written} were taken");
    assert!(refused.stderr.contains("may hold"), "{}", refused.stderr);
    assert!(refused.stderr.contains("hint:"), "{}", refused.stderr);
    let status = &writer.json(&["status", &space])[0];
    assert_eq!(status["queued"], 1, "{status}");
    let problem = status["problem"].as_str().expect("a problem");
    assert!(problem.contains("may hold"), "{problem}");
    let event = json!({ "author": AUTHOR, "kind": "typing", "data": {} });
    let url = format!("{}/v1/spaces/{space}/transient", serving.url());
    // There may be room for less than the slots of an update.
    let send = |_| Http::new().call("POST", &url, &token, &event);
    let refused = (0..4).map(send).find(|answer| answer.status != 201);
    let refused = refused.expect("an event is too much");
    assert_eq!(refused.status, 413, "{}", refused.body);
    assert_eq!(refused.json()["code"], "denied");
    // Somebody else's space has room, and whoever administers a space needs none.
    let http = Http::new();
    let other = guest(&serving, &http);
    drop(slot(&serving, &http, &other, &update(r#"{"a":1}"#)));
    let admins = serving.behind(&serving.admin());
    let admin = admins.replica("admin");
    admin.ok(&["update", &space, r#"{"kind":"merge","data":{"admin":1}}"#]);
    admin.ok(&["sync", &space]);

    let large = settings(&json!({ "space_objects": 1_000 }));
    serving.kill_and_restart(&["--settings", &large]);
    writer.ok(&["sync", &space]);
    let state: Value = serde_json::from_str(&writer.ok(&["state", &space])).expect("JSON");
    assert_eq!(state.as_object().expect("an object").len(), written + 1);
}

/// The most memory that a process has taken, in bytes.
#[cfg(target_os = "linux")]
fn peak(process: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{process}/status")).expect("it runs");
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kibibytes = line.expect("a peak").trim().trim_end_matches("kB").trim();
    kibibytes.parse::<u64>().expect("a number") << 10
}

/// Arrays of small numbers take twenty times their text in memory.
#[cfg(target_os = "linux")]
#[test]
fn the_memory_of_the_server_stays_below_its_limit() {
    const OBJECTS: usize = 12;
    let serving = serving(
        &json!({ "guests": {}, "limits": { "burst": 1_000_000, "calls_per_second": 1_000_000 } }),
        &["--memory", "256M", "--rollup-every", "1"],
    );
    let admin = serving.admin();
    let place = serving.behind(&admin);
    let replica = place.replica("admin");
    replica.ok(&["space", "create", "zeros"]);
    replica.ok(&["space", "create", "todo"]);
    let zeros = "0,".repeat(480_000);
    for n in 0..OBJECTS {
        let line = format!(r#"{{"kind":"merge","data":{{"n{n}":[{zeros}0]}}}}"#);
        replica.run_with(&["update", "zeros", "-"], line).ok();
    }
    replica.ok(&["sync", "zeros"]);
    replica.merge("todo", r#"{"a":1}"#);
    replica.ok(&["sync", "todo"]);
    let segments = |space: &str| {
        let folder = serving.object(&format!("spaces/{space}"));
        files_below(&folder, "segments")
    };
    for _ in 0..600 {
        if segments("zeros") > 0 && segments("todo") > 0 {
            break;
        }
        assert_eq!(healthy(&serving, &Http::new()).status, 200);
        wait_a_little();
    }
    assert!(segments("todo") > 0, "the other space is rolled up");
    assert!(segments("zeros") > 0, "and so is the large one");
    wait_a_little();
    let peak = peak(serving.process());
    println!("the most memory: {} MiB of 256", peak >> 20);
    assert!(peak < 256 << 20, "{} MiB", peak >> 20);
    // Whoever has the memory reads it.
    let verified = replica.ok(&["verify", "zeros"]);
    assert!(verified.contains("ok"), "{verified}");
}

#[expect(
    clippy::disallowed_methods,
    reason = "the server has a clock of its own"
)]
fn wait_a_little() {
    std::thread::sleep(Duration::from_millis(200));
}

fn files_below(folder: &Path, part: &str) -> usize {
    let Ok(entries) = fs::read_dir(folder) else {
        return 0;
    };
    let paths = entries.filter_map(Result::ok).map(|entry| entry.path());
    paths
        .map(|path| {
            if path.is_dir() {
                files_below(&path, part)
            } else {
                usize::from(path.parent().is_some_and(|parent| parent.ends_with(part)))
            }
        })
        .sum()
}

#[test]
fn what_killed_writers_left_is_removed() {
    let mut serving = Serving::start();
    let leftover = serving.objects().join(".icecore-tmp-1-1");
    fs::write(&leftover, "half of a bo").expect("a file");
    let fresh = serving.objects().join(".icecore-tmp-1-2");
    fs::write(&fresh, "somebody is still at it").expect("a file");
    let old = fs::File::options().write(true).open(&leftover);
    let hours = Duration::from_hours(3);
    let then = fs::metadata(&leftover)
        .and_then(|m| m.modified())
        .expect("a time")
        - hours;
    old.and_then(|file| file.set_modified(then))
        .expect("an old file");
    serving.kill_and_restart(&[]);
    for _ in 0..50 {
        if !leftover.exists() {
            break;
        }
        wait_a_little();
    }
    assert!(!leftover.exists());
    assert!(fresh.exists());
}
