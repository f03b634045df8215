//! Linking: the history of one space joins that of another, a guest's that of a user.
//!
//! The updates keep their `(author, seq)`, so that they count once however often they are forwarded, and whichever
//! of the two spaces a device writes to. The guest's space remembers in its `space.json` where it was linked to and how
//! far its segments were forwarded; every roll-up of it goes on from there. So what a device sends that was offline
//! meanwhile arrives too.

use crate::epochs::again::publish_missing;
use crate::epochs::change_space;
use crate::history::Segments;
use crate::publish::write_head;
use crate::rollup::{RollupOptions, roll_up};
use crate::store::Store;
use icecore_core::{
    Error, Generation, Head, Key, Linked, Order, Result, SpaceInfo, SpaceName, Update, UpdateId,
    time,
};
use serde::Serialize;
use std::collections::BTreeMap;

/// How often somebody else may change `space.json` in between before linking gives way.
const TRIES_MAX: u32 = 10;
/// What is forwarded at once: bounds the memory.
const BATCH_UPDATES: usize = 20_000;
const BATCH_BYTES: usize = 16 << 20;

/// Two spaces are linked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Link {
    /// The space that joined.
    pub from: SpaceName,
    /// The space that it joined.
    pub into: SpaceName,
    /// Updates forwarded by this call.
    pub updates: u64,
    /// When they were first linked, RFC 3339.
    pub linked_at: String,
}

/// Lets the history of `from` join that of `into`, now and from now on. It can be repeated, and cut anywhere.
///
/// # Errors
/// As [`join`] and [`forward_all`].
pub async fn link(store: &Store, from: &SpaceName, into: &SpaceName) -> Result<Link> {
    let linked = join(store, from, into).await?;
    Ok(Link {
        from: from.clone(),
        into: into.clone(),
        updates: forward_all(store, from).await?,
        linked_at: linked.at,
    })
}

/// Writes down that the one is linked to the other, unless it says so already. From then on each roll-up of the one
/// forwards what it holds; the model need not be known here.
///
/// # Errors
/// `NotFound` when there is no such space; `Invalid` for two that do not fit together; `Conflict` when `from` is linked to
/// another one.
pub async fn join(store: &Store, from: &SpaceName, into: &SpaceName) -> Result<Linked> {
    let target = store.space(into).await?.info;
    for tries in 0..TRIES_MAX {
        let open = store.space(from).await?;
        if let Some(linked) = open.info.linked {
            return if linked.into == *into {
                Ok(linked)
            } else {
                Err(linked_elsewhere(from, &linked))
            };
        }
        check_fit(&open.info, &target)?;
        let through = check_whole(store, &open.info).await?;
        let linked = Linked {
            into: into.clone(),
            at: time::to_rfc3339(store.now()),
            forwarded: Generation::ZERO,
        };
        let mut info = open.info.clone();
        info.linked = Some(linked.clone());
        match change_space(store, &open, info).await {
            // Somebody else changed it: look again.
            Err(error) if error.is_conflict() => store.back_off(tries).await,
            Err(error) => return Err(error),
            Ok(info) => {
                // A scheduled roll-up looks where there is something beyond `through`.
                let head = Head {
                    through,
                    key: through.saturating_add(1),
                    ..Head::first(info.epoch)
                };
                write_head(store, &info, &head).await?;
                return Ok(linked);
            }
        }
    }
    Err(
        Error::conflict(format!("the space {from} was changed again and again"))
            .with_hint("repeat the command; nothing was done"),
    )
}

fn linked_elsewhere(from: &SpaceName, linked: &Linked) -> Error {
    Error::conflict(format!(
        "the space {from} was linked to {} at {}",
        linked.into, linked.at
    ))
    .with_object(from.to_string())
    .with_hint("a space joins one other; export and import what is to be in a second one")
}

/// Rolls up a linked space and forwards all that it holds. Returns how many updates the other one did not have.
///
/// # Errors
/// As a roll-up of the one, and as publishing to the other.
pub async fn forward_all(store: &Store, from: &SpaceName) -> Result<u64> {
    let everything = RollupOptions {
        full: true,
        now: true,
        time_max: None,
    };
    let mut updates = 0;
    for tries in 0..TRIES_MAX {
        let report = roll_up(store, from, &everything).await?;
        updates += report.forwarded;
        // Nothing is left, unless the roll-up was refused: then this says why.
        updates += forward(store, &store.space(from).await?.info).await?;
        if !report.raced {
            return Ok(updates);
        }
        store.back_off(tries).await;
    }
    Err(Error::unavailable(format!(
        "other roll-ups of {from} were faster again and again"
    ))
    .with_hint("nothing is lost, the scheduled roll-up forwards the rest; or repeat the command"))
}

