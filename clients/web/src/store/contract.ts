/**
 * What every {@link Stores} has to do, as cases that need no test runner: they run in Node and, as they are, inside real
 * browsers.
 *
 * @module
 */

import { count, expectCode, expectSame, get, keys, put, QUIET, shown } from "./contract-checks.ts";
import type { RowKey, Stores } from "./port.ts";

/** One promise of the port. */
export interface ContractCase {
  /** What is promised. */
  readonly name: string;
  /** Rejects if it does not hold. `name` is that of a store which nobody used before. */
  run(stores: Stores, name: string): Promise<void>;
}

const ROWS: readonly ContractCase[] = [
  {
    name: "a row is there for later transactions, and a missing one is undefined",
    async run(stores, name) {
      const store = await stores.open(name, QUIET);
      await put(store, "meta", [["a", { deep: [1, null, "x"] }]]);
      expectSame(await get(store, "meta", "a"), { deep: [1, null, "x"] });
      expectSame(await get(store, "meta", "b"), undefined);
      expectSame(await get(store, "queue", "a"), undefined);
      store.close();
    },
  },
  {
    name: "rows come in the order of their keys, numbers before texts, bounds included",
    async run(stores, name) {
      const store = await stores.open(name, QUIET);
      const added: RowKey[] = ["b", 10, 9, "a", 2 ** 53 - 1, -1, "é", ""];
      await put(
        store,
        "tail",
        added.map((key) => [key, key]),
      );
      expectSame(await keys(store, "tail"), [-1, 9, 10, 2 ** 53 - 1, "", "a", "b", "é"]);
      expectSame(await keys(store, "tail", 9, 10), [9, 10]);
      expectSame(await keys(store, "tail", "a"), ["a", "b", "é"]);
      expectSame(await keys(store, "tail", undefined, 9), [-1, 9]);
      expectSame(await keys(store, "tail", 11, 12), []);
      store.close();
    },
  },
  {
    name: "rows are replaced, deleted and cleared, in the order of the calls",
    async run(stores, name) {
      const store = await stores.open(name, QUIET);
      await put(store, "kept", [
        ["a", 1],
        ["b", 1],
        ["c", 1],
      ]);
      const inside = await store.write(["kept"], "strict", async (tx) => {
        tx.put("kept", "a", 2);
        tx.delete("kept", "b");
        tx.delete("kept", "never there");
        return tx.rows("kept");
      });
      expectSame(inside, [
        { key: "a", value: 2 },
        { key: "c", value: 1 },
      ]);
      await store.write(["kept"], "strict", async (tx) => {
        tx.clear("kept");
        tx.put("kept", "d", 3);
      });
      expectSame(await keys(store, "kept"), ["d"]);
      store.close();
    },
  },
  {
    name: "values are copies",
    async run(stores, name) {
      const store = await stores.open(name, QUIET);
      const value = { list: [1], bytes: new Uint8Array([1, 2]), big: 2n ** 70n };
      await store.write(["layers"], "strict", async (tx) => {
        tx.put("layers", 1, value);
        value.list.push(2);
        value.bytes[0] = 9;
      });
      const first = await get(store, "layers", 1);
      const expected = { list: [1], bytes: new Uint8Array([1, 2]), big: 2n ** 70n };
      expectSame(first, expected);
      Object.assign(first as object, { list: "changed" });
      expectSame(await get(store, "layers", 1), expected);
      store.close();
    },
  },
  {
    name: "texts and names that trip others: lone surrogates, __proto__, a megabyte",
    async run(stores, name) {
      const store = await stores.open(name, QUIET);
      const proto = JSON.parse('{"__proto__":1,"10":2}') as unknown;
      const long = "x".repeat(1 << 20);
      await put(store, "own", [
        ["__proto__", proto],
        ["\ud800", "\udfff"],
        ["long", long],
      ]);
      expectSame(await get(store, "own", "__proto__"), proto);
      expectSame((await get(store, "own", "\ud800")) === "\udfff", true);
      expectSame((await get(store, "own", "long")) === long, true);
      store.close();
    },
  },
];

