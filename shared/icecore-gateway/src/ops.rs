//! Which right an operation needs, and what exactly is signed for it.

use crate::limits::Limits;
use crate::presign::{Presigner, Unsigned};
use crate::token::{Access, Right};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use icecore_core::wire::{AUTHOR_HEADER, BodyInfo, Condition, Content, Method, Op};
use icecore_core::{Author, Digest, Error, ObjectKey, Result, SpaceName};
use icecore_store::bucket::bytes_max;

/// The most keys in a page of a listing, on S3 and all that copy it.
const PAGE: &str = "1000";
/// Names of objects are far shorter.
const AFTER_CHARS_MAX: usize = 256;

/// Whether a token allows an operation on a space, or on what belongs to none.
///
/// # Errors
/// `Denied`; `Invalid` for a path that lies elsewhere or is no icecore path.
pub(crate) fn check(access: &Access, space: Option<&SpaceName>, op: &Op) -> Result<()> {
    let Some(space) = space else {
        return check_outside(access, op);
    };
    match op {
        Op::Get { path } | Op::Head { path } => {
            inside(space, path)?;
            access.check(Right::Read, space)
        }
        Op::List { folder, after, .. } => {
            inside_folder(space, folder)?;
            check_after(after.as_deref())?;
            access.check(Right::Read, space)
        }
        Op::Put {
            path, condition, ..
        } => match object(space, path)? {
            ObjectKey::Head(_) => access.check(Right::Write, space),
            ObjectKey::Update(..) => Err(Error::invalid("an update object is written by a slot")
                .with_object(path.clone())
                .with_hint(format!(
                    "ask for one with `write` in POST /v1/spaces/{space}/sync"
                ))),
            ObjectKey::Space(_) if *condition == Condition::None => Err(Error::invalid(
                "space.json is created, or replaced where its version is known",
            )
            .with_object(path.clone())
            .with_hint("ask for the condition `absent` or `matches`")),
            _ => access.check(Right::Admin, space),
        },
        Op::Delete { path } => {
            inside(space, path)?;
            access.check(Right::Admin, space)
        }
        Op::Copy { from, to } => {
            inside(space, from)?;
            // A copy knows no condition: it is for what is moved aside.
            match object(space, to)? {
                ObjectKey::Quarantine(..) => access.check(Right::Admin, space),
                _ => Err(Error::invalid("copies go to quarantine only").with_object(to.clone())),
            }
        }
    }
}

/// What belongs to no space: `store.json`, and listings over all spaces.
fn check_outside(access: &Access, op: &Op) -> Result<()> {
    let store = ObjectKey::Store.to_string();
    match op {
        // It tells the store's id and age, and whoever has a token may know them.
        Op::Get { path } | Op::Head { path } if *path == store => Ok(()),
        Op::Put { path, .. } if *path == store => check_all(access, Right::Admin),
        Op::List { folder, after, .. } if folder == "heads" || folder == "spaces" => {
            check_after(after.as_deref())?;
            check_all(access, Right::Read)
        }
        Op::Get { path } | Op::Head { path } | Op::Put { path, .. } | Op::Delete { path } => {
            Err(elsewhere(path))
        }
        Op::List { folder, .. } => Err(elsewhere(folder)),
        Op::Copy { to, .. } => Err(elsewhere(to)),
    }
}

/// What concerns all spaces needs a token for all.
fn check_all(access: &Access, right: Right) -> Result<()> {
    if access.may_all(right) {
        return Ok(());
    }
    Err(
        Error::denied(format!("the token does not allow {right} in all spaces")).with_hint(
            format!("this needs a token with the right `{right}` for the spaces `*`"),
        ),
    )
}

fn elsewhere(path: &str) -> Error {
    Error::invalid("the path does not lie in what was named")
        .with_object(printable(path))
        .with_hint("objects of a space are signed by POST /v1/spaces/{space}/sign, store.json by POST /v1/sign")
}

/// A path from outside, fit for an error.
fn printable(path: &str) -> String {
    path.chars()
        .take(AFTER_CHARS_MAX)
        .flat_map(char::escape_default)
        .collect()
}

/// The path of an icecore object of this space.
fn object(space: &SpaceName, path: &str) -> Result<ObjectKey> {
    let key: ObjectKey = path.parse().map_err(|_| elsewhere(path))?;
    match key.space_name() {
        Some(of) if of == space => Ok(key),
        _ => Err(elsewhere(path)),
    }
}

/// Any path within a space, also of something that is no icecore object.
fn inside(space: &SpaceName, path: &str) -> Result<()> {
    if path == ObjectKey::Head(space.clone()).to_string() {
        return Ok(());
    }
    let below = path.strip_prefix(&format!("{}/", ObjectKey::space(space)));
    match below {
        Some(below) if below.split('/').all(is_name) => Ok(()),
        _ => Err(elsewhere(path)),
    }
}

