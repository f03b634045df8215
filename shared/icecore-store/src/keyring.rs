//! Encrypted spaces: made, and their keyrings changed (docs/encryption.md).
//!
//! A keyring stands in `space.json` and is changed by If-Match only: of two who change it at once, one is told.

use crate::epochs::change_space;
use crate::keychain::{of_keyring, random_bytes};
use crate::publish::rewrite_head;
use crate::store::{OpenSpace, Store};
use icecore_core::content::{Salt, Seal, SpaceSeal, keyring_context, locked};
use icecore_core::{
    Content, Error, ModelRef, ObjectKey, Order, Result, SpaceInfo, SpaceName, time,
};
use icecore_seal::{Keyring, KeyringError, NewHolder, Passphrase, PassphraseCost, SpaceKeys};
use std::sync::Arc;

impl Store {
    /// Creates an encrypted space, which these can open. Whoever runs its roll-up need not be one of them.
    ///
    /// # Errors
    /// As [`Store::create_space`], and `Invalid` for holders that cannot be.
    pub async fn create_encrypted_space(
        &self,
        space: &SpaceName,
        model: ModelRef,
        order: Order,
        holders: Vec<NewHolder>,
    ) -> Result<SpaceInfo> {
        self.registry.open(&model)?;
        let mut info = self.new_space(space, model, order).await?;
        let context = keyring_context(&info.store, space);
        let at = info.created_at.clone();
        let created = Keyring::create(&context, holders, &at, &mut self.key_bytes());
        let (keyring, _) = created.map_err(|e| of_keyring(e, &info))?;
        info.keyring = Some(keyring);
        self.put_new_space(info).await
    }

    /// How the content of a space is sealed, and the keys where a secret at hand opens it.
    ///
    /// # Errors
    /// `Denied` when no secret at hand opens it; `Corrupt` when somebody without its keys changed the keyring.
    pub fn seal(&self, info: &SpaceInfo) -> Result<Seal> {
        let Some(keyring) = &info.keyring else {
            return Ok(Seal::Clear);
        };
        let opened = match self.keychain() {
            Some(keychain) => keychain.seal(info, keyring)?,
            None => None,
        };
        Ok(opened.map_or(Seal::Locked, Seal::Open))
    }

    /// Fresh random bytes for one sealing; none are drawn where nothing is sealed.
    pub fn salt(&self, content: &Content) -> Salt {
        match content.seal() {
            Seal::Open(_) => self.ids.random().to_be_bytes(),
            Seal::Clear | Seal::Locked => Salt::default(),
        }
    }

    fn key_bytes(&self) -> impl FnMut() -> [u8; 32] {
        let ids = Arc::clone(&self.ids);
        move || random_bytes(&*ids)
    }
}

/// A change of a keyring.
#[derive(Debug)]
pub enum KeyringChange {
    /// Somebody may open the space from now on, all of it.
    Add(NewHolder),
    /// Somebody may not open what is written from now on: there is a new key. What was written before stays readable to
    /// who has kept the old one.
    Remove(String),
    /// A new key for what is written from now on.
    Rotate,
    /// Another passphrase for a holder that has one, and a new key for what is written from now on.
    SetPassphrase(String, Passphrase, PassphraseCost),
}

/// Changes the keyring of a space.
///
/// # Errors
/// `Denied` when no secret at hand opens it; `Conflict` when somebody else changed the space meanwhile, and nothing was
/// changed; `Invalid` for a space that is not encrypted, or a change that cannot be.
pub async fn change_keyring(
    store: &Store,
    space: &SpaceName,
    change: KeyringChange,
) -> Result<SpaceInfo> {
    let open = store.space(space).await?;
    let (keyring, seal) = opened(store, &open)?;
    let changed = apply(store, &open.info, (keyring, seal.keys()), change)
        .map_err(|e| of_keyring(e, &open.info))?;
    let mut info = open.info.clone();
    info.keyring = Some(changed);
    store.crash_point("keyring.before_change");
    let info = change_space(store, &open, info).await?;
    tell(store, &info).await;
    Ok(info)
}

