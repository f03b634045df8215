/**
 * What the cases of the contract are written with.
 *
 * @module
 */

import { isIcecoreError } from "../errors.ts";
import type { RowKey, Store, StoreEvents, Table, Tx } from "./port.ts";

export const QUIET: StoreEvents = { superseded: () => undefined, gone: () => undefined };

export function shown(value: unknown): string {
  return JSON.stringify(value, (_, part: unknown) => {
    if (typeof part === "bigint") return `${part}n`;
    if (part instanceof Uint8Array) return `bytes ${Array.from(part).join(" ")}`;
    return part === undefined ? "undefined" : part;
  });
}

export function expectSame(actual: unknown, expected: unknown): void {
  if (shown(actual) !== shown(expected)) {
    throw new Error(`got ${shown(actual)}, expected ${shown(expected)}`);
  }
}

export async function expectCode(failing: Promise<unknown>, code: string): Promise<void> {
  const outcome = await failing.then(
    (value) => `resolved with ${shown(value)}`,
    (error: unknown) => (isIcecoreError(error) ? error.code : String(error)),
  );
  expectSame(outcome, code);
}

export function put(
  store: Store,
  table: Table,
  rows: readonly (readonly [RowKey, unknown])[],
): Promise<void> {
  return store.write([table], "strict", async (tx) => {
    for (const [key, value] of rows) tx.put(table, key, value);
  });
}

export function get(store: Store, table: Table, key: RowKey): Promise<unknown> {
  return store.read([table], (tx) => tx.get(table, key));
}

export async function keys(
  store: Store,
  table: Table,
  from?: RowKey,
  to?: RowKey,
): Promise<RowKey[]> {
  const rows = await store.read([table], (tx) => tx.rows(table, from, to));
  return rows.map((row) => row.key);
}

export async function addOne(tx: Tx): Promise<number> {
  const found = await tx.get("meta", "count");
  const next = typeof found === "number" ? found + 1 : 1;
  tx.put("meta", "count", next);
  tx.put("queue", next, `update ${next}`);
  return next;
}

export function count(store: Store): Promise<number> {
  return store.write(["meta", "queue"], "relaxed", addOne);
}
