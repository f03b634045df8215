/**
 * What listings lack, and what had happened by a time.
 *
 * @module
 */

import { Covered } from "./covered.ts";
import { type Author, compareIds, type Key, type UpdateId } from "./ids.ts";
import { leastKeys, type Order, sortTail, type Visible } from "./order.ts";

/**
 * The ids that must exist and were not seen, sorted: for each visible uncovered `(author, seq)`, the seq before where it is neither visible nor
 * covered. Not empty means: the listing was not deep enough.
 */
export function gaps(objects: Iterable<Visible>, covered: Covered): UpdateId[] {
  const missing: UpdateId[] = [];
  for (const [author, keys] of leastKeys(objects, covered)) {
    for (const after of keys.keys()) {
      const seq = after - 1;
      if (seq > 0 && !keys.has(seq) && !covered.has(author, seq)) missing.push({ author, seq });
    }
  }
  return missing.sort(compareIds);
}

/**
 * What belongs to a moment of the past, asked of one stretch of the history after the other: the updates whose effective key is at most `key`.
 * Where an update is left out, all later ones of its author are too, so that a past state is one that its authors could have seen.
 */
export function until(order: Order, key: Key): (stretch: Iterable<Visible>) => Covered {
  const leftOut = new Set<Author>();
  return (stretch) => {
    const taken = new Covered();
    for (const { author, seq, effective } of sortTail(order, stretch, new Covered())) {
      if (effective > key) leftOut.add(author);
      if (!leftOut.has(author)) taken.insert({ author, seq });
    }
    return taken;
  };
}
