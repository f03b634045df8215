/**
 * The local store on IndexedDB: one database per replica, one object store per table, and one for the marks of writes.
 *
 * Browsers close connections whenever they like (iOS often does before it returns from the background). A transaction that met
 * that is tried once more on a new connection. Whether it was committed before the connection was lost is told by a mark
 * that it left; only where the queue is written, for all else may happen twice.
 *
 * @module
 */

import { isIcecoreError } from "../errors.ts";
import { storageFault } from "./faults.ts";
import { freezing } from "./freeze.ts";
import { connection } from "./idb-connection.ts";
import { type IndexedDbOptions, marksOf, removeDatabase } from "./idb-open.ts";
import { answer, type Body, run } from "./idb-run.ts";
import type { Store, StoreEvents, Stores } from "./port.ts";

export type { IndexedDbOptions } from "./idb-open.ts";

/** Marks older than that are removed, whoever left them. */
const MARKS_KEPT_MS = 86_400_000;

/** Stores in IndexedDB: one database per name. */
export function indexedDbStores(options: IndexedDbOptions): Stores {
  return {
    isDurable: true,
    open: (name, events) => openStore(options, name, events),
    async remove(name) {
      try {
        await removeDatabase(options, name);
      } catch (error) {
        throw storageFault(error, "storage-unavailable");
      }
    },
  };
}

async function openStore(
  options: IndexedDbOptions,
  name: string,
  events: StoreEvents,
): Promise<Store> {
  const { connected, forget, close } = connection(options, name, events);
  const mark = marker(options);
  const frozen = freezing();

  async function twice<T>(body: Body<T>, begin: (db: IDBDatabase) => IDBTransaction): Promise<T> {
    for (let isAgain = false; ; isAgain = true) {
      const db = await connected();
      if (frozen.thaw) await frozen.thaw;
      try {
        return await run(options.clock, () => begin(db), body);
      } catch (error) {
        if (!isIcecoreError(error) || error.code !== "storage-closed") throw error;
        forget(db);
        if (isAgain) throw error;
      }
    }
  }

  await connected();
  return {
    read: (tables, body) => twice(body, (db) => db.transaction(tables)),
    write(tables, durability, body) {
      const isMarked = tables.includes("queue");
      return twice(isMarked ? mark(body) : body, (db) => {
        const scope = isMarked ? [...tables, marksOf(db)] : tables;
        return db.transaction(scope, "readwrite", { durability });
      });
    },
    close() {
      frozen.end();
      close();
    },
  };
}

/** Makes bodies of transactions that do their work once, though they are run again. */
function marker({ clock, chance }: IndexedDbOptions): <T>(body: Body<T>) => Body<T> {
  const now = clock.now();
  const writer = [now, chance.below(2 ** 32)];
  /** Places of marks that nobody asks for any more: it costs less to write over one than to delete it. */
  const free: number[] = [];
  let places = 0;
  let count = 0;
  return <T>(body: Body<T>): Body<T> => {
    const place = free.pop() ?? places++;
    const key = [...writer, place];
    const mark = ++count;
    let done: { readonly value: T } | undefined;
    return async (tx, raw) => {
      const marks = raw.objectStore(marksOf(raw.db));
      if (done !== undefined && (await answer(marks.get(key))) === mark) return done.value;
      const value = await body(tx, raw);
      if (mark === 1) marks.delete(IDBKeyRange.upperBound([now - MARKS_KEPT_MS]));
      marks.put(mark, key);
      raw.addEventListener("complete", () => free.push(place));
      done = { value };
      return value;
    };
  };
}
