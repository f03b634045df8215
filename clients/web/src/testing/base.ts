/**
 * What the objects of a space in memory come to: its chain, the fold of its segments, and what is not rolled up.
 *
 * @module
 */

import { Folded } from "../core/fold.ts";
import type { Key } from "../core/ids.ts";
import { modelVersionOf } from "../core/update.ts";
import { IcecoreError } from "../errors.ts";
import type { Model } from "../models/model.ts";
import {
  type Chain,
  chainAfterSegment,
  chainAfterSnapshot,
  startOfChain,
} from "../objects/chain.ts";
import type { StoredEntry } from "../objects/content.ts";
import { folderPath, generationOfName, keyOfName, layerPath } from "../objects/paths.ts";
import { type Platform, platformOf } from "../objects/platform.ts";
import { readSegment, type Segment } from "../objects/segment.ts";
import { readSnapshot } from "../objects/snapshot.ts";
import type { SpaceInfo } from "../objects/space.ts";
import { readUpdateObject, type UpdateObject } from "../objects/update-object.ts";
import type { BucketObject, MemoryBucket } from "./bucket.ts";

/** The model that folds a space; `undefined` for one that nobody here knows: it is rolled up blind. */
export type ModelOf = (info: SpaceInfo) => Model<unknown> | undefined;

/** What a snapshot and the segments after it come to. */
export interface Base {
  chain: Chain;
  folded: Folded<unknown> | undefined;
  /** The newest snapshot. */
  snapshot: { readonly generation: number; readonly bytes: number } | undefined;
  /** Packed bytes of the segments since. */
  bytesSince: number;
}

export interface Loaded {
  readonly key: Key;
  readonly object: UpdateObject | undefined;
  readonly stored: BucketObject;
}

/** That of the engine in which tests run. */
export function testPlatform(): Platform {
  return platformOf(globalThis.crypto?.subtle);
}

/** Folds entries into what can be folded. */
export function foldInto(
  folded: Folded<unknown> | undefined,
  entries: readonly StoredEntry[],
): void {
  for (const entry of entries) {
    folded?.fold(entry);
  }
}

/** The segments of a space, in order. */
export async function segmentsOf(bucket: MemoryBucket, info: SpaceInfo): Promise<Segment[]> {
  const folder = folderPath(info.space, info.epoch, "segments");
  const segments: Segment[] = [];
  for (const path of bucket.paths(`${folder}/`)) {
    const object = bucket.get(path);
    if (object !== undefined) {
      segments.push(await readSegment(object.bytes, { platform: testPlatform(), path }));
    }
  }
  return segments;
}

/** Follows all segments of a space from the first: a roll-up here has no base at hand. */
export async function baseOf(
  bucket: MemoryBucket,
  info: SpaceInfo,
  modelOf: ModelOf,
): Promise<Base> {
  const model = info.keyring === undefined ? modelOf(info) : undefined;
  const base: Base = {
    chain: startOfChain(info),
    folded: model && new Folded(model),
    snapshot: undefined,
    bytesSince: 0,
  };
  const segments = await segmentsOf(bucket, info);
  const snapshots = bucket.paths(`${folderPath(info.space, info.epoch, "snapshots")}/`);
  const newest = snapshots.at(-1) ?? "";
  const stored = bucket.get(newest);
  const since = generationOfName(newest.slice(-10)) ?? 0;
  if (stored !== undefined) {
    base.snapshot = { generation: since, bytes: stored.bytes.length };
  }
  for (const segment of segments) {
    const { header, entries } = segment;
    base.chain = chainAfterSegment(base.chain, segment, versionOf(entries));
    if (header.base !== undefined && model !== undefined) {
      base.folded = await foldedOfBase(model, segment);
    }
    foldInto(base.folded, entries);
    if (header.segment > since) {
      const path = layerPath(info.space, info.epoch, "segments", header.segment);
      base.bytesSince += bucket.get(path)?.bytes.length ?? 0;
    }
  }
  // It says the same of the segments up to it, or the store is broken.
  if (stored !== undefined) {
    const snapshot = await readSnapshot(stored.bytes, { platform: testPlatform(), path: newest });
    chainAfterSnapshot(snapshot, info);
  }
  return base;
}

async function foldedOfBase(model: Model<unknown>, segment: Segment): Promise<Folded<unknown>> {
  const header = segment.header.base;
  const state = header && model.read(header.modelVersion, segment.baseState ?? "");
  if (header === undefined || state === undefined) {
    throw new IcecoreError("corrupt", "misfit", "the state of the epoch cannot be read");
  }
  const { count, rejected, touched } = header;
  return new Folded(model, { state, count, rejected, touched });
}

/** The newest version of the model that entries name. */
export function versionOf(entries: readonly StoredEntry[]): number {
  return entries.reduce((version, { update }) => Math.max(version, modelVersionOf(update)), 1);
}

/** All update objects of an epoch; those that cannot be read without their content. */
export function loadUpdates(bucket: MemoryBucket, info: SpaceInfo): Loaded[] {
  const folder = `${folderPath(info.space, info.epoch, "updates")}/`;
  return bucket.paths(folder).flatMap((path) => {
    const key = keyOfName(path.slice(folder.length));
    const stored = bucket.get(path);
    if (key === undefined || stored === undefined) {
      return [];
    }
    return [{ key, stored, object: parsed(stored, path) }];
  });
}

function parsed(stored: BucketObject, path: string): UpdateObject | undefined {
  try {
    return readUpdateObject(stored.bytes, path, stored.headers["x-amz-meta-author"]);
  } catch {
    return undefined;
  }
}

/** What a whole space comes to, rolled up or not: its chain and the fold of its segments. */
export async function foldSpace(
  bucket: MemoryBucket,
  info: SpaceInfo,
  modelOf: ModelOf,
): Promise<{ readonly chain: Chain; readonly folded: Folded<unknown> | undefined }> {
  return baseOf(bucket, info, modelOf);
}
