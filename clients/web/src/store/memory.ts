/**
 * The local store in memory: for tests, and where a browser offers no other. It keeps the rules of IndexedDB: rows are copies,
 * transactions run one after the other, and one in which something foreign is awaited ends.
 *
 * @module
 */

import { fault, storageFault } from "./faults.ts";
import type { Row, RowKey, Store, StoreEvents, Stores, Table, Tx } from "./port.ts";

type Rows = Map<RowKey, unknown>;

interface Database {
  readonly tables: Map<Table, Rows>;
  /** Ends with the transaction that was begun last. */
  last: Promise<unknown>;
  readonly onRemoved: Set<() => void>;
}

/** A body that has not asked for anything after so many turns of the microtask queue waits for something foreign. */
const PATIENCE = 1_000;

/** Stores that end with the page. Two that open the same name see the same rows, as two tabs would. */
export function memoryStores(): Stores {
  const databases = new Map<string, Database>();
  return {
    isDurable: false,
    open(name, events) {
      const found = databases.get(name);
      const database = found ?? {
        tables: new Map(),
        last: Promise.resolve(),
        onRemoved: new Set(),
      };
      databases.set(name, database);
      return Promise.resolve(openStore(database, events));
    },
    async remove(name) {
      const database = databases.get(name);
      databases.delete(name);
      for (const removed of database?.onRemoved ?? []) removed();
      await database?.last;
    },
  };
}

function openStore(database: Database, events: StoreEvents): Store {
  let end: "evicted" | "storage-closed" | undefined;
  const removed = (): void => {
    end = "evicted";
    events.gone();
  };
  database.onRemoved.add(removed);

  function begin<T>(scope: Scope, body: (tx: Tx) => Promise<T>): Promise<T> {
    if (end !== undefined) return Promise.reject(fault(end));
    const running = database.last.then(() => run(database.tables, scope, body));
    database.last = running.catch(() => undefined);
    return running;
  }

  return {
    read: (tables, body) => begin({ tables, isWrite: false }, body),
    write: (tables, _durability, body) => begin({ tables, isWrite: true }, body),
    close() {
      end ??= "storage-closed";
      database.onRemoved.delete(removed);
    },
  };
}

interface Scope {
  readonly tables: readonly Table[];
  readonly isWrite: boolean;
}

interface Transaction {
  readonly tx: Tx;
  /** Rejects when the body waits for something foreign. */
  readonly ended: Promise<never>;
  /** No request is taken any more. */
  stop(): void;
  /** Takes back what was changed. */
  undo(): void;
}

async function run<T>(
  tables: Map<Table, Rows>,
  scope: Scope,
  body: (tx: Tx) => Promise<T>,
): Promise<T> {
  const { tx, ended, stop, undo } = transaction(tables, scope);
  try {
    return await Promise.race([body(tx), ended]);
  } catch (error) {
    undo();
    const isOwn = !(error instanceof DOMException) || error.name === "AbortError";
    throw isOwn ? error : storageFault(error);
  } finally {
    stop();
  }
}

function transaction(tables: Map<Table, Rows>, scope: Scope): Transaction {
  const undos: (() => void)[] = [];
  const watch = watched();

  function rowsOf(table: Table): Rows {
    watch.asked();
    if (!scope.tables.includes(table)) throw new DOMException(table, "NotFoundError");
    const rows = tables.get(table) ?? new Map();
    tables.set(table, rows);
    return rows;
  }

  function change(table: Table, by: (rows: Rows) => void, keys?: readonly RowKey[]): void {
    const rows = rowsOf(table);
    if (!scope.isWrite) throw new DOMException(table, "ReadOnlyError");
    const before = (keys ?? [...rows.keys()]).map((key) => ({ key, value: rows.get(key) }));
    by(rows);
    undos.push(() => {
      for (const { key, value } of before) {
        if (value === undefined) rows.delete(key);
        else rows.set(key, value);
      }
    });
  }

  return {
    ...watch,
    undo: () => {
      for (const undo of undos.reverse()) undo();
    },
    tx: {
      get: async (table, key) => copied(rowsOf(table).get(key)),
      rows: async (table, from, to) => between(rowsOf(table), from, to),
      put(table, key, value) {
        const copy = copied(value);
        change(table, (rows) => rows.set(key, copy), [key]);
      },
      delete: (table, key) => change(table, (rows) => rows.delete(key), [key]),
      clear: (table) => change(table, (rows) => rows.clear()),
    },
  };
}

/** Ends when nothing was asked for a while, though time does not count: only what the body itself keeps running. */
function watched(): Pick<Transaction, "ended" | "stop"> & { asked(): void } {
  let isOver = false;
  let turns = 0;
  const ended = new Promise<never>((_, reject) => {
    const turn = (): void => {
      turns += 1;
      if (isOver) return;
      if (turns < PATIENCE) queueMicrotask(turn);
      else {
        isOver = true;
        reject(fault("storage-misused"));
      }
    };
    turn();
  });
  return {
    ended,
    asked() {
      if (isOver) throw fault("storage-misused");
      turns = 0;
    },
    stop() {
      isOver = true;
    },
  };
}

function between(rows: Rows, from: RowKey | undefined, to: RowKey | undefined): Row[] {
  const found: Row[] = [];
  for (const [key, value] of rows) {
    const isIn =
      (from === undefined || compareKeys(key, from) >= 0) &&
      (to === undefined || compareKeys(key, to) <= 0);
    if (isIn) found.push({ key, value: copied(value) });
  }
  return found.sort((a, b) => compareKeys(a.key, b.key));
}

function copied(value: unknown): unknown {
  return typeof value === "string" ? value : structuredClone(value);
}

function compareKeys(a: RowKey, b: RowKey): number {
  if (typeof a !== typeof b) return typeof a === "number" ? -1 : 1;
  if (a === b) return 0;
  return a < b ? -1 : 1;
}
