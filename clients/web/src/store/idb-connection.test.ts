import "fake-indexeddb/auto";
import { IDBFactory } from "fake-indexeddb";
import { expect, test, vi } from "vitest";
import { append, failure, queued, raw, spoiled, world } from "../../test/idb.ts";
import { seededChance } from "../testing/chance.ts";
import { manualClock } from "../testing/clock.ts";
import { indexedDbStores } from "./idb.ts";

/** On a machine that does other things, too. */
const WAIT = { timeout: 20_000 };

test("a database that was deleted under the page is told, and not made anew", async () => {
  const { open, events, factory, clock } = world();
  const store = await open();
  await store.write(["queue"], "strict", append);
  const connections: IDBDatabase[] = [];
  factory.deleteDatabase("icecore:a").onblocked = () => connections.push();
  await vi.waitFor(() => expect(events.gone).toHaveBeenCalledTimes(1), WAIT);
  await expect(queued(store)).rejects.toMatchObject({ kind: "corrupt", code: "evicted" });
  await clock.advance(60_000);
  expect(events.gone).toHaveBeenCalledTimes(1);
  expect(await factory.databases()).toEqual([]);
});

test("a browser that closes the connection and deletes the database is found out without being asked", async () => {
  let db: IDBDatabase | undefined;
  const { open, events, factory, clock } = world(
    spoiled((connection, begin) => {
      db = connection;
      return begin();
    }),
  );
  const store = await open();
  await queued(store);
  expect(db).toBeDefined();
  db?.close();
  const deleted = factory.deleteDatabase("icecore:a");
  await new Promise((resolve) => {
    deleted.onsuccess = resolve;
  });
  expect(events.gone).not.toHaveBeenCalled();
  db?.onclose?.(new Event("close"));
  await clock.advance(1_000);
  await vi.waitFor(() => expect(events.gone).toHaveBeenCalledTimes(1), WAIT);
  expect(await factory.databases()).toEqual([]);
});

test("a database that another tab made anew under the same name is not taken for the old one", async () => {
  let db: IDBDatabase | undefined;
  const factory = new IDBFactory();
  const { open, events, stores } = world(
    spoiled((connection, begin) => {
      db ??= connection;
      return begin();
    }, factory),
  );
  const store = await open();
  await store.write(["queue"], "strict", append);
  db?.close();
  await stores.remove("a");
  const other = await world(factory, 2).open();
  await expect(store.write(["queue"], "strict", append)).rejects.toMatchObject({ code: "evicted" });
  expect(events.gone).toHaveBeenCalledTimes(1);
  expect(await queued(other)).toEqual([]);
});

test("a newer version is let through, told, and leaves this one without a store", async () => {
  const { open, events, factory } = world();
  const store = await open();
  await store.write(["queue"], "strict", append);
  const newer = await raw(factory, 2);
  expect(events.superseded).toHaveBeenCalledTimes(1);
  await expect(queued(store)).rejects.toMatchObject({ kind: "invalid", code: "storage-newer" });
  expect(events.gone).not.toHaveBeenCalled();
  newer.close();
});

test("a store of a newer version is left as it is", async () => {
  const { open, factory } = world();
  await (await open()).write(["queue"], "strict", append);
  (await raw(factory, 2)).close();
  await expect(world(factory).open()).rejects.toMatchObject({ code: "storage-newer" });
  const newer = await raw(factory);
  const request = newer.transaction("queue").objectStore("queue").getAll();
  await new Promise((resolve) => {
    request.onsuccess = resolve;
  });
  expect(request.result).toEqual(["update 1"]);
});

test("a tab that does not let go is told by name, and what it held back does no harm later", async () => {
  const { open, stores, factory, clock } = world();
  (await open()).close();
  const held = await raw(factory);
  const removing = stores.remove("a");
  const opening = open();
  removing.catch(() => undefined);
  opening.catch(() => undefined);
  await new Promise((resolve) => setTimeout(resolve, 20));
  await clock.advance(10_000);
  await expect(removing).rejects.toMatchObject({ kind: "unavailable", code: "storage-blocked" });
  await expect(opening).rejects.toMatchObject({ code: "storage-unavailable" });
  held.close();
  await vi.waitFor(async () => expect(await factory.databases()).toHaveLength(1), WAIT);
  // The late connection was closed: nothing blocks.
  await stores.remove("a");
});

test.each([
  ["none at all", () => undefined],
  [
    "one that may not be touched",
    () => {
      throw failure("SecurityError");
    },
  ],
])("a browser without storage is told by name: %s", async (_, factory) => {
  const stores = indexedDbStores({ factory, clock: manualClock(), chance: seededChance(1) });
  const events = { superseded: vi.fn(), gone: vi.fn() };
  await expect(stores.open("a", events)).rejects.toMatchObject({ code: "storage-unavailable" });
  await expect(stores.remove("a")).rejects.toMatchObject({ code: "storage-unavailable" });
});

test("the first opening after the background may fail once", async () => {
  const factory = new IDBFactory();
  const real = factory.open.bind(factory);
  const failing = vi.fn().mockImplementationOnce(() => {
    throw failure("UnknownError");
  });
  factory.open = (name, version) => failing() ?? real(name, version);
  const store = await world(factory).open();
  expect(await queued(store)).toEqual([]);
  expect(failing).toHaveBeenCalledTimes(2);
});

test("a database without its tables is told as damaged", async () => {
  const factory = new IDBFactory();
  (await raw(factory, 1)).close();
  await expect(world(factory).open()).rejects.toMatchObject({
    kind: "corrupt",
    code: "storage-damaged",
  });
});
