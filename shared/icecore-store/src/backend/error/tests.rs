use super::*;

fn generic(text: &str) -> StoreError {
    let source = format!(
        "Error performing PUT http://h/b/k in 3ms - Server returned non-2xx status code: {text}"
    );
    StoreError::Generic {
        store: "S3",
        source: source.into(),
    }
}

fn taken(text: &str) -> StoreError {
    let source = format!("Server returned non-2xx status code: {text}").into();
    StoreError::AlreadyExists {
        path: "k".to_owned(),
        source,
    }
}

fn from_io(kind: io::ErrorKind) -> StoreError {
    StoreError::Generic {
        store: "Folder",
        source: io::Error::from(kind).into(),
    }
}

fn missing(text: &str) -> StoreError {
    StoreError::NotFound {
        path: "k".to_owned(),
        source: text.into(),
    }
}

fn denied(text: &str) -> StoreError {
    StoreError::PermissionDenied {
        path: "k".to_owned(),
        source: text.into(),
    }
}

fn check(error: StoreError, kind: ErrorKind, hint: &str) {
    let text = error.to_string();
    let mapped = from_object_store(error, "write the update", "spaces/a/x");
    assert_eq!(mapped.kind(), kind, "{text}");
    let found = mapped.hint().unwrap_or("");
    assert!(found.contains(hint), "{text}: {found}");
    assert_eq!(mapped.to_string(), "cannot write the update (spaces/a/x)");
}

#[test]
fn answers_of_a_server() {
    use ErrorKind::{Conflict, Denied, Invalid, NotFound, Unavailable};
    type Case = (
        fn(&str) -> StoreError,
        &'static str,
        ErrorKind,
        &'static str,
    );
    let cases: &[Case] = &[
        (taken, "412 Precondition Failed: ", Conflict, ""),
        (
            taken,
            "409 Conflict: ConditionalRequestConflict",
            Unavailable,
            "try again",
        ),
        (missing, "404 Not Found: NoSuchKey", NotFound, ""),
        (
            missing,
            "404 Not Found: NoSuchBucket",
            NotFound,
            "create it first",
        ),
        (denied, "403 Forbidden: AccessDenied", Denied, "credentials"),
        (denied, "403 Forbidden: ExpiredToken", Denied, "expired"),
        (
            denied,
            "403 Forbidden: InvalidAccessKeyId",
            Denied,
            "AWS_ACCESS_KEY_ID",
        ),
        (
            denied,
            "403 Forbidden: SignatureDoesNotMatch",
            Denied,
            "AWS_SECRET",
        ),
        (generic, "403 Forbidden: ", Denied, "credentials"),
        (generic, "400 Bad Request: ExpiredToken", Denied, "expired"),
        (generic, "400 Bad Request: ", Invalid, "endpoint"),
        (generic, "429 Too Many Requests: ", Unavailable, "slow down"),
        (
            generic,
            "503 Service Unavailable: SlowDown",
            Unavailable,
            "slow down",
        ),
        (
            generic,
            "500 Internal Server Error: ",
            Unavailable,
            "try again",
        ),
    ];
    for &(error, text, kind, hint) in cases {
        check(error(text), kind, hint);
    }
}

#[test]
fn failures_of_a_disk() {
    use io::ErrorKind as Io;
    let cases = [
        (Io::StorageFull, ErrorKind::Unavailable, "disk is full"),
        (Io::ReadOnlyFilesystem, ErrorKind::Denied, "read-only"),
        (Io::PermissionDenied, ErrorKind::Denied, "permissions"),
        (Io::ConnectionRefused, ErrorKind::Unavailable, "network"),
        (Io::NotADirectory, ErrorKind::Invalid, ""),
    ];
    for (failure, kind, hint) in cases {
        check(from_io(failure), kind, hint);
    }
}

#[test]
fn taken_is_not_try_again() {
    let cases = [
        (taken("412 Precondition Failed: "), true, false),
        (
            taken("409 Conflict: <Code>ConditionalRequestConflict</Code>"),
            false,
            true,
        ),
        (
            taken("409 Conflict: <Code>BlobAlreadyExists</Code>"),
            true,
            false,
        ),
        (taken("the key exists"), true, false),
        (generic("503 Service Unavailable: "), false, false),
    ];
    for (error, exists, conflict) in cases {
        assert_eq!(is_already_exists(&error), exists, "{error}");
        assert_eq!(is_conditional_conflict(&error), conflict, "{error}");
    }
}
