//! Backups by other tools: an object that is sent in parts, and a server that is killed meanwhile.

use crate::support::serving::Serving;
use crate::support::tools::pause;
use icecore_store::backend::Connector;
use object_store::aws::{AmazonS3, AmazonS3Builder};
use object_store::multipart::{MultipartStore, PartId};
use object_store::path::Path;
use object_store::{ObjectStoreExt, PutPayload, RetryConfig};
use serde_json::Value;
use std::time::Duration;

/// S3 takes no smaller part, but for the last.
const PART: usize = 5 << 20;

/// What another tool is told: the address, the bucket, the keys of the folder.
fn client(serving: &Serving) -> AmazonS3 {
    let keys = serving.objects().with_file_name("serve.json");
    let keys: Value = serde_json::from_slice(&std::fs::read(keys).unwrap()).unwrap();
    let key = |name: &str| keys[name].as_str().expect("a key").to_owned();
    AmazonS3Builder::new()
        .with_http_connector(Connector)
        .with_endpoint(serving.url())
        .with_allow_http(true)
        .with_region("us-east-1")
        .with_bucket_name("icecore")
        .with_access_key_id(key("access_key"))
        .with_secret_access_key(key("secret_key"))
        .with_retry(RetryConfig {
            max_retries: 0,
            ..RetryConfig::default()
        })
        .build()
        .unwrap()
}

/// Two parts of one object: all of the first letter, then the second.
async fn send(client: &AmazonS3, path: &Path, letters: [u8; 2]) -> (String, Vec<PartId>) {
    let id = client.create_multipart(path).await.unwrap();
    let mut parts = Vec::new();
    for (index, letter) in letters.into_iter().enumerate() {
        let body = PutPayload::from(vec![letter; PART]);
        parts.push(client.put_part(path, &id, index, body).await.unwrap());
    }
    (id, parts)
}

/// What two parts make.
fn whole(letters: [u8; 2]) -> Vec<u8> {
    let parts = letters.map(|letter| vec![letter; PART]);
    parts.concat()
}

async fn read(client: &AmazonS3, path: &Path) -> Option<Vec<u8>> {
    match client.get(path).await {
        Ok(found) => Some(found.bytes().await.unwrap().to_vec()),
        Err(object_store::Error::NotFound { .. }) => None,
        Err(error) => panic!("{error}"),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_is_killed_between_parts_keeps_nothing_of_them() {
    let mut serving = Serving::start();
    let path = Path::from("backup/large");
    let (id, parts) = send(&client(&serving), &path, *b"ab").await;
    serving.kill_and_restart(&[]);

    let client = client(&serving);
    assert_eq!(read(&client, &path).await, None);
    let said = client.complete_multipart(&path, &id, parts).await;
    let said = said.expect_err("its parts are gone").to_string();
    assert!(said.contains("NoSuchUpload"), "{said}");

    // The client begins anew, as S3 has it, and what was acknowledged outlives the next one.
    let (id, parts) = send(&client, &path, *b"cd").await;
    client.complete_multipart(&path, &id, parts).await.unwrap();
    serving.kill_and_restart(&[]);
    let whole = whole(*b"cd");
    let client = self::client(&serving);
    assert!(read(&client, &path).await.is_some_and(|is| is == whole));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_object_in_parts_is_there_whole_or_not_at_all() {
    let mut serving = Serving::start();
    let (mut were_there, mut told) = (0, 0);
    for round in 0..8_u64 {
        let path = Path::from(format!("backup/{round}"));
        let client = client(&serving);
        let (id, parts) = send(&client, &path, *b"xy").await;
        let completing = {
            let path = path.clone();
            tokio::spawn(async move { client.complete_multipart(&path, &id, parts).await })
        };
        // From before it has the request until after it has answered.
        tokio::task::block_in_place(|| pause(Duration::from_millis(round * 6)));
        serving.kill_and_restart(&[]);
        let answer = completing.await.unwrap();
        let is = read(&self::client(&serving), &path).await;
        if answer.is_ok() {
            told += 1;
            assert!(is.is_some(), "{path} was acknowledged, and is gone");
        }
        if let Some(is) = is {
            were_there += 1;
            assert!(is == whole(*b"xy"), "{path} has {} bytes", is.len());
        }
    }
    println!("of 8 uploads {were_there} were there, {told} acknowledged");
}