/// Wakes who polls, so that nobody goes on sealing under a key that was replaced. Its key differs from that of the head that
/// is there: two heads with the same bytes may have one tag.
async fn tell(store: &Store, info: &SpaceInfo) {
    let told = rewrite_head(store, info, |head| head.key.saturating_add(1)).await;
    if let Err(error) = told {
        tracing::debug!(%error, "the head hint was not written; others notice at their next safety listing");
    }
}

fn apply(
    store: &Store,
    info: &SpaceInfo,
    (keyring, keys): (&Keyring, &SpaceKeys),
    change: KeyringChange,
) -> Result<Keyring, KeyringError> {
    let context = keyring_context(&info.store, &info.space);
    let at = time::to_rfc3339(store.now());
    let mut random = store.key_bytes();
    let begun = keyring.change(&context, keys, &at, &mut random)?;
    match change {
        KeyringChange::Add(holder) => begun.add_holder(holder),
        KeyringChange::Remove(name) => Ok(begun.remove_holder(&name)?.0),
        KeyringChange::Rotate => Ok(begun.rotate()?.0),
        KeyringChange::SetPassphrase(name, passphrase, cost) => {
            let set = begun.set_passphrase(&name, passphrase, cost)?;
            // Who knows the old passphrase has perhaps kept the old keyring.
            let rotated = set.change(&context, keys, &at, &mut random)?.rotate()?;
            Ok(rotated.0)
        }
    }
}

/// The keyring of an encrypted space, and its keys.
///
/// # Errors
/// `Invalid` for a space that is not encrypted, `Denied` when no secret at hand opens it.
pub fn opened<'a>(store: &Store, open: &'a OpenSpace) -> Result<(&'a Keyring, Arc<SpaceSeal>)> {
    let info = &open.info;
    let keyring = info.keyring.as_ref().ok_or_else(|| {
        Error::invalid(format!("the space {} is not encrypted", info.space))
            .with_hint("`icecore space create --encrypted` makes one that is; `icecore export` and `icecore import --replay` move a history there")
    })?;
    match store.seal(info)? {
        Seal::Open(seal) => Ok((keyring, seal)),
        Seal::Clear | Seal::Locked => Err(locked().with_object(info.space.to_string())),
    }
}

/// Whether two looks at a space were at one store.
///
/// # Errors
/// `Conflict` when they were not.
pub(crate) fn check_same_store(before: &SpaceInfo, now: &SpaceInfo) -> Result<()> {
    if now.store == before.store {
        return Ok(());
    }
    Err(Error::conflict(format!(
        "this is another store: its id is {}, this replica belongs to {}",
        now.store, before.store
    ))
    .with_object(ObjectKey::Space(now.space.clone()).to_string())
    .with_hint("point --store at the right bucket, or use another --replica folder for this one; nothing was changed"))
}

/// Whether a replica that has seen a space as `before` may go on with it as `now`.
///
/// # Errors
/// `Conflict` when it is of another store; `Corrupt` when the keyring is gone, was put back, or is another one.
pub fn check_same_space(before: &SpaceInfo, now: &SpaceInfo) -> Result<()> {
    check_same_store(before, now)?;
    match (&before.keyring, &now.keyring) {
        (None, None) => Ok(()),
        (Some(before), Some(after)) => after
            .check_follows(before)
            .map_err(|error| of_keyring(error, now)),
        (before, _) => {
            let what = if before.is_some() {
                "the space was encrypted when this replica last saw it, and is not any more"
            } else {
                "the space was not encrypted when this replica last saw it, and is now"
            };
            Err(Error::corrupt(what)
                .with_object(now.space.to_string())
                .with_hint("nothing was sent: restore space.json from a versioned bucket or a backup, and find out who can write to it"))
        }
    }
}
