//! What a reader leaves on disk: layers and tail as they are stored in the bucket, and how far it looked.

use crate::db::{Db, Durable, execute, failed};
use crate::queue::{damaged, signed, unsigned};
use icecore_core::{
    Base, Content, ErrorKind, Key, Newer, Result, Segment, Snapshot, SpaceInfo, SpaceName, Witness,
};
use icecore_store::reader::{Body, Layer, Polled, Saved};
use icecore_store::{Reader, Store};
use rusqlite::{Connection, OptionalExtension, Transaction, params};
use serde::{Deserialize, Serialize};

/// When the saved segments hold more bytes than this beside their snapshot, the base is packed anew: opening
/// must not fold a long history each time.
const SEGMENT_BYTES_MIN: u64 = 256 * 1024;

/// How often the saved reader of a space was changed, by whatever process.
pub(crate) fn saves(connection: &Connection, space: &SpaceName) -> Result<i64> {
    connection
        .prepare_cached("SELECT saves FROM space WHERE name = ?1")
        .and_then(|mut select| select.query_row([space.as_str()], |row| row.get(0)))
        .map_err(failed)
}

pub(crate) fn info(connection: &Connection, space: &SpaceName) -> Result<Option<SpaceInfo>> {
    let text: Option<Option<String>> = connection
        .prepare_cached("SELECT info FROM space WHERE name = ?1")
        .and_then(|mut select| {
            select
                .query_row([space.as_str()], |row| row.get(0))
                .optional()
        })
        .map_err(failed)?;
    text.flatten()
        .map(|text| SpaceInfo::from_json(text.as_bytes()))
        .transpose()
}

/// A reader that was saved.
pub(crate) struct Loaded {
    pub(crate) reader: Reader,
    /// Its snapshot, where that had to be unpacked and is worth keeping as it is.
    pub(crate) unpacked: Option<Unpacked>,
}

/// A snapshot that was unpacked. Kept beside the stored one it need not be unpacked again: that takes longer than to read
/// the state.
pub(crate) struct Unpacked {
    generation: i64,
    plain: Vec<u8>,
}

/// Shorter ones are unpacked each time.
const KEPT_BYTES_MIN: usize = 64 * 1024;

/// Keeps an unpacked snapshot for the next time. It is there to save time: that it cannot be kept stops nobody.
pub(crate) fn keep(db: &mut Db, space: &SpaceName, unpacked: &Unpacked) {
    let kept = db.write(Durable::Soon, |t| {
        execute(
            t,
            "INSERT OR REPLACE INTO kept (space, generation, plain) VALUES (?1, ?2, ?3)",
            params![space.as_str(), unpacked.generation, unpacked.plain],
        )
    });
    if let Err(error) = kept {
        tracing::debug!(%error, %space, "an unpacked snapshot was not kept");
    }
}

/// The snapshot that a stored one unpacks to, by what was kept of it.
fn load_kept(
    connection: &Connection,
    space: &SpaceName,
    generation: i64,
    stored: &[u8],
) -> Result<Option<Snapshot>> {
    let plain: Option<Vec<u8>> = connection
        .prepare_cached("SELECT plain FROM kept WHERE space = ?1 AND generation = ?2")
        .and_then(|mut select| {
            let key = params![space.as_str(), generation];
            select.query_row(key, |row| row.get(0)).optional()
        })
        .map_err(failed)?;
    Ok(plain.and_then(|plain| Snapshot::from_kept(plain, stored)))
}

/// The saved reader of a space; `None` when there is none, or none that this program can use: then everything
/// is read from the bucket again, and nothing is lost.
pub(crate) fn load(
    connection: &Connection,
    store: &Store,
    space: &SpaceName,
) -> Result<Option<Loaded>> {
    let Some(info) = info(connection, space)? else {
        return Ok(None);
    };
    let Some((mut base, unpacked)) = load_base(connection, store, &info)? else {
        return Ok(None);
    };
    Found::load(connection, space)?.compare(&mut base);
    let (listed_at, listed_to, stamp): (_, _, Option<String>) = connection
        .query_row(
            "SELECT listed_at, listed_to, stamp FROM space WHERE name = ?1",
            [space.as_str()],
            |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)),
        )
        .map_err(failed)?;
    let tail = load_tail(connection, space)?;
    let saved = Saved {
        info,
        base,
        tail,
        listed_at,
        listed_to,
        // Without it the segment is read once more.
        stamp: stamp.and_then(|stamp| serde_json::from_str(&stamp).ok()),
    };
    let reader = Reader::restore(store, saved).map_err(damaged)?;
    Ok(Some(Loaded { reader, unpacked }))
}

