/**
 * The snapshot that a roll-up could not write, for want of a key or of the model.
 *
 * @module
 */

import { layerPath } from "../objects/paths.ts";
import { isSnapshotDue } from "../plan/due.ts";
import { type Looking, listLayers } from "./look.ts";
import { packSnapshot } from "./pack.ts";
import type { Reader } from "./reader.ts";

/** Writes the snapshot of a blind segment where one is due. That it fails is harmless: a token may not allow it, and another replica does it. */
export async function writeDueSnapshot<S>(look: Looking<S>, reader: Reader<S>): Promise<void> {
  const { base, way, snapshot } = reader;
  const { space, epoch, generation, newerKey } = base;
  if (!base.blind || way.content.blind || generation <= snapshot || newerKey !== undefined) return;
  // Not at once again, whatever comes of it.
  reader.base = { ...base, blind: false };
  try {
    let listed = await listLayers(look, epoch, Math.max(snapshot - 1, 0));
    // A reader that was restored does not know which generation has one.
    if (listed.snapshots.size === 0 && snapshot > 0) listed = await listLayers(look, epoch, 0);
    const newest = Math.max(0, ...[...listed.snapshots.keys()].filter((one) => one <= generation));
    const since = [...listed.segments].filter(([one]) => one > newest && one <= generation);
    const bytes = since.reduce((sum, [, size]) => sum + size, 0);
    if (since.length === 0 || !isSnapshotDue(listed.snapshots.get(newest), bytes, since.length))
      return;
    const packed = await packSnapshot(way, base, look.platform);
    if (!packed) return;
    const path = layerPath(space, epoch, "snapshots", generation);
    const { outcome } = await look.remote.putSnapshot(path, packed.bytes, look.signal);
    if (outcome !== "gone") reader.snapshot = generation;
  } catch {
    // Opening the space costs more requests until another one is written.
  }
}
