/**
 * What a replica has read of a space: the base, the tail, and how far it has looked.
 *
 * @module
 */

import { Covered } from "../core/covered.ts";
import type { Key, UpdateId } from "../core/ids.ts";
import { sortTail, type TailPlace, type Visible } from "../core/order.ts";
import type { Model } from "../models/model.ts";
import type { Content, OpenedEntry } from "../objects/content.ts";
import type { SpaceInfo } from "../objects/space.ts";
import type { UpdateObject } from "../objects/update-object.ts";
import type { Base } from "./base.ts";
import type { SavedBytes } from "./saved.ts";

/** An update object that no segment covers, as far as it is known. */
export interface Seen {
  readonly key: Key;
  /** When it was stored, by the server. */
  readonly at: number;
  /** By which the object is known again. */
  readonly tag: string | undefined;
  /** Its text, unless it is of no use whoever wrote it. */
  readonly text: string | undefined;
  /** What it says; `undefined` where it cannot be read: a newer program wrote it (then there is a text), or it is broken. */
  readonly object: UpdateObject | undefined;
  /** Its updates as they are folded. */
  readonly opened: readonly OpenedEntry[];
  /** Why it cannot be read. */
  readonly fault: string | undefined;
}

/** What listings have said of a version of a segment. */
export interface Stamp {
  readonly bytes: number;
  readonly tag: string | undefined;
}

/** How a space is read: by its `space.json`. */
export interface Way<S> {
  readonly info: SpaceInfo;
  readonly content: Content;
  readonly model: Model<S>;
}

/** A reader of one space. It is changed by whoever made it, and by nobody else once it is a session's: see {@link draftOf}. */
export interface Reader<S> {
  way: Way<S>;
  /** `space.json` as it is stored, and its tag. */
  infoText: string;
  infoTag: string | undefined;
  base: Base<S>;
  /** By key, unreadable ones too. */
  tail: Map<Key, Seen>;
  /** Objects that were read and are covered although no segment names their key. */
  known: Set<Key>;
  /** The server's time when the last complete listing of updates began. */
  listedAt: number | undefined;
  /** Updates that must exist and were not found in a listing of everything. */
  gaps: readonly UpdateId[];
  headTag: string | undefined;
  /** The largest key that a head has named. */
  headKey: Key;
  /** What listings have said of the segment that the base ends with. */
  stamp: Stamp | undefined;
  /** The newest snapshot that was seen. */
  snapshot: number;
  /** By the monotonic clock. */
  lastList: number | undefined;
  lastCheck: number | undefined;
  /** How much of the layers lies on the device. */
  savedBytes: SavedBytes;
}

/** Whether it was written by a newer program: it is kept until this one can read it. */
export const isHeld = ({ object, text }: Seen): boolean =>
  object === undefined && text !== undefined;

/** The ids that stand in the objects of the tail. */
export function visibleIn<S>({ tail }: Reader<S>): Visible[] {
  return [...tail.values()].flatMap(({ key, object }) =>
    object ? [{ key, author: object.author, seq: object.seq, count: object.updates.length }] : [],
  );
}

/** Whether a place of a sequenced space is taken by what counts, or by what counts as nothing: what a newer program wrote is a hole. */
function isPlace<S>({ known, tail }: Reader<S>, key: Key): boolean {
  const seen = tail.get(key);
  return known.has(key) || (seen !== undefined && !isHeld(seen));
}

/** The last key of a sequenced space before the first hole. */
export function sequenceEnd<S>(reader: Reader<S>): Key {
  let end = reader.base.through;
  while (isPlace(reader, end + 1)) end += 1;
  return end;
}

/** The places of the tail's updates in canonical order. In a sequenced space only up to the first hole: what lies behind it has no place yet. */
export function placesOf<S>(reader: Reader<S>): readonly TailPlace[] {
  const { order, through, covered } = reader.base;
  return sortTail(order, visibleIn(reader), covered, {
    through,
    known: (key) => isPlace(reader, key),
  });
}

/** The tail's updates as they are folded, in canonical order. */
export function entriesOf<S>(reader: Reader<S>): OpenedEntry[] {
  return placesOf(reader).flatMap(({ seq, key }) => {
    const seen = reader.tail.get(key);
    const entry = seen?.opened[seq - (seen.object?.seq ?? 0)];
    return entry ? [entry] : [];
  });
}

/** The ids of some objects. */
export function idsOf(objects: Iterable<Seen>): Covered {
  const ids = new Covered();
  for (const { object } of objects) {
    for (let n = 0; object && n < object.updates.length; n += 1)
      ids.insert({ author: object.author, seq: object.seq + n });
  }
  return ids;
}

/** Which of these ids are neither covered nor in the tail. */
export function lacking<S>({ base, tail }: Reader<S>, ids: Covered): Covered {
  return ids.without(base.covered).without(idsOf(tail.values()));
}
