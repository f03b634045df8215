/**
 * Bytes and the texts that stand for them.
 *
 * @module
 */

import { fromBytes } from "../core/utf8.ts";

/** Bytes that Web Crypto takes: not over shared memory. */
export type Bytes = Uint8Array<ArrayBuffer>;

const DIGITS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/** Of each digit its value and one, by its code; 0 of every other character. Made at the first use. */
let values: Uint8Array | undefined;

function valuesOfDigits(): Uint8Array {
  values = new Uint8Array(128);
  for (let value = 0; value < 64; value += 1) values[DIGITS.charCodeAt(value)] = value + 1;
  return values;
}

/** The text that bytes stand for; `undefined` where they are not UTF-8. */
export function textOf(bytes: Bytes): string | undefined {
  try {
    return fromBytes(bytes);
  } catch {
    return undefined;
  }
}

/** One after the other. */
export function concat(...parts: readonly Uint8Array[]): Bytes {
  let length = 0;
  for (const part of parts) length += part.length;
  const all = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

/** Whether two are the same, in a time that does not tell where they differ. */
export function areEqual(a: Uint8Array, b: Uint8Array): boolean {
  let different = a.length ^ b.length;
  for (let i = 0; i < a.length; i += 1) different |= (a[i] ?? 0) ^ (b[i] ?? 0);
  return different === 0;
}

/** base64url without padding. */
export function toBase64(bytes: Uint8Array): string {
  const length = Math.ceil((bytes.length * 4) / 3);
  const codes = new Uint8Array(length);
  let bits = 0;
  let held = 0;
  let at = 0;
  for (const byte of bytes) {
    bits = (bits << 8) | byte;
    held += 8;
    while (held >= 6) {
      held -= 6;
      codes[at] = DIGITS.charCodeAt((bits >>> held) & 63);
      at += 1;
    }
  }
  if (held > 0) codes[at] = DIGITS.charCodeAt((bits << (6 - held)) & 63);
  return fromBytes(codes);
}

/** The bytes of base64url in its one form: without padding, and with unused bits zero. `undefined` for everything else. */
export function fromBase64(text: string): Bytes | undefined {
  const known = values ?? valuesOfDigits();
  if (text.length % 4 === 1) return undefined;
  const bytes = new Uint8Array((text.length * 3) >> 2);
  let bits = 0;
  let held = 0;
  let at = 0;
  for (let i = 0; i < text.length; i += 1) {
    const value = known[text.charCodeAt(i)];
    if (!value) return undefined;
    bits = (bits << 6) | (value - 1);
    held += 6;
    if (held >= 8) {
      held -= 8;
      bytes[at] = bits >>> held;
      at += 1;
    }
  }
  return (bits & ((1 << held) - 1)) === 0 ? bytes : undefined;
}
