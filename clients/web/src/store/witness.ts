/**
 * A witness beside the local store. Browsers may delete IndexedDB at any time; only what survives elsewhere can tell that
 * something was there. The marker is small and holds no secret: the author under which this device writes.
 *
 * In a page it is kept in localStorage. That survives an eviction in Chromium, but not in Firefox and Safari, which evict both
 * together, nor a person who clears all data of the site: there a token that is bound to the author is the second witness.
 *
 * @module
 */

import { type Author, isAuthor } from "../core/ids.ts";

/** Keeps short texts by name, apart from the local store. A port; no call throws, and what it cannot keep is lost silently. */
export interface Witness {
  /** The text of this name; `undefined` where there is none or nothing can be kept. */
  recall(name: string): string | undefined;
  /** Keeps a text under this name; `undefined` removes it. */
  note(name: string, text: string | undefined): void;
}

/** The author under which this device wrote, as the marker has it. Asked when the store holds no writer: then it was evicted. */
export function witnessedAuthor(witness: Witness, name: string): Author | undefined {
  const text = witness.recall(keyOf(name));
  return isAuthor(text) ? text : undefined;
}

/**
 * Leaves the marker. Called when a writer was stored, and whenever a store with a writer is opened; with `undefined` before a
 * store is removed on purpose, so that its absence is not taken for an eviction. Writes only what differs.
 */
export function noteAuthor(witness: Witness, name: string, author: Author | undefined): void {
  const key = keyOf(name);
  if (witness.recall(key) !== author) witness.note(key, author);
}

function keyOf(name: string): string {
  return `icecore:${name}`;
}
