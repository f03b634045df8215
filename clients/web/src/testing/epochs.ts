/**
 * New epochs, pruning, erasing and linking in the store in memory.
 *
 * @module
 */

import { Covered } from "../core/covered.ts";
import { Folded } from "../core/fold.ts";
import { type Epoch, isEpoch } from "../core/ids.ts";
import { toBytes } from "../core/utf8.ts";
import { IcecoreError } from "../errors.ts";
import { chainAfterSegment, startOfChain } from "../objects/chain.ts";
import { writeJoined } from "../objects/joined.ts";
import { headPath, joinedPath, layerPath, spacePath, updatePath } from "../objects/paths.ts";
import type { Segment } from "../objects/segment.ts";
import { readSnapshot } from "../objects/snapshot.ts";
import { readSpace, type SpaceInfo } from "../objects/space.ts";
import { writeSegment } from "../objects/write-segment.ts";
import { writeSpace } from "../objects/write-space.ts";
import type { Chance } from "../ports.ts";
import { foldSpace, loadUpdates, type ModelOf, testPlatform } from "./base.ts";
import type { MemoryBucket } from "./bucket.ts";
import { heldIds, heldUpdates, publishMissing } from "./publish.ts";
import { putLayer, putSnapshot } from "./rollup.ts";

const JSON_HEADERS = { "content-type": "application/json" };

/** A time as the store writes it. */
export function timeText(ms: number): string {
  return new Date(ms).toISOString();
}

/** A new epoch's name: its number, and random bits. */
export function epochName(number: number, chance: Chance): Epoch {
  const bits = Array.from(chance.bytes(8), (byte) => byte.toString(16).padStart(2, "0")).join("");
  const name = `${String(number).padStart(4, "0")}-${bits}`;
  if (!isEpoch(name)) {
    throw new IcecoreError("invalid", "refused", "the space has had 9,999 epochs");
  }
  return name;
}

/** Writes `space.json` over the one that is there. */
export function putSpace(bucket: MemoryBucket, info: SpaceInfo): void {
  bucket.put(spacePath(info.space), toBytes(writeSpace(info)), "any", JSON_HEADERS);
}

/** What `space.json` says. */
export function storedSpace(bucket: MemoryBucket, space: string): SpaceInfo {
  const stored = bucket.get(spacePath(space));
  if (stored === undefined) {
    throw new IcecoreError("not_found", "no-space", "there is no such space", { object: space });
  }
  return readSpace(stored.bytes, space);
}

/** What beginning an epoch needs. */
export interface EpochOptions {
  /** Its models. */
  readonly modelOf: ModelOf;
  /** The servers' time. */
  readonly now: number;
  /** Random bits of the epoch's name. */
  readonly chance: Chance;
  /** Whether the new history begins with nothing. */
  readonly reset: boolean;
}

/** Begins a new epoch with the present state, or with nothing. All has to be rolled up before. */
export async function beginEpoch(
  bucket: MemoryBucket,
  info: SpaceInfo,
  options: EpochOptions,
): Promise<SpaceInfo> {
  const { chain, folded: present } = await foldSpace(bucket, info, options.modelOf);
  if (present === undefined || info.linked !== undefined) {
    throw new IcecoreError("conflict", "changed", "this space begins no new epoch here");
  }
  const folded = options.reset ? new Folded(present.model) : present;
  const epoch = epochName(Number(info.epoch.slice(0, 4)) + 1, options.chance);
  const parts: Omit<Segment, "digest"> = {
    header: {
      segment: 1,
      space: info.space,
      epoch,
      through: 0,
      rolledAt: options.now,
      fullAt: 0,
      modelVersion: folded.model.version,
      blind: false,
      previous: undefined,
      count: 0,
      covered: new Covered(),
      carried: chain.covered,
      base: {
        modelVersion: folded.model.version,
        count: options.reset ? 0 : chain.count,
        epoch: info.epoch,
        rejected: folded.rejected,
        touched: folded.touched,
        sealed: undefined,
      },
    },
    baseState: folded.model.write(folded.state),
    entries: [],
  };
  const packed = await writeSegment(parts, testPlatform());
  const old = { epoch: info.epoch, leftAt: options.now, settledAt: options.now };
  const next: SpaceInfo = {
    ...info,
    epoch,
    oldEpochs: [...info.oldEpochs, { ...old, generation: chain.generation }],
  };
  putLayer(bucket, layerPath(info.space, epoch, "segments", 1), packed.bytes);
  const segment = { ...parts, digest: packed.digest };
  await putSnapshot(bucket, next, chainAfterSegment(startOfChain(next), segment, 1), folded);
  putSpace(bucket, next);
  return next;
}

