/**
 * What a session holds in memory of its replica.
 *
 * @module
 */

import type { Author } from "../core/ids.ts";
import { reachedBy } from "../objects/chain-use.ts";
import { KeyClock } from "../plan/key.ts";
import type { Chance, Clock } from "../ports.ts";
import type { Durability, Store, Tx } from "../store/port.ts";
import type { Remote } from "../wire/remote.ts";
import { newAuthor } from "./author.ts";
import { largestKey } from "./draft.ts";
import { mustWrite } from "./enqueue.ts";
import type { Looking } from "./look.ts";
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
import { wayOf } from "./way.ts";

/** A replica as one session knows it. */
export interface Replica<S> {
  readonly store: Store;
  readonly remote: Remote;
  readonly clock: Clock;
  readonly chance: Chance;
  readonly loading: Loading<S>;
  /** Tells this session from the others of the replica. */
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
  keys: KeyClock;
  /** The state. */
  readonly view: View<S>;
  /** This session has looked at everything. */
  pulled: boolean;
  /** The author that access is bound to, where another replica writes as it: nothing can be sent. */
  barred: Author | undefined;
  /** A flush of this session was given up or failed: what it sent may be stored. */
  unsettled: boolean;
}

/** What a look is taken with. */
export function lookOf<S>({ remote, clock, loading }: Replica<S>, signal: AbortSignal): Looking<S> {
  const { platform, pause, guide } = loading;
  return {
    remote,
    clock,
    platform,
    pause,
    signal,
    wayOf: (info) => wayOf(guide, info),
    answer: undefined,
  };
}

/** All that a session holds but what was read of the space. */
export interface Small {
  readonly writer: Writer;
  readonly queue: Queued[];
  readonly kept: Replica<unknown>["kept"];
  readonly lost: Replica<unknown>["lost"];
  readonly restored: Replica<unknown>["restored"];
  readonly syncedAt: number | undefined;
}

/** All but what was read of the space. */
export async function smallIn(tx: Tx): Promise<Small> {
  const writer = await mustWrite(tx);
  const restored = await tx.get("meta", "restored");
  const syncedAt = await tx.get("meta", "syncedAt");
  return {
    writer,
    queue: await queueIn(tx),
    kept: await keptIn(tx),
    lost: await lostIn(tx),
    restored:
      restored === undefined
        ? undefined
        : form<NonNullable<Small["restored"]>>(restored, { at: "number", missing: "string" }),
    syncedAt: typeof syncedAt === "number" ? syncedAt : undefined,
  };
}

/** Opens what is saved, and makes a writer where there is none. */
export async function openReplica<S>(
  parts: Pick<Replica<S>, "store" | "remote" | "clock" | "chance" | "loading">,
): Promise<Replica<S>> {
  const { store, clock, chance } = parts;
  const author = newAuthor(clock.now(), chance);
  if (!(await store.read(["meta"], writerIn))) {
    await store.write(["meta"], "strict", async (tx) => {
      if (!(await writerIn(tx)))
        tx.put("meta", "writer", { author, nextSeq: 1, ownLast: undefined });
    });
  }
  const replica: Replica<S> = {
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
    keys: new KeyClock(),
    view: viewOf(parts.loading.guide.model(undefined)),
    pulled: false,
    barred: undefined,
    unsettled: false,
  };
  await reload(replica);
  return replica;
}

/**
 * Reads what other tabs have stored since. Whether anything but the end of the queue changed.
 *
 * @throws IcecoreError `unavailable` with code `evicted`: the browser or a person deleted it.
 */
export async function reload<S>(replica: Replica<S>): Promise<boolean> {
  const { readTo } = replica;
  replica.fresh = [];
  const found = await replica.store.read(ALL, async (tx) => {
    const saves = await savesIn(tx);
    const writer = await mustWrite(tx);
    if (saves === replica.saves && writer.author === replica.writer.author) {
      return { writer, queue: await queueIn(tx, readTo) };
    }
    return { small: await smallIn(tx), saved: await savedIn(tx, replica.reader) };
  });
  if (found.queue) {
    replica.writer = found.writer;
    // What other tabs have queued since comes after what was read, and may come before what this one has queued.
    replica.queue = [...replica.queue.filter((row) => rowOf(row) < readTo), ...found.queue];
    noteRead(replica);
    for (const row of replica.fresh) addQueued(replica, row);
    return false;
  }
  replica.saves = found.saved.saves;
  replica.reader = await readerOf(replica, found.saved);
  replica.known = infoOf(found.saved) ?? replica.known;
  adopt(replica, found.small);
  return true;
}

function noteRead<S>(replica: Replica<S>): void {
  const last = replica.queue.at(-1);
  replica.readTo = last ? rowOf(last) : "";
}

/**
 * Reads what other tabs have queued since, at any time, also while this one syncs. `false` where they have done more than that: then {@link reload}
 * has to read it.
 */
export async function peek<S>(replica: Replica<S>): Promise<boolean> {
  const { saves, readTo } = replica;
  const rows = await replica.store.read(["meta", "queue"], async (tx) =>
    (await savesIn(tx)) === saves ? queueIn(tx, readTo) : undefined,
  );
  if (!rows || replica.saves !== saves) return false;
  for (const row of rows) addQueued(replica, row);
  return true;
}

/** Takes over what was read in one transaction. */
export function adopt<S>(replica: Replica<S>, small: Small): void {
  Object.assign(replica, small);
  noteRead(replica);
  for (const row of replica.fresh) addQueued(replica, row);
  const { reader, keys, remote } = replica;
  keys.forAuthor(small.writer.ownLast);
  if (!reader) return;
  // The next own key is above those that others used.
  keys.saw(largestKey(reader, remote.now()), remote.now());
  if (reader.base.order === "timestamp") {
    keys.reached(reachedBy(reader.base));
    keys.remember(reader.base.epoch, reader.base.generation, reader.base.recent);
  }
}

async function readerOf<S>(
  { store, loading, reader }: Replica<S>,
  saved: SavedRows,
): Promise<Reader<S> | undefined> {
  const found = await restore(loading, saved, reader);
  if (found || !reader) return found;
  const all = await store.read(ALL, (tx) => savedIn(tx, undefined));
  return restore(loading, all, undefined);
}

/** Takes a row of the queue into its place, unless it is there. */
export function addQueued<S>(replica: Replica<S>, row: Queued): void {
  const at = replica.queue.findLastIndex((other) => rowOf(other) <= rowOf(row));
  const before = replica.queue[at];
  if (!before || rowOf(before) !== rowOf(row)) replica.queue.splice(at + 1, 0, row);
}

/** A transaction that writes over all tables. */
export function writeAll<S, T>(
  { store }: Replica<S>,
  durability: Durability,
  body: (tx: Tx) => Promise<T>,
): Promise<T> {
  return store.write(ALL, durability, body);
}
