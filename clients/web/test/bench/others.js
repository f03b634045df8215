/** What the measurements of other clients run inside a page: each holds records by name, and changes one at a time. */

import Dexie from "dexie";
import PouchDB from "pouchdb-browser";
import { createMergeableStore } from "tinybase/mergeable-store";
import { createIndexedDbPersister } from "tinybase/persisters/persister-indexed-db";
import { IndexeddbPersistence } from "y-indexeddb";
import * as Y from "yjs";
import { openRaw } from "./raw.ts";
import { rowName, rows } from "./records.ts";

let isStrictNow = false;
let lastWrite = Promise.resolve();

// Some clients do not say when an update is on the disk, and most do not ask for it: this knows, and can.
const { transaction } = IDBDatabase.prototype;
IDBDatabase.prototype.transaction = function begin(tables, mode, options) {
  if (mode !== "readwrite") return transaction.call(this, tables, mode, options);
  // Also where a client names another one.
  const how = isStrictNow ? { ...options, durability: "strict" } : options;
  const begun = transaction.call(this, tables, mode, how);
  lastWrite = new Promise((resolve, reject) => {
    begun.addEventListener("complete", () => resolve());
    begun.addEventListener("abort", () => reject(begun.error));
  });
  return begun;
};

/** Each opens its store and reads all records; `change` resolves when the client, and then the disk, is done. */
const clients = {
  async "IndexedDB alone"() {
    const raw = await openRaw("raw");
    const all = new Map((await raw.all()).map((one) => [one.name, one]));
    return {
      count: all.size,
      fill: (list) =>
        raw.putAll(
          Object.fromEntries(Object.entries(list).map(([name, one]) => [name, { name, ...one }])),
        ),
      change: (name, changed) => raw.put(name, { ...all.get(name), ...changed }),
    };
  },
  async "Yjs + y-indexeddb"() {
    const doc = new Y.Doc();
    const list = doc.getMap("tasks");
    await new IndexeddbPersistence("yjs", doc).whenSynced;
    return {
      count: list.size,
      fill: async (all) =>
        doc.transact(() => {
          for (const [name, one] of Object.entries(all)) list.set(name, one);
        }),
      change: async (name, changed) => list.set(name, { ...list.get(name), ...changed }),
    };
  },
  async "TinyBase (mergeable)"() {
    const store = createMergeableStore();
    const persister = createIndexedDbPersister(store, "tinybase");
    await persister.load();
    return {
      count: store.getRowCount("tasks"),
      fill: (all) => {
        store.setTable("tasks", all);
        return persister.save();
      },
      change: (name, changed) => {
        store.setPartialRow("tasks", name, changed);
        return persister.save();
      },
    };
  },
  async Dexie() {
    const db = new Dexie("dexie");
    db.version(1).stores({ tasks: "name" });
    const all = await db.tasks.toArray();
    return {
      count: all.length,
      fill: (list) =>
        db.tasks.bulkPut(Object.entries(list).map(([name, one]) => ({ name, ...one }))),
      change: (name, changed) => db.tasks.update(name, changed),
    };
  },
  async PouchDB() {
    const db = new PouchDB("pouch");
    const { rows: found } = await db.allDocs({ include_docs: true });
    const all = new Map(found.map(({ id, doc }) => [id, doc]));
    return {
      count: all.size,
      fill: (list) =>
        db.bulkDocs(Object.entries(list).map(([name, one]) => ({ _id: name, ...one }))),
      async change(name, changed) {
        const next = { ...all.get(name), ...changed };
        const { rev } = await db.put(next);
        all.set(name, { ...next, _rev: rev });
      },
    };
  },
};

globalThis.others = {
  names: () => Object.keys(clients),
  /** Stores so many records. */
  async fill(name, count) {
    const client = await clients[name]();
    await client.fill(rows(count));
    await lastWrite;
  },
  /** From the call that opens it until all records are at hand, in milliseconds. */
  async start(name, count) {
    const began = performance.now();
    const client = await clients[name]();
    const ms = performance.now() - began;
    if (client.count !== count) throw new Error(`${name} holds ${client.count} records`);
    return ms;
  },
  /** So many changes, one by one until durable, but not longer than this; milliseconds for each. */
  async write(name, count, { mostMs, isStrict }) {
    const client = await clients[name]();
    await lastWrite;
    isStrictNow = isStrict;
    const began = performance.now();
    let made = 0;
    // What is changed into the same is no change.
    const first = Date.now();
    while (made < count && performance.now() - began < mostMs) {
      const changed = { done: made % 2 === 0, slot: first + made };
      await client.change(rowName((made * 7) % 1_000), changed);
      await lastWrite;
      made += 1;
    }
    return (performance.now() - began) / made;
  },
};