const TRANSACTIONS: readonly ContractCase[] = [
  {
    name: "a transaction whose body throws stores nothing and rejects with what was thrown",
    async run(stores, name) {
      const store = await stores.open(name, QUIET);
      const reason = new Error("the body's own");
      const caught = await store
        .write(["meta"], "strict", async (tx) => {
          tx.put("meta", "a", 1);
          await tx.get("meta", "a");
          throw reason;
        })
        .catch((error: unknown) => error);
      expectSame(caught === reason, true);
      expectSame(await keys(store, "meta"), []);
      store.close();
    },
  },
  {
    name: "a value that cannot be copied fails the transaction",
    async run(stores, name) {
      const store = await stores.open(name, QUIET);
      const failing = put(store, "meta", [
        ["a", 1],
        ["b", () => 1],
      ]);
      await expectCode(failing, "storage-misused");
      expectSame(await keys(store, "meta"), []);
      store.close();
    },
  },
  {
    name: "a table that was not named fails the transaction",
    async run(stores, name) {
      const store = await stores.open(name, QUIET);
      await expectCode(
        store.read(["meta"], (tx) => tx.get("queue", 1)),
        "storage-misused",
      );
      store.close();
    },
  },
  {
    name: "a transaction in which something foreign is awaited ends, and says so",
    async run(stores, name) {
      const store = await stores.open(name, QUIET);
      const failing = store.write(["meta"], "strict", async (tx) => {
        await tx.get("meta", "a");
        await new Promise((resolve) => setTimeout(resolve, 30));
        tx.put("meta", "a", 1);
      });
      await expectCode(failing, "storage-misused");
      expectSame(await keys(store, "meta"), []);
      store.close();
    },
  },
  {
    name: "a body may chain promises of its own and ask for many rows at once",
    async run(stores, name) {
      const store = await stores.open(name, QUIET);
      const sum = await store.write(["meta"], "strict", async (tx) => {
        for (let key = 0; key < 20; key += 1) tx.put("meta", key, key);
        await Promise.resolve().then(() => undefined);
        const values = await Promise.all([tx.get("meta", 3), tx.get("meta", 4), tx.rows("meta")]);
        return shown(values.slice(0, 2)) + values[2].length;
      });
      expectSame(sum, "[3,4]20");
      store.close();
    },
  },
  {
    name: "writes that share a table run one after the other, in two connections too",
    async run(stores, name) {
      const one = await stores.open(name, QUIET);
      const two = await stores.open(name, QUIET);
      const calls = Array.from({ length: 60 }, (_, i) => count(i % 2 === 0 ? one : two));
      const got = await Promise.all(calls);
      const all = Array.from({ length: 60 }, (_, i) => i + 1);
      expectSame(
        got.toSorted((a, b) => a - b),
        all,
      );
      expectSame(await keys(two, "queue"), all);
      one.close();
      two.close();
    },
  },
  {
    name: "a read that begins after a write sees it",
    async run(stores, name) {
      const store = await stores.open(name, QUIET);
      const writing = put(store, "meta", [["a", "new"]]);
      expectSame(await get(store, "meta", "a"), "new");
      await writing;
      store.close();
    },
  },
];

const LIFE: readonly ContractCase[] = [
  {
    name: "stores of other names are apart, and names may hold anything",
    async run(stores, name) {
      const one = await stores.open(name, QUIET);
      const two = await stores.open(`${name}/ü "'\u0000`, QUIET);
      await put(one, "meta", [["a", 1]]);
      expectSame(await keys(two, "meta"), []);
      one.close();
      two.close();
    },
  },
  {
    name: "what was written is there after closing and opening",
    async run(stores, name) {
      const one = await stores.open(name, QUIET);
      const writing = put(one, "queue", [[1, "update"]]);
      one.close();
      await writing;
      await expectCode(get(one, "queue", 1), "storage-closed");
      const two = await stores.open(name, QUIET);
      expectSame(await get(two, "queue", 1), "update");
      two.close();
    },
  },
  {
    name: "removing tells whoever has it open; what is opened later is empty",
    async run(stores, name) {
      let told = 0;
      const one = await stores.open(name, { ...QUIET, gone: () => (told += 1) });
      await put(one, "queue", [[1, "update"]]);
      await stores.remove(name);
      expectSame(told, 1);
      await expectCode(get(one, "queue", 1), "evicted");
      await expectCode(put(one, "queue", [[2, "update"]]), "evicted");
      const two = await stores.open(name, QUIET);
      expectSame(await keys(two, "queue"), []);
      await expectCode(put(one, "queue", [[2, "update"]]), "evicted");
      expectSame(await keys(two, "queue"), []);
      expectSame(told, 1);
      one.close();
      two.close();
    },
  },
  {
    name: "removing what is not there does nothing",
    run: (stores, name) => stores.remove(name),
  },
];

/** All promises of the port. */
export const storeContract: readonly ContractCase[] = [...ROWS, ...TRANSACTIONS, ...LIFE];
