/** What test/browser/store.test.ts runs inside a page. */

import { browserPlatform } from "../../src/platform.ts";
import { storeContract } from "../../src/store/contract.ts";
import type { Store } from "../../src/store/port.ts";
import type { Role } from "../../src/tabs/leader.ts";
import { joined } from "../tabs.ts";

const platform = browserPlatform();
const { stores } = platform;
const events: string[] = [];
const heard: string[] = [];
const roles: Role[] = [];
let opened: Promise<Store> | undefined;

function store(): Promise<Store> {
  opened ??= stores.open("page", {
    superseded: () => events.push("superseded"),
    gone: () => events.push("gone"),
  });
  return opened;
}

/** Runs one case of the contract; the reason, if it does not hold. */
async function holds(name: string): Promise<string | null> {
  const found = storeContract.find((each) => each.name === name);
  if (found === undefined) return "no such case";
  const unused = `contract ${Math.random()}`;
  return found.run(stores, unused).then(
    () => null,
    (error: unknown) => String(error),
  );
}

/** Appends updates one after the other, each with its number allotted in the transaction. Returns the numbers. */
async function append(count: number, text: string): Promise<number[]> {
  const open = await store();
  const seqs: number[] = [];
  for (let i = 0; i < count; i += 1) {
    const seq = await open.write(["meta", "queue"], "strict", async (tx) => {
      const last = await tx.get("meta", "last");
      const next = typeof last === "number" ? last + 1 : 1;
      tx.put("meta", "last", next);
      tx.put("queue", next, `${text} ${next}`);
      return next;
    });
    seqs.push(seq);
  }
  return seqs;
}

async function queue(): Promise<unknown[]> {
  const rows = await (await store()).read(["queue"], (tx) => tx.rows("queue"));
  return rows.map((row) => [row.key, row.value]);
}

const code = (error: unknown): string =>
  typeof error === "object" && error !== null && "code" in error
    ? String(error.code)
    : String(error);

/** Appends until the page ends, and tells the site each number once its promise has resolved. */
async function appendForEver(text: string): Promise<void> {
  for (;;) {
    const seqs = await append(1, text);
    await fetch(`/durable/${seqs.join()}`, { method: "POST" });
  }
}

/** Opens a transaction on the queue and keeps it open. */
async function holdQueue(): Promise<void> {
  const open = await store();
  let begun: () => void = () => undefined;
  const isHeld = new Promise<void>((resolve) => {
    begun = resolve;
  });
  open
    .write(["meta", "queue"], "strict", async (tx) => {
      for (;;) {
        await tx.get("meta", "last");
        begun();
      }
    })
    .catch(() => undefined);
  await isHeld;
}

/** Opens the database as a newer version of the program would. */
function upgrade(): Promise<string> {
  return new Promise((resolve) => {
    const request = indexedDB.open("icecore:page", 2);
    request.onblocked = () => resolve("blocked");
    request.onsuccess = () => {
      request.result.close();
      resolve("upgraded");
    };
    request.onerror = () => resolve(String(request.error));
  });
}

let robbed = false;

/** Holds the leader's lock and says nothing, as a frozen tab does. */
function holdLock(): Promise<void> {
  return new Promise((resolve) => {
    navigator.locks
      .request("icecore:page", () => {
        resolve();
        return new Promise(() => undefined);
      })
      .catch(() => {
        robbed = true;
      });
  });
}

/** What the platform offers here. */
async function offers(): Promise<Record<string, boolean>> {
  const { witness, storage, locks, page: itself, chance } = platform;
  witness.note("witness", "x");
  const isKept = witness.recall("witness") === "x";
  witness.note("witness", undefined);
  return {
    isVisible: itself.isVisible(),
    isOffline: itself.isOffline(),
    locks: locks !== undefined,
    witness: isKept && witness.recall("witness") === undefined,
    persisted: (await storage.persisted()) !== undefined,
    estimate: ((await storage.estimate())?.quota ?? 0) > 0,
    chance: chance.below(3) < 3 && chance.bytes(16).some((byte) => byte > 0),
  };
}

/** Writes until there is no room; the code of the error. */
async function fill(bytes: number): Promise<string> {
  const open = await store();
  const chunk = new Uint8Array(bytes);
  for (let i = 0; i < 100; i += 1) {
    // Chromium compresses what it stores, and counts that.
    for (let at = 0; at < bytes; at += 65_536)
      crypto.getRandomValues(chunk.subarray(at, at + 65_536));
    try {
      await open.write(["layers"], "strict", async (tx) => tx.put("layers", i, chunk));
    } catch (error) {
      return code(error);
    }
  }
  return "never full";
}

/** Makes room again. */
async function empty(): Promise<void> {
  const open = await store();
  await open.write(["layers"], "strict", async (tx) => tx.clear("layers"));
}

/** Joins the tabs; returns at once. */
function join(): void {
  joined({
    ...platform,
    name: "page",
    signal: new AbortController().signal,
    heard: (message) => heard.push(message.kind),
    onRole: (role) => roles.push(role),
  });
}

/** The median time of `count` appends and of as many raw strict puts, in ms. */
async function timed(count: number): Promise<{ append: number; raw: number }> {
  const median = (times: number[]): number => times.sort((a, b) => a - b)[times.length >> 1] ?? 0;
  const request = indexedDB.open("raw", 1);
  const db = await new Promise<IDBDatabase>((resolve) => {
    request.onupgradeneeded = () => request.result.createObjectStore("rows");
    request.onsuccess = () => resolve(request.result);
  });
  const own: number[] = [];
  const raw: number[] = [];
  for (let i = 0; i < count; i += 1) {
    let start = performance.now();
    await append(1, "timed");
    own.push(performance.now() - start);
    start = performance.now();
    await new Promise<void>((resolve) => {
      const tx = db.transaction("rows", "readwrite", { durability: "strict" });
      tx.objectStore("rows").put(`timed ${i}`, i);
      tx.oncomplete = () => resolve();
      tx.commit();
    });
    raw.push(performance.now() - start);
  }
  db.close();
  return { append: median(own), raw: median(raw) };
}

const api = {
  holds,
  append: (count: number, text: string): Promise<number[] | string> =>
    append(count, text).catch(code),
  queue: (): Promise<unknown[] | string> => queue().catch(code),
  remove: (): Promise<string> => stores.remove("page").then(() => "removed", code),
  appendForEver: (text: string): void => void appendForEver(text),
  holdQueue,
  upgrade,
  holdLock,
  wasRobbed: (): boolean => robbed,
  offers,
  fill,
  empty,
  join,
  timed,
  events,
  heard,
  roles,
};

/** What tests may call in the page. */
export type StorePage = typeof api;

declare global {
  /** What tests call in the page. */
  var page: StorePage;
}
globalThis.page = api;
