/**
 * Of which type a member is.
 *
 * @module
 */

import { GENERATION_MAX, type Generation } from "../core/ids.ts";
import { fromBytes } from "../core/utf8.ts";
import { corrupt, type Source, tooLarge } from "./faults.ts";

/** The format version that this program writes, and the newest that it reads. */
export const FORMAT_VERSION = 1;

/** Every engine holds texts of so many characters; some not much longer ones. */
const TEXT_MAX: number = 2 ** 28;

/**
 * The text of a stored body.
 *
 * @throws IcecoreError `corrupt` where it is not UTF-8; `invalid` with code `layer-too-large` where the engine holds no text that long.
 */
export function textOf(body: string | Uint8Array, source: Source): string {
  if (typeof body === "string") return body;
  try {
    return fromBytes(body);
  } catch (cause) {
    const { length } = body;
    if (length > TEXT_MAX) throw tooLarge("layer-too-large", source.what, length, TEXT_MAX);
    throw corrupt(source, "no UTF-8", "malformed", cause);
  }
}

/** Whether a value is text. */
export function isText(value: unknown): value is string {
  return typeof value === "string";
}

/** Whether a value is a list. */
export function isList(value: unknown): value is readonly unknown[] {
  return Array.isArray(value);
}

/** Whether a value is true or false. */
export function isFlag(value: unknown): value is boolean {
  return typeof value === "boolean";
}

/** Whether a value is an integer that numbers hold exactly. */
export function isInteger(value: unknown): value is number {
  return Number.isSafeInteger(value);
}

/** Whether a value counts something. */
export function isCount(value: unknown): value is number {
  return isInteger(value) && value >= 0;
}

/** Whether a value is a version, of the format or of a model. */
export function isVersion(value: unknown): value is number {
  return isVersionOrNone(value) && value > 0;
}

/** Whether a value is a version, or 0 where there is none. */
export function isVersionOrNone(value: unknown): value is number {
  return isCount(value) && value < 2 ** 32;
}

/** Whether a value is a generation, 0 included. */
export function isGeneration(value: unknown): value is Generation {
  return isCount(value) && value <= GENERATION_MAX;
}

/** Whether a value is a SHA-256 digest in its one form. */
export function isDigest(value: unknown): value is string {
  return isText(value) && /^[0-9a-f]{64}$/.test(value);
}
