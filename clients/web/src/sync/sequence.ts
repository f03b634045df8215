/**
 * Writing to a sequenced space: each update is checked against the state that it will meet.
 *
 * @module
 */

import { KEY_MAX, type Key } from "../core/ids.ts";
import { type Reason, reason } from "../core/reason.ts";
import { IcecoreError, isKind } from "../errors.ts";
import { locked } from "./closed.ts";
import { isValidInSequence } from "./poll.ts";
import type { Published } from "./publish.ts";
import { pull } from "./pull.ts";
import { isOwn } from "./queue.ts";
import { isHeld, type Reader, sequenceEnd } from "./reader.ts";
import { refuse } from "./refusal.ts";
import type { Replica } from "./replica.ts";
import { type Queued, rowOf } from "./rows.ts";
import { type Flushing, forget, record, runOf, sealed, send } from "./send.ts";

/** How often a sequenced update is checked again and sent under the next place before this reports a conflict. */
const SEQUENCE_TRIES_MAX = 100;

/** Publishes updates under the place after the last, as far as the state allows them. When another writer was first, they are checked again. */
export async function publishInSequence<S>(
  flushing: Flushing<S>,
  first: readonly Queued[],
): Promise<boolean> {
  const { replica, look, told } = flushing;
  let isFresh = false;
  for (let tries = 0; tries < SEQUENCE_TRIES_MAX; tries += 1) {
    const run = runOf(await sealed(replica));
    const { reader } = replica;
    const [next] = run;
    // A pull found it stored, or gave it another id.
    if (!reader || !next || !first[0] || rowOf(next) !== rowOf(first[0])) return true;
    const place = sequenceEnd(reader) + 1;
    checkPlace(reader, place);
    const { allowed, why } = await allowedOf(replica, reader, run);
    if (allowed > 0) {
      const stored = await sendAt(flushing, reader, run.slice(0, allowed), place);
      if (stored) return true;
    } else if (isFresh) {
      await refuse(replica, look, told, { row: next, reason: why });
    }
    // What others have written may allow it, or came first.
    await pull(replica, look, true, told);
    isFresh = true;
  }
  throw new IcecoreError(
    "conflict",
    "outrun",
    "other writers were faster a hundred times in a row",
    {
      object: replica.remote.space,
      hint: "sync again when fewer write at once; the update stays queued",
    },
  );
}

/** Publishes under one place. `false` where another writer was faster, or the write is void. */
async function sendAt<S>(
  flushing: Flushing<S>,
  reader: Reader<S>,
  run: readonly Queued[],
  place: Key,
): Promise<boolean> {
  let published: Published | undefined;
  try {
    published = await send(flushing, reader, run, place);
  } catch (error) {
    if (isKind(error, "conflict")) return false;
    throw error;
  }
  const [first] = run;
  if (!published || !first) await forget(flushing.replica);
  // After pruning, a place at or below `through` may look free: such a write is void.
  else if (await isValidInSequence(flushing.look, reader, place, first))
    await record(flushing, reader, published);
  else return false;
  return true;
}

/** What a newer program wrote has this place, and what it did to the state is not known here. */
function checkPlace<S>({ tail }: Reader<S>, place: Key): void {
  const seen = tail.get(place);
  if (!seen || !isHeld(seen)) return;
  throw new IcecoreError(
    "invalid",
    seen.fault ?? "newer-format",
    "a newer program wrote before this update",
    {
      hint: "update this program; what is queued is sent then",
    },
  );
}

/** How many of these updates the state allows, one after the other, until the first that it does not; and why not. */
async function allowedOf<S>(
  replica: Replica<S>,
  reader: Reader<S>,
  run: readonly Queued[],
): Promise<{ allowed: number; why: Reason }> {
  // Sealed or not: without the state nobody knows whether it allows them.
  if (reader.way.content.blind) throw locked(reader.base.space);
  const folded = replica.view.afterTail(reader).fork();
  folded.ensureConsistent();
  for (const [n, row] of run.entries()) {
    const outcome = folded.fold({ ...row, key: KEY_MAX });
    // What was acknowledged in an earlier epoch has its place in the history, whatever became of the state.
    if (outcome !== true && !(await replica.store.read(["own"], (tx) => isOwn(tx, row)))) {
      return { allowed: n, why: outcome || reason("inconsistent") };
    }
  }
  return { allowed: run.length, why: reason("none") };
}