/** Publishes in the present epoch what old ones hold and it lacks; returns how many updates. */
export async function sweep(bucket: MemoryBucket, info: SpaceInfo, now: number): Promise<number> {
  let swept = 0;
  for (const { epoch } of info.oldEpochs) {
    swept += await publishMissing(bucket, info, await heldUpdates(bucket, { ...info, epoch }), now);
  }
  return swept;
}

/** Deletes what nobody needs any more; returns how many objects. */
export async function pruneSpace(
  bucket: MemoryBucket,
  info: SpaceInfo,
  at: { readonly now: number; readonly retentionMs: number },
): Promise<number> {
  const isOld = (time: number): boolean => at.now - time >= at.retentionMs;
  const folder = layerPath(info.space, info.epoch, "snapshots", 0).slice(0, -10);
  const snapshots = bucket.paths(folder);
  const newest = snapshots.at(-1);
  const stored = newest === undefined ? undefined : bucket.get(newest);
  let deleted = 0;
  if (stored !== undefined) {
    const { header } = await readSnapshot(stored.bytes, { platform: testPlatform() });
    for (const { key, object, stored: update } of loadUpdates(bucket, info)) {
      const { author, seq, updates } = object ?? { author: undefined, seq: 0, updates: [] };
      const isCovered =
        author !== undefined &&
        updates.every((_, place) => header.covered.has(author, seq + place));
      if (isCovered && isOld(update.lastModified) && isOld(key)) {
        bucket.delete(updatePath(info.space, info.epoch, key));
        deleted += 1;
      }
    }
  }
  for (const path of snapshots.slice(1, -2)) {
    if (isOld(bucket.get(path)?.lastModified ?? 0)) {
      bucket.delete(path);
      deleted += 1;
    }
  }
  const left = info.oldEpochs.filter(({ leftAt }) => !isOld(leftAt));
  for (const { epoch } of info.oldEpochs.filter(({ leftAt }) => isOld(leftAt))) {
    for (const path of bucket.paths(`spaces/${info.space}/${epoch}/`)) {
      bucket.delete(path);
      deleted += 1;
    }
  }
  if (left.length < info.oldEpochs.length) {
    putSpace(bucket, { ...info, oldEpochs: left });
  }
  return deleted;
}

/** Erases a space but for its tombstone. */
export function eraseSpace(
  bucket: MemoryBucket,
  info: SpaceInfo,
  now: number,
): { readonly objects: number; readonly erasedAt: string } {
  const erasedAt = info.erasedAt ?? timeText(now);
  putSpace(bucket, { ...info, oldEpochs: [], erasedAt });
  const own = spacePath(info.space);
  const paths = bucket.paths(`spaces/${info.space}/`).filter((path) => path !== own);
  for (const path of [...paths, headPath(info.space)]) {
    bucket.delete(path);
  }
  return { objects: paths.length, erasedAt };
}

/** Lets the history of one space join that of another; what both say of it, and how many updates were forwarded now. */
export async function linkSpaces(
  bucket: MemoryBucket,
  from: SpaceInfo,
  into: SpaceInfo,
  now: number,
): Promise<{ readonly updates: number; readonly at: string }> {
  if (from.linked !== undefined && from.linked.into !== into.space) {
    throw new IcecoreError("conflict", "changed", "the guest is linked to another space");
  }
  const fits =
    from.space !== into.space &&
    from.order === "timestamp" &&
    into.order === "timestamp" &&
    from.keyring === undefined &&
    into.keyring === undefined &&
    from.model.name === into.model.name &&
    into.linked === undefined;
  if (!fits) {
    throw new IcecoreError("invalid", "refused", "the two spaces do not fit together");
  }
  const path = joinedPath(into.space, from.space);
  if (bucket.get(path) === undefined) {
    const held = await heldIds(bucket, into);
    if (held.overlaps(await heldIds(bucket, from))) {
      throw new IcecoreError("conflict", "changed", "both spaces hold the same ids");
    }
  }
  const at = from.linked?.at ?? timeText(now);
  const joined = { from: from.space, at, epoch: from.epoch, forwarded: 0, rest: [] };
  bucket.put(path, toBytes(writeJoined(joined)), "absent", JSON_HEADERS);
  putSpace(bucket, { ...from, linked: { into: into.space, at } });
  return { updates: await forward(bucket, { ...from, linked: { into: into.space, at } }, now), at };
}

/** Publishes in the space that a space is linked to what the one holds and the other lacks; returns how many updates. */
export async function forward(bucket: MemoryBucket, info: SpaceInfo, now: number): Promise<number> {
  const into = info.linked && storedSpace(bucket, info.linked.into);
  if (into === undefined || bucket.get(joinedPath(into.space, info.space)) === undefined) {
    return 0;
  }
  return publishMissing(bucket, into, await heldUpdates(bucket, info), now);
}
