/**
 * The copy of a space on this device, as one session holds it in memory. No network is needed for any of this.
 *
 * @module
 */

import type { Author } from "../core/ids.ts";
import { asError } from "../errors.ts";
import type { Chance, Clock } from "../ports.ts";
import type { Durability, Store, Tx } from "../store/port.ts";
import { newAuthor } from "./author.ts";
import { mustWrite } from "./enqueue.ts";
import type { Reader, Way } from "./reader.ts";
import {
  ALL,
  form,
  type KeptRow,
  keptIn,
  lostIn,
  type Queued,
  queueIn,
  rowOf,
  savesIn,
  type Writer,
  writerIn,
} from "./rows.ts";
import { infoOf, type Loading, restore, type SavedRows, savedIn } from "./saved.ts";
import { type View, viewOf } from "./view.ts";

/** A local copy as one session knows it. */
export interface Local<S> {
  readonly store: Store;
  readonly clock: Clock;
  readonly chance: Chance;
  readonly loading: Loading<S>;
  /** Tells this session from the others of the local. */
  readonly id: string;
  writer: Writer;
  /** The queue as it was last read, in its order. */
  queue: Queued[];
  /** How far the queue was read from the device: what this session has queued since may come after rows that it does not know. */
  readTo: string;
  /** What this session has queued since it began to read the queue last. */
  fresh: Queued[];
  /** What was read of the space; `undefined` before the first sync, and where what was saved is of no use. */
  reader: Reader<S> | undefined;
  /** The space as it was saved, whether or not that is of use. */
  known: Way<unknown>["info"] | undefined;
  /** What was saved when it was last read. */
  saves: number;
  kept: readonly [number, KeptRow][];
  lost: Awaited<ReturnType<typeof lostIn>>;
  /** What was noticed of a store that was put back to an older state. */
  restored: { readonly at: number; readonly missing: string } | undefined;
  syncedAt: number | undefined;
  /** The version of the model that the last sync found to be needed. */
  needs: number | undefined;
  /** The state. */
  readonly view: View<S>;
  /** The author that access is bound to, where another local writes as it: nothing can be sent. */
  barred: Author | undefined;
  /** Runs after all of it was read anew. */
  adopted: () => void;
}

/** All that a session holds but what was read of the space. */
export interface Small {
  readonly writer: Writer;
  readonly queue: Queued[];
  readonly kept: Local<unknown>["kept"];
  readonly lost: Local<unknown>["lost"];
  readonly restored: Local<unknown>["restored"];
  readonly syncedAt: number | undefined;
}

/** All but what was read of the space. */
export async function smallIn(tx: Tx): Promise<Small> {
  // All at once: each that waits for another takes a way to the browser's storage and back.
  const [writer, restored, syncedAt, queue, kept, lost] = await Promise.all([
    mustWrite(tx),
    tx.get("meta", "restored"),
    tx.get("meta", "syncedAt"),
    queueIn(tx),
    keptIn(tx),
    lostIn(tx),
  ]);
  return {
    writer,
    queue,
    kept,
    lost,
    restored:
      restored === undefined
        ? undefined
        : form<NonNullable<Small["restored"]>>(restored, { at: "number", missing: "string" }),
    syncedAt: typeof syncedAt === "number" ? syncedAt : undefined,
  };
}

/** Opens what is saved, and makes a writer where there is none. */
export async function openCopy<S>(
  parts: Pick<Local<S>, "store" | "clock" | "chance" | "loading">,
): Promise<Local<S>> {
  const { store, clock, chance } = parts;
  const author = newAuthor(clock.now(), chance);
  const local: Local<S> = {
    ...parts,
    id: author,
    writer: { author, nextSeq: 1, ownLast: undefined },
    queue: [],
    fresh: [],
    readTo: "",
    reader: undefined,
    known: undefined,
    saves: -1,
    kept: [],
    lost: [],
    restored: undefined,
    syncedAt: undefined,
    needs: undefined,
    view: viewOf(parts.loading.guide.model(undefined)),
    barred: undefined,
    adopted() {},
  };
  try {
    await reload(local);
  } catch (error) {
    if (asError(error).code !== "evicted") throw error;
    // Nobody writes here yet. One that is gone is told now.
    await store.write(["meta"], "strict", async (tx) => {
      if (!(await writerIn(tx)))
        tx.put("meta", "writer", { author, nextSeq: 1, ownLast: undefined });
    });
    await reload(local);
  }
  return local;
}

/**
 * Reads what other tabs have stored since. Whether anything but the end of the queue changed.
 *
 * @throws IcecoreError `unavailable` with code `evicted`: the browser or a person deleted it.
 */
export async function reload<S>(local: Local<S>): Promise<boolean> {
  const { readTo } = local;
  local.fresh = [];
  const found = await local.store.read(ALL, async (tx) => {
    // Before the first time there is nothing to compare.
    if (local.saves >= 0) {
      const [saves, writer] = await Promise.all([savesIn(tx), mustWrite(tx)]);
      if (saves === local.saves && writer.author === local.writer.author) {
        return { writer, queue: await queueIn(tx, readTo) };
      }
    }
    const [small, saved] = await Promise.all([smallIn(tx), savedIn(tx, local.reader)]);
    return { small, saved };
  });
  if (found.queue) {
    local.writer = found.writer;
    // What other tabs have queued since comes after what was read, and may come before what this one has queued.
    local.queue = [...local.queue.filter((row) => rowOf(row) < readTo), ...found.queue];
    noteRead(local);
    for (const row of local.fresh) addQueued(local, row);
    return false;
  }
  local.saves = found.saved.saves;
  local.reader = await readerOf(local, found.saved);
  local.known = infoOf(found.saved) ?? local.known;
  adopt(local, found.small);
  return true;
}

function noteRead<S>(local: Local<S>): void {
  const last = local.queue.at(-1);
  local.readTo = last ? rowOf(last) : "";
}

/**
 * Reads what other tabs have queued since, at any time, also while this one syncs. `false` where they have done more than that: then {@link reload}
 * has to read it.
 */
export async function peek<S>(local: Local<S>): Promise<boolean> {
  const { saves, readTo } = local;
  const rows = await local.store.read(["meta", "queue"], async (tx) =>
    (await savesIn(tx)) === saves ? queueIn(tx, readTo) : undefined,
  );
  if (!rows || local.saves !== saves) return false;
  for (const row of rows) addQueued(local, row);
  return true;
}

/** Takes over what was read in one transaction. */
export function adopt<S>(local: Local<S>, small: Small): void {
  Object.assign(local, small);
  noteRead(local);
  for (const row of local.fresh) addQueued(local, row);
  local.adopted();
}

async function readerOf<S>(
  { store, loading, reader }: Local<S>,
  saved: SavedRows,
): Promise<Reader<S> | undefined> {
  const found = await restore(loading, saved, reader);
  if (found || !reader) return found;
  const all = await store.read(ALL, (tx) => savedIn(tx, undefined));
  return restore(loading, all, undefined);
}

/** Takes a row of the queue into its place, unless it is there. */
export function addQueued<S>(local: Local<S>, row: Queued): void {
  const at = local.queue.findLastIndex((other) => rowOf(other) <= rowOf(row));
  const before = local.queue[at];
  if (!before || rowOf(before) !== rowOf(row)) local.queue.splice(at + 1, 0, row);
}

/** A transaction that writes over all tables. */
export function writeAll<S, T>(
  { store }: Local<S>,
  durability: Durability,
  body: (tx: Tx) => Promise<T>,
): Promise<T> {
  return store.write(ALL, durability, body);
}
