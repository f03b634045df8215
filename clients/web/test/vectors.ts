/**
 * The vectors that every client reads.
 *
 * @module
 */

import { readFileSync } from "node:fs";

/** The bytes of an object, as the vectors write them. */
export type Body =
  | string
  | { readonly base64: string }
  | {
      readonly before: string;
      readonly fill: string;
      readonly count: number;
      readonly after: string;
    };

/** The text of a file of `tests/vectors`: `vectorText("canonical")`. */
export function vectorText(name: string): string {
  return readFileSync(
    new URL(`../../../tests/vectors/${name.replace(/\.json$/, "")}.json`, import.meta.url),
    "utf8",
  );
}

/** What such a file holds. Its numbers are at most 2^53 − 1, but within text. */
export function vectors(name: string): unknown {
  return JSON.parse(vectorText(name));
}

/** One of its lists; an empty one would test nothing. */
export function cases<T>(name: string, list: string): readonly T[] {
  const found = (vectors(name) as Readonly<Record<string, readonly T[]>>)[list];
  if (found === undefined || found.length === 0) throw new Error(`${name} has no ${list}`);
  return found;
}

/** The bytes of an object. */
export function bytesOf(body: Body): Uint8Array<ArrayBuffer> {
  if (typeof body === "string") return new TextEncoder().encode(body);
  if ("base64" in body) return Uint8Array.from(Buffer.from(body.base64, "base64"));
  return bytesOf(body.before + body.fill.repeat(body.count) + body.after);
}
