/**
 * Going on as an author whose replica is lost.
 *
 * @module
 */

import type { Author, Seq } from "../core/ids.ts";
import { draftOf, lastSeqOf } from "./draft.ts";
import { authorTaken } from "./faults.ts";
import { lookAtAll } from "./listing.ts";
import { adopt, smallIn, writeAll } from "./local.ts";
import { polledOf } from "./polled.ts";
import { nothingTold, pull } from "./pull.ts";
import { changeAuthor } from "./queue.ts";
import { lookOf, type Replica } from "./replica.ts";
import { countSave } from "./save.ts";
import { settle } from "./settle.ts";
import { sleep } from "./wait.ts";

/** After this long no write by a slot can land any more. */
const SLOT_LIFE_MS = 120_000;
/** How often it is waited for writes of the lost replica that were still under way. */
const WAITS_MAX = 3;

/** As {@link Session.resumeAuthor}. */
export async function resumeAuthor<S>(
  replica: Replica<S>,
  signal: AbortSignal,
): Promise<Author | undefined> {
  const { clock, remote } = replica;
  await pull(replica, lookOf(replica, signal), true, nothingTold());
  const author = replica.barred;
  if (!author || author !== remote.author) return undefined;
  // This replica has written as that author itself: what it sent may be under way.
  if (replica.writer.author === author) throw authorTaken(author);
  let last = await lastSeq(replica, author, signal);
  for (let waits = 0; waits < WAITS_MAX; waits += 1) {
    await sleep(clock, SLOT_LIFE_MS, signal);
    const seen = await lastSeq(replica, author, signal);
    if (seen === last) {
      await goOnAs(replica, author, last + 1);
      return author;
    }
    last = seen;
  }
  throw authorTaken(author);
}

/** The last seq of an author in everything that is stored. */
async function lastSeq<S>(replica: Replica<S>, author: Author, signal: AbortSignal): Promise<Seq> {
  const look = lookOf(replica, signal);
  await pull(replica, look, true, nothingTold());
  if (!replica.reader) return 0;
  const polled = polledOf(draftOf(replica.reader));
  await lookAtAll(look, polled.reader, polled);
  await settle(replica, look, polled);
  return lastSeqOf(polled.reader, author);
}

async function goOnAs<S>(replica: Replica<S>, author: Author, nextSeq: Seq): Promise<void> {
  replica.fresh = [];
  const { small, saves } = await writeAll(replica, "strict", async (tx) => {
    await changeAuthor(tx, replica.writer.author, { author, nextSeq }, new Map());
    return { saves: await countSave(tx), small: await smallIn(tx) };
  });
  replica.saves = replica.saves === saves - 1 ? saves : -1;
  replica.barred = undefined;
  adopt(replica, small);
}
