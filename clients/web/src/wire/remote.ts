/**
 * What the engine that syncs asks of a store, which it reaches through a gateway.
 *
 * @module
 */

import type { Author, Epoch, Generation, Key } from "../core/ids.ts";
import type { Json } from "../core/json.ts";
import type {
  FoundAnswer,
  LayerAnswer,
  SignedAnswer,
  TransientAnswer,
  UpdateAnswer,
} from "../objects/wire.ts";
import type { KeyHints } from "../plan/key.ts";

/** An object as it is stored, as text. */
export interface StoredText {
  /** Its text. */
  readonly body: string;
  /** Names this version of it: the tag of the bucket, or one made from its body where the bucket shows none to pages. */
  readonly tag: string;
  /** When it was stored, by the bucket: milliseconds since 1970 UTC. */
  readonly lastModified: number;
}

/** An object as it is stored. */
export interface StoredObject {
  /** Its bytes. A browser may have unpacked them already. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Names this version of it, as in {@link StoredText}. */
  readonly tag: string;
  /** When it was stored, by the bucket; 0 where the bucket does not show it to pages. */
  readonly lastModified: number;
  /** Whom the slot named that it was written through, where the bucket shows it. Not parsed. */
  readonly author: string | undefined;
}

/** An object of a listing. */
export interface Listed {
  /** Its name in the folder. Anybody may have put it there: parse it. */
  readonly name: string;
  /** Its size as stored. */
  readonly bytes: number;
  /** When it was stored, by the bucket: milliseconds since 1970 UTC. */
  readonly lastModified: number;
  /** The bucket's tag of it. */
  readonly tag: string | undefined;
}

/** A segment or snapshot that a look found. */
export type LayerItem = LayerAnswer;

/** An update object that a look found. */
export type UpdateItem = UpdateAnswer;

/** A transient event that lives. */
export type TransientSeen = TransientAnswer;

/** What a client has of a space. */
export interface Have {
  /** The epoch that it reads. */
  readonly epoch: Epoch;
  /** The newest segment that it has folded; 0 for none. */
  readonly generation: Generation;
  /** Where its listing of updates starts; without, at the first. */
  readonly updatesAfter?: Key | undefined;
  /** Keys after that whose bodies it has. */
  readonly known?: readonly Key[] | undefined;
}

/** What a look found. A listing that is not there was too large for one answer: {@link Remote.list} it. */
export interface Found {
  /** `space.json`. */
  readonly space: StoredText;
  /** The head hint, where there is one. */
  readonly head: StoredText | undefined;
  /** All segments and snapshots after `after`, if they were listed. */
  readonly layers: FoundAnswer["layers"];
  /** All update objects after `after`, by key. */
  readonly updates: FoundAnswer["updates"];
}

/** Update objects that are about to be written. */
export interface Wish {
  /** The epoch to write to. */
  readonly epoch: Epoch;
  /** Who writes. */
  readonly author: Author;
  /** Keys of the gateway's clock above these, or the one place (`at`) of a sequenced space, or one that was tried before. */
  readonly keys: KeyHints | { readonly at: Key };
  /** The exact bodies, in the order in which they will be written; at most 20. */
  readonly bodies: readonly Uint8Array<ArrayBuffer>[];
  /** How many more slots for each, for collisions; at most 8. */
  readonly spare: number;
}

/** The right to write one body under one new key, for half a minute. What it holds besides is nobody's business. */
export interface Slot {
  /** The key. */
  readonly key: Key;
  /** The presigned request. It is as good as a credential: never log it, never put it into a message. */
  readonly signed: SignedAnswer;
  /** When it ends, by the monotonic clock. */
  readonly until: number;
}

/**
 * What became of a write.
 *
 * - `stored`: it is there
 * - `taken`: the condition does not hold: something is there, or another version (412; of a condition on a version also 404)
 * - `gone`: the slot has ended, or the bucket refuses its signature. Nothing was written by this attempt. Ask for another slot
 *   under the same key; when that one is gone too, it is time to give up for now
 */
export type Written =
  | { readonly outcome: "stored"; readonly tag: string }
  | { readonly outcome: "taken" | "gone" };

