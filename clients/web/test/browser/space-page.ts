/** What the tests of spaces run inside a page, and inside a worker. */

import {
  browserPlatform,
  type Clock,
  canonical,
  type DocumentState,
  documentModel,
  isIcecoreError,
  open,
  type Platform,
  type Receipt,
  type Space,
} from "../../src/index.ts";
import { passphrase } from "../../src/passphrase.ts";
import { encrypt, readSecret, type Secret } from "../../src/seal.ts";

/** How a test opens a space. */
export interface Opening {
  readonly gateway: string;
  readonly space: string;
  /** Milliseconds between polls; the usual pace without. */
  readonly everyMs?: number;
  /** Opens an encrypted space. */
  readonly passphrase?: string;
  /** Opens one, too. */
  readonly identity?: string;
  /** Goes to the site with each question for a token. */
  readonly account?: string;
  /** Time passes only by `advance`. */
  readonly manual?: boolean;
}

interface Opened {
  readonly space: Space<DocumentState>;
  readonly receipts: Receipt[];
  readonly seen: string[];
}

const all = new Map<string, Opened>();
const asked: string[] = [];
/** Requests and transactions. */
let underWay = 0;

const code = (error: unknown): string => (isIcecoreError(error) ? error.code : String(error));

/** The token of this page, from the site. */
async function token(account: string, why: string): Promise<string | null> {
  asked.push(why);
  underWay += 1;
  try {
    const answer = await fetch(`/token?account=${account}&why=${why}`);
    return (await answer.text()) || null;
  } finally {
    underWay -= 1;
  }
}

/** Time that passes by call; promises of the network are waited for, which takes no time. */
const manual = (() => {
  let passed = 0;
  const timers = new Set<{ at: number; task: () => void }>();
  const clock: Clock = {
    now: () => Date.now(),
    monotonic: () => passed,
    after(ms, task) {
      const timer = { at: passed + ms, task };
      timers.add(timer);
      return () => timers.delete(timer);
    },
  };
  const quiet = async (): Promise<void> => {
    // A few turns of the loop, and all of the network and the storage.
    for (let turns = 0; turns < 4; turns += 1) {
      await new Promise((resolve) => setTimeout(resolve, 2));
      if (underWay > 0) turns = 0;
    }
  };
  return {
    clock,
    async advance(ms: number): Promise<void> {
      const end = passed + ms;
      await quiet();
      for (;;) {
        const next = [...timers].filter(({ at }) => at <= end).sort((a, b) => a.at - b.at)[0];
        if (next === undefined) break;
        timers.delete(next);
        passed = Math.max(passed, next.at);
        next.task();
        await quiet();
      }
      passed = end;
    },
  };
})();

function platformFor({ manual: isManual }: Opening): Partial<Platform> {
  if (isManual !== true) return {};
  const { fetch } = browserPlatform();
  return {
    clock: manual.clock,
    // No heartbeats: there are a thousand in an hour.
    locks: undefined,
    fetch: async (url, init) => {
      underWay += 1;
      try {
        const answer = await fetch(url, init);
        // Whole, so that nothing is under way while time passes.
        const { status, headers } = answer;
        const body = status === 204 || status === 304 ? null : await answer.arrayBuffer();
        return new Response(body, { status, headers });
      } finally {
        underWay -= 1;
      }
    },
  };
}

async function secretOf({ passphrase: words, identity }: Opening): Promise<Secret | undefined> {
  if (words !== undefined) return encrypt(passphrase(words));
  return identity === undefined ? undefined : encrypt(await readSecret(identity));
}

async function start(opening: Opening): Promise<void> {
  const { gateway, space: name, everyMs, account = "" } = opening;
  const secret = await secretOf(opening);
  const pace = everyMs && {
    pace: { activeMs: everyMs, idleMs: everyMs, hiddenMs: everyMs, activeForMs: 1_000 },
  };
  const space = open<DocumentState>({
    gateway,
    space: name,
    model: documentModel,
    token: (why) => token(account, why),
    platform: platformFor(opening),
    secret,
    ...pace,
  });
  const one: Opened = { space, receipts: [], seen: [] };
  all.set(name, one);
  space.subscribeStatus(() => {
    const { phase, error } = space.status;
    const said = error ? `${phase} ${error.code}` : phase;
    if (one.seen.at(-1) !== said) one.seen.push(said);
  });
}

