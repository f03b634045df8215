/**
 * Saving what a look brought.
 *
 * @module
 */

import { idText } from "../core/ids.ts";
import type { Tx } from "../store/port.ts";
import { packSnapshot } from "./pack.ts";
import type { Polled } from "./polled.ts";
import type { Seen } from "./reader.ts";
import { form, savesIn } from "./rows.ts";
import {
  bytesWith,
  type Loading,
  layerRow,
  NOTHING_SAVED,
  rowOfLayer,
  type SavedLayer,
  type SavedReader,
} from "./saved.ts";

/** The epoch that was entered last, by whatever tab. */
export async function epochIn(tx: Tx): Promise<string | undefined> {
  const value = await tx.get("meta", "reader");
  return value === undefined ? undefined : form<SavedReader>(value, { epoch: "string" }).epoch;
}

/** Plans what is to be saved of a poll, and notes the bytes of it. */
export async function planSave<S>(
  { platform }: Loading<S>,
  { reader, layers, isNew }: Polled<S>,
): Promise<SavePlan> {
  const newest = layers.findLastIndex(({ isSnapshot }) => isSnapshot);
  const kept = newest < 0 ? layers : layers.slice(newest);
  const isFresh = isNew || newest >= 0;
  const [snapshot, segments] = kept.reduce(bytesWith, isFresh ? NOTHING_SAVED : reader.savedBytes);
  reader.savedBytes = [snapshot, segments];
  const { base, way } = reader;
  // Of a history without a state there is only the history.
  const hasState = !way.content.blind && !base.folded.impossible && !base.folded.held;
  if (kept.length === 0 || !hasState || segments <= Math.max(SEGMENT_BYTES_MIN, snapshot / 4)) {
    return { isFresh, layers: kept };
  }
  const packed = await packSnapshot(way, base, platform);
  if (!packed) return { isFresh, layers: kept };
  reader.savedBytes = [packed.bytes.length, 0];
  return {
    isFresh: true,
    layers: [{ generation: base.generation, isSnapshot: true, bytes: packed.bytes }],
  };
}

/** Saves what a poll brought, and how far it looked: both or neither. */
export function save<S>(tx: Tx, { isFresh, layers }: SavePlan, polled: Polled<S>): void {
  const { reader, isNew, dropped, seen } = polled;
  if (isNew) tx.clear("tail");
  if (isFresh) tx.clear("layers");
  for (const key of dropped) tx.delete("tail", key);
  for (const one of seen.values()) putSeen(tx, one);
  for (const layer of layers) {
    tx.put("layers", layerRow(layer.generation, layer.isSnapshot), rowOfLayer(layer));
  }
  const { generation, digest } = reader.base;
  const row: SavedReader = {
    info: reader.infoText,
    infoTag: reader.infoTag,
    epoch: reader.base.epoch,
    generation,
    digest,
    listedAt: reader.listedAt,
    stamp: reader.stamp,
    snapshot: reader.snapshot,
    gaps: reader.gaps.map(idText),
  };
  tx.put("meta", "reader", row);
}

/** Saves one object of the tail. */
export function putSeen(tx: Tx, { key, at, tag, text, fault }: Seen): void {
  tx.put("tail", key, { at, tag, text, fault });
}

/** Counts a change of what is saved; returns the count. */
export async function countSave(tx: Tx): Promise<number> {
  const saves = (await savesIn(tx)) + 1;
  tx.put("meta", "saves", saves);
  return saves;
}

/** When the saved segments hold more bytes than this beside their snapshot, the base is packed anew: opening must not fold a long history each time. */
const SEGMENT_BYTES_MIN = 256 * 1024;

/** What a transaction will write of a poll: made before it begins, for it can wait for nothing. */
export interface SavePlan {
  /** What was saved of layers goes. */
  readonly isFresh: boolean;
  readonly layers: readonly (SavedLayer & { readonly generation: number })[];
}
