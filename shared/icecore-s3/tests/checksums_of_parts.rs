//! Checksums of objects that come in parts, by AWS's own SDK: of all bytes, and of the checksums of the parts.

use crate::sdk::{BUCKET, Server, server};
use crate::support::sha256;
use aws_sdk_s3::error::ProvideErrorMetadata;
use aws_sdk_s3::operation::complete_multipart_upload::builders::CompleteMultipartUploadFluentBuilder;
use aws_sdk_s3::operation::head_object::HeadObjectOutput;
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{
    ChecksumAlgorithm, ChecksumMode, ChecksumType, CompletedMultipartUpload, CompletedPart,
};
use base64::Engine;
use sha2::{Digest, Sha256};

const KEY: &str = "backup/large";
const PART: usize = 5 << 20;

/// Three parts, as large as they have to be.
fn bodies() -> [Vec<u8>; 3] {
    [vec![b'a'; PART], vec![b'b'; PART + 1], b"the end".to_vec()]
}

/// What the SDK has to come to for these: by another library than the one of the endpoint.
fn sha256_of_parts() -> String {
    let mut all = Sha256::new();
    for body in bodies() {
        all.update(Sha256::digest(body));
    }
    let text = base64::engine::general_purpose::STANDARD.encode(all.finalize());
    format!("{text}-3")
}

/// An upload of which all parts have come.
struct Upload<'a> {
    server: &'a Server,
    id: String,
    parts: Vec<CompletedPart>,
}

impl Server {
    async fn upload(
        &self,
        algorithm: &ChecksumAlgorithm,
        kind: Option<ChecksumType>,
    ) -> Upload<'_> {
        let begin = self.client.create_multipart_upload().bucket(BUCKET);
        let begin = begin.key(KEY).checksum_algorithm(algorithm.clone());
        let begun = begin.set_checksum_type(kind.clone()).send().await.unwrap();
        assert_eq!(begun.checksum_algorithm(), Some(algorithm));
        if let Some(kind) = &kind {
            assert_eq!(begun.checksum_type(), Some(kind));
        }
        let id = begun.upload_id().unwrap().to_owned();
        let mut parts = Vec::new();
        for (number, body) in (1..).zip(bodies()) {
            let part = self.client.upload_part().bucket(BUCKET).key(KEY);
            let part = part.upload_id(&id).part_number(number);
            let part = part.checksum_algorithm(algorithm.clone());
            let sent = part.body(ByteStream::from(body)).send().await.unwrap();
            let part = CompletedPart::builder().part_number(number);
            let part = part.set_e_tag(sent.e_tag().map(str::to_owned));
            let part = part.set_checksum_sha256(sent.checksum_sha256().map(str::to_owned));
            let part = part.set_checksum_crc32(sent.checksum_crc32().map(str::to_owned));
            parts.push(part.build());
        }
        let server = self;
        Upload { server, id, parts }
    }

    async fn head(&self, key: &str) -> HeadObjectOutput {
        let head = self.client.head_object().bucket(BUCKET).key(key);
        let head = head.checksum_mode(ChecksumMode::Enabled);
        head.send().await.unwrap()
    }

    async fn is_there(&self) -> bool {
        let head = self.client.head_object().bucket(BUCKET).key(KEY);
        head.send().await.is_ok()
    }
}

impl Upload<'_> {
    fn completion(&self) -> CompleteMultipartUploadFluentBuilder {
        let parts = CompletedMultipartUpload::builder().set_parts(Some(self.parts.clone()));
        let complete = self.server.client.complete_multipart_upload();
        let complete = complete.bucket(BUCKET).key(KEY).upload_id(&self.id);
        complete.multipart_upload(parts.build())
    }
}

async fn refusal(complete: CompleteMultipartUploadFluentBuilder) -> String {
    let error = complete.send().await.unwrap_err();
    error.code().unwrap_or_default().to_owned()
}

#[tokio::test]
async fn one_of_the_parts_is_kept_and_told() {
    let server = server().await;
    let upload = server.upload(&ChecksumAlgorithm::Sha256, None).await;
    let listed = server.client.list_parts().bucket(BUCKET).key(KEY);
    let listed = listed.upload_id(&upload.id).send().await.unwrap();
    assert_eq!(listed.checksum_type(), Some(&ChecksumType::Composite));
    let last = listed.parts().last().unwrap().checksum_sha256();
    assert_eq!(last, Some(sha256(b"the end").as_str()));
    // Nothing is said of the whole: the server makes it of what it was begun with.
    let done = upload.completion().send().await.unwrap();
    let whole = sha256_of_parts();
    assert_eq!(done.checksum_sha256(), Some(whole.as_str()));
    assert_eq!(done.checksum_type(), Some(&ChecksumType::Composite));
    let head = server.head(KEY).await;
    assert_eq!(head.checksum_sha256(), Some(whole.as_str()));
    assert_eq!(head.checksum_type(), Some(&ChecksumType::Composite));
    let get = server.client.get_object().bucket(BUCKET).key(KEY);
    let got = get
        .checksum_mode(ChecksumMode::Enabled)
        .send()
        .await
        .unwrap();
    assert_eq!(got.checksum_sha256(), Some(whole.as_str()));
    let body = got.body.collect().await.unwrap().into_bytes();
    assert_eq!(body, bodies().concat());
    // A copy has the same bytes; who does not ask is told nothing.
    let copy = server.client.copy_object().bucket(BUCKET).key("copy");
    let copied = copy.copy_source(format!("{BUCKET}/{KEY}")).send().await;
    copied.unwrap();
    assert_eq!(
        server.head("copy").await.checksum_sha256(),
        Some(whole.as_str())
    );
    let head = server.client.head_object().bucket(BUCKET).key(KEY).send();
    assert_eq!(head.await.unwrap().checksum_sha256(), None);
}

