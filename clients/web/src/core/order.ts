/**
 * The order of what is not rolled up yet, and the gaps in it.
 *
 * @module
 */

import type { Covered } from "./covered.ts";
import { type Author, compareIds, type Key, type Seq, type UpdateId } from "./ids.ts";

/** What the keys of a space are. */
export type Order = "timestamp" | "sequence";

/** The ids that stand in a visible object. */
export interface Visible {
  /** Its key. */
  readonly key: Key;
  /** Who wrote it. */
  readonly author: Author;
  /** The seq of its first update. */
  readonly seq: Seq;
  /** How many it holds. */
  readonly count: number;
}

/** An update's place in the tail. */
export interface TailPlace extends UpdateId {
  /** The key that it counts as. */
  readonly effective: Key;
  /** The key of the object that carries it; the least one where several do. */
  readonly key: Key;
}

/** By author and seq, the least key of each uncovered update. */
export function leastKeys(
  objects: Iterable<Visible>,
  covered: Covered,
): Map<Author, Map<Seq, Key>> {
  const keys = new Map<Author, Map<Seq, Key>>();
  for (const { key, author, seq: first, count } of objects) {
    for (let seq = first; seq < first + count; seq += 1) {
      if (covered.has(author, seq)) continue;
      const own = keys.get(author) ?? new Map<Seq, Key>();
      own.set(seq, Math.min(key, own.get(seq) ?? key));
      keys.set(author, own);
    }
  }
  return keys;
}

/**
 * Sorts all uncovered updates of the visible objects. In a timestamp space by effective key, author, seq; the effective key is the least among
 * that author's uncovered updates with this or a greater seq, so an author's updates never change places, whatever clock stamped them. In a
 * sequenced space by key and seq, those after `through` up to the first key that is missing; `known` says which keys are those of objects
 * that are covered all the same.
 */
export function sortTail(
  order: Order,
  objects: Iterable<Visible>,
  covered: Covered,
  sequence?: { readonly through: Key; readonly known?: (key: Key) => boolean },
): TailPlace[] {
  const visible = order === "sequence" && sequence ? run([...objects], sequence) : objects;
  const places: TailPlace[] = [];
  for (const [author, keys] of leastKeys(visible, covered)) {
    let effective = Number.POSITIVE_INFINITY;
    for (const [seq, key] of [...keys].sort(([left], [right]) => right - left)) {
      effective = order === "timestamp" ? Math.min(effective, key) : key;
      places.push({ effective, author, seq, key });
    }
  }
  return places.sort((left, right) => left.effective - right.effective || compareIds(left, right));
}

/** The objects of a sequenced space that have a place. */
function run(
  objects: readonly Visible[],
  { through, known }: { readonly through: Key; readonly known?: (key: Key) => boolean },
): readonly Visible[] {
  const keys = new Set(objects.map(({ key }) => key));
  let end = through;
  while (keys.has(end + 1) || known?.(end + 1)) end += 1;
  return objects.filter(({ key }) => key > through && key <= end);
}
