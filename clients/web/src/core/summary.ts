/**
 * What is said of a state beside it: what was rejected, which rules it breaks, and which update last set a path. Read and
 * written as snapshots and first segments have it.
 *
 * @module
 */

import { isAuthor, isKey, isSeq, type Key, type UpdateId } from "./ids.ts";
import { isInteger, isNumber, isObject, type Json, type JsonObject, malformed } from "./json.ts";
import type { Reason } from "./reason.ts";

/** How many rejected updates are listed; the count goes on beyond. */
export const REJECTED_LIST_MAX = 1_000;

/** An update that the model did not apply. It stays in the history. */
export interface RejectedUpdate {
  /** Which update. */
  readonly id: UpdateId;
  /** The key of the object that carries it. */
  readonly key: Key;
  /** Why. */
  readonly reason: Reason;
}

/** The rejected updates of a history that are not settled. */
export interface RejectedList {
  /** How many there are. */
  readonly count: number;
  /** The newest {@link REJECTED_LIST_MAX} of them, oldest first. */
  readonly list: readonly RejectedUpdate[];
}

/** A rule that the merged state breaks, for a person to settle. */
export interface Conflict {
  /** The same for the same rule and paths on every replica. */
  readonly id: string;
  /** The rule's name. */
  readonly rule: string;
  /** The JSON pointers of the values that break it. */
  readonly paths: readonly string[];
  /** The updates that last set those values. */
  readonly updates: readonly UpdateId[];
  /** How they break it. */
  readonly reason: Reason;
}

/** What is said of a state beside it. */
export interface Summary {
  /** Updates that the model rejected. */
  readonly rejected: RejectedList;
  /** Rules that the state breaks. */
  readonly conflicts: readonly Conflict[];
  /** Which update last set each path that a rule watches. */
  readonly touched: ReadonlyMap<string, UpdateId>;
}

function objectOf(json: Json | undefined, what: string): JsonObject {
  if (!isObject(json)) throw malformed(what);
  return json;
}

function readId(json: Json | undefined): UpdateId {
  const { author, seq } = objectOf(json, "id");
  if (!isAuthor(author) || !isSeq(seq)) throw malformed("id");
  return { author, seq };
}

function readReason({ code, ...params }: JsonObject): Reason {
  return { code: readText(code), params };
}

function readList<T>(json: Json | undefined, read: (item: Json) => T): readonly T[] {
  if (!Array.isArray(json)) throw malformed("list");
  return json.map(read);
}

function readText(json: Json | undefined): string {
  if (typeof json !== "string") throw malformed("text");
  return json;
}

/**
 * Reads the member `rejected`. A count beyond 2^53 loses its last digits.
 *
 * @throws IcecoreError `corrupt` with code `malformed`.
 */
export function readRejected(json: Json | undefined): RejectedList {
  const { count = null, list } = objectOf(json, "rejected");
  if (!isNumber(count) || !isInteger(count) || count < 0) throw malformed("count");
  const read = (item: Json): RejectedUpdate => {
    const { id, key, ...why } = objectOf(item, "rejected");
    if (!isKey(key)) throw malformed("key");
    return { id: readId(id), key, reason: readReason(why) };
  };
  return { count: Number(count), list: readList(list, read) };
}

/**
 * Reads the member `conflicts`.
 *
 * @throws IcecoreError `corrupt` with code `malformed`.
 */
export function readConflicts(json: Json | undefined): readonly Conflict[] {
  return readList(json, (item) => {
    const { id, rule, paths, updates, ...why } = objectOf(item, "conflicts");
    return {
      id: readText(id),
      rule: readText(rule),
      paths: readList(paths, readText),
      updates: readList(updates, readId),
      reason: readReason(why),
    };
  });
}

/**
 * Reads the member `touched`; absent or null stands for an empty one.
 *
 * @throws IcecoreError `corrupt` with code `malformed`.
 */
export function readTouched(json: Json | undefined): ReadonlyMap<string, UpdateId> {
  const members = Object.entries(objectOf(json ?? {}, "touched"));
  return new Map(members.map(([path, id]) => [path, readId(id)]));
}

/**
 * Reads a summary: what is sealed with a state. All three members are there.
 *
 * @throws IcecoreError `corrupt` with code `malformed`.
 */
export function readSummary(json: Json): Summary {
  const { rejected, conflicts, touched } = objectOf(json, "summary");
  return {
    rejected: readRejected(rejected),
    conflicts: readConflicts(conflicts),
    touched: readTouched(objectOf(touched, "touched")),
  };
}
