/**
 * Update objects: one author's consecutive updates.
 *
 * @module
 */

import { type Author, isAuthor, isSeq, type Seq } from "../core/ids.ts";
import { elementTexts, memberTexts, onOneLine } from "../core/text.ts";
import { byteLength } from "../core/utf8.ts";
import { corrupt } from "./faults.ts";
import { isList, textOf } from "./members.ts";
import { checkVersion, must, orCorrupt, readShape, type Shape } from "./shape.ts";

/** The largest update object, in bytes: one request stays small enough to be tried again on a phone. */
export const OBJECT_BYTES_MAX = 1_048_576;

/** The most updates in one object. */
export const OBJECT_UPDATES_MAX = 500;

/** The largest update: what is left of an object when its own members are written. */
export const UPDATE_BYTES_MAX: number = OBJECT_BYTES_MAX - 256;

/** What lies under `updates/`. */
export interface UpdateObject {
  /** Who wrote it. */
  readonly author: Author;
  /** The seq of the first update; the others follow one by one. */
  readonly seq: Seq;
  /** The text of each update as it is kept, on one line. */
  readonly updates: readonly string[];
}

const OBJECT: Shape<Omit<UpdateObject, "updates"> & { readonly updates: readonly unknown[] }> = {
  author: must(isAuthor),
  seq: must(isSeq),
  updates: must(isList),
};

/**
 * What an update object says. `writer` is the author that its metadata names, where it has any: nobody writes in another one's name.
 *
 * @throws IcecoreError `corrupt` with code `malformed`; `invalid` with code `newer-format`: it counts as not seen then.
 */
export function readUpdateObject(
  body: string | Uint8Array,
  path?: string,
  writer?: string,
): UpdateObject {
  const source = { what: "update object", path };
  const bytes = typeof body === "string" ? byteLength(body) : body.length;
  if (bytes > OBJECT_BYTES_MAX) throw corrupt(source, "size");
  const text = textOf(body, source);
  return orCorrupt(source, () => {
    const value: unknown = JSON.parse(text);
    checkVersion(value, source);
    const { author, seq, updates } = readShape(OBJECT, value, source.what);
    const own = memberTexts(text).filter(({ name }) => /^(v|author|seq|updates)$/.test(name));
    const list = own.find(({ name }) => name === "updates")?.text;
    const { length } = updates;
    if (length === 0 || length > OBJECT_UPDATES_MAX || !isSeq(seq + length)) {
      throw new TypeError("updates");
    }
    if (writer !== undefined && writer !== author) throw new TypeError("author");
    if (list === undefined || own.length > 4) throw new TypeError("a member twice");
    return { author, seq, updates: elementTexts(list).map(onOneLine) };
  });
}

/** The seq after its last update. */
export function endOf(object: UpdateObject): Seq {
  return Math.min(object.seq + object.updates.length, Number.MAX_SAFE_INTEGER);
}
