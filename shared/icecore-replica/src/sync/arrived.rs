//! What a pull brought, update by update.

use super::Pulled;
use icecore_core::plan::Loaded;
use icecore_core::{Covered, Entry, Result, Segment, UpdateObject};
use icecore_store::Reader;
use icecore_store::reader::Polled;

/// The ids that a reader holds.
pub(super) fn ids(reader: &Reader) -> Covered {
    let mut ids = reader.base.covered.clone();
    let visible: fn(&Loaded) -> Option<&UpdateObject> = |loaded| loaded.object.as_ref();
    let entries = reader.tail.values().filter_map(visible);
    for (id, _) in entries.flat_map(UpdateObject::entries) {
        ids.insert(id);
    }
    ids
}

/// The ids that the reader holds after a pull, where they follow from those that it held before; else they are to be
/// collected anew.
pub(super) fn ids_after(
    pulled: &Pulled,
    polled: &Polled,
    before: Option<Covered>,
) -> Option<Covered> {
    if !polled.looked {
        return before;
    }
    let is_more = polled.layers.is_empty() && polled.gone.is_empty() && !polled.checked;
    let mut ids = before.filter(|_| is_more && !pulled.reread)?;
    for entry in &pulled.arrived {
        ids.insert(entry.id);
    }
    Some(ids)
}

/// Notes what the reader holds now and did not before; without a before, nothing is known update by update.
pub(super) fn note(
    pulled: &mut Pulled,
    reader: &Reader,
    polled: &Polled,
    before: Option<&Covered>,
) -> Result<()> {
    let jumped = polled.new_epoch || polled.layers.iter().any(|layer| layer.snapshot);
    let Some(before) = before.filter(|_| !jumped) else {
        pulled.reread = true;
        return Ok(());
    };
    if !polled.changed() {
        return Ok(());
    }
    for layer in &polled.layers {
        let segment = Segment::unpack(&layer.bytes)?;
        pulled.arrived.extend(segment.entries);
    }
    pulled.arrived.retain(|entry| !before.contains(entry.id));
    let tail = reader.tail_steps().into_iter();
    let new = tail.filter(|step| !before.contains(step.id));
    pulled.arrived.extend(new.map(Entry::from));
    for entry in &mut pulled.arrived {
        reader.open_entry(entry);
    }
    Ok(())
}
