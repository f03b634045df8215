/**
 * What a device says that happened: the same events as those of the Rust program (`src/event.rs`), with the same limits.
 */

import { canonical, type Json, type JsonObject, type Rejected, reject } from "icecore";

/** An event as it stands in the state: in its attempt, with its place in the merged order. */
export type Event = {
  /** When the device wrote it down: milliseconds since 1970 UTC, as all times here. */
  readonly createdAt: number;
  /** What makes it count once. */
  readonly id: string;
  /** Members of its own; absent where there are none. */
  readonly more?: JsonObject;
  /** When it happened by the device's clock. */
  readonly occurredAt: number;
  /** The key of the update that carried it; {@link WAITING} while it waits on this device, so that it comes last. */
  readonly serverTime: number;
  /** Who says so. */
  readonly source: string;
  /** What happened. One that this page does not know is kept as well. */
  readonly type: string;
};

/** The key of what is not sent yet: the greatest that there is. */
export const WAITING = 9_999_999_999_999;
/** The most points that one event gives or takes. */
export const POINTS_MAX = 1_000_000;

const TIME_MAX = 253_402_300_799_999; // the end of the year 9999
const MEMBERS_BYTES_MAX = 16 * 1024;
const MEMBERS_DEPTH_MAX = 32;
/** The six members of every event, and what only a server says. */
const TAKEN = new Set([
  "attemptId",
  "createdAt",
  "id",
  "occurredAt",
  "serverTime",
  "source",
  "type",
]);

/** The event that the data of an update is, with its attempt; why it is none otherwise. Others may have written it with any program. */
export function readEvent(
  data: Json,
  serverTime: number,
): { readonly attempt: string; readonly event: Event } | Rejected {
  if (typeof data !== "object" || data === null || Array.isArray(data)) {
    return reject("event: no object");
  }
  const members = data as JsonObject;
  const { id, attemptId, type, occurredAt, createdAt, source } = members;
  if (!isText(id, 1, 200)) return reject("event: id: not 1 to 200 bytes");
  if (!isText(attemptId, 1, 200)) return reject("event: attemptId: not 1 to 200 bytes");
  if (!isText(type, 0, 100)) return reject("event: type: not 0 to 100 bytes");
  if (!isText(source, 0, 100)) return reject("event: source: not 0 to 100 bytes");
  if (!isTime(occurredAt)) return reject("event: occurredAt: not a time in milliseconds");
  if (!isTime(createdAt)) return reject("event: createdAt: not a time in milliseconds");
  // Made so that `__proto__` is a name like any other.
  const more: JsonObject = Object.fromEntries(
    Object.entries(members).filter(([name]) => !TAKEN.has(name)),
  );
  const isEmpty = Object.keys(more).length === 0;
  if (!Object.values(more).every((value) => isWithin(value, MEMBERS_DEPTH_MAX))) {
    return reject(`event: nested more than ${MEMBERS_DEPTH_MAX} deep`);
  }
  if (!isEmpty && !isText(canonical(more), 0, MEMBERS_BYTES_MAX)) {
    return reject(`event: more than ${MEMBERS_BYTES_MAX} bytes of members of its own`);
  }
  const event = { createdAt, id, occurredAt, serverTime, source, type, ...(!isEmpty && { more }) };
  return { attempt: attemptId, event };
}

/** A member of the event's own that is a whole number. */
export function wholeIn({ more }: Event, name: string): number | undefined {
  const value = memberOf(more, name);
  return typeof value === "number" && Number.isSafeInteger(value) ? value : undefined;
}

/** A member of the event's own that is a text. */
export function textIn({ more }: Event, name: string): string | undefined {
  const value = memberOf(more, name);
  return typeof value === "string" ? value : undefined;
}

function memberOf(more: JsonObject | undefined, name: string): Json | undefined {
  return more !== undefined && Object.hasOwn(more, name) ? more[name] : undefined;
}

const utf8 = new TextEncoder();

function isText(value: Json | undefined, least: number, most: number): value is string {
  if (typeof value !== "string") return false;
  const { length } = utf8.encode(value);
  return least <= length && length <= most;
}

function isTime(value: Json | undefined): value is number {
  return typeof value === "number" && Number.isInteger(value) && value >= 0 && value <= TIME_MAX;
}

function isWithin(value: Json, depth: number): boolean {
  if (typeof value !== "object" || value === null) return true;
  return depth > 0 && Object.values(value).every((inner: Json) => isWithin(inner, depth - 1));
}