#[tokio::test]
async fn one_of_all_bytes_is_what_a_put_would_have() {
    let server = server().await;
    for algorithm in [ChecksumAlgorithm::Crc32, ChecksumAlgorithm::Crc64Nvme] {
        let put = server.client.put_object().bucket(BUCKET).key("whole");
        let put = put.checksum_algorithm(algorithm.clone());
        let put = put.body(ByteStream::from(bodies().concat()));
        put.send().await.unwrap();
        let kind = Some(ChecksumType::FullObject);
        let upload = server.upload(&algorithm, kind.clone()).await;
        upload.completion().send().await.unwrap();
        let (whole, parts) = (server.head("whole").await, server.head(KEY).await);
        let sums = |head: &HeadObjectOutput| {
            let (crc32, crc64) = (head.checksum_crc32(), head.checksum_crc64_nvme());
            (crc32.map(str::to_owned), crc64.map(str::to_owned))
        };
        assert_ne!(sums(&whole), (None, None));
        assert_eq!(sums(&parts), sums(&whole));
        assert_eq!(parts.checksum_type(), kind.as_ref());
    }
}

#[tokio::test]
async fn what_is_claimed_at_the_end_must_be_true() {
    let server = server().await;
    let upload = server.upload(&ChecksumAlgorithm::Sha256, None).await;
    let whole = sha256_of_parts();
    let of_all = sha256(&bodies().concat());
    let wrong = [
        whole.replace("-3", "-2"),
        whole.replace("-3", ""),
        of_all.clone(),
        format!("{of_all}-3"),
    ];
    for claim in wrong {
        let complete = upload.completion().checksum_sha256(&claim);
        assert_eq!(refusal(complete).await, "BadDigest", "{claim}");
    }
    let other = upload.completion().checksum_crc32("AAAAAA==");
    assert_eq!(refusal(other).await, "InvalidRequest");
    let other = upload.completion().checksum_type(ChecksumType::FullObject);
    assert_eq!(refusal(other).await, "InvalidRequest");
    let mut parts = upload.parts.clone();
    let first = parts[0].checksum_sha256.clone();
    parts[1].checksum_sha256 = first;
    let parts = CompletedMultipartUpload::builder().set_parts(Some(parts));
    let swapped = upload.completion().multipart_upload(parts.build());
    assert_eq!(refusal(swapped).await, "InvalidPart");
    assert!(!server.is_there().await);
    let right = upload.completion().checksum_sha256(&whole);
    let right = right.checksum_type(ChecksumType::Composite);
    right.send().await.unwrap();
    assert_eq!(
        server.head(KEY).await.checksum_sha256(),
        Some(whole.as_str())
    );
}

#[tokio::test]
async fn what_s3_does_not_make_is_refused_when_it_begins() {
    let server = server().await;
    for (algorithm, kind) in [
        (ChecksumAlgorithm::Sha256, ChecksumType::FullObject),
        (ChecksumAlgorithm::Crc64Nvme, ChecksumType::Composite),
    ] {
        let begin = server.client.create_multipart_upload().bucket(BUCKET);
        let begin = begin.key(KEY).checksum_algorithm(algorithm);
        let error = begin.checksum_type(kind).send().await.unwrap_err();
        assert_eq!(error.code(), Some("InvalidRequest"));
    }
    // A part says something else than the upload was begun with.
    let begin = server.client.create_multipart_upload().bucket(BUCKET);
    let begin = begin.key(KEY).checksum_algorithm(ChecksumAlgorithm::Sha256);
    let id = begin.send().await.unwrap().upload_id().unwrap().to_owned();
    let part = server.client.upload_part().bucket(BUCKET).key(KEY);
    let part = part.upload_id(&id).part_number(1);
    let part = part.checksum_algorithm(ChecksumAlgorithm::Crc32);
    let sent = part.body(ByteStream::from_static(b"x")).send().await;
    assert_eq!(sent.unwrap_err().code(), Some("InvalidRequest"));
}
