//! What a client of a gateway has at hand: presigned requests that are still good, and what was prepared for its
//! next look.

use icecore_core::wire::{Op, Prepared, Signed, Slot};
use icecore_core::{Digest, Epoch, ObjectKey, SpaceName};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// A presigned request is not used in its last moments: it would expire on its way.
const MARGIN: Duration = Duration::from_secs(3);
/// What was prepared longer ago than this may be too old for a look that begins now.
const PREPARED_AGE_MAX: Duration = Duration::from_secs(10);
/// More presigned requests than this are not kept.
const URLS_MAX: usize = 20_000;

/// Everything at hand. Times are those of the monotonic clock.
#[derive(Debug, Default)]
pub(super) struct Desk {
    urls: BTreeMap<Op, Ready>,
    slots: BTreeMap<String, (Digest, Ready)>,
    bodies: BTreeMap<String, PreparedBody>,
    lists: BTreeMap<String, PreparedList>,
    prepared_at: Duration,
    writes: u64,
}

#[derive(Debug)]
struct Ready {
    signed: Signed,
    until: Duration,
}

/// An object's body that came with the answer to a look.
#[derive(Debug, Clone)]
pub(super) struct PreparedBody {
    pub(super) body: String,
    pub(super) e_tag: Option<String>,
    pub(super) last_modified: i64,
    /// The author that its metadata names.
    pub(super) author: Option<String>,
}

/// A complete listing that came with the answer to a look.
#[derive(Debug)]
struct PreparedList {
    after: Option<String>,
    items: Vec<Item>,
}

/// An object of a listing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Item {
    /// Its name within the folder.
    pub(super) name: String,
    pub(super) bytes: u64,
    /// Milliseconds since 1970 UTC.
    pub(super) last_modified: i64,
    pub(super) e_tag: Option<String>,
}

impl Desk {
    /// Keeps a presigned request that came at `now`.
    pub(super) fn keep(&mut self, op: Op, signed: Signed, now: Duration) {
        if self.urls.len() >= URLS_MAX {
            self.urls.retain(|_, ready| ready.until > now);
        }
        if self.urls.len() >= URLS_MAX {
            // Those that end first go.
            let mut ends: Vec<Duration> = self.urls.values().map(|ready| ready.until).collect();
            ends.sort_unstable();
            let middle = ends[ends.len() / 2];
            self.urls.retain(|_, ready| ready.until > middle);
        }
        self.urls.insert(op, Ready::new(signed, now));
    }

    /// A presigned request for this very purpose.
    pub(super) fn find(&self, op: &Op, now: Duration) -> Option<Signed> {
        self.urls.get(op)?.at(now)
    }

    /// A presigned listing of a folder that holds everything after `after`; it may hold more.
    pub(super) fn find_list(
        &self,
        folder: &str,
        after: Option<&str>,
        now: Duration,
    ) -> Option<Signed> {
        let list = |after: Option<&str>| Op::List {
            folder: folder.to_owned(),
            after: after.map(str::to_owned),
            flat: false,
        };
        let fitting = self.urls.range(list(None)..=list(after)).rev();
        fitting
            .filter(|(op, _)| matches!(op, Op::List { flat: false, .. }))
            .find_map(|(_, ready)| ready.at(now))
    }

    /// What a client polls of a space that is good no more at `now`: whoever needs one of them will soon need the others.
    pub(super) fn ended_polls(&self, space: &SpaceName, now: Duration) -> Vec<Op> {
        let head = ObjectKey::Head(space.clone()).to_string();
        let info = ObjectKey::Space(space.clone()).to_string();
        let below = format!("{}/", ObjectKey::space(space));
        let mut polls: BTreeMap<String, Op> = BTreeMap::new();
        let mut first: BTreeMap<String, Option<Op>> = BTreeMap::new();
        for (op, ready) in &self.urls {
            let place = match op {
                Op::Get { path } if *path == head || *path == info => path,
                Op::List { folder, flat, .. } if folder.starts_with(&below) && !flat => folder,
                _ => continue,
            };
            // Of listings the one that starts last, which is for polls, and the first, which is for a look at everything:
            // they come in the order of their starts.
            let ended = ready.at(now).is_none().then(|| op.clone());
            first.entry(place.clone()).or_insert(ended.clone());
            match ended {
                Some(op) => drop(polls.insert(place.clone(), op)),
                None => drop(polls.remove(place)),
            }
        }
        let ended: BTreeSet<Op> = polls
            .into_values()
            .chain(first.into_values().flatten())
            .collect();
        ended.into_iter().collect()
    }

    /// Forgets a presigned request that the bucket refused.
    pub(super) fn drop_url(&mut self, signed: &Signed) {
        self.urls.retain(|_, ready| ready.signed.url != signed.url);
        self.slots
            .retain(|_, (_, ready)| ready.signed.url != signed.url);
    }

