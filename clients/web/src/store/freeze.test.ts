import { IDBFactory, IDBKeyRange } from "fake-indexeddb";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { seededChance } from "../testing/chance.ts";
import { manualClock } from "../testing/clock.ts";
import { indexedDbStores } from "./idb.ts";
import type { Store, Tx } from "./port.ts";

let page: EventTarget;
let factory: IDBFactory;
beforeEach(() => {
  page = new EventTarget();
  factory = new IDBFactory();
  vi.stubGlobal("document", page);
  vi.stubGlobal("IDBKeyRange", IDBKeyRange);
});
afterEach(() => vi.unstubAllGlobals());

let seed = 0;
function open(): Promise<Store> {
  seed += 1;
  const options = { factory: () => factory, clock: manualClock(), chance: seededChance(seed) };
  return indexedDbStores(options).open("a", { superseded() {}, gone() {} });
}

/** A store of another tab: it is not frozen. */
async function openSibling(): Promise<Store> {
  vi.stubGlobal("document", new EventTarget());
  const sibling = await open();
  vi.stubGlobal("document", page);
  return sibling;
}

async function append(tx: Tx): Promise<number> {
  const next = (await tx.rows("queue")).length + 1;
  tx.put("queue", next, next);
  return next;
}

const turn = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 20));

test("a transaction is given up before the page is frozen, and run again after", async () => {
  const [one, two] = [await open(), await openSibling()];
  let runs = 0;
  const writing = one.write(["queue"], "strict", async (tx) => {
    runs += 1;
    // Answers reach a frozen page no more; this one asks as long as it is the first run.
    for (let n = 0; runs === 1 && n < 100_000; n += 1) await tx.get("queue", 0);
    return append(tx);
  });
  await turn();
  page.dispatchEvent(new Event("freeze"));
  expect(await two.write(["queue"], "strict", append)).toBe(1);
  await turn();
  expect(runs).toBe(1);
  page.dispatchEvent(new Event("resume"));
  expect(await writing).toBe(2);
  expect(runs).toBe(2);
});

test("a frozen page that hears something begins nothing before it runs again", async () => {
  const [one, two] = [await open(), await openSibling()];
  page.dispatchEvent(new Event("freeze"));
  const reading = one.read(["queue"], (tx) => tx.rows("queue"));
  await turn();
  expect(await two.write(["queue"], "strict", append)).toBe(1);
  page.dispatchEvent(new Event("resume"));
  expect(await reading).toEqual([{ key: 1, value: 1 }]);
});

test("closed while it is frozen, it waits for nothing", async () => {
  const one = await open();
  page.dispatchEvent(new Event("freeze"));
  const reading = one.read(["queue"], (tx) => tx.rows("queue"));
  reading.catch(() => undefined);
  await turn();
  one.close();
  await reading.catch(() => undefined);
  await expect(one.read(["queue"], append)).rejects.toMatchObject({ code: "storage-closed" });
});
