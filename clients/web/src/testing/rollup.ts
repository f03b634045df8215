/**
 * Roll-ups of the store in memory: segments and snapshots as others write them.
 *
 * What scheduled roll-ups do over days stays out: each of these looks at everything, and nobody races them.
 *
 * @module
 */

import { Covered } from "../core/covered.ts";
import type { Folded } from "../core/fold.ts";
import { gaps } from "../core/gaps.ts";
import type { Key, UpdateId } from "../core/ids.ts";
import { sortTail } from "../core/order.ts";
import { toBytes } from "../core/utf8.ts";
import { IcecoreError } from "../errors.ts";
import { type Chain, chainAfterSegment } from "../objects/chain.ts";
import { snapshotHeader } from "../objects/chain-use.ts";
import type { StoredEntry } from "../objects/content.ts";
import { writeHead } from "../objects/head.ts";
import { folderPath, headPath, keyName, layerPath } from "../objects/paths.ts";
import type { Segment, SegmentHeader } from "../objects/segment.ts";
import type { SpaceInfo } from "../objects/space.ts";
import { writeSegment } from "../objects/write-segment.ts";
import { writeSnapshot, writeSnapshotHeader } from "../objects/write-snapshot.ts";
import { isSnapshotDue } from "../plan/due.ts";
import { clampKey } from "../plan/key.ts";
import {
  type Base,
  baseOf,
  foldInto,
  type Loaded,
  loadUpdates,
  type ModelOf,
  testPlatform,
  versionOf,
} from "./base.ts";
import type { MemoryBucket } from "./bucket.ts";
import type { RolledUp } from "./types.ts";

/** How a space is rolled up. */
export interface RollUpOptions {
  /** Its models. */
  readonly modelOf: ModelOf;
  /** The servers' time. */
  readonly now: number;
  /** How old updates have to be, by their key or by when they were stored: 0 takes everything. */
  readonly settleMs: number;
  /** Whether a snapshot is written although none is due. */
  readonly snapshot: boolean;
}

const LAYER_HEADERS = {
  "content-type": "application/json",
  "content-encoding": "gzip",
  "cache-control": "max-age=31536000, immutable",
};

/** Writes a packed layer where there is none. */
export function putLayer(bucket: MemoryBucket, path: string, bytes: Uint8Array<ArrayBuffer>): void {
  if (bucket.put(path, bytes, "absent", LAYER_HEADERS) !== 200) {
    throw new IcecoreError("conflict", "changed", "another roll-up was faster", { object: path });
  }
}

function visibleOf({
  key,
  object,
}: Loaded): { key: Key; author: UpdateId["author"]; seq: number; count: number }[] {
  return object === undefined
    ? []
    : [{ key, author: object.author, seq: object.seq, count: object.updates.length }];
}

/** What goes into the next segment: what is old enough, in effective order, nothing without its author's earlier updates. */
function chosen(
  base: Base,
  loaded: readonly Loaded[],
  options: RollUpOptions,
): { entries: StoredEntry[]; through: Key } {
  const { order, covered, through: before } = base.chain;
  const settled = options.now - options.settleMs;
  const isSettled = ({ key, stored }: Loaded): boolean =>
    key <= settled || stored.lastModified <= settled;
  const inSequence = order === "sequence";
  const old = inSequence ? loaded : loaded.filter(isSettled);
  const known = new Set(loaded.map(({ key }) => key));
  const places = sortTail(order, old.flatMap(visibleOf), covered, {
    through: before,
    known: (key) => known.has(key),
  });
  const missing = new Covered(gaps(loaded.flatMap(visibleOf), covered));
  const taken = new Covered();
  const byKey = new Map(loaded.map(({ key, object }) => [key, object]));
  const entries = places.flatMap(({ author, seq, key }): StoredEntry[] => {
    const object = byKey.get(key);
    const update = object?.updates[seq - object.seq];
    const isNext = seq === 1 || covered.has(author, seq - 1) || taken.has(author, seq - 1);
    if (update === undefined || (!isNext && !missing.has(author, seq - 1))) {
      return [];
    }
    // What is missing here is missing for good: nothing lands in this store between two steps of a test.
    taken.insert({ author, seq });
    return [{ author, seq, key, update }];
  });
  let through = before;
  if (inSequence) {
    while (known.has(through + 1)) {
      through += 1;
    }
  } else {
    const newest = Math.max(0, ...loaded.map(({ stored }) => stored.lastModified));
    through = Math.max(before, clampKey(Math.min(settled, options.now, newest)));
  }
  return { entries, through };
}

