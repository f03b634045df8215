/**
 * What syncing asks of a reader: a copy to change, and what stands in it.
 *
 * @module
 */

import { type Author, KEY_MAX, type Key, type Seq } from "../core/ids.ts";
import type { Head } from "../objects/head.ts";
import { endOf } from "../objects/update-object.ts";
import { isAhead } from "../plan/key.ts";
import { placesOf, type Reader } from "./reader.ts";
import { rowOf } from "./rows.ts";

/** A copy that can be changed while the first one stays as it is: a poll that fails half-way has happened nowhere. */
export function draftOf<S>(reader: Reader<S>): Reader<S> {
  return { ...reader, tail: new Map(reader.tail), known: new Set(reader.known) };
}

/** Keys in their order. */
export function sorted(keys: Iterable<Key>): Key[] {
  return [...keys].sort((a, b) => a - b);
}

/** The ids of what the state stands for beside what is covered: in a sequenced space not what lies behind a hole. */
export function shownIn<S>(reader: Reader<S>): Set<string> {
  return new Set(placesOf(reader).map(rowOf));
}

/** Each update of the tail by the name of its row, as it is stored: at the least key that carries it. */
export function storedIn<S>({
  tail,
}: Reader<S>): Map<string, { readonly key: Key; readonly update: string }> {
  const stored = new Map<string, { key: Key; update: string }>();
  for (const key of sorted(tail.keys())) {
    const object = tail.get(key)?.object;
    object?.updates.forEach((update, n) => {
      const row = rowOf({ author: object.author, seq: object.seq + n });
      if (!stored.has(row)) stored.set(row, { key, update });
    });
  }
  return stored;
}

/** The greatest seq of an author, covered or in the tail; 0 for none. */
export function lastSeqOf<S>({ base, tail }: Reader<S>, author: Author): Seq {
  let last = base.covered.lastOf(author) ?? 0;
  for (const { object } of tail.values()) {
    if (object?.author === author) last = Math.max(last, endOf(object) - 1);
  }
  return last;
}

/** The largest key seen, for choosing the next one: from the tail, or from what the segments reach. */
export function largestKey<S>({ base, tail }: Reader<S>, now: number): Key {
  let largest = 0;
  for (const keys of [tail.keys(), base.recent, [base.through]]) {
    for (const key of keys) if (!isAhead(key, now)) largest = Math.max(largest, key);
  }
  return largest;
}

/** The hint that this reader can give others of an own update. */
export function hintOf<S>({ base, snapshot }: Reader<S>, key: Key): Head {
  const { epoch, generation, through } = base;
  // Not the largest key seen: two hints with one text might have one tag, and the second would wake nobody.
  return {
    epoch,
    generation,
    snapshot,
    through,
    key: Math.max(key, Math.min(through + 1, KEY_MAX)),
  };
}
