/**
 * A witness beside the local store. Browsers may delete IndexedDB at any time; only what survives elsewhere can tell that
 * something was there. The marker is small and holds no secret: the author under which this device writes, and the one whose copy is missing still.
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

/** What the marker says. */
export interface Marked {
  /** The author under which this device writes. */
  readonly author: Author;
  /** Under whom it wrote what the browser deleted, until all of that was fetched again. */
  readonly evicted?: Author | undefined;
}

/** What the marker says. Where the store is of another writer, and of none that ever synced, it was evicted. */
export function witnessed(witness: Witness, name: string): Marked | undefined {
  const [author, evicted, more] = witness.recall(keyOf(name))?.split(" ") ?? [];
  if (!isAuthor(author) || more !== undefined) return undefined;
  return isAuthor(evicted) ? { author, evicted } : { author };
}

/**
 * Leaves the marker. Called when there is something that only this device has, after each sync, and whenever a store that was synced is opened; with
 * `undefined` before a store is removed on purpose, so that its absence is not taken for an eviction. Writes only what differs.
 */
export function mark(witness: Witness, name: string, marked: Marked | undefined): void {
  const key = keyOf(name);
  const text = marked && [marked.author, marked.evicted].filter(Boolean).join(" ");
  if (witness.recall(key) !== text) witness.note(key, text);
}

function keyOf(name: string): string {
  return `icecore:${name}`;
}
