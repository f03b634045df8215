//! Conflict copies of a program that synchronises folders: what they hold is taken into the space.
//!
//! Such a program is not supported (docs/providers.md): where two devices wrote one key, both were told that they were
//! first, and the program keeps one of the two objects under another name. What is in it was acknowledged and is in no state.

use crate::epochs::again::Again;
use crate::held::Held;
use crate::history::find_updates;
use crate::publish::hint;
use crate::store::Store;
use icecore_core::plan::KeyClock;
use icecore_core::update::OBJECT_BYTES_MAX;
use icecore_core::{
    Error, ObjectKey, Order, Result, SpaceInfo, SpaceName, Update, UpdateId, UpdateObject,
};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// What was taken in.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct AdoptReport {
    /// Conflict copies found under `updates/` of the present epoch.
    pub copies: u64,
    /// Updates published from them, each under the id that it had.
    pub published: Vec<UpdateId>,
    /// Copies deleted: all that they hold is stored.
    pub deleted: u64,
    /// Copies that were left where they are, and why.
    pub left: Vec<Left>,
}

/// A copy that a person has to look at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Left {
    /// Its path.
    pub object: String,
    /// Why it was left.
    pub reason: String,
}

/// Whether a name is that of a conflict copy, as Dropbox, Syncthing, and file managers give them.
pub fn is_conflict_copy(name: &str) -> bool {
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    name.contains(".sync-conflict-")
        || name.contains("conflicted copy")
        || name.contains(" (Case Conflict")
        || name
            .split_once(" (")
            .is_some_and(|(key, rest)| digits(key) && rest.strip_suffix(')').is_some_and(digits))
}

/// Publishes what conflict copies of update objects hold and the space does not, under the ids that it had, and deletes
/// the copies of which all is stored. What a copy says under an id that the space has with another content is left to a
/// person. It can be repeated: an id counts once.
///
/// # Errors
/// `Invalid` for a sequenced space, where a place cannot be given twice; `NotFound`, `Unavailable`, `Denied` or `Corrupt` as
/// the store says. What was published until then stays.
pub async fn adopt(store: &Store, space: &SpaceName) -> Result<AdoptReport> {
    let info = store.space(space).await?.info;
    info.check_writable()?;
    if info.order == Order::Sequence {
        return Err(Error::invalid("conflict copies of a sequenced space cannot be taken in")
            .with_object(space.to_string())
            .with_hint("each holds the place of another update: read what is in it, and make the update again where it still makes sense"));
    }
    let folder = ObjectKey::updates(&info.space, info.epoch);
    let copy = |name: &str| is_conflict_copy(name).then(|| name.to_owned());
    let names = store.bucket.list(&folder, None, copy).await?;
    let mut report = AdoptReport {
        copies: names.len() as u64,
        ..AdoptReport::default()
    };
    if names.is_empty() {
        return Ok(report);
    }
    let mut adoption = Adoption::begin(store, &info).await?;
    for name in names.into_iter().map(|listed| listed.key) {
        let path = format!("{folder}/{name}");
        match adoption.take_in(&path, &mut report).await {
            Ok(()) => {
                store.bucket.delete(&path).await?;
                report.deleted += 1;
            }
            Err(error) if error.is_corrupt() || error.is_conflict() => report.left.push(Left {
                object: path,
                reason: error.to_string(),
            }),
            Err(error) => return Err(error),
        }
    }
    if !report.published.is_empty() {
        adoption.tell().await;
    }
    Ok(report)
}

struct Adoption<'a> {
    store: &'a Store,
    info: &'a SpaceInfo,
    held: Held,
    visible: BTreeMap<UpdateId, Update>,
    again: Again<'a>,
}

impl<'a> Adoption<'a> {
    async fn begin(store: &'a Store, info: &'a SpaceInfo) -> Result<Self> {
        let mut visible = BTreeMap::new();
        let held = Held::of(store, info, &mut visible).await?;
        let mut keys = KeyClock::default();
        keys.saw(held.largest, store.now());
        keys.reached(held.through);
        keys.remember((info.epoch, held.generation()), held.known());
        Ok(Self {
            store,
            info,
            again: Again {
                store,
                info,
                keys,
                end: held.through,
            },
            held,
            visible,
        })
    }

    /// Makes sure that all that a copy holds is stored.
    async fn take_in(&mut self, path: &str, report: &mut AdoptReport) -> Result<()> {
        let bytes = self
            .store
            .bucket
            .get_stray(path, OBJECT_BYTES_MAX as u64)
            .await?;
        let Some(bytes) = bytes else {
            return Ok(());
        };
        let object = UpdateObject::from_json(&bytes)?;
        self.check_same(&object).await?;
        let missing: BTreeMap<UpdateId, Update> = object
            .entries()
            .filter(|(id, _)| !self.held.ids.contains(*id))
            .map(|(id, update)| (id, update.clone()))
            .collect();
        self.again.publish_all(missing.clone()).await?;
        for (id, update) in missing {
            self.held.ids.insert(id);
            self.visible.insert(id, update);
            report.published.push(id);
        }
        Ok(())
    }

    /// What the space has under these ids must be the very same: else two devices wrote as one author.
    async fn check_same(&self, object: &UpdateObject) -> Result<()> {
        let stored: BTreeSet<UpdateId> = object
            .entries()
            .map(|(id, _)| id)
            .filter(|id| self.held.ids.contains(*id) && !self.visible.contains_key(id))
            .collect();
        let newest = self.held.generation();
        let rolled_up = find_updates(self.store, self.info, newest, &stored).await?;
        for (id, update) in object.entries() {
            let known = self.visible.get(&id).or_else(|| rolled_up.get(&id));
            if known.is_some_and(|known| known != update) {
                return Err(Error::conflict(format!(
                    "the space holds another update under {id}: two devices wrote as one author"
                )));
            }
        }
        Ok(())
    }

    async fn tell(&self) {
        let head = self.held.head(self.info, self.again.last());
        if let Err(error) = hint(self.store, self.info, &head, None).await {
            tracing::debug!(%error, "the head hint was not written; others notice at their next safety listing");
        }
    }
}
