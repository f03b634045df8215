/**
 * Transient events: what matters for seconds and is part of no history.
 *
 * @module
 */

import { canonical, type Json } from "../core/json.ts";
import { byteLength } from "../core/utf8.ts";
import { IcecoreError } from "../errors.ts";
import { tooLarge } from "./faults.ts";
import { FORMAT_VERSION, isInteger, isText } from "./members.ts";
import { isJson } from "./needs.ts";
import { must, readBody, type Shape } from "./shape.ts";

/** The largest one, in bytes of its object. */
export const TRANSIENT_BYTES_MAX = 4096;

/** How long one lives unless it says otherwise, in milliseconds. */
export const TRANSIENT_TTL_MS = 30_000;

/** The longest that one may live, in milliseconds. */
export const TRANSIENT_TTL_MAX_MS = 300_000;

/** What a transient event says. Who sent it and when stand in its path. */
export interface TransientEvent {
  /** What it is, e.g. `typing`. */
  readonly kind: string;
  /** What there is to say about it. */
  readonly data: Json;
  /** How long it lives from when the server stored it, in milliseconds. */
  readonly ttlMs: number;
}

const EVENT: Shape<TransientEvent> = {
  kind: must(isText),
  data: must(isJson),
  ttlMs: must(isLife),
};

/**
 * What a stored one says. One that is malformed is passed over.
 *
 * @throws IcecoreError `corrupt` with code `malformed`, `invalid` with code `newer-format`.
 */
export function readTransient(body: string | Uint8Array): TransientEvent {
  return readBody(EVENT, body, { what: "transient event" });
}

function isLife(value: unknown): value is number {
  return isInteger(value) && value >= 1 && value <= TRANSIENT_TTL_MAX_MS;
}

/** Its body. */
export function writeTransient({ kind, data, ttlMs }: TransientEvent): string {
  return `{"v":${FORMAT_VERSION},"kind":${canonical(kind)},"data":${canonical(data)},"ttl_ms":${ttlMs}}`;
}

/**
 * Whether it can be sent.
 *
 * @throws IcecoreError `invalid` with code `transient-too-large`, or `transient-invalid` without a kind, or where it lives for no time or
 * too long.
 */
export function checkTransient(event: TransientEvent): void {
  const bytes = byteLength(writeTransient(event));
  if (bytes > TRANSIENT_BYTES_MAX) {
    throw tooLarge("transient-too-large", "transient event", bytes, TRANSIENT_BYTES_MAX);
  }
  if (event.kind === "" || !isLife(event.ttlMs)) {
    throw new IcecoreError("invalid", "transient-invalid", "the transient event cannot be sent", {
      object: event.kind === "" ? "kind" : "ttl_ms",
      hint: `say what it is, and let it live from 1 to ${TRANSIENT_TTL_MAX_MS} ms`,
    });
  }
}
