import { expect, test } from "vitest";
import { type Device, SPACE, site, update } from "../../test/site.ts";
import type { Author } from "../core/ids.ts";
import type { Json } from "../core/json.ts";
import { reject } from "../core/reason.ts";
import type { Model } from "../models/model.ts";
import { defineModel } from "../models/reducer.ts";
import { memoryStores } from "../store/memory.ts";

const OTHER = "019aa122-be00-7000-8000-0000000000bb" as Author;

/** An account that nobody may overdraw. */
const account = defineModel<number, { kind: string; data: Json }>({
  name: "account",
  version: 1,
  initial: 10,
  apply: (state, { data }) =>
    state + Number(data) < 0 ? reject("overdrawn") : state + Number(data),
});
const model = () => account as Model<number>;
const options = { model: "account", order: "sequence" } as const;
const move = (data: number) => ({ kind: "move", data });

const bank = async () => {
  const at = await site(options);
  const open = (more = {}) => at.open<number>({ model, ...more });
  /** Two tabs of one browser, both of which have looked. */
  const tabs = async () => {
    const stores = memoryStores();
    const [a, b] = [await open({ stores }), await open({ stores })];
    await a.synced();
    await b.synced();
    return [a, b] as const;
  };
  return { at, open, tabs };
};
const make = (device: Device<number>, ...moves: number[]) =>
  device.session.append(moves.map((data) => update("move", data))).durable;

test("each takes the next place; who comes second checks again", async () => {
  const { at, open } = await bank();
  const [a, b] = [await open(), await open()];
  await a.synced();
  await b.synced();
  await make(a, -3, -1);
  await make(b, -2);
  await a.synced();
  await b.synced();
  expect([await a.synced(true), a.session.state][1]).toBe(4);
  expect(b.session.state).toBe(4);
  const places = at.gateway.bucket
    .paths(`spaces/${SPACE}/`)
    .filter((path) => path.includes("/updates/"));
  expect(places.map((path) => Number(path.slice(-13)))).toEqual([1, 2]);
});

test("what the new state refuses is set aside, with what others wrote, and the seqs close up", async () => {
  const { at, open } = await bank();
  const a = await open();
  await a.synced();
  await make(a, -4, -5, -1);
  at.gateway.write(SPACE, { author: OTHER, seq: 1, updates: [move(-3)] });
  const first = await a.sync();
  expect(first.confirmed).toHaveLength(1);
  expect(first.error).toMatchObject({ kind: "conflict", code: "refused" });
  expect(first.refused).toMatchObject({
    id: { seq: 2 },
    reason: { code: "app", params: { message: "overdrawn" } },
    since: [{ author: OTHER, seq: 1 }],
  });
  const second = await a.synced();
  expect(second.confirmed).toEqual([
    expect.objectContaining({ seq: 2, was: expect.objectContaining({ seq: 3 }) }),
  ]);
  expect(a.session.state).toBe(2);
  expect(a.session.kept).toHaveLength(1);
  expect(await a.session.drop(a.session.kept[0]?.number ?? 0)).toBe(true);
  expect(a.session.kept).toEqual([]);
  expect(await a.session.drop(7)).toBe(false);
});

test("what a sync tells of a refusal is what is kept of it: the id that it had then, and its first", async () => {
  const { at, open } = await bank();
  const a = await open();
  await a.synced();
  await make(a, -4, -5, -6);
  at.gateway.write(SPACE, { author: OTHER, seq: 1, updates: [move(-3)] });
  const told = [(await a.sync()).refused, (await a.sync()).refused];
  expect(told).toEqual(a.session.kept);
  const [first, second] = told;
  expect([first?.id.seq, first?.was, second?.id.seq, second?.was?.seq]).toEqual([
    2,
    undefined,
    2,
    3,
  ]);
});