    /// Keeps slots for a body that came at `now`.
    pub(super) fn keep_slots(
        &mut self,
        (space, epoch): (&SpaceName, Epoch),
        digest: Digest,
        slots: Vec<Slot>,
        now: Duration,
    ) {
        self.slots.retain(|_, (_, ready)| ready.until > now);
        for Slot { key, signed } in slots {
            let path = ObjectKey::Update(space.clone(), epoch, key).to_string();
            self.slots.insert(path, (digest, Ready::new(signed, now)));
        }
    }

    /// The slot that can write this body there.
    pub(super) fn find_slot(&self, path: &str, digest: Digest, now: Duration) -> Option<Signed> {
        let (for_body, ready) = self.slots.get(path)?;
        (*for_body == digest).then(|| ready.at(now)).flatten()
    }

    /// Keeps what a look of a space found at `now`, in place of what was prepared before.
    pub(super) fn prepare(
        &mut self,
        space: &SpaceName,
        epoch: Epoch,
        found: Prepared,
        now: Duration,
    ) {
        self.clear_prepared();
        self.prepared_at = now;
        let mut body = |path: ObjectKey, stored: icecore_core::wire::Stored| {
            let prepared = PreparedBody {
                body: stored.body,
                e_tag: stored.e_tag,
                last_modified: stored.last_modified,
                author: None,
            };
            self.bodies.insert(path.to_string(), prepared);
        };
        body(ObjectKey::Space(space.clone()), found.space);
        if let Some(head) = found.head {
            body(ObjectKey::Head(space.clone()), head);
        }
        if let Some(layers) = found.layers {
            let after = (layers.after.get() > 0).then(|| format!("{:#}", layers.after));
            let items = |list: Vec<icecore_core::wire::LayerItem>| {
                let item = |l: icecore_core::wire::LayerItem| Item {
                    name: format!("{:#}", l.generation),
                    bytes: l.bytes,
                    last_modified: l.last_modified,
                    e_tag: l.e_tag,
                };
                list.into_iter().map(item).collect()
            };
            let segments = (ObjectKey::segments(space, epoch), items(layers.segments));
            let snapshots = (ObjectKey::snapshots(space, epoch), items(layers.snapshots));
            for (folder, items) in [segments, snapshots] {
                let after = after.clone();
                self.lists.insert(folder, PreparedList { after, items });
            }
        }
        if let Some(updates) = found.updates {
            let folder = ObjectKey::updates(space, epoch);
            let mut items = Vec::with_capacity(updates.objects.len());
            for object in updates.objects {
                let name = format!("{:#}", object.key);
                if let Some(body) = object.body {
                    let prepared = PreparedBody {
                        body,
                        e_tag: object.e_tag.clone(),
                        last_modified: object.last_modified,
                        author: object.author,
                    };
                    self.bodies.insert(format!("{folder}/{name}"), prepared);
                }
                items.push(Item {
                    name,
                    bytes: object.bytes,
                    last_modified: object.last_modified,
                    e_tag: object.e_tag,
                });
            }
            let after = updates.after.map(|key| format!("{key:#}"));
            self.lists.insert(folder, PreparedList { after, items });
        }
        for url in found.urls {
            self.keep(url.request, url.signed, now);
        }
    }

    /// Whether a body was prepared.
    pub(super) fn has_body(&self, path: &str, now: Duration) -> bool {
        self.is_fresh(now) && self.bodies.contains_key(path)
    }

    /// Takes a prepared body: it is used once.
    pub(super) fn take_body(&mut self, path: &str, now: Duration) -> Option<PreparedBody> {
        let body = self.bodies.remove(path);
        body.filter(|_| self.is_fresh(now))
    }

    /// Takes a prepared listing of what comes after `after`: it is used once.
    pub(super) fn take_list(
        &mut self,
        folder: &str,
        after: Option<&str>,
        now: Duration,
    ) -> Option<Vec<Item>> {
        let list = self.lists.remove(folder).filter(|_| self.is_fresh(now))?;
        if list.after.as_deref() > after {
            return None;
        }
        let items = list.items.into_iter();
        Some(
            items
                .filter(|item| Some(item.name.as_str()) > after)
                .collect(),
        )
    }

    fn is_fresh(&self, now: Duration) -> bool {
        now.saturating_sub(self.prepared_at) <= PREPARED_AGE_MAX
    }

    /// How many writes were begun or have ended.
    pub(super) fn writes(&self) -> u64 {
        self.writes
    }

    /// A write begins, or has ended: what was prepared before is not what the bucket holds.
    pub(super) fn note_write(&mut self) {
        self.writes += 1;
        self.clear_prepared();
    }

    fn clear_prepared(&mut self) {
        self.bodies.clear();
        self.lists.clear();
    }
}

impl Ready {
    fn new(signed: Signed, now: Duration) -> Self {
        let until = now + Duration::from_millis(signed.expires_in_ms);
        Self { signed, until }
    }

    fn at(&self, now: Duration) -> Option<Signed> {
        (now + MARGIN < self.until).then(|| self.signed.clone())
    }
}
