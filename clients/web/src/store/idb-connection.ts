/**
 * The connection to one database, kept through all that browsers do to it.
 *
 * @module
 */

import { fault, storageFault } from "./faults.ts";
import { connect, type IndexedDbOptions, marksOf } from "./idb-open.ts";
import { isLost } from "./idb-run.ts";
import type { StoreEvents } from "./port.ts";

/** So long after the browser closed the connection it is looked whether the database is still there. */
const LOOK_AGAIN_MS = 1_000;

/** A connection that is opened again when it was lost. */
export interface Connection {
  /**
   * The open database.
   *
   * @throws IcecoreError as opening does; `storage-closed` or `evicted` once it is closed or gone.
   */
  readonly connected: () => Promise<IDBDatabase>;
  /** Lets go of a database whose connection was lost. */
  readonly forget: (db: IDBDatabase) => void;
  /** Closes it. Transactions under way end first. */
  readonly close: () => void;
}

/** A connection to the database of this name. Nothing is opened yet. */
export function connection(
  options: IndexedDbOptions,
  name: string,
  events: StoreEvents,
): Connection {
  let pending: Promise<IDBDatabase> | undefined;
  let current: IDBDatabase | undefined;
  /** Which database it was: one that was made anew under the same name is another. */
  let identity: string | undefined;
  let end: "evicted" | "storage-closed" | undefined;

  function forget(db: IDBDatabase): void {
    db.close();
    if (current === db) pending = current = undefined;
  }

  function vanish(): void {
    if (end !== undefined) return;
    end = "evicted";
    events.gone();
  }

  function adopt(db: IDBDatabase): void {
    current = db;
    identity ??= marksOf(db);
    if (identity !== marksOf(db)) vanish();
    db.onversionchange = (event) => {
      forget(db);
      if (event.newVersion === null) vanish();
      else if (end === undefined) events.superseded();
    };
    db.onclose = () => {
      forget(db);
      options.clock.after(LOOK_AGAIN_MS, () => {
        connected().catch(() => undefined);
      });
    };
    if (end === undefined) return;
    db.close();
    throw fault(end);
  }

  async function reach(): Promise<IDBDatabase> {
    const isAgain = identity !== undefined;
    const once = (): Promise<IDBDatabase> => connect(options, name, isAgain);
    try {
      // WebKit refuses the first opening after it was in the background, and grants the second.
      const db = await once().catch((error: unknown) => {
        if (isLost(error)) return once();
        throw error;
      });
      adopt(db);
      return db;
    } catch (error) {
      pending = undefined;
      const fault = storageFault(error, isAgain ? "storage-closed" : "storage-unavailable");
      if (fault.code === "evicted") vanish();
      throw fault;
    }
  }

  function connected(): Promise<IDBDatabase> {
    if (end !== undefined) return Promise.reject(fault(end));
    pending ??= reach();
    return pending;
  }

  return {
    connected,
    forget,
    close() {
      end ??= "storage-closed";
      pending?.then(forget, () => undefined);
    },
  };
}
