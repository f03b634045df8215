//! Multipart uploads, by AWS's own SDK.

use crate::sdk::{BUCKET, Server, server};
use aws_sdk_s3::error::ProvideErrorMetadata;
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{CompletedMultipartUpload, CompletedPart};
use std::collections::BTreeMap;

const KEY: &str = "backup/large";
const FIVE: i64 = 5 << 20;

impl Server {
    async fn begin(&self) -> String {
        let upload = self.client.create_multipart_upload().bucket(BUCKET);
        let upload = upload
            .key(KEY)
            .content_type("text/plain")
            .metadata("a", "b");
        let begun = upload.send().await.unwrap();
        begun.upload_id().unwrap().to_owned()
    }

    async fn part(&self, id: &str, number: i32, body: Vec<u8>) -> CompletedPart {
        let part = self.client.upload_part().bucket(BUCKET).key(KEY);
        let part = part.upload_id(id).part_number(number);
        let sent = part.body(ByteStream::from(body)).send().await.unwrap();
        CompletedPart::builder()
            .part_number(number)
            .set_e_tag(sent.e_tag().map(str::to_owned))
            .build()
    }

    /// The code of the error, if it fails.
    async fn complete(&self, id: &str, parts: &[CompletedPart], new: bool) -> Option<String> {
        let parts = CompletedMultipartUpload::builder().set_parts(Some(parts.to_vec()));
        let complete = self.client.complete_multipart_upload().bucket(BUCKET);
        let complete = complete.key(KEY).upload_id(id);
        let complete = complete.multipart_upload(parts.build());
        let condition = new.then(|| "*".to_owned());
        let done = complete.set_if_none_match(condition).send().await;
        let error = done.err()?;
        Some(error.code().unwrap_or("no code").to_owned())
    }
}

#[tokio::test]
async fn parts_in_any_order_become_one_object() {
    let server = server().await;
    let id = server.begin().await;
    let last = server.part(&id, 7, b"the end".to_vec()).await;
    let first = server.part(&id, 2, vec![b'x'; 5 << 20]).await;
    // A part that is sent again replaces the one before.
    let first_again = server.part(&id, 2, vec![b'y'; 5 << 20]).await;
    let listed = server.client.list_parts().bucket(BUCKET).key(KEY);
    let listed = listed.upload_id(&id).send().await.unwrap();
    let sizes: BTreeMap<_, _> = listed
        .parts()
        .iter()
        .map(|part| (part.part_number().unwrap(), part.size().unwrap()))
        .collect();
    assert_eq!(sizes, BTreeMap::from([(2, FIVE), (7, 7)]));
    let uploads = server.client.list_multipart_uploads().bucket(BUCKET);
    let uploads = uploads.send().await.unwrap();
    assert_eq!(uploads.uploads()[0].upload_id(), Some(id.as_str()));

    let wrong = [
        (vec![], "MalformedXML"),
        (vec![last.clone(), first_again.clone()], "InvalidPartOrder"),
        (vec![first, last.clone()], "InvalidPart"),
    ];
    for (parts, code) in wrong {
        assert_eq!(
            server.complete(&id, &parts, false).await.as_deref(),
            Some(code)
        );
    }
    let parts = [first_again, last];
    assert_eq!(server.complete(&id, &parts, true).await, None);
    let got = server.read(KEY).await;
    assert_eq!(got.len(), (5 << 20) + 7);
    assert!(got.starts_with(b"yyy") && got.ends_with(b"the end"));
    let head = server.client.head_object().bucket(BUCKET).key(KEY).send();
    let head = head.await.unwrap();
    assert_eq!(head.content_type(), Some("text/plain"));
    assert_eq!(head.metadata().unwrap()["a"], "b");
    // Whoever did not hear the answer asks again, with the same condition, and is told the same; but it is over.
    assert_eq!(server.complete(&id, &parts, true).await, None);
    assert_eq!(server.read(KEY).await, got);
    let late = server.client.upload_part().bucket(BUCKET).key(KEY);
    let late = late.upload_id(&id).part_number(1);
    let error = late.body(ByteStream::from_static(b"x")).send().await;
    assert_eq!(error.unwrap_err().code(), Some("NoSuchUpload"));
}

#[tokio::test]
async fn a_condition_holds_for_the_whole() {
    let server = server().await;
    server.put(KEY, "there").await;
    let id = server.begin().await;
    let part = server.part(&id, 1, b"new".to_vec()).await;
    let parts = [part];
    assert_eq!(
        server.complete(&id, &parts, true).await.as_deref(),
        Some("PreconditionFailed")
    );
    assert_eq!(server.read(KEY).await, "there");
    assert_eq!(server.complete(&id, &parts, false).await, None);
    assert_eq!(server.read(KEY).await, "new");
}

#[tokio::test]
async fn a_small_part_is_refused_unless_it_is_the_last() {
    let server = server().await;
    let id = server.begin().await;
    let parts = [
        server.part(&id, 1, b"small".to_vec()).await,
        server.part(&id, 2, b"last".to_vec()).await,
    ];
    assert_eq!(
        server.complete(&id, &parts, false).await.as_deref(),
        Some("EntityTooSmall")
    );
    let abort = server.client.abort_multipart_upload().bucket(BUCKET);
    abort.key(KEY).upload_id(&id).send().await.unwrap();
    assert_eq!(
        server.complete(&id, &parts, false).await.as_deref(),
        Some("NoSuchUpload")
    );
}

#[tokio::test]
async fn a_part_is_copied_from_an_object() {
    let server = server().await;
    server.put("from", "0123456789").await;
    let id = server.begin().await;
    let copy = || {
        let copy = server.client.upload_part_copy().bucket(BUCKET).key(KEY);
        let copy = copy.upload_id(&id).part_number(1);
        copy.copy_source(format!("{BUCKET}/from"))
    };
    let beyond = copy().copy_source_range("bytes=2-10").send().await;
    assert_eq!(beyond.unwrap_err().code(), Some("InvalidRange"));
    let other = copy().copy_source_if_match("\"x\"").send().await;
    assert_eq!(other.unwrap_err().code(), Some("PreconditionFailed"));
    let head = server
        .client
        .head_object()
        .bucket(BUCKET)
        .key("from")
        .send();
    let e_tag = head.await.unwrap().e_tag().unwrap().to_owned();
    let copy = copy().copy_source_if_match(e_tag);
    let copied = copy.copy_source_range("bytes=2-4").send().await.unwrap();
    let tag = copied.copy_part_result().unwrap().e_tag().unwrap();
    let part = CompletedPart::builder().part_number(1).e_tag(tag).build();
    assert_eq!(server.complete(&id, &[part], false).await, None);
    assert_eq!(server.read(KEY).await, "234");
}
