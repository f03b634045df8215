/**
 * Flush: the queue, object by object, in order.
 *
 * @module
 */

import type { Key } from "../core/ids.ts";
import { modelVersionOf } from "../core/update.ts";
import { newerModel } from "../models/model.ts";
import { checkWritable } from "../objects/write-space.ts";
import { hintOf } from "./draft.ts";
import { authorTaken } from "./faults.ts";
import { writeHint } from "./hint.ts";
import { reload } from "./local.ts";
import type { Looking } from "./look.ts";
import type { Told } from "./pull.ts";
import type { Reader } from "./reader.ts";
import type { Replica } from "./replica.ts";
import type { Queued } from "./rows.ts";
import { type Flushing, forget, record, runOf, sealed, send } from "./send.ts";
import { publishInSequence } from "./sequence.ts";

/**
 * Publishes everything that is queued, and tells others once.
 *
 * @throws IcecoreError what stopped it; what is queued stays queued.
 */
export async function flush<S>(replica: Replica<S>, look: Looking<S>, told: Told): Promise<void> {
  // Until this flush has ended: where it is given up on the way, the next one knows.
  const wasInterrupted = replica.unsettled;
  replica.unsettled = true;
  const flushing: Flushing<S> = {
    replica,
    look,
    told,
    last: undefined,
    isCertain: !wasInterrupted,
  };
  let isDone = false;
  try {
    while (await flushOne(flushing));
    isDone = true;
  } finally {
    // Once per flush, and also after one that failed half-way: others need not wait for the rest.
    if (flushing.last !== undefined) await tellOthers(flushing, flushing.last);
    replica.unsettled = !isDone || (wasInterrupted && flushing.last === undefined);
  }
}

async function tellOthers<S>(
  { replica: { reader }, look, isCertain }: Flushing<S>,
  key: Key,
): Promise<void> {
  if (!reader) return;
  const head = hintOf(reader, key);
  try {
    const tag = await writeHint(look, head, reader.headTag);
    // Unknown on purpose where it may be stored elsewhere too: the next poll finds the head changed, and looks.
    if (tag === undefined || !isCertain) return;
    [reader.headTag, reader.headKey] = [tag, Math.max(reader.headKey, head.key)];
  } catch {
    // Others notice at their next safety listing.
  }
}

/** Publishes the first queued updates as one object. Whether the queue may hold more. */
async function flushOne<S>(flushing: Flushing<S>): Promise<boolean> {
  const { replica } = flushing;
  await reload(replica);
  const run = runOf(await sealed(replica));
  const { reader, barred } = replica;
  if (run.length === 0 || !reader) return false;
  if (barred) throw authorTaken(barred);
  checkWritable(reader.way.info);
  return reader.base.order === "sequence"
    ? publishInSequence(flushing, run)
    : publishByTime(flushing, reader, run);
}

async function publishByTime<S>(
  flushing: Flushing<S>,
  reader: Reader<S>,
  run: readonly Queued[],
): Promise<boolean> {
  const published = await send(flushing, reader, run, undefined);
  if (!published) await forget(flushing.replica);
  else await record(flushing, reader, published);
  return true;
}

/**
 * Makes sure that nothing newer than this program's model is stored or queued: such a program sends nothing, and keeps what is queued.
 *
 * @throws IcecoreError `invalid` with code `newer-model`.
 */
export function checkVersion<S>({ view, queue }: Replica<S>): void {
  const { version, name } = view.folded.model;
  const needed = queue.reduce(
    (most, { update }) => Math.max(most, modelVersionOf(update)),
    view.needsVersion ?? 0,
  );
  if (needed > version) throw newerModel(name, needed, version);
}
