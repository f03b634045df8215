/**
 * From a listing of update objects to the tail.
 *
 * @module
 */

import { gaps } from "../core/gaps.ts";
import type { Key } from "../core/ids.ts";
import { isKnownTo } from "../objects/chain-use.ts";
import { updatePath } from "../objects/paths.ts";
import { OBJECT_BYTES_MAX, type UpdateObject } from "../objects/update-object.ts";
import type { UpdateAnswer } from "../objects/wire.ts";
import { vouched } from "../plan/key.ts";
import { LOOK_BACK_MS } from "../plan/poll.ts";
import { sorted } from "./draft.ts";
import { type Looking, listUpdates } from "./look.ts";
import { isHeld, type Reader, type Seen, visibleIn, type Way } from "./reader.ts";
import { rowOf } from "./rows.ts";
import { readSeen } from "./seen.ts";

/** How many unknown objects are read before it is looked whether a gap is filled. */
const GAP_BATCH = 64;

/** Objects that are read at once. */
const READS_MAX = 64;

/** So many covered objects whose keys no segment names are remembered. */
const KNOWN_MAX = 100_000;

/** What a look changed of the tail. */
export interface Changes {
  /** Objects that were read. */
  readonly seen: Map<Key, Seen>;
  /** Objects that are part of the tail no more. */
  readonly dropped: Set<Key>;
}

/** An update object as it was read; `undefined` where it is gone. */
async function readObject<S>(
  look: Looking<S>,
  way: Way<S>,
  item: UpdateAnswer,
): Promise<Seen | undefined> {
  const { key, lastModified: at } = item;
  const path = updatePath(look.remote.space, way.info.epoch, key);
  if (item.bytes > OBJECT_BYTES_MAX) {
    return {
      key,
      at,
      tag: item.tag,
      text: undefined,
      object: undefined,
      opened: [],
      fault: "malformed",
    };
  }
  const got =
    item.body === undefined
      ? await look.remote.get(path, look.signal)
      : { bytes: item.body, tag: item.tag, author: item.author };
  return got && readSeen(way, { key, at, tag: got.tag ?? item.tag }, got.bytes, got.author);
}

/** Reads objects, some at once, and takes them into the tail. */
async function read<S>(
  look: Looking<S>,
  reader: Reader<S>,
  items: readonly UpdateAnswer[],
  changes: Changes,
): Promise<void> {
  for (let from = 0; from < items.length; from += READS_MAX) {
    const batch = items.slice(from, from + READS_MAX);
    for (const seen of await Promise.all(batch.map((item) => readObject(look, reader.way, item)))) {
      if (seen) take(reader, seen, changes);
    }
    if (from > 0) await look.pause();
  }
}

/** Takes an object into the tail, or remembers that it is covered. */
export function take<S>(reader: Reader<S>, seen: Seen, changes: Changes): void {
  if (seen.object && isCovered(reader, seen.object)) {
    remember(reader, seen.key);
    return;
  }
  reader.tail.set(seen.key, seen);
  changes.seen.set(seen.key, seen);
}

function remember<S>({ known }: Reader<S>, key: Key): void {
  known.add(key);
  if (known.size > KNOWN_MAX)
    for (const least of sorted(known).slice(0, KNOWN_MAX / 10)) known.delete(least);
}

/** Whether every update of an object is covered. */
function isCovered<S>({ base }: Reader<S>, { author, seq, updates }: UpdateObject): boolean {
  return updates.every((_, n) => base.covered.has(author, seq + n));
}

/** Takes a complete listing that began at `began` (server's time). */
export async function takeListing<S>(
  look: Looking<S>,
  reader: Reader<S>,
  { listed, began }: { readonly listed: readonly UpdateAnswer[]; readonly began: number },
  changes: Changes,
): Promise<void> {
  const unknown = (item: UpdateAnswer): boolean =>
    !reader.tail.has(item.key) &&
    !reader.known.has(item.key) &&
    !isKnownTo(reader.base, item.key, item.lastModified);
  await read(look, reader, listed.filter(unknown), changes);
  await closeGaps(look, reader, unknown, changes);
  // It moves only after everything that the listing showed is in the tail.
  reader.listedAt = began;
  reader.lastList = look.clock.monotonic();
}

/**
 * A gap in an author's seqs means that the listing was not deep enough: everything is listed, and what is unknown is read from the newest key down
 * until no gap is left. One that remains is reported and stops nobody.
 */
async function closeGaps<S>(
  look: Looking<S>,
  reader: Reader<S>,
  unknown: (item: UpdateAnswer) => boolean,
  changes: Changes,
): Promise<void> {
  const known = new Set(reader.gaps.map(rowOf));
  reader.gaps = gaps(visibleIn(reader), reader.base.covered);
  if (reader.gaps.every((gap) => known.has(rowOf(gap)))) return;
  const listed = (await listUpdates(look, reader.way.info.epoch, undefined)).filter(unknown);
  while (listed.length > 0 && reader.gaps.length > 0) {
    await read(look, reader, listed.splice(-GAP_BATCH), changes);
    reader.gaps = gaps(visibleIn(reader), reader.base.covered);
  }
}

/** Drops from the tail what the base covers now. */
export function dropCovered<S>(reader: Reader<S>, now: number, changes: Changes): void {
  const { base, tail } = reader;
  // Broken objects so far below what is rolled up were moved aside.
  const settled = vouched(base.through, now) - LOOK_BACK_MS;
  for (const [key, seen] of [...tail]) {
    const isOver = seen.object
      ? isCovered(reader, seen.object)
      : isHeld(seen)
        ? isKnownTo(base, key, seen.at)
        : key <= settled;
    if (!isOver) continue;
    drop(reader, key, changes);
    if (seen.object && !isKnownTo(base, key, seen.at)) remember(reader, key);
  }
}

export function drop<S>({ tail }: Reader<S>, key: Key, changes: Changes): void {
  tail.delete(key);
  changes.seen.delete(key);
  changes.dropped.add(key);
}

/** Lists all of `updates/`, however old, and reads what is unknown. */
export async function lookAtAll<S>(
  look: Looking<S>,
  reader: Reader<S>,
  changes: Changes,
): Promise<void> {
  const began = look.remote.now();
  const listed = await listUpdates(look, reader.way.info.epoch, undefined);
  await takeListing(look, reader, { listed, began }, changes);
  dropCovered(reader, look.remote.now(), changes);
}

/** Looks for update objects that no listing has shown and that must be there, by their keys. */
export async function lookFor<S>(
  look: Looking<S>,
  reader: Reader<S>,
  keys: readonly Key[],
  changes: Changes,
): Promise<void> {
  const { space, epoch } = reader.way.info;
  const unknown = keys.filter((key) => !reader.tail.has(key));
  const stored = await Promise.all(
    unknown.map((key) => look.remote.get(updatePath(space, epoch, key), look.signal)),
  );
  for (const [n, key] of unknown.entries()) {
    const got = stored[n];
    if (got)
      take(
        reader,
        await readSeen(
          reader.way,
          { key, at: got.lastModified, tag: got.tag },
          got.bytes,
          got.author,
        ),
        changes,
      );
  }
}
