/**
 * After a look: what came is saved, and the queue is settled with it, in one transaction.
 *
 * @module
 */

import { Covered } from "../core/covered.ts";
import type { Author, UpdateId } from "../core/ids.ts";
import { reason } from "../core/reason.ts";
import type { Tx } from "../store/port.ts";
import { newAuthor } from "./author.ts";
import { lastSeqOf } from "./draft.ts";
import { mustWrite } from "./enqueue.ts";
import { adopt, reload, smallIn, writeAll } from "./local.ts";
import type { Looking } from "./look.ts";
import { forgetOwn, markCovered, missingOwn, noteMissing, textsOf } from "./own.ts";
import type { Polled } from "./polled.ts";
import { acknowledge, changeAuthor, requeue, setAside } from "./queue.ts";
import type { Replica } from "./replica.ts";
import { type Confirmed, confirmedOf } from "./report.ts";
import { ownIn, type Queued, queueIn, rowOf, savesIn } from "./rows.ts";
import { countSave, planSave, save } from "./save.ts";
import { again, heirOf, isUnderWay, judge, type Verdict } from "./verdict.ts";

/** What became of the queue. */
export interface Settled {
  confirmed: Confirmed[];
  requeued: number;
  restored: number | undefined;
  setAside: UpdateId[];
  newAuthor: Author | undefined;
}

/**
 * Saves what a look brought, and settles the queue with it. `undefined` where another tab saved something meanwhile: then nothing was done, and what
 * it saved has been read.
 *
 * @throws IcecoreError of the local store, and as {@link Looking.remote}.
 */
export async function settle<S>(
  replica: Replica<S>,
  look: Looking<S>,
  polled: Polled<S>,
): Promise<Settled | undefined> {
  const { store, clock, loading, remote } = replica;
  const { reader } = polled;
  const { content } = reader.way;
  const isBack = polled.isNew || polled.lost !== undefined;
  const { queue, own } = await store.read(["queue", "own"], async (tx) => ({
    queue: await queueIn(tx),
    own: isBack
      ? [...(await ownIn(tx, "c")), ...(await ownIn(tx, "o"))]
      : polled.checked
        ? await ownIn(tx, "o")
        : [],
  }));
  const missing = polled.checked || polled.isNew ? await missingOwn(look, polled, own) : [];
  const verdicts = await judge(look, reader, queue);
  const lost = polled.lost?.without(new Covered(missing));
  const texts =
    lost && replica.reader ? await textsOf(store, loading.platform, replica.reader, lost) : [];
  const requeued = await again(content, missing, clock.now());
  const isTaken =
    [...verdicts.values()].some(({ isAnothers, isUnknown }) => isAnothers || isUnknown) ||
    lastSeqOf(reader, replica.writer.author) >= replica.writer.nextSeq;
  const heirs = new Map<string, Author>();
  if (isTaken && remote.author === undefined) {
    for (const row of queue) {
      const heir = await heirOf(content, row);
      if (heir) heirs.set(rowOf(row), heir);
    }
  }
  const plan = await planSave(loading, polled);
  const work: Work<S> = {
    replica,
    polled,
    verdicts,
    heirs,
    requeued,
    fresh: newAuthor(clock.now(), replica.chance),
  };
  replica.fresh = [];
  const done = await writeAll(replica, queue.length > 0 ? "strict" : "relaxed", async (tx) => {
    if ((await savesIn(tx)) !== replica.saves) return undefined;
    for (const row of texts) tx.put("kept", `l${rowOf(row)}`, row);
    save(tx, plan, polled);
    if (polled.layers.length > 0 || isBack) await markCovered(tx, reader, isBack);
    const settled = await settleQueue(tx, work);
    if (polled.isNew) await forgetOwn(tx, clock.now());
    return { settled, saves: await countSave(tx), small: await smallIn(tx) };
  });
  if (!done) {
    await reload(replica);
    return undefined;
  }
  const { settled, saves, small } = done;
  [replica.reader, replica.known, replica.saves, replica.barred] = [
    reader,
    reader.way.info,
    saves,
    settled.barred,
  ];
  adopt(replica, small);
  return settled;
}

/** What a transaction settles the queue with. */
interface Work<S> {
  readonly replica: Replica<S>;
  readonly polled: Polled<S>;
  readonly verdicts: ReadonlyMap<string, Verdict>;
  readonly heirs: ReadonlyMap<string, Author>;
  readonly requeued: readonly Queued[];
  readonly fresh: Author;
}

async function settleQueue<S>(
  tx: Tx,
  work: Work<S>,
): Promise<Settled & { barred: Author | undefined }> {
  const { replica, polled, verdicts } = work;
  const now = replica.clock.now();
  const settled: Settled = {
    confirmed: [],
    requeued: 0,
    restored: undefined,
    setAside: [],
    newAuthor: undefined,
  };
  const requeued = new Covered();
  for (const row of work.requeued) if (await requeue(tx, row)) requeued.insert(row);
  settled.requeued = requeued.count;
  // What a new epoch lacks was on its way when that began.
  const isNoticed = polled.lost !== undefined || !(requeued.isEmpty || polled.newEpoch);
  const newly = isNoticed ? requeued.union(polled.lost ?? requeued) : undefined;
  settled.restored = await noteMissing(tx, polled.reader, newly, now);
  let isTaken = false;
  for (const row of await queueIn(tx)) {
    const verdict = verdicts.get(rowOf(row));
    if (verdict?.isThere) {
      await acknowledge(tx, [row], verdict.key, now);
      settled.confirmed.push(confirmedOf(row, verdict.key));
    } else if (verdict?.isUnknown) {
      // Sent under another id it might count twice, dropped it might be lost: a person decides.
      await setAside(tx, row, { reason: reason("unknown-content"), at: now, since: [] });
      settled.setAside.push({ author: row.author, seq: row.seq });
      isTaken = true;
    } else if (verdict?.isAnothers) isTaken = true;
  }
  const barred = await nextAuthor(tx, work, isTaken, settled);
  return { ...settled, barred };
}

/**
 * As whom to go on: as before; as another author, because somebody else writes as the present one, or access is bound to that one; or not at all
 * (returned), because access is bound to an author as whom another replica writes.
 *
 * What may have been sent under the present author keeps its id until its fate is known.
 */
async function nextAuthor<S>(
  tx: Tx,
  { replica, polled, heirs, fresh }: Work<S>,
  isTaken: boolean,
  settled: Settled,
): Promise<Author | undefined> {
  const bound = replica.remote.author;
  const writer = await mustWrite(tx);
  const { reader } = polled;
  // Does the store hold updates of this author that this replica did not write? Then its copy was copied, or put back to an older state.
  const isAnothers = isTaken || lastSeqOf(reader, writer.author) >= writer.nextSeq;
  const queue = await queueIn(tx);
  if (bound === undefined || bound === writer.author) {
    if (!isAnothers) return undefined;
    if (bound !== undefined) return bound;
    if (queue.some((row) => row.author === writer.author && isUnderWay(replica, row)))
      return undefined;
    settled.newAuthor = await changeAuthor(tx, writer.author, { author: fresh, nextSeq: 1 }, heirs);
    return undefined;
  }
  if (queue.some(({ tried }) => tried !== undefined)) return undefined;
  if (lastSeqOf(reader, bound) > 0) return bound;
  settled.newAuthor = await changeAuthor(
    tx,
    writer.author,
    { author: bound, nextSeq: 1 },
    new Map(),
  );
  return undefined;
}