test("what another tab may be sending is not set aside, though the state refuses it", async () => {
  const { at, tabs } = await bank();
  const [a, b] = await tabs();
  await make(a, -4);
  let puts = 0;
  b.page.faults = ({ method, path }) => {
    if (method !== "PUT" || !path.includes("/updates/")) return undefined;
    puts += 1;
    return "hangs";
  };
  const ending = new AbortController();
  const sending = b.session.sync(ending.signal);
  for (let n = 0; n < 100 && puts === 0; n += 1) await at.clock.advance(50);
  at.gateway.write(SPACE, { author: OTHER, seq: 1, updates: [move(-8)] });
  expect((await a.sync()).error).toMatchObject({ code: "busy" });
  expect(a.session.kept).toEqual([]);
  ending.abort();
  await at.pass(sending);
  await at.clock.advance(300_000);
  expect((await a.sync()).error).toMatchObject({ code: "refused" });
  expect(a.session.kept).toHaveLength(1);
});

test("what was rolled up and pruned takes no place twice", async () => {
  const { at, open } = await bank();
  const [a, b] = [await open(), await open()];
  await make(a, -1);
  await a.synced();
  await b.synced();
  await make(a, -1);
  await a.synced();
  await at.gateway.rollUp(SPACE, { snapshot: true });
  await at.clock.advance(2 * 86_400_000);
  await at.gateway.prune(SPACE);
  // To this one the second place looks free.
  await make(b, -5);
  const signal = new AbortController().signal;
  const synced = await at.pass(b.session.sync(signal));
  expect(synced.error).toBe(undefined);
  expect(b.session.state).toBe(3);
  await a.synced(true);
  expect(a.session.state).toBe(3);
});

test("what a newer program wrote holds the place, and nothing is written behind it", async () => {
  const { at, open } = await bank();
  const a = await open();
  await a.synced();
  const { epoch } = at.gateway.space(SPACE);
  at.gateway.bucket.put(
    `spaces/${SPACE}/${epoch}/updates/0000000000001`,
    new TextEncoder().encode('{"v":2}'),
  );
  await make(a, -1);
  expect((await a.sync(true)).error).toMatchObject({ kind: "invalid" });
  expect(a.session.status.unsent).toBe(1);
});

test("two tabs that send the same updates write them once", async () => {
  const { at, tabs } = await bank();
  const [a, b] = await tabs();
  await make(a, -1, -2);
  await make(b, -3);
  const signal = new AbortController().signal;
  const both = await at.pass(Promise.all([a.session.sync(signal), b.session.sync(signal)]));
  expect(both.map(({ error }) => error)).toEqual([undefined, undefined]);
  await a.synced(true);
  await b.synced(true);
  expect([a.session.state, b.session.state]).toEqual([4, 4]);
});

test("a place that holds more of ours than was sent is taken as it is", async () => {
  const { at, tabs } = await bank();
  const [a, b] = await tabs();
  await make(a, -1);
  let isFirst = true;
  a.page.faults = ({ method, path }) => {
    const isSlow = isFirst && method === "PUT" && path.includes("/updates/");
    if (isSlow) isFirst = false;
    return isSlow ? { delayMs: 4_000 } : undefined;
  };
  const signal = new AbortController().signal;
  const slow = a.session.sync(signal);
  await at.clock.advance(500);
  await make(b, -2);
  expect((await b.synced()).confirmed).toHaveLength(2);
  expect((await at.pass(slow)).error).toBe(undefined);
  for (const device of [a, b]) expect(await device.synced(true)).toMatchObject({ requeued: 0 });
  expect([a.session.state, b.session.state]).toEqual([7, 7]);
  const places = at.gateway.bucket
    .paths(`spaces/${SPACE}/`)
    .filter((path) => path.includes("/updates/"));
  expect(places).toHaveLength(1);
});

test("what another tab makes is seen while this one syncs", async () => {
  const { at, open } = await bank();
  const stores = memoryStores();
  const [a, b] = [await open({ stores }), await open({ stores })];
  await a.synced();
  a.page.faults = () => ({ delayMs: 20_000 });
  const slow = a.session.sync(new AbortController().signal);
  await at.clock.advance(100);
  await make(b, -3);
  expect(await a.session.refresh()).toBe(true);
  expect(a.session.state).toBe(7);
  a.page.faults = undefined;
  await at.pass(slow);
});