async function segmentOf(
  base: Base,
  { entries, through }: { entries: StoredEntry[]; through: Key },
  now: number,
): Promise<{ segment: Segment; bytes: Uint8Array<ArrayBuffer> }> {
  const { chain, folded } = base;
  const header: SegmentHeader = {
    segment: chain.generation + 1,
    space: chain.space,
    epoch: chain.epoch,
    through,
    rolledAt: now,
    fullAt: now,
    modelVersion: Math.max(chain.modelVersion, versionOf(entries), folded?.model.version ?? 1),
    blind: folded === undefined,
    previous: chain.digest,
    count: entries.length,
    covered: new Covered(entries),
    carried: new Covered(),
    base: undefined,
  };
  const parts = { header, baseState: undefined, entries };
  const { bytes, digest } = await writeSegment(parts, testPlatform());
  return { segment: { ...parts, digest }, bytes };
}

/** Writes the snapshot of a base. */
export async function putSnapshot(
  bucket: MemoryBucket,
  info: SpaceInfo,
  chain: Chain,
  folded: Folded<unknown>,
): Promise<number> {
  const header = snapshotHeader(chain, {
    model: info.model.name,
    modelVersion: folded.model.version,
    summary: folded.summary(),
    sealed: undefined,
  });
  if (header === undefined) {
    return 0;
  }
  const line = writeSnapshotHeader(header);
  const { bytes } = await writeSnapshot(line, folded.model.write(folded.state), testPlatform());
  putLayer(bucket, layerPath(info.space, info.epoch, "snapshots", chain.generation), bytes);
  return bytes.length;
}

/** Copies what cannot be read aside, and removes it. */
function quarantine(bucket: MemoryBucket, info: SpaceInfo, loaded: readonly Loaded[]): string[] {
  const folder = folderPath(info.space, info.epoch, "updates");
  const broken = loaded.filter(({ object }) => object === undefined);
  return broken.map(({ key, stored }) => {
    const path = `${folder}/${keyName(key)}`;
    const aside = `${folderPath(info.space, info.epoch, "quarantine")}/updates/${keyName(key)}`;
    bucket.put(aside, stored.bytes);
    // In a sequenced space it holds its place.
    if (info.order === "timestamp") {
      bucket.delete(path);
    }
    return path;
  });
}

/** Rolls a space up. */
export async function rollUpSpace(
  bucket: MemoryBucket,
  info: SpaceInfo,
  options: RollUpOptions,
): Promise<RolledUp> {
  const base = await baseOf(bucket, info, options.modelOf);
  const loaded = loadUpdates(bucket, info);
  const quarantined = quarantine(bucket, info, loaded);
  const part = chosen(base, loaded, options);
  let snapshots = 0;
  if (part.entries.length > 0) {
    const { segment, bytes } = await segmentOf(base, part, options.now);
    const { epoch, space } = info;
    putLayer(bucket, layerPath(space, epoch, "segments", segment.header.segment), bytes);
    base.chain = chainAfterSegment(base.chain, segment, versionOf(part.entries));
    foldInto(base.folded, part.entries);
    base.bytesSince += bytes.length;
  }
  const segments = base.chain.generation - (base.snapshot?.generation ?? 0);
  const isDue = isSnapshotDue(base.snapshot?.bytes, base.bytesSince, segments);
  const { folded } = base;
  const canFold = folded !== undefined && folded.held === undefined && !folded.impossible;
  if (canFold && segments > 0 && (isDue || options.snapshot)) {
    const bytes = await putSnapshot(bucket, info, base.chain, folded);
    base.snapshot = { generation: base.chain.generation, bytes };
    snapshots = 1;
  }
  const { generation, through } = base.chain;
  if (part.entries.length > 0 || snapshots > 0) {
    const snapshot = base.snapshot?.generation ?? 0;
    const head = writeHead({ epoch: info.epoch, generation, snapshot, through, key: through });
    bucket.put(headPath(info.space), toBytes(head), "any", { "content-type": "application/json" });
  }
  return { generation, updates: part.entries.length, snapshots, quarantined };
}