fn load_base(
    connection: &Connection,
    store: &Store,
    info: &SpaceInfo,
) -> Result<Option<(Base, Option<Unpacked>)>> {
    let content = match store.content(info) {
        // The secret may be that of a newer keyring, which the next look at the space brings.
        Err(error) if error.kind() == ErrorKind::Denied => Content::locked(),
        content => content?,
    };
    let mut base = Base::initial(info, content.clone());
    let mut unpacked = None;
    let mut select = connection
        .prepare_cached(
            "SELECT snapshot, bytes, generation FROM layer WHERE space = ?1 ORDER BY generation, snapshot DESC",
        )
        .map_err(failed)?;
    let mut rows = select.query([info.space.as_str()]).map_err(failed)?;
    while let Some(row) = rows.next().map_err(failed)? {
        let (is_snapshot, bytes): (bool, Vec<u8>) =
            (row.get(0).map_err(failed)?, row.get(1).map_err(failed)?);
        if is_snapshot {
            let generation = row.get(2).map_err(failed)?;
            let kept = load_kept(connection, &info.space, generation, &bytes)?;
            let is_kept = kept.is_some();
            let snapshot = match kept {
                Some(kept) => kept,
                None => Snapshot::unpack(&bytes).map_err(damaged)?,
            };
            if !is_kept && snapshot.plain().len() >= KEPT_BYTES_MIN {
                let plain = snapshot.plain().to_vec();
                unpacked = Some(Unpacked { generation, plain });
            }
            match Base::from_snapshot(&snapshot, info, content.clone()) {
                Ok(Some(from_snapshot)) => base = from_snapshot,
                // Of another version of the model: the store has the history.
                Ok(None) | Err(_) => return Ok(None),
            }
        } else {
            let segment = Segment::unpack(&bytes).map_err(damaged)?;
            match base.fold(&segment) {
                // Of a newer version of the model: the store has it, and says which.
                Err(error) if Newer::of(&error).is_some() => return Ok(None),
                folded => folded.map_err(damaged)?,
            }
        }
    }
    Ok(Some((base, unpacked)))
}

fn load_tail(connection: &Connection, space: &SpaceName) -> Result<Vec<Body>> {
    let mut select = connection
        .prepare_cached("SELECT key, last_modified, bytes, e_tag FROM tail WHERE space = ?1")
        .map_err(failed)?;
    let mut rows = select.query([space.as_str()]).map_err(failed)?;
    let mut tail = Vec::new();
    while let Some(row) = rows.next().map_err(failed)? {
        let bytes: Vec<u8> = row.get(2).map_err(failed)?;
        tail.push(Body {
            key: Key::new(unsigned(row.get(0).map_err(failed)?)).map_err(damaged)?,
            last_modified: row.get(1).map_err(failed)?,
            e_tag: row.get(3).map_err(failed)?,
            bytes: bytes.into(),
        });
    }
    Ok(tail)
}

/// Saves what a poll brought, and the listing point with it: both or neither. Returns the new count of saves.
pub(crate) fn save(t: &Transaction<'_>, reader: &Reader, polled: &Polled) -> Result<i64> {
    let space = reader.info.space.as_str();
    if polled.new_epoch {
        execute(t, "DELETE FROM tail WHERE space = ?1", [space])?;
        execute(t, "DELETE FROM layer WHERE space = ?1", [space])?;
        execute(t, "DELETE FROM kept WHERE space = ?1", [space])?;
    }
    // First: another object may have the key now.
    for key in polled.covered.iter().chain(&polled.gone) {
        execute(
            t,
            "DELETE FROM tail WHERE space = ?1 AND key = ?2",
            params![space, signed(key.get())],
        )?;
    }
    for body in &polled.bodies {
        save_tail(
            t,
            &reader.info.space,
            (body.key, body.last_modified, body.e_tag.as_deref()),
            &body.bytes,
        )?;
    }
    for (key, tag) in &polled.retagged {
        execute(
            t,
            "UPDATE tail SET e_tag = ?3 WHERE space = ?1 AND key = ?2",
            params![space, signed(key.get()), tag],
        )?;
    }
    save_layers(t, reader, &polled.layers)?;
    execute(
        t,
        "UPDATE space SET info = ?2, listed_at = ?3, listed_to = ?4, found = ?5, stamp = ?6 WHERE name = ?1",
        params![
            space,
            String::from_utf8_lossy(&reader.info.to_json()),
            reader.listed_at,
            reader.listed_to,
            to_json(&Found::of(reader)),
            reader.stamp.as_ref().map(to_json)
        ],
    )?;
    count_save(t, &reader.info.space)
}

fn to_json(what: &impl Serialize) -> String {
    serde_json::to_string(what).expect("BUG: text has a JSON form")
}

