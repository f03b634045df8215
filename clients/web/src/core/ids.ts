/**
 * Names of things: who writes, which update, which history.
 *
 * @module
 */

declare const brand: unique symbol;

/** One writing replica: a UUID as 36 characters, in lower case. */
export type Author = string & { readonly [brand]: "author" };

/** Which history of a space counts: four digits, a hyphen, 16 hexadecimal digits. */
export type Epoch = string & { readonly [brand]: "epoch" };

/** An author's own counter: 1, 2, 3 …, at most 2^53 − 1. */
export type Seq = number;

/** The name of an update object: milliseconds since 1970 UTC, or in a sequenced space 1, 2, 3 …. */
export type Key = number;

/** The number of a segment, and of its snapshot; 0 stands for "before the first". */
export type Generation = number;

/** The id of an update: what counts once. */
export interface UpdateId {
  /** Who wrote it. */
  readonly author: Author;
  /** The author's own counter. */
  readonly seq: Seq;
}

/** The greatest key. */
export const KEY_MAX: Key = 9_999_999_999_999;

/** The greatest generation. */
export const GENERATION_MAX: Generation = 9_999_999_999;

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;
const EPOCH = /^(?!0000)[0-9]{4}-[0-9a-f]{16}$/;

/** Whether a text is the one spelling of an author: a UUID in lower case, with hyphens. */
export function isAuthor(text: unknown): text is Author {
  return typeof text === "string" && UUID.test(text);
}

/** Whether a text names an epoch. */
export function isEpoch(text: unknown): text is Epoch {
  return typeof text === "string" && EPOCH.test(text);
}

/** Whether a number is an author's counter. */
export function isSeq(value: unknown): value is Seq {
  return Number.isSafeInteger(value) && (value as number) >= 1;
}

/** Whether a number can be the name of an update object. */
export function isKey(value: unknown): value is Key {
  return Number.isSafeInteger(value) && (value as number) >= 0 && (value as number) <= KEY_MAX;
}

/** The id as text: `AUTHOR:SEQ`. */
export function idText(id: UpdateId): string {
  return `${id.author}:${id.seq}`;
}

/** The id of a text `AUTHOR:SEQ`; `undefined` where it is none. */
export function parseId(text: string): UpdateId | undefined {
  const author = text.slice(0, 36);
  const digits = text.slice(37);
  const seq = Number(digits);
  return text[36] === ":" && isAuthor(author) && isSeq(seq) && String(seq) === digits
    ? { author, seq }
    : undefined;
}

/** The order of ids: by author, then seq. */
export function compareIds(left: UpdateId, right: UpdateId): number {
  if (left.author === right.author) return left.seq - right.seq;
  return left.author < right.author ? -1 : 1;
}
