/**
 * Opening and removing databases, without waiting for ever.
 *
 * @module
 */

import type { Chance, Clock } from "../ports.ts";
import { fault, type StorageCode } from "./faults.ts";
import type { Table } from "./port.ts";

/** What the store needs of its surroundings. */
export interface IndexedDbOptions {
  /** Asked at each opening, so that importing touches nothing. May throw, as the property itself does in some sandboxed frames. */
  readonly factory: () => IDBFactory | undefined;
  /** For the bounds on waiting. */
  readonly clock: Clock;
  /** For names of databases and of connections. */
  readonly chance: Chance;
}

/** Which object stores there are. What is in their rows has versions of its own; this number changes only with the tables. */
const VERSION = 1;
const TABLES: readonly Table[] = ["meta", "queue", "own", "layers", "tail", "kept"];
const MARKS = "marks";
/** Opening waits so long for other tabs to let go. */
const OPEN_MS = 10_000;

/** The name of the object store that keeps the marks of writes. Random, so that a database made anew is told from the one before. */
export function marksOf(db: IDBDatabase): string {
  return [...db.objectStoreNames].find((name) => name.startsWith(MARKS)) ?? "";
}

/**
 * Opens a database. With `isAgain` it must be there: where it is not, none is made.
 *
 * @throws IcecoreError with code `evicted`, `storage-blocked`, `storage-unavailable` or `storage-damaged`, or what the browser throws.
 */
export async function connect(
  options: IndexedDbOptions,
  name: string,
  isAgain: boolean,
): Promise<IDBDatabase> {
  let isMissing = false;
  const request = factoryOf(options).open(databaseName(name), VERSION);
  request.onupgradeneeded = (event) => {
    isMissing = isAgain && event.oldVersion === 0;
    // Takes the new database back, so that whoever opens it first finds that there was none.
    if (isMissing) request.transaction?.abort();
    else makeTables(request.result, options.chance);
  };
  try {
    const db = await settled(request, options.clock, (late) => late.close());
    if (TABLES.every((table) => db.objectStoreNames.contains(table)) && marksOf(db)) return db;
    db.close();
  } catch (error) {
    throw isMissing ? fault("evicted") : error;
  }
  throw fault("storage-damaged");
}

/** Removes a database. Those who have it open are told; where they do not let go, it rejects with `storage-blocked`. */
export async function removeDatabase(options: IndexedDbOptions, name: string): Promise<void> {
  const request = factoryOf(options).deleteDatabase(databaseName(name));
  await settled(request, options.clock, () => undefined);
}

function databaseName(name: string): string {
  return `icecore:${name}`;
}

function factoryOf(options: IndexedDbOptions): IDBFactory {
  const factory = options.factory();
  if (factory === undefined) throw fault("storage-unavailable");
  return factory;
}

function makeTables(db: IDBDatabase, chance: Chance): void {
  for (const table of TABLES) {
    if (!db.objectStoreNames.contains(table)) db.createObjectStore(table);
  }
  if (!marksOf(db)) db.createObjectStore(MARKS + chance.below(2 ** 32));
}

function settled<T>(
  request: IDBRequest<T> & Pick<IDBOpenDBRequest, "onblocked">,
  clock: Clock,
  onLate: (result: T) => void,
): Promise<T> {
  return new Promise((resolve, reject) => {
    let code: StorageCode = "storage-unavailable";
    let isLate = false;
    const stop = clock.after(OPEN_MS, () => {
      isLate = true;
      reject(fault(code));
    });
    request.onblocked = () => {
      code = "storage-blocked";
    };
    request.onsuccess = () => {
      stop();
      if (isLate) onLate(request.result);
      else resolve(request.result);
    };
    request.onerror = () => {
      stop();
      reject(request.error);
    };
  });
}
