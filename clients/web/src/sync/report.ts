/**
 * What a session tells of itself: what a sync did, and how far the replica is.
 *
 * @module
 */

import type { Author, Epoch, Generation, Key, UpdateId } from "../core/ids.ts";
import type { Reason } from "../core/reason.ts";
import type { IcecoreError } from "../errors.ts";
import type { Queued } from "./rows.ts";

/** An update of the history. */
export interface Recorded extends UpdateId {
  /** The key of the object that carried it: in a timestamp space about when it was stored, in milliseconds. */
  readonly key: Key;
  /** The text as its author wrote it, or why it cannot be read. */
  readonly update: string | Reason;
}

/** An own update that is stored now. */
export interface Confirmed extends UpdateId {
  /** The id that it had first, where it went on under another one: somebody else writes as its author, or an update before it was refused. */
  readonly was: UpdateId | undefined;
  /** The update's text: two may have had the same id at first, one after the other. */
  readonly update: string;
  /** The key of the object that carries it; 0 where only a segment was seen to hold it. */
  readonly key: Key;
}

/** A row of the queue that is stored under a key. */
export function confirmedOf({ author, seq, was, update }: Queued, key: Key): Confirmed {
  return { author, seq, was, update, key };
}

/** What a sync did. It is told once; the state shows the rest. */
export interface Synced {
  /** Whether the state may have changed by what was read. */
  readonly changed: boolean;
  /** The state was taken as a whole (a snapshot, the first look, another epoch, another tab): what changed is not known one by one. */
  readonly reread: boolean;
  /** The updates that are part of the state now and were not known before, in canonical order; own ones are not among them. */
  readonly arrived: readonly Recorded[];
  /** Own updates that are stored now. */
  readonly confirmed: readonly Confirmed[];
  /** The space has entered another epoch. */
  readonly newEpoch: boolean;
  /** Own acknowledged updates that were queued again, for the new epoch lacks them, or the store does. */
  readonly requeued: number;
  /** The store was put back to an older state, or holds another history: so many updates that were read or written are missing there. */
  readonly restored: number | undefined;
  /** Own updates that were set aside for a person: their ids are in a history that was compressed, so nobody can tell whether they are there. */
  readonly setAside: readonly UpdateId[];
  /** Own updates go on under this author: somebody else writes as the one before, or the token names this one. */
  readonly newAuthor: Author | undefined;
  /** An update that the state of a sequenced space refused: it was set aside, and the next sync sends the rest. */
  readonly refused: Kept | undefined;
  /** Why it ended before its end; what is queued stays queued. */
  readonly error: IcecoreError | undefined;
}

/** What a person has to decide on. */
export interface Kept {
  /** Its number here: {@link Space.dismiss} takes it. */
  readonly number: number;
  /** The id that the update had. A refused one has it no more: the next one takes it. */
  readonly id: UpdateId;
  /** The id that it had first, where it went on under another one before it was set aside. */
  readonly was?: UpdateId | undefined;
  /** The update's text. */
  readonly update: string;
  /** Why: the model's reason, or `unknown-content` where the history was compressed and holds an update under its id. */
  readonly reason: Reason;
  /** When it was set aside, by the device's clock. */
  readonly at: number;
  /** What others wrote since it was made, the newest thousand. */
  readonly since: readonly UpdateId[];
}

/** An update of somebody else that the store held when it was read here, and holds no more. */
export interface Lost extends UpdateId {
  /** The key that it was stored under. */
  readonly key: Key;
  /** Its text as it was stored. */
  readonly update: string;
}

/** How far a replica is, as it is known without any request. */
export interface SessionStatus {
  /** Who writes here. */
  readonly author: Author;
  /** Updates that are not acknowledged. */
  readonly unsent: number;
  /** When the oldest of them was made, by the device's clock. */
  readonly oldestUnsentAt: number | undefined;
  /** Own updates that were set aside for a person. */
  readonly refused: number;
  /** Updates of others that the store holds no more. */
  readonly lost: number;
  /** Rejected updates that nobody settled. */
  readonly rejected: number;
  /** Rules that the state breaks. */
  readonly conflicts: number;
  /** Updates that must exist and were not found. */
  readonly gaps: readonly UpdateId[];
  /** Update objects that cannot be read, and why: the code of the error. */
  readonly unreadable: readonly { readonly key: Key; readonly code: string }[];
  /** What the store lacks since it was put back to an older state; absent once nothing is missing any more. */
  readonly restored: { readonly noticedAt: number; readonly missing: number } | undefined;
  /** The version of the model that the space needs, where this program's is older: it shows what it last saw, and sends nothing. */
  readonly needsVersion: number | undefined;
  /** The space is encrypted, and no secret at hand opens it. */
  readonly locked: boolean;
  /** The token is bound to this author, as whom another replica has written: nothing can be sent. */
  readonly barred: Author | undefined;
  /** The epoch; absent before the first sync. */
  readonly epoch: Epoch | undefined;
  /** The newest segment that was folded. */
  readonly generation: Generation;
  /** The version of this program's model. */
  readonly modelVersion: number;
  /** When the last sync was complete, by the device's clock. */
  readonly syncedAt: number | undefined;
  /** The server's time when the last complete listing of updates began. */
  readonly listedAt: number | undefined;
}
