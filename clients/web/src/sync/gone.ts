/**
 * What the tail holds and the store does not show: it may be gone, or another object may have its key.
 *
 * @module
 */

import type { Covered } from "../core/covered.ts";
import type { Key } from "../core/ids.ts";
import { updatePath } from "../objects/paths.ts";
import type { UpdateObject } from "../objects/update-object.ts";
import type { UpdateAnswer } from "../objects/wire.ts";
import { sorted } from "./draft.ts";
import { type Changes, drop } from "./listing.ts";
import type { Looking } from "./look.ts";
import { idsOf, type Reader, type Seen } from "./reader.ts";
import { readSeen } from "./seen.ts";

/** The objects of the tail after a key that a listing does not show. */
export function notListed<S>(
  { tail }: Reader<S>,
  listed: readonly UpdateAnswer[],
  after: Key | undefined,
): Key[] {
  const shown = new Set(listed.map(({ key }) => key));
  return sorted(tail.keys()).filter((key) => key > (after ?? -1) && !shown.has(key));
}

/** Whether two tags are known and name one version. Some servers quote tags in headers and not in listings. */
export function isSameTag(one: string | undefined, other: string | undefined): boolean {
  const plain = (tag: string) => tag.replaceAll('"', "");
  return one !== undefined && other !== undefined && plain(one) === plain(other);
}

/** The objects of the tail that a listing shows with another tag than theirs: where the bucket was put back, a key may be given anew. */
export function doubtful<S>({ tail }: Reader<S>, listed: readonly UpdateAnswer[]): Key[] {
  return listed.flatMap(({ key, tag }) => {
    const seen = tail.get(key);
    return seen && !isSameTag(seen.tag, tag) ? [key] : [];
  });
}

/** Asks for objects of the tail; returns those that are not there, or of which another one has the key. */
export async function goneAmong<S>(
  look: Looking<S>,
  reader: Reader<S>,
  keys: readonly Key[],
  changes: Changes,
): Promise<Key[]> {
  const gone: Key[] = [];
  const { space, epoch } = reader.way.info;
  const stored = await Promise.all(
    keys.map((key) => look.remote.get(updatePath(space, epoch, key), look.signal)),
  );
  for (const [n, key] of keys.entries()) {
    const [seen, got] = [reader.tail.get(key), stored[n]];
    if (!seen) continue;
    const now = got && (await readSeen(reader.way, seen, got.bytes, got.author));
    if (now && (now.text === seen.text || isSameObject(now.object, seen.object))) {
      const retagged = { ...seen, tag: got?.tag };
      reader.tail.set(key, retagged);
      changes.seen.set(key, retagged);
    } else {
      gone.push(key);
    }
  }
  return gone;
}

function isSameObject(one: UpdateObject | undefined, other: UpdateObject | undefined): boolean {
  return JSON.stringify(one) === JSON.stringify(other) && one !== undefined;
}

/**
 * Drops from the tail what is gone; returns the ids that it held. A broken object was moved aside, and one that lies void below what is rolled
 * up of a sequence was pruned: they hold none.
 */
export function dropGone<S>(reader: Reader<S>, keys: readonly Key[], changes: Changes): Covered {
  const gone = keys.flatMap((key) => reader.tail.get(key) ?? []);
  for (const { key } of gone) drop(reader, key, changes);
  const isVoid = ({ key }: Seen) =>
    reader.way.info.order === "sequence" && key <= reader.base.through;
  return idsOf(gone.filter((seen) => !isVoid(seen)));
}
