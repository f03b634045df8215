/**
 * One object of the queue: sent, and recorded.
 *
 * @module
 */

import type { Key } from "../core/ids.ts";
import { modelVersionOf } from "../core/update.ts";
import { IcecoreError, isKind } from "../errors.ts";
import { fitting, writeUpdateObject } from "../objects/own-object.ts";
import { OBJECT_UPDATES_MAX, type UpdateObject } from "../objects/update-object.ts";
import { reload, writeAll } from "./local.ts";
import type { Looking } from "./look.ts";
import { type Published, publish } from "./publish.ts";
import type { Told } from "./pull.ts";
import { acknowledge, claim, keepSealed, rowsIn, storedText } from "./queue.ts";
import type { Reader } from "./reader.ts";
import type { Replica } from "./replica.ts";
import { confirmedOf } from "./report.ts";
import { type Queued, rowOf } from "./rows.ts";
import { countSave, epochIn, putSeen } from "./save.ts";
import { readSeen } from "./seen.ts";

/** A flush under way. */
export interface Flushing<S> {
  readonly replica: Replica<S>;
  readonly look: Looking<S>;
  readonly told: Told;
  /** The last key that was written. */
  last: Key | undefined;
  /** What was sent is stored just where it is known to be, and nowhere else. */
  isCertain: boolean;
}

/** The first updates of the queue that one object can carry: one author's, seq after seq. */
export function runOf(queue: readonly Queued[]): readonly Queued[] {
  const first = queue[0];
  const end = queue.findIndex(
    (row, n) => row.author !== first?.author || row.seq !== first.seq + n,
  );
  const run = queue.slice(0, Math.min(end < 0 ? queue.length : end, OBJECT_UPDATES_MAX));
  return run.length === 0 ? run : run.slice(0, fitting(run.map(storedText)));
}

/** What is queued as it is sent: in an encrypted space sealed, and kept so. At most what one object takes. */
export async function sealed<S>(replica: Replica<S>): Promise<readonly Queued[]> {
  const { queue, reader, store } = replica;
  const content = reader?.way.content;
  const first = queue.slice(0, OBJECT_UPDATES_MAX);
  if (!content?.sealed || first.every((row) => row.sealed !== undefined)) return first;
  // What stands in its way may be gone: the next sync looks at the space first.
  replica.pulled = false;
  const run = runOf(first);
  const made = await Promise.all(
    run.map(async (row) => ({
      ...row,
      sealed: row.sealed ?? (await content.seal(row, row.update, modelVersionOf(row.update))),
    })),
  );
  replica.pulled = true;
  // Two that seal one update make two texts of it: only one is ever sent.
  return store.write(["queue"], "relaxed", (tx) => keepSealed(tx, made));
}

/** Publishes an object. `undefined` where the queue is another one meanwhile. */
export async function send<S>(
  { replica, look }: Flushing<S>,
  { base }: Reader<S>,
  run: readonly Queued[],
  place: Key | undefined,
): Promise<Published | undefined> {
  const { store, clock, chance, remote, keys, id } = replica;
  try {
    return await publish({
      remote,
      clock,
      chance,
      keys,
      epoch: base.epoch,
      object: objectOf(run),
      place,
      claim: () => store.write(["queue"], "strict", (tx) => claim(tx, run, id, clock.now())),
      signal: look.signal,
    });
  } catch (error) {
    // Somebody else writes as this author, or has begun another epoch: the next sync looks first.
    if (isKind(error, "conflict", "not_found")) replica.pulled = false;
    throw error;
  }
}

function objectOf(run: readonly Queued[]): UpdateObject {
  const first = run[0];
  if (!first) throw new IcecoreError("internal", "bug", "an object of no updates");
  return { author: first.author, seq: first.seq, updates: run.map(storedText) };
}

/** The queue is not what this session took it for: all of it is read again. */
export async function forget<S>(replica: Replica<S>): Promise<void> {
  replica.queue = [];
  replica.saves = -1;
  await reload(replica);
}

/** Moves what is stored from the queue to the own updates and into the tail, in one transaction. */
export async function record<S>(
  flushing: Flushing<S>,
  reader: Reader<S>,
  { key, object, tag, certain }: Published,
): Promise<void> {
  const { replica, told } = flushing;
  const { clock, remote } = replica;
  const about = { key, at: remote.now(), tag };
  const seen = await readSeen(reader.way, about, writeUpdateObject(object));
  const done = await writeAll(replica, "relaxed", async (tx) => {
    // Where another tab has entered another epoch, it is sent again there, under the id that it has.
    if ((await epochIn(tx)) !== reader.base.epoch) return undefined;
    const moved = await rowsIn(tx, object);
    await acknowledge(tx, moved, key, clock.now());
    putSeen(tx, seen);
    return { moved, saves: await countSave(tx) };
  });
  if (!done) {
    await forget(replica);
    return;
  }
  for (const row of done.moved) told.confirmed.push(confirmedOf(row, key));
  [flushing.last, flushing.isCertain] = [key, flushing.isCertain && certain];
  reader.tail.set(key, seen);
  const names = new Set(done.moved.map(rowOf));
  replica.queue = replica.queue.filter((row) => !names.has(rowOf(row)));
  // Where another tab has saved something meanwhile, it is read before anything else is sent.
  replica.saves = replica.saves === done.saves - 1 ? done.saves : -1;
}
