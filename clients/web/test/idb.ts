/** IndexedDB in Node, which tests can spoil. */

import { IDBFactory } from "fake-indexeddb";
import { vi } from "vitest";
import { indexedDbStores } from "../src/store/idb.ts";
import type { Store, Tx } from "../src/store/port.ts";
import { seededChance } from "../src/testing/chance.ts";
import { manualClock } from "../src/testing/clock.ts";

export type Begin = (db: IDBDatabase, begin: () => IDBTransaction) => IDBTransaction;

/** A factory whose transactions a test can spoil. */
export function spoiled(begin: Begin, factory: IDBFactory = new IDBFactory()): IDBFactory {
  const open = factory.open.bind(factory);
  factory.open = (name, version) => {
    const request = open(name, version);
    request.addEventListener("success", () => {
      const db = request.result;
      const real = db.transaction.bind(db);
      db.transaction = (...parts) => begin(db, () => real(...parts));
    });
    return request;
  };
  return factory;
}

export function world(factory: IDBFactory | undefined = new IDBFactory(), seed = 1) {
  const clock = manualClock();
  const stores = indexedDbStores({ factory: () => factory, clock, chance: seededChance(seed) });
  const events = { superseded: vi.fn(), gone: vi.fn() };
  return { clock, stores, events, factory, open: () => stores.open("a", events) };
}

export function raw(factory: IDBFactory, version?: number): Promise<IDBDatabase> {
  return new Promise((resolve, reject) => {
    const request = factory.open("icecore:a", version);
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}

export async function append(tx: Tx): Promise<number> {
  const rows = await tx.rows("queue");
  const seq = rows.length + 1;
  tx.put("queue", seq, `update ${seq}`);
  return seq;
}

export const queued = async (store: Store): Promise<unknown[]> => {
  const rows = await store.read(["queue"], (tx) => tx.rows("queue"));
  return rows.map((row) => row.value);
};

export const failure = (name: string): DOMException =>
  new DOMException("worded by an engine", name);
