//! New epochs (docs/protocol.md, Epochs): a new history takes the place of the old one by one conditional change of
//! `space.json`; the old one is swept until nothing lands in it any more.

pub mod again;
pub mod compress;
pub mod erase;
pub mod redact;
pub mod sweep;

pub use compress::{compress, reset};
pub use erase::erase;
pub use redact::{Redaction, redact};

use crate::bucket::Swapped;
use crate::rollup::{RollupOptions, Warm, roll_up};
use crate::settings::millis;
use crate::store::{OpenSpace, Store};
use bytes::Bytes;
use icecore_core::space::OldEpoch;
use icecore_core::{Epoch, Error, ErrorKind, Head, ObjectKey, Result, SpaceInfo, SpaceName};
use serde::Serialize;
use sweep::Depth;

/// What a new epoch is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct NewEpoch {
    /// Its number.
    pub epoch: Epoch,
    /// The one that it takes over from.
    pub from: Epoch,
    /// Updates that its history holds.
    pub updates: u64,
    /// Updates that count as seen although its history does not hold them.
    pub carried: u64,
    /// Updates that landed in the old epoch meanwhile and were published again.
    pub swept: u64,
}

/// A space with everything rolled up that was there.
struct Settled {
    open: OpenSpace,
    warm: Warm,
    /// The server's time before the roll-up listed everything.
    at: i64,
}

/// How often a roll-up that lost a race is repeated before a new epoch gives way.
const SETTLES_MAX: u32 = 20;

async fn settle(store: &Store, space: &SpaceName) -> Result<Settled> {
    let everything = RollupOptions {
        full: true,
        now: true,
        time_max: None,
    };
    for tries in 0..SETTLES_MAX {
        let at = server_time(store, space).await?;
        let report = roll_up(store, space, &everything).await?;
        if let Some(newer) = report.newer.first() {
            return Err(Error::invalid(format!("an update cannot be read: {newer}"))
                .with_object(space.to_string())
                .with_hint(
                    "update this program first: a new epoch would leave that update behind",
                ));
        }
        // A roll-up that lost a race has not rolled up everything.
        if !report.raced && !report.unfinished {
            let open = store.space(space).await?;
            if let Some(linked) = &open.info.linked {
                return Err(Error::conflict(format!(
                    "the space {space} is linked to {}, which holds its history too",
                    linked.into
                ))
                .with_object(space.to_string())
                .with_hint(format!("do it in {}, or erase {space}", linked.into)));
            }
            let warm = Warm::load(store, &open.info).await?;
            warm.base.folded.check_readable()?;
            return Ok(Settled { open, warm, at });
        }
        store.back_off(tries).await;
    }
    Err(Error::conflict(format!(
        "other roll-ups of {space} were faster again and again"
    ))
    .with_hint("repeat the command when fewer roll-ups run"))
}

/// The server's time by the server's own word, whatever the local clock shows: when it stored a head hint. The head is
/// written as it is, over the very one that was read: it must not bring an old one back over a newer one.
pub(crate) async fn server_time(store: &Store, space: &SpaceName) -> Result<i64> {
    const TRIES_MAX: u32 = 3;
    let open = store.space(space).await?;
    let key = ObjectKey::Head(space.clone());
    for tries in 0..=TRIES_MAX {
        let (body, version) = match store.bucket.get(&key).await {
            Ok(Some(got)) => (got.bytes, Some(got.version)),
            Err(error) if !error.is_corrupt() => return Err(error),
            Ok(None) | Err(_) => (Bytes::from(Head::first(open.info.epoch).to_json()), None),
        };
        if tries == TRIES_MAX {
            store.bucket.put(&key, body).await?;
            break;
        }
        match store.bucket.swap(&key, body, version.as_ref()).await {
            Ok(Swapped::Stored(_)) => break,
            Ok(Swapped::Lost) => {}
            // It knows no such condition.
            Err(error) if error.kind() == ErrorKind::Invalid => {}
            Err(error) => return Err(error),
        }
    }
    let stored = store.bucket.get(&key).await?.ok_or_else(|| {
        Error::unavailable("a head that was just written is not there").with_object(key.to_string())
    })?;
    Ok(stored.last_modified)
}

/// The next epoch. Nobody else ever has its name: leftovers of an attempt that crashed are never taken for its own, and a
/// late DELETE of them does not hit it.
fn next_epoch(store: &Store, info: &SpaceInfo) -> Result<Epoch> {
    info.epoch.next(store.random_id()).ok_or_else(|| {
        Error::invalid("the space has had 9,999 epochs")
            .with_hint("export it and import it into a new space")
    })
}

/// Makes the new epoch the one that counts, and takes in what landed in the old one meanwhile.
async fn flip(store: &Store, settled: &Settled, epoch: Epoch) -> Result<u64> {
    let mut info = settled.open.info.clone();
    info.old_epochs.push(OldEpoch {
        epoch: info.epoch,
        left_at: settled.at,
        settled_at: settled.at,
        generation: settled.warm.base.generation,
    });
    info.epoch = epoch;
    // A machine may have slept since. Pruning removes an epoch that is not the current one after the retention.
    let spent = server_time(store, &info.space)
        .await?
        .saturating_sub(settled.at);
    if spent > millis(store.settings.retention) / 2 {
        return Err(Error::conflict(format!(
            "making the new epoch of {} took {} s, and pruning may have removed it",
            info.space,
            spent / 1000
        ))
        .with_hint("nothing was changed: repeat the command"));
    }
    let info = change_space(store, &settled.open, info).await?;
    // The new epoch covers what the old one did.
    sweep::sweep(store, &info, &settled.warm.base.covered, Depth::Recent).await
}

/// Replaces `space.json` if it is still the version that was read.
pub(crate) async fn change_space(
    store: &Store,
    open: &OpenSpace,
    info: SpaceInfo,
) -> Result<SpaceInfo> {
    open.info.check_writable()?;
    let key = ObjectKey::Space(info.space.clone());
    let body = Bytes::from(info.to_json());
    store.crash_point("epoch.before_flip");
    let mut tries = 0;
    loop {
        match store
            .bucket
            .put_if_match(&key, body.clone(), &open.version)
            .await
        {
            Ok(true) => break,
            // Ours, when the response of an earlier attempt was lost.
            Ok(false)
                if store
                    .bucket
                    .get(&key)
                    .await?
                    .is_some_and(|got| got.bytes == body) =>
            {
                break;
            }
            Ok(false) => {
                return Err(Error::conflict(format!(
                    "the space {} was changed meanwhile",
                    info.space
                ))
                .with_object(key.to_string())
                .with_hint("look at it again, then repeat the command"));
            }
            Err(error) if error.is_unavailable() && tries < 5 => {
                store.back_off(tries).await;
                tries += 1;
            }
            Err(error) => return Err(error),
        }
    }
    store.crash_point("epoch.after_flip");
    Ok(info)
}
