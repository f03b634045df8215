/**
 * The durable queue: what was made on this device and is not acknowledged yet. Each function is a part of one transaction.
 *
 * @module
 */

import type { Author, Key, UpdateId } from "../core/ids.ts";
import type { Reason } from "../core/reason.ts";
import type { UpdateObject } from "../objects/update-object.ts";
import type { Tx } from "../store/port.ts";
import { laterThan, millisOf } from "./author.ts";
import { mustWrite, type Named, nameRow } from "./enqueue.ts";
import { form, keptIn, type Queued, queueIn, rowOf } from "./rows.ts";

/** What the store gets of an update. */
export const storedText = ({ sealed, update }: Queued): string => sealed ?? update;

/** The rows of the queue from one update on, as many as there are of these. */
async function rowsLike(tx: Tx, like: readonly Queued[]): Promise<Queued[]> {
  const [first, last] = [like[0], like[like.length - 1]];
  return first && last ? queueIn(tx, rowOf(first), rowOf(last)) : [];
}

/**
 * Marks updates as sent by this session, durably before they are. `false` where some are not in the queue any more as they were: another tab
 * was faster, or they go on under another id. Without this mark, a replica would take its own update for another writer's.
 */
export async function claim(
  tx: Tx,
  run: readonly Queued[],
  by: string,
  now: number,
): Promise<boolean> {
  const rows = await rowsLike(tx, run);
  const same =
    rows.length === run.length &&
    rows.every((row, n) => storedText(row) === storedText(run[n] ?? row));
  if (same) for (const row of rows) tx.put("queue", rowOf(row), { ...row, tried: now, by });
  return same;
}

/** Keeps how updates are sent, unless another tab did already; returns them as they are sent. */
export async function keepSealed(tx: Tx, sealed: readonly Queued[]): Promise<Queued[]> {
  const texts = new Map(sealed.map((row) => [rowOf(row), row.sealed]));
  const rows = await rowsLike(tx, sealed);
  return rows.map((row) => {
    if (row.sealed !== undefined) return row;
    const kept = { ...row, sealed: texts.get(rowOf(row)) };
    tx.put("queue", rowOf(row), kept);
    return kept;
  });
}

/** The rows of the queue that are stored in an object; those that another tab moved already, or that go on under another id, are not among them. */
export async function rowsIn(tx: Tx, { author, seq, updates }: UpdateObject): Promise<Queued[]> {
  const last = seq + updates.length - 1;
  const rows = await queueIn(tx, rowOf({ author, seq }), rowOf({ author, seq: last }));
  return rows.filter((row) => storedText(row) === updates[row.seq - seq]);
}

/** Moves rows that are stored under a key from the queue to the own updates. */
export async function acknowledge(
  tx: Tx,
  moved: readonly Queued[],
  key: Key,
  now: number,
): Promise<void> {
  for (const row of moved) {
    const { author, seq } = row;
    tx.delete("queue", rowOf(row));
    tx.put("own", `o${rowOf(row)}`, { author, seq, key, update: storedText(row), at: now });
  }
  if (moved.length > 0 && key > 0) {
    const writer = await mustWrite(tx);
    if (moved.some(({ author }) => author === writer.author))
      tx.put("meta", "writer", { ...writer, ownLast: key });
  }
}

/** Queues an own update again under its id; `false` where it is queued already. */
export async function requeue(tx: Tx, row: Queued): Promise<boolean> {
  if ((await tx.get("queue", rowOf(row))) !== undefined) return false;
  tx.put("queue", rowOf(row), row);
  return true;
}

/** Whether an update was acknowledged before it was queued again. */
export async function isOwn(tx: Tx, id: UpdateId): Promise<boolean> {
  return (
    (await tx.get("own", `o${rowOf(id)}`)) !== undefined ||
    (await tx.get("own", `c${rowOf(id)}`)) !== undefined
  );
}

/** Gives a row of the queue another id. */
async function rename(tx: Tx, row: Queued, id: UpdateId, tried: number | undefined): Promise<void> {
  tx.delete("queue", rowOf(row));
  const was = row.was ?? { author: row.author, seq: row.seq };
  tx.put("queue", rowOf(id), { ...row, ...id, was, tried, by: undefined, sealed: undefined });
  if (row.name !== undefined) {
    const named = await tx.get("meta", nameRow(row.name));
    if (named !== undefined)
      tx.put("meta", nameRow(row.name), { ...form<Named>(named, { digest: "string" }), ...id });
  }
}

/**
 * Gives what waits under an author new ids: somebody else writes as that one. Each goes on as the only update of its heir, or, where it has none,
 * of the new author from `nextSeq` on. Returns the new author, which comes after the heirs.
 */
export async function changeAuthor(
  tx: Tx,
  old: Author,
  next: { readonly author: Author; readonly nextSeq: number },
  heirs: ReadonlyMap<string, Author>,
): Promise<Author> {
  const waiting = (await queueIn(tx)).filter((row) => row.author === old);
  const last = Math.max(...waiting.map((row) => millisOf(heirs.get(rowOf(row)) ?? row.author)), 0);
  const author =
    heirs.size > 0 && last >= millisOf(next.author) ? laterThan(next.author, last) : next.author;
  let seq = next.nextSeq;
  for (const row of waiting) {
    const heir = heirs.get(rowOf(row));
    // Another copy may have sent it under the heir's id.
    await rename(tx, row, heir ? { author: heir, seq: 1 } : { author, seq: seq++ }, heir && 0);
  }
  tx.put("meta", "writer", { author, nextSeq: seq, ownLast: undefined });
  return author;
}

/** Takes an update out of the queue, and keeps it for a person. Returns its number there. */
export async function setAside(
  tx: Tx,
  row: Queued,
  why: { readonly reason: Reason; readonly at: number; readonly since: readonly UpdateId[] },
): Promise<number> {
  const { author, seq, update, was } = row;
  const number = ((await keptIn(tx)).at(-1)?.[0] ?? 0) + 1;
  tx.put("kept", number, { author, seq, update, was, ...why });
  tx.delete("queue", rowOf(row));
  // It was never sent: its name is free again.
  if (row.name !== undefined) tx.delete("meta", nameRow(row.name));
  return number;
}

/** Closes the gap that an update left which was set aside before it was sent: the later ones of its author move up. */
export async function closeUp(tx: Tx, { author, seq }: UpdateId): Promise<void> {
  const later = await queueIn(
    tx,
    rowOf({ author, seq: seq + 1 }),
    rowOf({ author, seq: Number.MAX_SAFE_INTEGER }),
  );
  // From the lowest: two rows must never share a seq on the way.
  for (const row of later) await rename(tx, row, { author, seq: row.seq - 1 }, undefined);
  const writer = await mustWrite(tx);
  if (writer.author === author)
    tx.put("meta", "writer", { ...writer, nextSeq: writer.nextSeq - 1 });
}