fn inside_folder(space: &SpaceName, folder: &str) -> Result<()> {
    if folder == ObjectKey::space(space) {
        return Ok(());
    }
    inside(space, folder)
}

/// Whether a part of a path names something in its folder, and nothing that a server might take for another path.
fn is_name(name: &str) -> bool {
    !matches!(name, "" | "." | "..")
        && name.len() <= AFTER_CHARS_MAX
        && !name.contains(|c: char| c.is_control() || c == '\\' || c == '%')
}

fn check_after(after: Option<&str>) -> Result<()> {
    let fits =
        |after: &str| after.chars().count() <= AFTER_CHARS_MAX && !after.contains(char::is_control);
    match after {
        Some(after) if !fits(after) => Err(Error::invalid("a listing cannot start there")
            .with_object("after")
            .with_hint("name an object or leave it out")),
        _ => Ok(()),
    }
}

/// What is signed for an operation that is allowed.
///
/// # Errors
/// `Invalid` for a body that is too large for what it is.
pub(crate) fn unsigned(presigner: &Presigner, limits: &Limits, op: &Op) -> Result<Unsigned> {
    let slot = limits.slot_expires_in;
    let read = limits.read_expires_in;
    Ok(match op {
        Op::Get { path } => {
            let expires_in = if is_polled(path) {
                limits.poll_expires_in
            } else {
                read
            };
            Unsigned::new(Method::Get, path, expires_in)
        }
        Op::Head { path } => Unsigned::new(Method::Head, path, read),
        Op::List {
            folder,
            after,
            flat,
        } => {
            let prefix = format!("{}/", presigner.in_bucket(folder));
            let mut request = Unsigned::new(Method::Get, "", limits.poll_expires_in);
            if *flat {
                request.query.push(("delimiter", "/".to_owned()));
            }
            request.query.push(("list-type", "2".to_owned()));
            request.query.push(("max-keys", PAGE.to_owned()));
            request.query.push(("prefix", prefix.clone()));
            if let Some(after) = after {
                request
                    .query
                    .push(("start-after", format!("{prefix}{after}")));
            }
            request
        }
        Op::Put {
            path,
            body,
            content,
            condition,
        } => {
            check_size(path, *body)?;
            let request = with_body(Unsigned::new(Method::Put, path, slot), *body, *content);
            match condition {
                Condition::Absent => request.header("if-none-match", "*"),
                Condition::Matches(tag) => request.header("if-match", checked_tag(tag)?),
                Condition::None => request,
            }
        }
        Op::Delete { path } => Unsigned::new(Method::Delete, path, slot),
        Op::Copy { from, to } => {
            let source = format!("/{}/{}", presigner.bucket(), presigner.in_bucket(from));
            Unsigned::new(Method::Put, to, slot).header("x-amz-copy-source", source)
        }
    })
}

/// What is signed for a slot: this very body, under this very key, in this author's name, where nothing is yet.
pub(crate) fn slot(
    key: &ObjectKey,
    body: BodyInfo,
    author: Author,
    limits: &Limits,
) -> Result<Unsigned> {
    let path = key.to_string();
    check_size(&path, body)?;
    let request = Unsigned::new(Method::Put, path, limits.slot_expires_in);
    Ok(with_body(request, body, Content::Json)
        .header("if-none-match", "*")
        .header(AUTHOR_HEADER, author.to_string()))
}

fn with_body(request: Unsigned, body: BodyInfo, content: Content) -> Unsigned {
    let request = request
        .header("content-length", body.bytes.to_string())
        .header("content-type", "application/json")
        .header(
            "x-amz-checksum-sha256",
            STANDARD.encode(bytes_of(body.sha256)),
        );
    match content {
        Content::Json => request,
        Content::Layer => request
            .header("cache-control", "max-age=31536000, immutable")
            .header("content-encoding", "gzip"),
    }
}

fn bytes_of(digest: Digest) -> [u8; 32] {
    *digest.as_bytes()
}

/// What a client polls for as long as it runs.
fn is_polled(path: &str) -> bool {
    matches!(path.parse(), Ok(ObjectKey::Head(_) | ObjectKey::Space(_)))
}

fn check_size(path: &str, body: BodyInfo) -> Result<()> {
    let key: ObjectKey = path.parse().map_err(|_| elsewhere(path))?;
    // What is larger nobody would read.
    let most = bytes_max(&key);
    if body.bytes <= most {
        return Ok(());
    }
    Err(Error::invalid(format!(
        "the body has {} bytes, at most {most} are allowed",
        body.bytes
    ))
    .with_object(path.to_owned())
    .with_hint("split it"))
}

/// A tag goes into a header.
fn checked_tag(tag: &str) -> Result<String> {
    let fits = tag.len() <= AFTER_CHARS_MAX && tag.bytes().all(|b| (0x20..0x7f).contains(&b));
    if fits && !tag.is_empty() {
        return Ok(tag.to_owned());
    }
    Err(Error::invalid("this is no tag of an object").with_object("condition"))
}
