/**
 * An update object as it is known from its body.
 *
 * @module
 */

import type { Key } from "../core/ids.ts";
import { fromBytes } from "../core/utf8.ts";
import { asError } from "../errors.ts";
import type { OpenedEntry } from "../objects/content.ts";
import { updatePath } from "../objects/paths.ts";
import { readUpdateObject, type UpdateObject } from "../objects/update-object.ts";
import type { Seen, Way } from "./reader.ts";

/** An update object as it is known from its body. `writer` is whom its metadata names. */
export async function readSeen<S>(
  way: Way<S>,
  { key, at, tag }: Pick<Seen, "key" | "at" | "tag">,
  body: string | Uint8Array,
  writer?: string,
): Promise<Seen> {
  const path = updatePath(way.info.space, way.info.epoch, key);
  let object: UpdateObject;
  try {
    object = readUpdateObject(body, path, writer);
  } catch (thrown) {
    const error = asError(thrown);
    // What a newer program wrote is kept until this one can read it.
    const text = error.kind === "corrupt" ? undefined : textIn(body);
    return { key, at, tag, text, object: undefined, opened: [], fault: error.code };
  }
  return {
    key,
    at,
    tag,
    text: textIn(body),
    object,
    opened: await openObject(way, key, object),
    fault: undefined,
  };
}

const textIn = (body: string | Uint8Array): string =>
  typeof body === "string" ? body : fromBytes(body);

/** The updates of an object as they are folded; none where no key is at hand. */
export async function openObject<S>(
  { content }: Way<S>,
  key: Key,
  { author, seq, updates }: UpdateObject,
): Promise<readonly OpenedEntry[]> {
  return content.blind
    ? []
    : content.open(updates.map((update, n) => ({ author, seq: seq + n, key, update })));
}