function of(name: string): Opened {
  const one = all.get(name);
  if (one === undefined) throw new Error(`${name} is not open`);
  return one;
}

const append = (label: string): { kind: string; data: Record<string, string[]> } => ({
  kind: "append",
  data: { "/list": [label] },
});

/** Makes updates at once, each of its own; their ids once all are durable, or codes of errors. */
function put(name: string, labels: readonly string[]): Promise<string[]> {
  const { space, receipts } = of(name);
  return Promise.all(
    labels.map((label) => {
      const receipt = space.update(append(label));
      receipts.push(receipt);
      return receipt.durable.catch(code);
    }),
  );
}

/** How long each of so many updates takes from its making to the disk, one after the other, in ms. */
async function timed(name: string, label: string, count: number): Promise<number[]> {
  const times: number[] = [];
  for (let n = 0; n < count; n += 1) {
    const start = performance.now();
    await of(name).space.update(append(`${label} ${n}`)).durable;
    times.push(performance.now() - start);
  }
  return times;
}

/** Takes all the room that is left, in a database of its own. */
async function takeRoom(): Promise<void> {
  const request = indexedDB.open("room");
  request.onupgradeneeded = () => request.result.createObjectStore("rows", { autoIncrement: true });
  const db = await databaseRequest(request);
  if (typeof db === "string") throw new Error(db);
  for (let bytes = 800_000; bytes > 20_000; ) {
    const row = new Uint8Array(bytes);
    for (let at = 0; at < bytes; at += 65_536)
      crypto.getRandomValues(row.subarray(at, at + 65_536));
    const transaction = db.transaction("rows", "readwrite", { durability: "strict" });
    transaction.objectStore("rows").put(row);
    const isStored = await new Promise((resolve) => {
      transaction.oncomplete = () => resolve(true);
      transaction.onabort = () => resolve(false);
    });
    if (!isStored) bytes = Math.floor(bytes / 4);
  }
  db.close();
}

/** Gives it back. */
async function giveRoom(): Promise<void> {
  await databaseRequest(indexedDB.deleteDatabase("room"));
}

/** Updates until one is refused; how many were made before, and the code. */
async function fill(name: string, bytes: number): Promise<{ made: number; code: string }> {
  for (let made = 0; made < 200; made += 1) {
    // What can be compressed would take no room.
    const parts = Array.from({ length: bytes / 36 }, () => crypto.randomUUID());
    const text = parts.join("");
    const [said = ""] = await put(name, [text]);
    if (!said.includes(":")) return { made, code: said };
  }
  return { made: 200, code: "never full" };
}

function look(name: string): Look {
  const { status } = of(name).space;
  const { phase, unsent, role, evicted, clockOffMs, error, replica } = status;
  return {
    phase,
    unsent,
    role,
    evicted: evicted ?? null,
    clockOffMs: clockOffMs ?? null,
    error: error?.code ?? null,
    author: replica?.author ?? null,
    barred: replica?.barred ?? null,
  };
}

/** The name of the database of a space's local copy. */
function databaseOf({ gateway, space }: Opening): string {
  return `icecore:icecore ${gateway} ${space}`;
}

function databaseRequest(request: IDBOpenDBRequest): Promise<IDBDatabase | string> {
  return new Promise((resolve) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => resolve(request.error?.name ?? "");
  });
}

/** Opens the local copy as a newer version of the program would. */
async function upgrade(opening: Opening): Promise<string> {
  const db = await databaseRequest(indexedDB.open(databaseOf(opening), 2));
  if (typeof db === "string") return db;
  db.close();
  return "upgraded";
}

/** Deletes the local copy, as a browser does between two visits. */
async function evict(opening: Opening): Promise<void> {
  await databaseRequest(indexedDB.deleteDatabase(databaseOf(opening)));
}

/** The texts of the updates in the queue on the disk, whatever version of the program made it. */
async function queueOnDisk(opening: Opening): Promise<string[]> {
  const db = await databaseRequest(indexedDB.open(databaseOf(opening)));
  if (typeof db === "string") throw new Error(db);
  const request = db.transaction("queue").objectStore("queue").getAll();
  const rows = await new Promise<unknown[]>((resolve) => {
    request.onsuccess = () => resolve(request.result);
  });
  db.close();
  return rows.map((row) => JSON.stringify(row));
}