/// What a reader found missing or unreadable: kept, for a person asks in another process.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Found {
    pub(crate) gaps: Vec<String>,
    pub(crate) unreadable: Vec<String>,
    /// What the model made of the history when it was folded twice, to compare with when it is opened again.
    #[serde(default)]
    witness: Option<Box<Witness>>,
    /// What it made of the same once, and another time not.
    #[serde(default)]
    pub(crate) impure: Option<Box<Witness>>,
}

impl Found {
    fn of(reader: &Reader) -> Self {
        Self {
            gaps: reader.gaps.iter().map(ToString::to_string).collect(),
            unreadable: reader.unreadable.values().cloned().collect(),
            witness: reader.base.witness.clone(),
            impure: reader.base.impure.clone(),
        }
    }

    /// Whether the model makes the same of the same history as when the program ran before.
    fn compare(self, base: &mut Base) {
        if base.folded.content().is_blind() {
            (base.witness, base.impure) = (self.witness, self.impure);
            return;
        }
        if let Some(before) = &self.witness {
            base.compare_with(before);
        }
        // A new version starts anew.
        let version = base.folded.model().version();
        let known = self.impure.filter(|impure| impure.version == version);
        base.impure = base.impure.take().or(known);
    }

    /// As last saved; nothing before the first sync.
    pub(crate) fn load(connection: &Connection, space: &SpaceName) -> Result<Self> {
        let text: Option<String> = connection
            .query_row(
                "SELECT found FROM space WHERE name = ?1",
                [space.as_str()],
                |row| row.get(0),
            )
            .map_err(failed)?;
        Ok(text
            .and_then(|text| serde_json::from_str(&text).ok())
            .unwrap_or_default())
    }
}

/// Counts a change of what is saved, and returns the count.
pub(crate) fn count_save(t: &Transaction<'_>, space: &SpaceName) -> Result<i64> {
    // Not by RETURNING: SQLite prepares such a statement anew each time, which costs more than a second one.
    execute(
        t,
        "UPDATE space SET saves = saves + 1 WHERE name = ?1",
        [space.as_str()],
    )?;
    saves(t, space)
}

/// Saves one object of the tail.
pub(crate) fn save_tail(
    t: &Transaction<'_>,
    space: &SpaceName,
    (key, last_modified, e_tag): (Key, i64, Option<&str>),
    bytes: &[u8],
) -> Result<()> {
    execute(
        t,
        "INSERT OR REPLACE INTO tail (space, key, last_modified, bytes, e_tag) VALUES (?1, ?2, ?3, ?4, ?5)",
        params![
            space.as_str(),
            signed(key.get()),
            last_modified,
            bytes,
            e_tag
        ],
    )?;
    Ok(())
}

fn save_layers(t: &Transaction<'_>, reader: &Reader, layers: &[Layer]) -> Result<()> {
    let space = reader.info.space.as_str();
    for layer in layers {
        if layer.snapshot {
            execute(t, "DELETE FROM layer WHERE space = ?1", [space])?;
            execute(t, "DELETE FROM kept WHERE space = ?1", [space])?;
        }
        insert_layer(t, space, layer)?;
    }
    if layers.is_empty() {
        return Ok(());
    }
    let (snapshot, segments): (i64, i64) = t
        .query_row(
            "SELECT coalesce(sum(CASE WHEN snapshot THEN length(bytes) END), 0),
                    coalesce(sum(CASE WHEN snapshot THEN 0 ELSE length(bytes) END), 0) FROM layer WHERE space = ?1",
            [space],
            |row| Ok((row.get(0)?, row.get(1)?)),
        )
        .map_err(failed)?;
    let folded = &reader.base.folded;
    // Of a history without a state there is only the history.
    let has_state = folded.inconsistent.is_none() && !folded.content().is_blind();
    if has_state && unsigned(segments) > SEGMENT_BYTES_MIN.max(unsigned(snapshot) / 4) {
        let packed = reader
            .base
            .pack_snapshot(reader.store().salt(folded.content()))?;
        execute(t, "DELETE FROM layer WHERE space = ?1", [space])?;
        let own = Layer {
            generation: reader.base.generation,
            snapshot: true,
            bytes: packed.bytes.into(),
        };
        insert_layer(t, space, &own)?;
    }
    Ok(())
}

fn insert_layer(t: &Transaction<'_>, space: &str, layer: &Layer) -> Result<()> {
    execute(
        t,
        "INSERT OR REPLACE INTO layer (space, generation, snapshot, bytes) VALUES (?1, ?2, ?3, ?4)",
        params![
            space,
            signed(layer.generation.get()),
            layer.snapshot,
            &layer.bytes[..]
        ],
    )?;
    Ok(())
}
