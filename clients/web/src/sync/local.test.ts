import { expect, test } from "vitest";
import { site, update } from "../../test/site.ts";
import { memoryStores } from "../store/memory.ts";
import type { Store, Stores, Tx } from "../store/port.ts";

/** What was asked of a store: transactions, and how often one waited before it asked for more. */
interface Asked {
  transactions: string[];
  rounds: number;
}

/** Stores that count what is asked of them. */
function counted(stores: Stores): { readonly stores: Stores; readonly asked: Asked } {
  const asked: Asked = { transactions: [], rounds: 0 };
  const watched = (tx: Tx): Tx => {
    let waiting = 0;
    const seen = async <T>(request: Promise<T>): Promise<T> => {
      if (waiting === 0) asked.rounds += 1;
      waiting += 1;
      try {
        return await request;
      } finally {
        waiting -= 1;
      }
    };
    return {
      get: (table, key) => seen(tx.get(table, key)),
      rows: (table, from, to) => seen(tx.rows(table, from, to)),
      put: (table, key, value) => tx.put(table, key, value),
      delete: (table, key) => tx.delete(table, key),
      clear: (table) => tx.clear(table),
    };
  };
  const open = async (...parts: Parameters<Stores["open"]>): Promise<Store> => {
    const store = await stores.open(...parts);
    return {
      read(tables, body) {
        asked.transactions.push("read");
        return store.read(tables, (tx) => body(watched(tx)));
      },
      write(tables, durability, body) {
        asked.transactions.push("write");
        return store.write(tables, durability, (tx) => body(watched(tx)));
      },
      close: () => store.close(),
    };
  };
  return { stores: { ...stores, open }, asked };
}

test("a start reads all that the device holds in one transaction, and waits once in it", async () => {
  const at = await site();
  const { stores, asked } = counted(memoryStores());
  const first = await at.open({ stores });
  expect(asked.transactions).toEqual(["read", "write", "read"]);
  await first.merge({ milk: 1 });
  await first.synced();
  await first.merge({ bread: 2 });
  first.session.close();
  Object.assign(asked, { transactions: [], rounds: 0 });
  const again = await at.open({ stores });
  expect(again.session.state).toEqual({ milk: 1, bread: 2 });
  expect(asked).toEqual({ transactions: ["read"], rounds: 1 });
});

test("an update makes one transaction, and waits once in it", async () => {
  const at = await site();
  const { stores, asked } = counted(memoryStores());
  const { session } = await at.open({ stores });
  Object.assign(asked, { transactions: [], rounds: 0 });
  const made = session.append([update("merge", { milk: 1 })]);
  expect(session.state).toEqual({ milk: 1 });
  await made.durable;
  expect(asked).toEqual({ transactions: ["write"], rounds: 1 });
});
