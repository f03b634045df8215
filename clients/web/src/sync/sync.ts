/**
 * A sync: pull what others wrote, flush what is queued.
 *
 * @module
 */

import { asError } from "../errors.ts";
import { checkVersion, flush } from "./flush.ts";
import { reload, writeAll } from "./local.ts";
import { nothingTold, pull, type Told } from "./pull.ts";
import { lookOf, type Replica } from "./replica.ts";
import type { Synced } from "./report.ts";
import { writeDueSnapshot } from "./snapshot.ts";

/** That a sync was complete is kept so often. */
const NOTED_EVERY_MS = 60_000;

/** Reads what others wrote, then sends what is queued. Never rejects. */
export async function sync<S>(
  replica: Replica<S>,
  signal: AbortSignal,
  everything: boolean,
): Promise<Synced> {
  const told = nothingTold();
  try {
    await trySync(replica, signal, everything, told);
    await noteSynced(replica);
    replica.needs = undefined;
  } catch (thrown) {
    const error = asError(thrown);
    told.error = error;
    const { needed } = error.params;
    if (error.code === "newer-model" && typeof needed === "number") replica.needs = needed;
  }
  return told;
}

async function trySync<S>(
  replica: Replica<S>,
  signal: AbortSignal,
  everything: boolean,
  told: Told,
): Promise<void> {
  const look = lookOf(replica, signal);
  if (await reload(replica)) [told.changed, told.reread] = [true, true];
  await pull(replica, look, everything || !replica.pulled, told);
  // A replica whose storage was lost finds its author's updates in the store: it asks for another author before its first write.
  if (replica.barred && replica.queue.length > 0 && (await replica.remote.newAuthor(signal))) {
    await pull(replica, look, true, told);
  }
  if (replica.reader) replica.view.afterTail(replica.reader);
  checkVersion(replica);
  await flush(replica, look, told);
  if (replica.reader) await writeDueSnapshot(look, replica.reader);
}

async function noteSynced<S>(replica: Replica<S>): Promise<void> {
  const now = replica.clock.now();
  const since = now - (replica.syncedAt ?? 0);
  if (since >= 0 && since < NOTED_EVERY_MS) return;
  replica.syncedAt = now;
  await writeAll(replica, "relaxed", async (tx) => tx.put("meta", "syncedAt", now));
}
