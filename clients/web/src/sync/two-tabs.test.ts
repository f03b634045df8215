/**
 * One tab is slow while another one of the same browser enters an epoch: what the slow one then saves must not undo it.
 */

import { expect, test } from "vitest";
import { SPACE, site, update } from "../../test/site.ts";
import type { Author } from "../core/ids.ts";
import { memoryStores } from "../store/memory.ts";
import type { Stores } from "../store/port.ts";
import type { Faults } from "../testing/types.ts";
import { epochIn } from "./save.ts";

const X = "019aa122-be00-7000-8000-0000000000cc" as Author;
type Log = { data: unknown; author: string; seq: number }[];

/** Such requests take twenty seconds, half of them on the way there. */
const slow =
  (method: string, part: string): Faults =>
  (request) =>
    request.method === method && request.path.includes(part) ? { delayMs: 20_000 } : undefined;

/** Two tabs of one browser, both of which have looked. */
async function tabs() {
  const at = await site({ model: "log" });
  const stores = memoryStores();
  const [a, b] = [await at.open<Log>({ stores }), await at.open<Log>({ stores })];
  await a.synced();
  await b.synced();
  return { at, stores, a, b };
}

async function storedEpoch(stores: Stores): Promise<string | undefined> {
  const store = await stores.open("replica", { superseded() {}, gone() {} });
  return store.read(["meta"], epochIn);
}

test("what lands in an epoch that another tab has left stays queued, and is sent into the new one", async () => {
  const { at, a, b } = await tabs();
  await a.session.append([update("note", 1)]).durable;
  b.page.faults = slow("PUT", "updates");
  const sending = b.session.sync(new AbortController().signal);
  for (let n = 0; n < 20; n += 1) await at.clock.advance(50);
  await at.gateway.compress(SPACE);
  // It looks, and cannot send: what the first one sends is all that there is.
  a.page.faults = ({ method, path }) =>
    method === "PUT" && path.includes("updates") ? "lost" : undefined;
  expect((await a.sync(true)).newEpoch).toBe(true);
  await at.pass(sending);
  const fresh = await at.open<Log>();
  await fresh.synced();
  expect(fresh.session.state.map(({ data }) => data)).toEqual([1]);
});

test("a look at an epoch that another tab has left is not saved over its own", async () => {
  const { at, stores, a, b } = await tabs();
  a.page.faults = slow("POST", "sync");
  const looking = a.session.sync(new AbortController().signal, true);
  // It is answered, and the answer on its way.
  for (let n = 0; n < 220; n += 1) await at.clock.advance(50);
  const epoch = await at.gateway.compress(SPACE);
  await b.synced(true);
  expect(await storedEpoch(stores)).toBe(epoch);
  await at.pass(looking);
  expect(await storedEpoch(stores)).toBe(epoch);
});

test("what another tab may be sending keeps its id, though somebody else writes under it: it counts once", async () => {
  const { at, a, b } = await tabs();
  const { ids } = await a.session.append([update("note", "mine")]).durable;
  const { author, seq } = ids[0] ?? { author: X, seq: 0 };
  b.page.faults = slow("PUT", "updates");
  const sending = b.session.sync(new AbortController().signal);
  for (let n = 0; n < 20; n += 1) await at.clock.advance(50);
  at.gateway.write(SPACE, { author, seq, updates: [{ kind: "note", data: "a copy's" }] });
  a.page.faults = ({ method, path }) =>
    method === "PUT" && path.includes("updates") ? "lost" : undefined;
  expect((await a.sync(true)).newAuthor).toBe(undefined);
  await at.pass(sending);
  a.page.faults = undefined;
  for (const device of [a, b, a]) await device.synced(true);
  const fresh = await at.open<Log>();
  await fresh.synced();
  expect(fresh.session.state.filter(({ data }) => data === "mine")).toHaveLength(1);
});

test("as another author goes on only who has sent nothing: what was given up may still land", async () => {
  const at = await site({ model: "log" });
  const a = await at.open<Log>();
  await a.synced();
  const mine = update("note", "mine");
  const { ids } = await a.session.append([mine]).durable;
  const { author, seq } = ids[0] ?? { author: X, seq: 0 };
  a.page.faults = ({ method, path }) =>
    method === "PUT" && path.includes("updates") ? "hangs" : undefined;
  const ending = new AbortController();
  const sending = a.session.sync(ending.signal);
  for (let n = 0; n < 20; n += 1) await at.clock.advance(50);
  ending.abort();
  await at.pass(sending);
  await at.clock.advance(600_000);
  // Opened again, it is to write as somebody else.
  const again = await at.open<Log>({ stores: a.stores, author: X });
  again.page.faults = a.page.faults;
  const stopping = new AbortController();
  const looking = again.session.sync(stopping.signal, true);
  for (let n = 0; n < 20; n += 1) await at.clock.advance(50);
  stopping.abort();
  await at.pass(looking);
  again.page.faults = undefined;
  at.gateway.write(SPACE, { author, seq, updates: [{ kind: "note", data: "mine", at: mine.at }] });
  for (let n = 0; n < 3; n += 1) await again.sync(true);
  expect(again.session.state.map(({ data }) => data)).toEqual(["mine"]);
});
