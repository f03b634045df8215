/**
 * What a reader leaves on the device: layers and tail as they are stored in the bucket, and how far it looked.
 *
 * @module
 */

import { type Key, parseId } from "../core/ids.ts";
import { sumOf } from "../core/sum.ts";
import type { Bytes } from "../objects/layer.ts";
import { generationName } from "../objects/paths.ts";
import type { Platform } from "../objects/platform.ts";
import { readSegment } from "../objects/segment.ts";
import { readSnapshot } from "../objects/snapshot.ts";
import { readSpace } from "../objects/space.ts";
import type { Row, Tx } from "../store/port.ts";
import { type Base, baseOf, foldSegment, initialBase } from "./base.ts";
import type { Reader, Seen, Stamp, Way } from "./reader.ts";
import { form, savesIn } from "./rows.ts";
import { readSeen } from "./seen.ts";
import { type Guide, wayOf } from "./way.ts";

/** How far a reader has looked, as it is saved. */
export interface SavedReader {
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

export interface SavedLayer {
  readonly isSnapshot: boolean;
  readonly bytes: Bytes;
}

/** A row of a layer. Its digest was found right before it was saved: to see whether the device has kept it, the sum is enough, and takes a tenth. */
interface LayerRow extends SavedLayer {
  /** Absent where an older version of the program saved it. */
  readonly sum?: number;
}

/** The row of a layer whose digest is right. */
export function rowOfLayer({ isSnapshot, bytes }: SavedLayer): LayerRow {
  return { isSnapshot, bytes, sum: sumOf(bytes) };
}

interface SavedSeen {
  readonly at: number;
  readonly tag: string | undefined;
  readonly text: string | undefined;
  readonly fault: string | undefined;
}

export const layerRow = (generation: number, isSnapshot: boolean): string =>
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
  const readerIn = async (): Promise<SavedReader | undefined> => {
    const value = await tx.get("meta", "reader");
    return value === undefined
      ? undefined
      : form<SavedReader>(value, { info: "string", generation: "number" });
  };
  const reading = readerIn();
  const layersIn = async (): Promise<Row[]> => {
    const saved = before && (await reading);
    const from =
      before && saved && isSameEpoch(before, saved)
        ? layerRow(before.base.generation + 1, true)
        : "";
    return tx.rows("layers", from);
  };
  const [saves, reader, layers, tail] = await Promise.all([
    savesIn(tx),
    reading,
    layersIn(),
    tx.rows("tail"),
  ]);
  return { saves, reader, layers, tail };
}

function isSameEpoch<S>({ base }: Reader<S>, { epoch, generation }: SavedReader): boolean {
  return epoch === base.epoch && generation >= base.generation;
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
    (layer): LayerRow => form(layer.value, { bytes: "object", isSnapshot: "boolean" }),
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

export function bytesWith(
  [snapshot, segments]: SavedBytes,
  { isSnapshot, bytes }: SavedLayer,
): SavedBytes {
  return isSnapshot ? [bytes.length, 0] : [snapshot, segments + bytes.length];
}

/** The base of what was saved; `undefined` where it is of no use: another version of the program or of the model wrote it. */
async function baseIn<S>(
  { platform, pause }: Loading<S>,
  way: Way<S>,
  layers: readonly LayerRow[],
  from: Base<S> | undefined,
): Promise<Base<S> | undefined> {
  let base: Base<S> | undefined = from ?? initialBase(way);
  try {
    for (const { isSnapshot, bytes, sum } of layers) {
      if (!base) return undefined;
      const reading = { platform, isChecked: sum === sumOf(bytes) };
      base = isSnapshot
        ? await baseOf(way, await readSnapshot(bytes, reading), true)
        : await foldSegment(way, base, await readSegment(bytes, reading), pause);
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
