/**
 * Update objects that are written.
 *
 * @module
 */

import { byteLength } from "../core/utf8.ts";
import { FORMAT_VERSION } from "./members.ts";
import {
  OBJECT_BYTES_MAX,
  OBJECT_UPDATES_MAX,
  UPDATE_BYTES_MAX,
  type UpdateObject,
} from "./update-object.ts";

/** Its body. */
export function writeUpdateObject({ author, seq, updates }: UpdateObject): string {
  return `{"v":${FORMAT_VERSION},"author":"${author}","seq":${seq},"updates":[${updates.join(",")}]}`;
}

/** How many of the first of these texts fit into one object; one at least. */
export function fitting(updates: Iterable<string>): number {
  let bytes = OBJECT_BYTES_MAX - UPDATE_BYTES_MAX;
  let count = 0;
  for (const update of updates) {
    bytes += byteLength(update) + 1;
    if (count === OBJECT_UPDATES_MAX || bytes > OBJECT_BYTES_MAX) break;
    count += 1;
  }
  return Math.max(count, 1);
}

/**
 * What the occupant of a key is, for whoever wanted to write `own` there: how many of the own updates it holds, from the first;
 * `another` where somebody else writes as the same author; `foreign` where it has nothing to do with it.
 */
export function compareOwn(
  own: UpdateObject,
  occupant: UpdateObject,
): number | "another" | "foreign" {
  if (occupant.author !== own.author || occupant.seq !== own.seq) return "foreign";
  const count = Math.min(own.updates.length, occupant.updates.length);
  for (let i = 0; i < count; i += 1) if (own.updates[i] !== occupant.updates[i]) return "another";
  return count;
}
