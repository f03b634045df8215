//! `erase`: every object of a space is removed; a tombstone in `space.json` refuses what comes later.

use super::change_space;
use crate::link::forward_all;
use crate::store::Store;
use futures::{StreamExt, stream};
use icecore_core::{Error, ObjectKey, Result, SpaceName, time};
use serde::Serialize;

/// What an erasure removed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Erased {
    /// Objects removed.
    pub objects: u64,
    /// When the space was first erased, RFC 3339.
    pub erased_at: String,
}

/// Erases a space, or removes what landed in it since it was erased.
///
/// # Errors
/// `Conflict` when the space was changed meanwhile; `Unavailable`: run it again, it goes on. Of a linked space also what
/// forwarding the rest reports.
pub async fn erase(store: &Store, space: &SpaceName) -> Result<Erased> {
    let open = store.space_or_tombstone(space).await?;
    let erased_at = if let Some(at) = &open.info.erased_at {
        at.clone()
    } else {
        // What was not forwarded yet would be lost to the space that it joined.
        match forward_all(store, space).await {
            Err(error) if !error.is_not_found() => return Err(error),
            _ => {}
        }
        let mut info = open.info.clone();
        let at = time::to_rfc3339(store.now());
        info.erased_at = Some(at.clone());
        info.old_epochs.clear();
        change_space(store, &open, info).await?;
        at
    };
    let folder = ObjectKey::space(space);
    let objects = remove_all(store, &folder, is_no_tombstone).await?;
    store
        .bucket
        .delete(&ObjectKey::Head(space.clone()).to_string())
        .await?;
    let left = list_all(store, &folder).await?;
    if !left.is_empty() {
        return Err(Error::unavailable(format!(
            "{} objects landed in the space while it was erased",
            left.len()
        ))
        .with_object(format!("{folder}/{}", left[0]))
        .with_hint("run `icecore erase` again"));
    }
    Ok(Erased { objects, erased_at })
}

/// Removes the objects of a folder that `goes` names.
pub(crate) async fn remove_all(
    store: &Store,
    folder: &str,
    goes: impl Fn(&str) -> bool,
) -> Result<u64> {
    let listed = store
        .bucket
        .list(folder, None, |name| goes(name).then(|| name.to_owned()))
        .await?;
    remove(store, folder, listed.into_iter().map(|l| l.key).collect()).await
}

/// Removes these objects of a folder.
pub(crate) async fn remove(store: &Store, folder: &str, names: Vec<String>) -> Result<u64> {
    let count = names.len() as u64;
    let mut deletes = stream::iter(names)
        .map(|name| async move { store.bucket.delete(&format!("{folder}/{name}")).await })
        .buffer_unordered(store.settings.reads_max);
    while let Some(result) = deletes.next().await {
        result?;
    }
    Ok(count)
}

async fn list_all(store: &Store, folder: &str) -> Result<Vec<String>> {
    let parse = |name: &str| is_no_tombstone(name).then(|| name.to_owned());
    Ok(store
        .bucket
        .list(folder, None, parse)
        .await?
        .into_iter()
        .map(|l| l.key)
        .collect())
}

fn is_no_tombstone(name: &str) -> bool {
    name != "space.json"
}
