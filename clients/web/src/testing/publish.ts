/**
 * Updates that are written to the store in memory by others than the client under test: other replicas, sweeps, links.
 *
 * @module
 */

import { Covered } from "../core/covered.ts";
import type { Key } from "../core/ids.ts";
import { toBytes } from "../core/utf8.ts";
import { firstHead, headIn, writeHead } from "../objects/head.ts";
import { writeUpdateObject } from "../objects/own-object.ts";
import { headPath, updatePath } from "../objects/paths.ts";
import type { SpaceInfo } from "../objects/space.ts";
import type { UpdateObject } from "../objects/update-object.ts";
import { loadUpdates, segmentsOf } from "./base.ts";
import type { MemoryBucket } from "./bucket.ts";

const JSON_HEADERS = { "content-type": "application/json" };

/** Writes the head so that it names this key, and hides nothing that it told. */
export function hint(bucket: MemoryBucket, { space, epoch }: SpaceInfo, key: Key): void {
  const stored = bucket.get(headPath(space));
  const head = (stored && headIn(stored.bytes)) ?? firstHead(epoch);
  const own = head.epoch === epoch ? head : firstHead(epoch);
  const text = writeHead({ ...own, key: Math.max(own.key, key) });
  bucket.put(headPath(space), toBytes(text), "any", JSON_HEADERS);
}

/** Writes an update object under the first free key from `from` on; returns the key. */
export function publish(
  bucket: MemoryBucket,
  info: SpaceInfo,
  object: UpdateObject,
  from: Key,
): Key {
  const bytes = toBytes(writeUpdateObject(object));
  const headers = { ...JSON_HEADERS, "x-amz-meta-author": object.author };
  let key = from;
  while (bucket.put(updatePath(info.space, info.epoch, key), bytes, "absent", headers) !== 200) {
    key += 1;
  }
  return key;
}

/** All ids that a space holds, in segments or visible. */
export async function heldIds(bucket: MemoryBucket, info: SpaceInfo): Promise<Covered> {
  const ids = new Covered();
  for (const { header } of await segmentsOf(bucket, info)) {
    ids.extend(header.carried);
    ids.extend(header.covered);
  }
  for (const { object } of loadUpdates(bucket, info)) {
    object?.updates.forEach((_, place) => {
      ids.insert({ author: object.author, seq: object.seq + place });
    });
  }
  return ids;
}

/** What an epoch of a space holds, as update objects of one update each, in the order in which its authors wrote. */
export async function heldUpdates(bucket: MemoryBucket, info: SpaceInfo): Promise<UpdateObject[]> {
  const single = (author: UpdateObject["author"], seq: number, update: string): UpdateObject => ({
    author,
    seq,
    updates: [update],
  });
  const rolled = (await segmentsOf(bucket, info)).flatMap(({ entries }) =>
    entries.map(({ author, seq, update }) => single(author, seq, update)),
  );
  const visible = loadUpdates(bucket, info).flatMap(({ object }) =>
    object === undefined
      ? []
      : object.updates.map((update, place) => single(object.author, object.seq + place, update)),
  );
  return [...rolled, ...visible].sort((a, b) =>
    a.author === b.author ? a.seq - b.seq : a.author < b.author ? -1 : 1,
  );
}

/** Publishes in a space what another history holds and it lacks; returns how many updates. */
export async function publishMissing(
  bucket: MemoryBucket,
  into: SpaceInfo,
  updates: readonly UpdateObject[],
  now: number,
): Promise<number> {
  const held = await heldIds(bucket, into);
  let count = 0;
  let key = now;
  for (const update of updates) {
    if (held.insert({ author: update.author, seq: update.seq })) {
      key = publish(bucket, into, update, key) + 1;
      count += 1;
    }
  }
  if (count > 0) {
    hint(bucket, into, key - 1);
  }
  return count;
}
