/** What the measurements of this client run inside a page. */

import type { Author } from "../../src/core/ids.ts";
// First the clock, then what is measured.
import {
  browserPlatform,
  type DocumentState,
  documentModel,
  open,
  type Space,
} from "../../src/index.ts";
import { memoryGateway } from "../../src/testing.ts";
import { began } from "./began.ts";
import { foldTimes, sealedTimes } from "./fold.ts";
import { openRaw } from "./raw.ts";
import { rowName, rows } from "./records.ts";

/** Updates of the test's data are made of so many records. */
const RECORDS_IN_UPDATE = 500;
const ADA = "019aa122-be00-7000-8000-00000000000a" as Author;
const GATEWAY = "https://gateway.test";

/** Of each update: until it was seen, until it was durable; of each raw put: its call alone, until it was durable. */
export type Updated = Record<"visible" | "durable" | "call" | "put", number[]>;

const textOf = (name: string): string => `text ${name}`;
let held: unknown;

/** A space without a network: what it shows comes from this device. */
function offline(name: string): Space<DocumentState> {
  return open<DocumentState>({
    gateway: GATEWAY,
    space: name,
    model: documentModel,
    token: async () => "token",
    platform: { fetch: () => Promise.reject(new TypeError("no network")) },
  });
}

/** Makes a space with so many records that this device has fetched: a snapshot. Returns the bytes of its state. */
async function fill(name: string, count: number): Promise<number> {
  const { clock, chance } = browserPlatform();
  const gateway = memoryGateway({ clock, chance, url: GATEWAY });
  gateway.createSpace(name);
  let seq = 1;
  for (let from = 0; from < count; from += RECORDS_IN_UPDATE) {
    const tasks = rows(Math.min(RECORDS_IN_UPDATE, count - from), from);
    gateway.write(name, { author: ADA, seq, updates: [{ kind: "merge", data: { tasks } }] });
    seq += 1;
  }
  await gateway.rollUp(name, { snapshot: true });
  const space = open<DocumentState>({
    gateway: GATEWAY,
    space: name,
    model: documentModel,
    token: async () => gateway.token({ spaces: [name], rights: ["read", "write"] }),
    platform: { fetch: gateway.page().fetch },
  });
  await space.sync();
  const text = JSON.stringify(space.state);
  space.close();
  const raw = await openRaw(textOf(name));
  await raw.put("state", text);
  raw.close();
  return text.length;
}

/** From the first statement of the script, or another moment, to the state: in milliseconds. */
async function start(name: string, from: number = began): Promise<number[]> {
  const space = offline(name);
  await space.ready;
  held = space.state;
  const ms = performance.now() - from;
  space.close();
  if (Object.keys((held as { tasks?: object }).tasks ?? {}).length === 0) {
    throw new Error("nothing is stored");
  }
  return [ms];
}

/** The same by hand: the text from IndexedDB and `JSON.parse` of it, and that alone. */
async function byHand(name: string): Promise<number[]> {
  const raw = await openRaw(textOf(name));
  const text = (await raw.get("state")) as string;
  const read = performance.now();
  held = JSON.parse(text);
  const parsed = performance.now();
  raw.close();
  return [parsed - began, parsed - read];
}

/** So many updates one after the other, each until it is durable, in turns with a raw put of as many bytes. */
async function updates(name: string, count: number): Promise<Updated> {
  const space = offline(name);
  await space.ready;
  const raw = await openRaw("puts");
  const found: Updated = { visible: [], durable: [], call: [], put: [] };
  for (let n = 0; n < count; n += 1) {
    const data = { tasks: { [rowName(n % 500)]: { done: n % 2 === 0, slot: n } } };
    const from = performance.now();
    const receipt = space.update({ kind: "merge", data });
    held = space.state;
    found.visible.push(performance.now() - from);
    await receipt.durable;
    found.durable.push(performance.now() - from);
    const text = JSON.stringify({ at: new Date().toISOString(), kind: "merge", data });
    const again = performance.now();
    const done = raw.put(String(n), text);
    found.call.push(performance.now() - again);
    await done;
    found.put.push(performance.now() - again);
  }
  raw.close();
  space.close();
  return found;
}

/** One read of the state and of a member of a plain object, in milliseconds. */
async function reads(name: string, count: number): Promise<Record<"read" | "plain", number>> {
  const space = offline(name);
  await space.ready;
  const plain = { state: space.state };
  const timed = (from: { readonly state: DocumentState }): number => {
    const began = performance.now();
    for (let n = 0; n < count; n += 1) held = from.state;
    return (performance.now() - began) / count;
  };
  const each = { plain: timed(plain), read: timed(space) };
  space.close();
  return each;
}

/** Holds a space with its state, or what `JSON.parse` makes of its text. */
async function hold(name: string, isParsed: boolean): Promise<void> {
  if (isParsed) {
    const raw = await openRaw(textOf(name));
    held = JSON.parse((await raw.get("state")) as string);
    raw.close();
    return;
  }
  const space = offline(name);
  held = [space, space.retain()];
  await space.ready;
}

/** So many updates of a space with many records, one by one until durable, but not longer than this; per update. */
async function write(name: string, count: number, mostMs: number): Promise<number> {
  const space = offline(name);
  await space.ready;
  const from = performance.now();
  let made = 0;
  // What is changed into the same is no change.
  const first = Date.now();
  while (made < count && performance.now() - from < mostMs) {
    const data = {
      tasks: { [rowName((made * 7) % 1_000)]: { done: made % 2 === 0, slot: first + made } },
    };
    await space.update({ kind: "merge", data }).durable;
    made += 1;
  }
  const each = (performance.now() - from) / made;
  space.close();
  return each;
}

/** What the page takes, in bytes. */
async function memory(): Promise<number> {
  const { performance: asked } = globalThis as unknown as {
    performance: { measureUserAgentSpecificMemory(): Promise<{ bytes: number }> };
  };
  return (await asked.measureUserAgentSpecificMemory()).bytes;
}

const [task, name = ""] = location.hash.slice(1).split("=");
const begin = { start, byHand }[task ?? ""];
const started = begin?.(name);

const tools = {
  fill,
  start,
  updates,
  reads,
  hold,
  write,
  memory,
  /** What was measured while the page was loaded. */
  started: () => started ?? Promise.reject(new Error("nothing was started")),
  /** So that nothing is thought to be of no use. */
  held: () => typeof held,
  foldTimes,
  sealedTimes,
};

declare global {
  var bench: typeof tools;
}
globalThis.bench = tools;
