use super::*;
use icecore_core::ErrorKind;

#[derive(Debug)]
struct Stopped;

#[async_trait::async_trait]
impl Clock for Stopped {
    fn now(&self) -> i64 {
        0
    }
    fn monotonic(&self) -> Duration {
        Duration::ZERO
    }
    async fn sleep(&self, _: Duration) {}
}

fn open_with(url: &str, env: &[(&str, &str)]) -> Result<Backend> {
    let env = env
        .iter()
        .map(|&(key, value)| (key.to_owned(), value.to_owned()));
    open(url, env, Arc::new(Stopped))
}

const KEYS: &[(&str, &str)] = &[
    ("AWS_ACCESS_KEY_ID", "id"),
    ("AWS_SECRET_ACCESS_KEY", "geheim"),
];
const AZURE: &[(&str, &str)] = &[
    ("AZURE_STORAGE_ACCOUNT_NAME", "account"),
    ("AZURE_STORAGE_ACCOUNT_KEY", "Z2VoZWlt"),
];

type Env = &'static [(&'static str, &'static str)];

/// An address and its environment; kind, prefix and location.
type Address = (&'static str, Env, BackendKind, &'static str, &'static str);

#[test]
fn addresses() {
    let cases: &[Address] = &[
        ("./dir", &[], BackendKind::Folder, "", "./dir"),
        ("/a/b c", &[], BackendKind::Folder, "", "/a/b c"),
        ("file:///a/b%20c", &[], BackendKind::Folder, "", "/a/b c"),
        ("file:dir", &[], BackendKind::Folder, "", "dir"),
        ("memory://", &[], BackendKind::Memory, "", "memory://"),
        (
            "memory:///root",
            &[],
            BackendKind::Memory,
            "root",
            "memory:///root",
        ),
        ("s3://bucket", KEYS, BackendKind::S3, "", "s3://bucket"),
        (
            "s3://bucket/a/b/",
            KEYS,
            BackendKind::S3,
            "a/b",
            "s3://bucket/a/b",
        ),
        ("gs://bucket/a", &[], BackendKind::Gcs, "a", "gs://bucket/a"),
        ("az://box/a", AZURE, BackendKind::Azure, "a", "az://box/a"),
        (
            "abfs://box/a",
            AZURE,
            BackendKind::Azure,
            "a",
            "abfs://box/a",
        ),
        (
            "https://account.blob.core.windows.net/box/a?sig=geheim",
            AZURE,
            BackendKind::Azure,
            "a",
            "https://account.blob.core.windows.net/box/a",
        ),
    ];
    for &(url, env, kind, prefix, location) in cases {
        let backend = open_with(url, env).unwrap();
        assert_eq!(backend.kind, kind, "{url}");
        assert_eq!(backend.prefix.as_ref(), prefix, "{url}");
        assert_eq!(backend.location(), location, "{url}");
        assert!(!format!("{backend:?}").contains("geheim"), "{backend:?}");
    }
}

#[test]
fn what_is_not_supported_says_what_is() {
    let half: &[(&str, &str)] = &[("AWS_ACCESS_KEY_ID", "id")];
    let cases: &[(&str, &[(&str, &str)])] = &[
        ("", &[]),
        ("ftp://host/dir", &[]),
        ("http://example.com/dir", &[]),
        ("https://example.com/dir?token=geheim", &[]),
        ("s3:bucket", KEYS),
        ("file://host/dir", &[]),
        ("s3://bucket", half),
    ];
    for &(url, env) in cases {
        let error = open_with(url, env).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Invalid, "{url}");
        assert!(error.hint().is_some(), "{url}");
        assert!(!format!("{error}").contains("geheim"), "{error}");
    }
}

#[test]
fn an_endpoint_of_ones_own_is_addressed_by_path() {
    for name in ["AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3"] {
        let mut env = KEYS.to_vec();
        env.extend([(name, "http://127.0.0.1:4566"), ("AWS_SESSION_TOKEN", "")]);
        let backend = open_with("s3://bucket/a", &env).unwrap();
        let shown = format!("{:?}", backend.store);
        assert!(shown.contains("http://127.0.0.1:4566/bucket"), "{shown}");
    }
}
