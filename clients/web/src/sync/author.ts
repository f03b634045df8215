/**
 * Authors that a replica makes for itself.
 *
 * @module
 */

import type { Author } from "../core/ids.ts";
import type { Chance } from "../ports.ts";

/** The milliseconds of an author's time stamp: authors sort by them. */
export function millisOf(author: Author): number {
  return Number.parseInt(author.slice(0, 8) + author.slice(9, 13), 16);
}

/** An author of this time, told apart from others by 16 bytes, of which all but the first six count: a UUID of version 7. */
export function authorOf(millis: number, bytes: Uint8Array): Author {
  const hex = Array.from(bytes.subarray(6, 16), (byte) => byte.toString(16).padStart(2, "0")).join(
    "",
  );
  const time = Math.max(0, Math.floor(millis)).toString(16).padStart(12, "0").slice(-12);
  const variant = (8 | (Number.parseInt(hex.slice(4, 5), 16) & 3)).toString(16);
  return `${time.slice(0, 8)}-${time.slice(8)}-7${hex.slice(1, 4)}-${variant}${hex.slice(5, 8)}-${hex.slice(8)}` as Author;
}

/** A new author, by chance. */
export function newAuthor(millis: number, chance: Chance): Author {
  return authorOf(millis, chance.bytes(16));
}

/** The same with a time stamp after this one. */
export function laterThan(author: Author, millis: number): Author {
  const time = (millis + 1).toString(16).padStart(12, "0");
  return `${time.slice(0, 8)}-${time.slice(8)}${author.slice(13)}` as Author;
}