/** Makes opening fail, as browsers do that have no storage any more. */
function breakStorage(): void {
  IDBFactory.prototype.open = () => {
    throw new DOMException("", "UnknownError");
  };
}

/** Opens a transaction that writes to all tables, and keeps it open as long as the page runs. */
async function holdStore(opening: Opening): Promise<void> {
  const db = await databaseRequest(indexedDB.open(databaseOf(opening)));
  if (typeof db === "string") throw new Error(db);
  const table = db.transaction(db.objectStoreNames, "readwrite").objectStore("meta");
  await new Promise<void>((resolve) => {
    const again = (): void => {
      resolve();
      table.get("writer").onsuccess = again;
    };
    again();
  });
}

/** From now on each connection is remembered, so that `closeUnder` can close it as browsers do. */
const connections: IDBDatabase[] = [];
const begin = IDBDatabase.prototype.transaction;
IDBDatabase.prototype.transaction = function (...args) {
  if (!connections.includes(this)) connections.push(this);
  const transaction = begin.apply(this, args);
  underWay += 1;
  for (const end of ["complete", "abort"]) {
    transaction.addEventListener(end, () => {
      underWay -= 1;
    });
  }
  return transaction;
};

/** Closes the connections under their owners' feet; their transactions under way end, new ones cannot begin. */
function closeUnder(): number {
  const open = connections.splice(0);
  for (const db of open) {
    db.close();
    db.dispatchEvent(new Event("close"));
  }
  return open.length;
}

/** Puts the device's clock forward or back. */
const realNow = Date.now.bind(Date);
function setClock(offMs: number): void {
  Date.now = () => realNow() + offMs;
}

const api = {
  start,
  put,
  timed,
  fill,
  takeRoom,
  giveRoom,
  look,
  evict,
  queueOnDisk,
  breakStorage,
  upgrade,
  holdStore,
  closeUnder,
  setClock,
  seen: (name: string): string[] => of(name).seen,
  asked: (): string[] => asked,
  advance: (ms: number): Promise<void> => manual.advance(ms),
  ready: (name: string): Promise<string | null> => of(name).space.ready.then(() => null, code),
  state: (name: string): string => canonical(of(name).space.state),
  /** The labels in the state, of long ones the beginning. */
  list: (name: string): string[] => {
    const { list } = of(name).space.state;
    return Array.isArray(list) ? list.map((label) => String(label).slice(0, 40)) : [];
  },
  sync: (name: string): Promise<string | null> =>
    of(name)
      .space.sync()
      .then(() => null, code),
  phases: (name: string): string[] => of(name).receipts.map(({ phase }) => phase),
  exportQueue: (name: string): Promise<string> => of(name).space.exportQueue().catch(code),
  close: (name: string): void => of(name).space.close(),
};

/** How a space is, as far as tests look. */
export type Look = {
  readonly phase: string;
  readonly unsent: number;
  readonly role: string;
  readonly evicted: string | null;
  readonly clockOffMs: number | null;
  readonly error: string | null;
  readonly author: string | null;
  readonly barred: string | null;
};

/** What tests may call in the page. */
export type SpacePage = typeof api & {
  /** Calls one of them in a dedicated worker. */
  inWorker(name: keyof typeof api, ...args: unknown[]): Promise<unknown>;
};

interface Call {
  readonly id: number;
  readonly name: keyof typeof api;
  readonly args: unknown[];
}

let worker: Worker | undefined;
let calls = 0;

function inWorker(name: keyof typeof api, ...args: unknown[]): Promise<unknown> {
  worker ??= new Worker("/script.js", { type: "module" });
  const to = worker;
  calls += 1;
  const id = calls;
  return new Promise((resolve, reject) => {
    to.onerror = (event) => reject(new Error(event.message));
    to.addEventListener("message", ({ data }: MessageEvent<{ id: number; value: unknown }>) => {
      if (data.id === id) resolve(data.value);
    });
    to.postMessage({ id, name, args });
  });
}

declare global {
  /** What tests call in the page. */
  var app: SpacePage;
}
globalThis.app = { ...api, inWorker };

if (globalThis.document === undefined) {
  globalThis.addEventListener("message", async ({ data }: MessageEvent<Call>) => {
    const call = api[data.name] as (...args: unknown[]) => unknown;
    globalThis.postMessage({ id: data.id, value: await call(...data.args) });
  });
}
