/**
 * The rows of the local store: their names and forms.
 *
 * @module
 */

import { type Author, isAuthor, isSeq, type Key, type UpdateId } from "../core/ids.ts";
import type { Reason } from "../core/reason.ts";
import { IcecoreError } from "../errors.ts";
import type { Table, Tx } from "../store/port.ts";

/** All tables: for what has to happen in one piece. */
export const ALL: readonly Table[] = ["meta", "queue", "own", "layers", "tail", "kept"];

/** Who writes here, and the counter. */
export interface Writer {
  readonly author: Author;
  readonly nextSeq: number;
  /** The last key that this author wrote. */
  readonly ownLast: Key | undefined;
}

/** An update that waits to be acknowledged. */
export interface Queued extends UpdateId {
  /** The text as its author wrote it. */
  readonly update: string;
  /** When it was made, by the device's clock. */
  readonly at: number;
  /** The text as it is sent, once it was about to be: a second attempt, by whomever, sends the very same. */
  readonly sealed?: string | undefined;
  /** In a sequenced space, the last place that its maker had seen. */
  readonly after?: Key | undefined;
  /** When a write of it was begun last, by the device's clock: it may be stored. */
  readonly tried?: number | undefined;
  /** Which session began it. */
  readonly by?: string | undefined;
  /** The name that its maker gave it. */
  readonly name?: string | undefined;
  /** The id that it had first, where it goes on under another one. */
  readonly was?: UpdateId | undefined;
}

/** An own update that is stored. */
export interface Own extends UpdateId {
  /** The key of its object; 0 where only a segment was seen to hold it. */
  readonly key: Key;
  /** Its text as it is stored. */
  readonly update: string;
  /** When it was acknowledged, by the device's clock. */
  readonly at: number;
}

/** What a person has to decide on. */
export interface KeptRow extends UpdateId {
  readonly update: string;
  /** The id that it had first, where it went on under another one. */
  readonly was?: UpdateId | undefined;
  readonly reason: Reason;
  readonly at: number;
  readonly since: readonly UpdateId[];
}

/** What the text of a row's id is: rows sort by author, then by seq. */
export function rowOf({ author, seq }: UpdateId): string {
  return `${author}:${String(seq).padStart(16, "0")}`;
}

/** The names of the rows of the texts that begin with this one. */
export function below(start: string): readonly [string, string] {
  return [start, `${start}\uffff`];
}

const foreign = () =>
  new IcecoreError(
    "invalid",
    "storage-foreign",
    "the local copy holds what this program cannot read",
    {
      hint: "update this program; nothing was changed",
    },
  );

/** Whether a value has these members, of these types. */
function has(
  value: unknown,
  members: Readonly<Record<string, string>>,
): value is Record<string, unknown> {
  if (typeof value !== "object" || value === null) return false;
  const found: Readonly<Record<string, unknown>> = value as Record<string, unknown>;
  return Object.keys(members).every((name) => typeof found[name] === members[name]);
}

/**
 * A row's value, where it has these members.
 *
 * @throws IcecoreError `invalid` with code `storage-foreign`: another version of the program wrote it.
 */
export function form<T extends object>(
  value: unknown,
  members: Readonly<Record<string, string>>,
): T {
  if (
    !has(value, members) ||
    ("author" in value && !(isAuthor(value["author"]) && isSeq(value["seq"] ?? value["nextSeq"])))
  ) {
    throw foreign();
  }
  return value as unknown as T;
}

const UPDATE = { author: "string", seq: "number", update: "string", at: "number" };

/** Who writes; `undefined` in a new store. */
export async function writerIn(tx: Tx): Promise<Writer | undefined> {
  const value = await tx.get("meta", "writer");
  return value === undefined
    ? undefined
    : form<Writer>(value, { author: "string", nextSeq: "number" });
}

/** How often what was read was saved, by whatever tab. */
export async function savesIn(tx: Tx): Promise<number> {
  const saves = await tx.get("meta", "saves");
  return typeof saves === "number" ? saves : 0;
}

/** The queue, in the order in which it is sent; from this row on. */
export async function queueIn(tx: Tx, from?: string, to?: string): Promise<Queued[]> {
  return (await tx.rows("queue", from, to)).map((row) => form<Queued>(row.value, UPDATE));
}

/** Own acknowledged updates: those that no segment was seen to hold (`o`), those that one holds (`c`). */
export async function ownIn(tx: Tx, which: "o" | "c"): Promise<Own[]> {
  const rows = await tx.rows("own", ...below(which));
  return rows.map((row) => form<Own>(row.value, { ...UPDATE, key: "number" }));
}

/** What was set aside, by number. */
export async function keptIn(tx: Tx): Promise<[number, KeptRow][]> {
  const rows = await tx.rows("kept", 0, Number.MAX_SAFE_INTEGER);
  return rows.map((row) => [
    Number(row.key),
    form<KeptRow>(row.value, { ...UPDATE, reason: "object" }),
  ]);
}

/** Updates of others that the store holds no more. */
export async function lostIn(
  tx: Tx,
): Promise<(UpdateId & { readonly key: Key; readonly update: string })[]> {
  const rows = await tx.rows("kept", ...below("l"));
  return rows.map((row) =>
    form(row.value, { author: "string", seq: "number", key: "number", update: "string" }),
  );
}