fn check_fit(from: &SpaceInfo, into: &SpaceInfo) -> Result<()> {
    let refuse = |message: String, hint: &'static str| {
        Err(Error::invalid(message)
            .with_object(from.space.to_string())
            .with_hint(hint))
    };
    if from.space == into.space {
        return refuse(
            "a space cannot be linked to itself".to_owned(),
            "name the space that it is to join",
        );
    }
    if let Some(linked) = &into.linked {
        return refuse(
            format!(
                "the space {} is linked to {} itself",
                into.space, linked.into
            ),
            "name that one: links do not go in chains or circles",
        );
    }
    if from.model.name != into.model.name {
        return refuse(
            format!(
                "the model of {} is `{}`, that of {} is `{}`",
                from.space, from.model.name, into.space, into.model.name
            ),
            "link spaces of one model",
        );
    }
    if from.order != Order::Timestamp || into.order != Order::Timestamp {
        return refuse(
            "a sequenced space cannot be linked: somebody has to settle where its updates go"
                .to_owned(),
            "export it, and `icecore import --replay` it into the other",
        );
    }
    Ok(())
}

/// What was compressed or redacted away cannot be forwarded: the rest would mean something else without it. Returns
/// how far the segments reach.
async fn check_whole(store: &Store, info: &SpaceInfo) -> Result<Key> {
    let mut segments = Segments::after(store, info, Generation::ZERO).await?;
    let mut through = Key::MIN;
    while let Some(segment) = segments.next().await? {
        let header = segment.header;
        if header.base.is_some() || !header.carried.is_empty() {
            return Err(Error::invalid(format!(
                "the history of {} is not whole: it was compressed, redacted or reset",
                info.space
            ))
            .with_object(info.space.to_string())
            .with_hint("export it, and `icecore import --replay` it into the other space"));
        }
        through = header.through;
    }
    Ok(through)
}

/// Forwards what the segments of a linked space hold since it was last done. Returns how many updates the other space
/// did not have.
///
/// # Errors
/// As publishing to the other space; what was forwarded so far stays and counts once.
pub(crate) async fn forward(store: &Store, info: &SpaceInfo) -> Result<u64> {
    let Some(linked) = &info.linked else {
        return Ok(0);
    };
    let mut segments = Segments::after(store, info, linked.forwarded).await?;
    let mut forwarded = 0;
    let mut batch: BTreeMap<UpdateId, Update> = BTreeMap::new();
    let mut bytes = 0;
    while let Some(segment) = segments.next().await? {
        for entry in segment.entries {
            bytes += entry.update.as_text().len();
            batch.insert(entry.id, entry.update);
        }
        let full = batch.len() >= BATCH_UPDATES || bytes >= BATCH_BYTES;
        if full || segments.remaining() == 0 {
            forwarded += put_over(store, &linked.into, std::mem::take(&mut batch)).await?;
            bytes = 0;
            remember(store, &info.space, segment.header.segment).await?;
        }
    }
    Ok(forwarded)
}

async fn put_over(
    store: &Store,
    into: &SpaceName,
    batch: BTreeMap<UpdateId, Update>,
) -> Result<u64> {
    for tries in 0..TRIES_MAX {
        let target = store.space(into).await?.info;
        if let Some(sent) = publish_missing(store, &target, batch.clone()).await? {
            if sent.updates > 0
                && let Err(error) = write_head(store, &target, &sent.head).await
            {
                tracing::debug!(%error, "the head hint was not written; others notice at their next safety listing");
            }
            return Ok(sent.updates);
        }
        // A new epoch began in between.
        store.back_off(tries).await;
    }
    Err(Error::unavailable(format!(
        "the space {into} began one epoch after the other"
    )))
}

/// Remembers how far it was forwarded. Who else does it at the same time forwards the same.
async fn remember(store: &Store, space: &SpaceName, reached: Generation) -> Result<()> {
    for tries in 0..TRIES_MAX {
        let open = store.space(space).await?;
        let mut info = open.info.clone();
        match &mut info.linked {
            Some(linked) if linked.forwarded < reached => linked.forwarded = reached,
            _ => return Ok(()),
        }
        match change_space(store, &open, info).await {
            Ok(_) => return Ok(()),
            Err(error) if error.is_conflict() => store.back_off(tries).await,
            Err(error) => return Err(error),
        }
    }
    // The next roll-up forwards it once more, and finds that all of it is there.
    Ok(())
}
