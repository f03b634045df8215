/**
 * One transaction of IndexedDB, from its beginning to the moment when it is sure how it ended.
 *
 * @module
 */

import type { IcecoreError } from "../errors.ts";
import type { Clock } from "../ports.ts";
import { fault, storageFault } from "./faults.ts";
import { onFreeze } from "./freeze.ts";
import type { RowKey, Tx } from "./port.ts";

/** So long may a transaction take, the wait for those of other tabs included. */
const TRANSACTION_MS = 30_000;
/** How transactions fail when the connection is lost: WebKit says Unknown, others Abort, and a closed one is in an invalid state. */
const LOST: readonly string[] = ["AbortError", "InvalidStateError", "UnknownError"];

/** What runs in a transaction. `raw` is for rows that are in no table. */
export type Body<T> = (tx: Tx, raw: IDBTransaction) => Promise<T>;

/**
 * Runs `body` in the transaction that `begin` makes.
 *
 * @throws IcecoreError `storage-closed` if the connection was lost: whether it was committed before is not known then; any other if
 * nothing was stored; and what the body threw.
 */
export function run<T>(clock: Clock, begin: () => IDBTransaction, body: Body<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    let raw: IDBTransaction;
    try {
      raw = begin();
    } catch (error) {
      reject(lostFault(error));
      return;
    }
    let done: { readonly value: T } | undefined;
    let own: { readonly error: unknown } | undefined;
    let failed: unknown;
    const fail = (error: unknown): void => {
      try {
        raw.abort();
        // After a request failed, what the body throws is a consequence.
        if (failed === undefined) own = { error };
      } catch {
        // It has ended or is being committed: its own event tells how.
      }
    };
    const timer = clock.after(TRANSACTION_MS, () => fail(fault("storage-failed")));
    const unwatch = onFreeze(() => raw.abort());
    const stop = (): void => {
      timer();
      unwatch();
    };
    raw.oncomplete = () => {
      stop();
      if (done === undefined) reject(fault("storage-misused"));
      else resolve(done.value);
    };
    raw.onabort = () => {
      stop();
      reject(own === undefined ? lostFault(raw.error ?? failed) : bodyFault(own.error));
    };
    const finish = (value: T): void => {
      done = { value };
      try {
        // Else the browser waits for one more answer of this page, which may be frozen by then.
        raw.commit();
        // Nothing of it can be lost any more: why wait to hear that it ended?
        if (raw.mode === "readonly") {
          stop();
          resolve(value);
        }
      } catch {
        fail(fault("storage-misused"));
      }
    };
    const tx = requests(raw, (error) => {
      failed ??= error;
    });
    (async () => body(tx, raw))().then(finish, fail);
  });
}

function requests(raw: IDBTransaction, failed: (error: unknown) => void): Tx {
  return {
    get: (table, key) => answer(raw.objectStore(table).get(key), failed),
    async rows(table, from, to) {
      const store = raw.objectStore(table);
      const range = rangeOf(from, to);
      const [keys, values] = await Promise.all([
        answer(store.getAllKeys(range), failed),
        answer<unknown[]>(store.getAll(range), failed),
      ]);
      return keys.map((key, i) => ({ key: key as RowKey, value: values[i] }));
    },
    put: (table, key, value) => void raw.objectStore(table).put(value, key),
    delete: (table, key) => void raw.objectStore(table).delete(key),
    clear: (table) => void raw.objectStore(table).clear(),
  };
}

function rangeOf(from?: RowKey, to?: RowKey): IDBKeyRange | undefined {
  if (from === undefined) return to === undefined ? undefined : IDBKeyRange.upperBound(to);
  return to === undefined ? IDBKeyRange.lowerBound(from) : IDBKeyRange.bound(from, to);
}

/** What a request is answered with. */
export function answer<T>(request: IDBRequest<T>, failed?: (error: unknown) => void): Promise<T> {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => {
      failed?.(request.error);
      reject(request.error);
    };
  });
}

/** Whether it says that the connection was lost, and no more. */
export function isLost(error: unknown): boolean {
  return error instanceof DOMException && LOST.includes(error.name);
}

function lostFault(error: unknown): IcecoreError {
  return error && !isLost(error) ? storageFault(error) : fault("storage-closed", error);
}

/** An abort that the body throws is its own signal's. */
function bodyFault(error: unknown): unknown {
  return error instanceof DOMException && error.name !== "AbortError" ? storageFault(error) : error;
}