/** On which condition an object is written: nothing is there; exactly this version is; any. */
export type Condition = "absent" | "any" | { readonly matches: string };

/** A transient event that is sent. */
export interface TransientToSend {
  /** Who sends it. */
  readonly author: Author;
  /** What it is, e.g. `typing`. */
  readonly kind: string;
  /** What there is to say about it. */
  readonly data: Json;
  /** How long it lives: 30,000 without. */
  readonly ttlMs?: number | undefined;
}

/**
 * One space of a store, through a gateway.
 *
 * Every promise rejects with an `IcecoreError` only: `unavailable` (network, time-out, 5xx, 429: `retryAfterMs` where it was said; codes `no-answer`,
 * `timeout`, `busy`, `aborted`), `denied` (`token-refused`, `token-missing`, `forbidden`, `space-full`, `bucket-refused`), `not_found`
 * (`no-space`), `invalid`, `conflict`, `corrupt` (an answer that is none). None tells a presigned address.
 */
export interface Remote {
  /** The space's name. */
  readonly space: string;
  /** The only author that may write with the present token, as the last answer to `look` or `slots` said. */
  readonly author: Author | undefined;
  /** The server's time, as well as answers told it: milliseconds since 1970 UTC. */
  now(): number;
  /** Milliseconds to add to the device's clock to get the server's; `undefined` before any answer told the time. */
  readonly offsetMs: number | undefined;

  /**
   * Looks at the space in one request: all that somebody lacks who has `have`. `check` lists segments and snapshots even where the head names
   * no newer ones. It also brings what is needed to poll for an hour without the gateway.
   */
  look(have: Have | undefined, check: boolean, signal: AbortSignal): Promise<Found>;
  /** The head, unless it is the version that is known: one GET. `undefined` where there is none. */
  head(
    known: string | undefined,
    signal: AbortSignal,
  ): Promise<StoredText | "unchanged" | undefined>;
  /** `space.json`, unless it is the version that is known: one GET. `undefined` where there is none. */
  info(
    known: string | undefined,
    signal: AbortSignal,
  ): Promise<StoredText | "unchanged" | undefined>;
  /** An object of the space; `undefined` where there is none. Those that are asked for at once are signed by one call. */
  get(path: string, signal: AbortSignal): Promise<StoredObject | undefined>;
  /**
   * All objects of a folder, by name, whose names come after `after`; `folder` without a slash at its end. With `most` no more than these, and
   * perhaps some of the same page.
   */
  list(
    folder: string,
    after: string | undefined,
    signal: AbortSignal,
    most?: number,
  ): Promise<readonly Listed[]>;

  /** For each body the slots to try, one after the other; never none. */
  slots(wish: Wish, signal: AbortSignal): Promise<readonly (readonly Slot[])[]>;
  /**
   * Writes the body of a slot, once.
   *
   * @throws IcecoreError `unavailable`: nobody knows whether it was stored (no answer, 409, 5xx). The same slot may be used again.
   */
  put(slot: Slot, body: Uint8Array<ArrayBuffer>, signal: AbortSignal): Promise<Written>;
  /** Writes the head. 409 and 404 count as `taken`. */
  putHead(body: string, condition: Condition, signal: AbortSignal): Promise<Written>;
  /**
   * Writes a packed snapshot where there is none.
   *
   * @throws IcecoreError `conflict`: it is not that of the newest segment; `denied`: the token may not.
   */
  putSnapshot(path: string, body: Uint8Array<ArrayBuffer>, signal: AbortSignal): Promise<Written>;
  /** Writes any other object that a token may write, e.g. `space.json`: see the gateway's `put`. */
  putObject(
    path: string,
    body: Uint8Array<ArrayBuffer>,
    condition: Condition,
    signal: AbortSignal,
  ): Promise<Written>;

  /** Sends a transient event. */
  transient(
    event: TransientToSend,
    signal: AbortSignal,
  ): Promise<{ readonly key: Key; readonly expiresAt: number }>;
  /** The transient events that live, by key. */
  transients(signal: AbortSignal): Promise<readonly TransientSeen[]>;

  /** Asks the token source for a token of another author. Whether it gave another one than before. */
  newAuthor(signal: AbortSignal): Promise<boolean>;
}
