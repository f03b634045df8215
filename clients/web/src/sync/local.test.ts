import { expect, test, vi } from "vitest";
import { SPACE, site, update } from "../../test/site.ts";
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

/** A device that holds a snapshot, closed; `change` is done to what is stored of it. */
async function holding(change: (row: { bytes: Uint8Array; sum?: number }) => void) {
  const at = await site();
  const first = await at.open();
  await first.merge({ milk: 1 });
  await first.synced();
  await at.gateway.rollUp(SPACE, { snapshot: true });
  await at.clock.advance(60_000);
  await first.synced();
  first.session.close();
  const store = await first.stores.open("replica", { superseded() {}, gone() {} });
  await store.write(["layers"], "strict", async (tx) => {
    const rows = await tx.rows("layers");
    expect(rows).toHaveLength(1);
    for (const { key, value } of rows) {
      change(value as never);
      tx.put("layers", key, value);
    }
  });
  const digest = vi.spyOn(globalThis.crypto.subtle, "digest");
  const again = await at.open({ stores: first.stores });
  const digests = digest.mock.calls.length;
  digest.mockRestore();
  return { again, digests };
}

test("what was found right before it was saved is not digested again", async () => {
  const { again, digests } = await holding(() => undefined);
  expect(again.session.state).toEqual({ milk: 1 });
  expect(digests).toBe(0);
});

test("what was saved without a sum is digested", async () => {
  const { again, digests } = await holding((row) => delete row.sum);
  expect(again.session.state).toEqual({ milk: 1 });
  expect(digests).toBe(1);
});

test("what the device has spoilt is not shown, and fetched anew", async () => {
  const { again } = await holding(({ bytes }) => {
    const text = new TextDecoder().decode(bytes);
    bytes.set(new TextEncoder().encode(text.replace('{"milk":1}', '{"milk":7}')));
  });
  expect(again.session.state).toEqual({});
  await again.synced();
  expect(again.session.state).toEqual({ milk: 1 });
});
