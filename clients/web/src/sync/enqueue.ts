/**
 * Into the durable queue: the seq is allotted in the transaction that stores the update.
 *
 * @module
 */

import type { Key, UpdateId } from "../core/ids.ts";
import { sha256Hex } from "../core/sha256.ts";
import { readUpdate } from "../core/update.ts";
import { IcecoreError } from "../errors.ts";
import type { Tx } from "../store/port.ts";
import { form, type Queued, rowOf, type Writer, writerIn } from "./rows.ts";

/** As many names are remembered; the oldest are forgotten first. By number and not by time: a clock may be wrong. */
const NAMES_MAX = 10_000;

/** What a name stands for. */
export interface Named extends UpdateId {
  readonly digest: string;
  /** Its place among the names. */
  readonly number: number;
}

/** Updates that are to be queued. */
export interface Made {
  /** Their texts. */
  readonly updates: readonly string[];
  /** When, by the device's clock. */
  readonly at: number;
  /** In a sequenced space, the last place that their maker had seen. */
  readonly after: Key | undefined;
  /** The name that the caller gave, for one update. */
  readonly name: string | undefined;
}

/** The writer, or a fault of this library. */
export async function mustWrite(tx: Tx): Promise<Writer> {
  const writer = await writerIn(tx);
  if (writer) return writer;
  throw new IcecoreError("unavailable", "evicted", "the local copy is gone", {
    hint: "the browser or a person deleted it; what was not sent before is lost",
  });
}

/** Queues updates under the next seqs; under a name that is known already, none: then its id is returned. */
export async function enqueue(
  tx: Tx,
  { updates, at, after, name }: Made,
): Promise<{ rows: Queued[]; known?: UpdateId }> {
  const { author, nextSeq, ownLast } = await mustWrite(tx);
  if (name !== undefined) {
    const known = await keepName(tx, name, updates[0] ?? "", { author, seq: nextSeq });
    if (known) return { rows: [], known };
  }
  const rows = updates.map((update, n) => ({ author, seq: nextSeq + n, update, at, after, name }));
  for (const row of rows) tx.put("queue", rowOf(row), row);
  tx.put("meta", "writer", { author, nextSeq: nextSeq + rows.length, ownLast });
  return { rows };
}

/** What is asked for: the time at which a call is made is no part of it. */
function digestOf(text: string): string {
  const update = readUpdate(text);
  return sha256Hex(update ? JSON.stringify([update.kind, update.dataText, update.resolves]) : text);
}

export const nameRow = (name: string) => `once:${name}`;

const numberRow = (number: number) => `once#${number}`;

async function keepName(
  tx: Tx,
  name: string,
  text: string,
  id: UpdateId,
): Promise<UpdateId | undefined> {
  const digest = digestOf(text);
  const value = await tx.get("meta", nameRow(name));
  if (value !== undefined) {
    const known = form<Named>(value, { author: "string", digest: "string" });
    if (known.digest === digest) return { author: known.author, seq: known.seq };
    throw new IcecoreError("conflict", "name-taken", "another update was made under this name", {
      object: name,
      hint: "nothing was queued; a name stands for one update: choose another one",
    });
  }
  const number = Number((await tx.get("meta", "names")) ?? 0);
  tx.put("meta", "names", number + 1);
  tx.put("meta", nameRow(name), { ...id, digest, number });
  tx.put("meta", numberRow(number), name);
  const oldest = await tx.get("meta", numberRow(number - NAMES_MAX));
  if (typeof oldest === "string") {
    tx.delete("meta", numberRow(number - NAMES_MAX));
    const named = await tx.get("meta", nameRow(oldest));
    // A name that was free again may have been taken anew.
    if (form<Named>(named, { number: "number" }).number === number - NAMES_MAX)
      tx.delete("meta", nameRow(oldest));
  }
  return undefined;
}
