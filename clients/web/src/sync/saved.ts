/**
 * What a reader leaves on the device: layers and tail as they are stored in the bucket, and how far it looked.
 *
 * @module
 */

import { idText, type Key, parseId } from "../core/ids.ts";
import type { Bytes } from "../objects/layer.ts";
import { generationName } from "../objects/paths.ts";
import type { Platform } from "../objects/platform.ts";
import { readSegment } from "../objects/segment.ts";
import { readSnapshot } from "../objects/snapshot.ts";
import { readSpace } from "../objects/space.ts";
import type { Row, Tx } from "../store/port.ts";
import { type Base, baseOf, foldSegment, initialBase, packSnapshot } from "./base.ts";
import { readSeen } from "./listing.ts";
import type { Polled } from "./polled.ts";
import type { Reader, Seen, Stamp, Way } from "./reader.ts";
import { form, savesIn } from "./rows.ts";
import { type Guide, wayOf } from "./way.ts";

/** When the saved segments hold more bytes than this beside their snapshot, the base is packed anew: opening must not fold a long history each time. */
const SEGMENT_BYTES_MIN = 256 * 1024;

/** How far a reader has looked, as it is saved. */
interface SavedReader {
  readonly info: string;
  readonly infoTag: string | undefined;
  readonly epoch: string;
  readonly generation: number;
  readonly digest: string | undefined;
  readonly listedAt: number | undefined;
  readonly stamp: Stamp | undefined;
  readonly snapshot: number;
  readonly gaps: readonly string[];
}

interface SavedLayer {
  readonly isSnapshot: boolean;
  readonly bytes: Bytes;
}

interface SavedSeen {
  readonly at: number;
  readonly tag: string | undefined;
  readonly text: string | undefined;
  readonly fault: string | undefined;
}

const layerRow = (generation: number, isSnapshot: boolean): string =>
  `${generationName(generation)}${isSnapshot ? "s" : "t"}`;

/** What is read of the device with a reader. */
export interface Loading<S> {
  readonly guide: Guide<S>;
  readonly platform: Platform;
  readonly pause: () => Promise<void>;
}

/** What was saved, as it lies there. */
export interface SavedRows {
  readonly saves: number;
  readonly reader: SavedReader | undefined;
  readonly layers: readonly Row[];
  readonly tail: readonly Row[];
}

/** Reads what was saved; the layers only after the base that is at hand. */
export async function savedIn<S>(tx: Tx, before: Reader<S> | undefined): Promise<SavedRows> {
  const saves = await savesIn(tx);
  const value = await tx.get("meta", "reader");
  const reader =
    value === undefined
      ? undefined
      : form<SavedReader>(value, { info: "string", generation: "number" });
  const from =
    before && reader && isSameEpoch(before, reader)
      ? layerRow(before.base.generation + 1, true)
      : "";
  return { saves, reader, layers: await tx.rows("layers", from), tail: await tx.rows("tail") };
}

function isSameEpoch<S>({ base }: Reader<S>, { epoch, generation }: SavedReader): boolean {
  return epoch === base.epoch && generation >= base.generation;
}

/** The epoch that was entered last, by whatever tab. */
export async function epochIn(tx: Tx): Promise<string | undefined> {
  const value = await tx.get("meta", "reader");
  return value === undefined ? undefined : form<SavedReader>(value, { epoch: "string" }).epoch;
}

/** Of which space a replica was, whether or not what it saved is of use. */
export function infoOf({ reader }: SavedRows): Way<unknown>["info"] | undefined {
  return reader && readSpace(reader.info);
}

/**
 * The saved reader; `undefined` where there is none, or none that this program can use: then everything is read from the store again, and nothing
 * is lost. What `before` has in memory already is not made anew.
 */
export async function restore<S>(
  loading: Loading<S>,
  saved: SavedRows,
  before: Reader<S> | undefined,
): Promise<Reader<S> | undefined> {
  const { reader: row } = saved;
  if (!row) return undefined;
  const info = readSpace(row.info);
  const isAsBefore = before?.infoText === row.info;
  const way = isAsBefore ? before.way : await wayOf(loading.guide, info, true);
  const same =
    before && isSameEpoch(before, row) && before.way.content === way.content ? before : undefined;
  const layers = saved.layers.map(
    (layer): SavedLayer => form(layer.value, { bytes: "object", isSnapshot: "boolean" }),
  );
  const base = await baseIn(loading, way, layers, same?.base);
  if (base?.generation !== row.generation || base.digest !== row.digest) return undefined;
  const tail = new Map<Key, Seen>();
  for (const { key, value } of saved.tail) {
    const seen = await seenIn(way, Number(key), form<SavedSeen>(value, { at: "number" }), same);
    tail.set(seen.key, seen);
  }
  return {
    way,
    infoText: row.info,
    infoTag: row.infoTag,
    base,
    tail,
    known: new Set(same?.known),
    listedAt: row.listedAt,
    gaps: row.gaps.flatMap((gap) => parseId(gap) ?? []),
    headTag: same?.headTag,
    headKey: same?.headKey ?? 0,
    stamp: row.stamp,
    snapshot: row.snapshot,
    lastList: same?.lastList,
    lastCheck: same?.lastCheck,
    savedBytes: layers.reduce(bytesWith, same?.savedBytes ?? NOTHING_SAVED),
  };
}

/** Bytes of the snapshot, and of the segments beside it. */
export type SavedBytes = readonly [snapshot: number, segments: number];

/** Before anything is saved. */
export const NOTHING_SAVED: SavedBytes = [0, 0];

function bytesWith(
  [snapshot, segments]: SavedBytes,
  { isSnapshot, bytes }: SavedLayer,
): SavedBytes {
  return isSnapshot ? [bytes.length, 0] : [snapshot, segments + bytes.length];
}

/** The base of what was saved; `undefined` where it is of no use: another version of the program or of the model wrote it. */
async function baseIn<S>(
  { platform, pause }: Loading<S>,
  way: Way<S>,
  layers: readonly SavedLayer[],
  from: Base<S> | undefined,
): Promise<Base<S> | undefined> {
  let base: Base<S> | undefined = from ?? initialBase(way);
  try {
    for (const { isSnapshot, bytes } of layers) {
      if (!base) return undefined;
      base = isSnapshot
        ? await baseOf(way, await readSnapshot(bytes, { platform }), true)
        : await foldSegment(way, base, await readSegment(bytes, { platform }), pause);
    }
    return base;
  } catch {
    return undefined;
  }
}

async function seenIn<S>(
  way: Way<S>,
  key: Key,
  row: SavedSeen,
  same: Reader<S> | undefined,
): Promise<Seen> {
  const before = same?.tail.get(key);
  if (before && before.text === row.text && before.tag === row.tag) return before;
  const { at, tag, text, fault } = row;
  return text === undefined
    ? { key, at, tag, text, object: undefined, opened: [], fault }
    : readSeen(way, { key, at, tag }, text);
}

/** What a transaction will write of a poll: made before it begins, for it can wait for nothing. */
export interface SavePlan {
  /** What was saved of layers goes. */
  readonly isFresh: boolean;
  readonly layers: readonly (SavedLayer & { readonly generation: number })[];
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
  for (const { generation, isSnapshot, bytes } of layers) {
    tx.put("layers", layerRow(generation, isSnapshot), { isSnapshot, bytes });
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
