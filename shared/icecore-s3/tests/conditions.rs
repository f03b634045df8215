//! Conditions hold when writers race, over sockets as in process.

use crate::support::{Answer, BUCKET, Draft, in_folder, in_memory, send, send_to, serve, set};
use futures::future::join_all;
use icecore_s3::Endpoint;

const WRITERS: usize = 24;
const ROUNDS: usize = 5;

/// Everybody writes a body of their own at once; returns the only one that was accepted.
async fn race(address: &str, key: &str, condition: (&str, &str)) -> String {
    let writers = (0..WRITERS).map(|n| {
        let body = format!("written by {n} as {key} under {}", condition.1);
        let draft = Draft::put(key, body.clone()).with(condition.0, condition.1);
        let (address, request) = (address.to_owned(), draft.signed());
        tokio::spawn(async move { (body, send_to(&address, request).await) })
    });
    let mut winners = Vec::new();
    for outcome in join_all(writers).await {
        let (body, answer) = outcome.unwrap();
        match answer.status.as_u16() {
            200 => winners.push(body),
            412 => {}
            status => panic!("{status}: {}", answer.text()),
        }
    }
    assert_eq!(winners.len(), 1, "{winners:?}");
    winners.remove(0)
}

async fn one_winner(endpoint: &Endpoint) {
    let address = serve(endpoint.clone()).await;
    let read = |key: &str| {
        let request = Draft::get(key).signed();
        send(endpoint, request)
    };
    for round in 0..ROUNDS {
        let key = format!("races/{round}");
        let winner = race(&address, &key, ("if-none-match", "*")).await;
        assert_eq!(read(&key).await.text(), winner);
    }
    for _ in 0..ROUNDS {
        let e_tag = read("races/0").await.header("etag").to_owned();
        let winner = race(&address, "races/0", ("if-match", &e_tag)).await;
        assert_eq!(read("races/0").await.text(), winner);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_writer_wins_in_memory() {
    one_winner(&in_memory()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_writer_wins_on_a_folder() {
    let (_directory, endpoint) = in_folder();
    one_winner(&endpoint).await;
}

async fn put(endpoint: &Endpoint, condition: (&str, &str)) -> Answer {
    let draft = Draft::put("a", "body").with(condition.0, condition.1);
    send(endpoint, draft.signed()).await
}

#[tokio::test]
async fn conditions_of_a_put() {
    let endpoint = in_memory();
    let missing = put(&endpoint, ("if-match", "\"1\"")).await;
    assert_eq!(missing.error(), (404, "NoSuchKey".to_owned()));
    let first = put(&endpoint, ("if-none-match", "*")).await;
    assert_eq!(first.status, 200);
    let taken = put(&endpoint, ("if-none-match", "*")).await;
    assert_eq!(taken.error(), (412, "PreconditionFailed".to_owned()));
    let second = put(&endpoint, ("if-match", first.header("etag"))).await;
    assert_eq!(second.status, 200);
    assert_ne!(first.header("etag"), second.header("etag"));
    let stale = put(&endpoint, ("if-match", first.header("etag"))).await;
    assert_eq!(stale.error(), (412, "PreconditionFailed".to_owned()));
    let other = put(&endpoint, ("if-none-match", "\"x\"")).await;
    assert_eq!(other.status, 200);
    let same = put(&endpoint, ("if-none-match", other.header("etag"))).await;
    assert_eq!(same.error(), (412, "PreconditionFailed".to_owned()));
    assert_eq!(put(&endpoint, ("if-match", "*")).await.status, 200);
}

/// Whatever is there may be replaced, but nothing may be made.
#[tokio::test]
async fn any_version_means_that_there_is_one() {
    let endpoint = in_memory();
    let missing = put(&endpoint, ("if-match", "*")).await;
    assert_eq!(missing.error(), (404, "NoSuchKey".to_owned()));
    put(&endpoint, ("if-none-match", "*")).await;
    assert_eq!(put(&endpoint, ("if-match", "*")).await.status, 200);
}

/// A copy that ignored its condition would overwrite.
#[tokio::test]
async fn conditions_of_a_copy() {
    let endpoint = in_memory();
    let source = put(&endpoint, ("if-none-match", "*")).await;
    let copy = |name: &str, value: &str| {
        let target = format!("/{BUCKET}/b");
        let draft = Draft::new("PUT", &target).with("x-amz-copy-source", "bucket/a");
        send_owned(endpoint.clone(), draft.with(name, value))
    };
    let e_tag = source.header("etag");
    let source_if_match = "x-amz-copy-source-if-match";
    assert_eq!(copy(source_if_match, "\"x\"").await.status, 412);
    assert_eq!(
        copy("x-amz-copy-source-if-none-match", e_tag).await.status,
        412
    );
    assert_eq!(copy(source_if_match, e_tag).await.status, 200);
    assert_eq!(copy("if-none-match", "*").await.status, 412);
    let replace = Draft::new("PUT", "/bucket/b")
        .with("x-amz-copy-source", "bucket/a")
        .with("x-amz-metadata-directive", "REPLACE")
        .with("if-none-match", "*");
    assert_eq!(send(&endpoint, replace.signed()).await.status, 412);
    assert_eq!(copy("if-match", e_tag).await.status, 501);
    let onto = Draft::put("a", "").with("x-amz-copy-source", "bucket/a");
    let answer = send(&endpoint, onto.signed()).await;
    assert_eq!(answer.error(), (400, "InvalidRequest".to_owned()));
}

async fn send_owned(endpoint: Endpoint, draft: Draft) -> Answer {
    send(&endpoint, draft.signed()).await
}

#[tokio::test]
async fn conditions_of_a_get() {
    let (_directory, on_folder) = in_folder();
    for endpoint in [in_memory(), on_folder] {
        send(&endpoint, Draft::put("a", "body").signed()).await;
        let first = send(&endpoint, Draft::get("a").signed()).await;
        let (e_tag, modified) = (first.header("etag"), first.header("last-modified"));
        let long_ago = "Mon, 01 Jan 2024 00:00:00 GMT";
        let cases = [
            ("if-none-match", e_tag, 304),
            ("if-none-match", "*", 304),
            ("if-none-match", "\"other\"", 200),
            ("if-match", e_tag, 200),
            ("if-match", "\"other\"", 412),
            ("if-modified-since", modified, 304),
            ("if-modified-since", long_ago, 200),
            ("if-unmodified-since", modified, 200),
            ("if-unmodified-since", long_ago, 412),
        ];
        for (name, value, status) in cases {
            for method in ["GET", "HEAD"] {
                let mut request = Draft::new(method, "/bucket/a").signed();
                set(&mut request, name, value);
                let answer = send(&endpoint, request).await;
                assert_eq!(answer.status, status, "{method} {name}: {value}");
                assert!(status == 200 || method == "GET" || answer.body.is_empty());
                if status == 304 {
                    assert!(answer.body.is_empty());
                    assert!(!answer.headers.contains_key("content-type"));
                    assert_eq!(answer.header("etag"), e_tag);
                }
            }
        }
    }
}

/// A list names any of its tags, also with a space or none, and one of another strength.
#[tokio::test]
async fn a_condition_can_list_tags() {
    let (_directory, on_folder) = in_folder();
    for endpoint in [in_memory(), on_folder] {
        let first = put(&endpoint, ("if-none-match", "\"x\", \"y\"")).await;
        assert_eq!(first.status, 200, "{}", first.text());
        let e_tag = first.header("etag").to_owned();
        let named = format!("\"x\",{e_tag}");
        assert_eq!(put(&endpoint, ("if-none-match", &named)).await.status, 412);
        assert_eq!(
            put(&endpoint, ("if-match", "\"x\", \"y\"")).await.status,
            412
        );
        assert_eq!(put(&endpoint, ("if-match", &named)).await.status, 200);
        assert_eq!(put(&endpoint, ("if-match", &named)).await.status, 412);
        let read = Draft::get("a").with("if-none-match", &named);
        assert_eq!(send(&endpoint, read.signed()).await.status, 200);
    }
}

fn delete(conditions: &[(&str, &str)]) -> Draft {
    let draft = Draft::new("DELETE", "/bucket/a");
    conditions
        .iter()
        .fold(draft, |draft, (name, value)| draft.with(name, value))
}

/// Who deletes only what has not changed must not delete what has.
#[tokio::test]
async fn conditions_of_a_deletion() {
    let (_directory, endpoint) = in_folder();
    let send_one = |draft: Draft| send(&endpoint, draft.signed());
    let absent = delete(&[("if-match", "\"x\"")]);
    assert_eq!(send_one(absent).await.status, 204, "nothing is there");
    let put = send_one(Draft::put("a", "body")).await;
    let read = send_one(Draft::get("a")).await;
    let time = "x-amz-if-match-last-modified-time";
    let unmet = [
        [("if-match", "\"x\"")].as_slice(),
        &[("x-amz-if-match-size", "5")],
        &[(time, "Mon, 01 Jan 2024 00:00:00 GMT")],
        &[
            ("if-match", put.header("etag")),
            ("x-amz-if-match-size", "5"),
        ],
    ];
    for conditions in unmet {
        let answer = send_one(delete(conditions)).await;
        assert_eq!(
            answer.error(),
            (412, "PreconditionFailed".to_owned()),
            "{conditions:?}"
        );
        assert_eq!(send_one(Draft::get("a")).await.status, 200);
    }
    let met = delete(&[
        ("if-match", put.header("etag")),
        ("x-amz-if-match-size", "4"),
        (time, read.header("last-modified")),
    ]);
    assert_eq!(send_one(met).await.status, 204);
    assert_eq!(send_one(Draft::get("a")).await.status, 404);
}

/// Of many who delete what they read while others replace it, nobody deletes what nobody read.
#[tokio::test(flavor = "multi_thread")]
async fn a_deletion_races_with_writers() {
    let (_directory, endpoint) = in_folder();
    let address = serve(endpoint.clone()).await;
    for round in 0..ROUNDS {
        let put = send(&endpoint, Draft::put("a", format!("{round}")).signed()).await;
        let e_tag = put.header("etag").to_owned();
        let tasks = (0..WRITERS).map(|n| {
            let request = match n % 2 {
                0 => Draft::put("a", format!("new {n}")).with("if-match", &e_tag),
                _ => delete(&[("if-match", &e_tag)]),
            };
            let (address, request) = (address.clone(), request.signed());
            tokio::spawn(async move { (n % 2 == 0, send_to(&address, request).await) })
        });
        let answers = join_all(tasks).await;
        let of = |writes: bool, status: u16| {
            let outcomes = answers.iter().map(|answer| answer.as_ref().unwrap());
            outcomes
                .filter(|(wrote, answer)| *wrote == writes && answer.status == status)
                .count()
        };
        let is_there = send(&endpoint, Draft::get("a").signed()).await.status == 200;
        assert!(of(true, 200) <= 1);
        assert_eq!(of(true, 200) == 1, is_there, "what was written stays");
        assert!(is_there || of(false, 204) > 0);
    }
}

#[tokio::test]
async fn a_store_without_conditional_deletions_refuses_them() {
    let endpoint = in_memory();
    send(&endpoint, Draft::put("a", "body").signed()).await;
    let answer = send(&endpoint, delete(&[("if-match", "\"x\"")]).signed()).await;
    assert_eq!(answer.status, 501);
    assert_eq!(send(&endpoint, Draft::get("a").signed()).await.status, 200);
}
