import { expect, test } from "vitest";
import { todo } from "../../test/todo.ts";
import type { Author } from "../core/ids.ts";
import { isIcecoreError } from "../errors.ts";
import { type DocumentState, documentModel } from "../models/document.ts";
import { type LogState, logModel } from "../models/log.ts";
import { defineModel } from "../models/reducer.ts";
import { memoryBrowser } from "../testing/browser.ts";
import { seededChance } from "../testing.ts";
import { open } from "./space.ts";
import type { Space, SpaceOptions } from "./types.ts";

const ADA = "019aa122-be00-7000-8000-00000000000a" as Author;

/** A store, a browser, and a clock for both. */
function world() {
  const { clock, gateway, browser, options: usual } = todo();
  let seed = 10;
  const tabOf = (of = browser, options: Partial<SpaceOptions<DocumentState>> = {}) => {
    seed += 1;
    const page = gateway.page();
    const tab = of.tab({ fetch: page.fetch, chance: seededChance(seed) });
    const asked: string[] = [];
    const space = open({
      ...usual,
      token: async (why) => {
        asked.push(why);
        return usual.token();
      },
      platform: tab.platform,
      ...options,
    });
    return { tab, page, space, asked };
  };
  return { clock, gateway, browser, tabOf };
}

const put = (space: Space<DocumentState>, name: string, value: number) =>
  space.update({ kind: "merge", data: { [name]: value } });

test("nothing happens before it is used", async () => {
  const { clock, tabOf } = world();
  const { space, page, asked } = tabOf();
  await clock.advance(60_000);
  expect(space.state).toEqual({});
  expect(space.status.phase).toBe("closed");
  expect(page.traffic).toMatchObject({ calls: 0, gets: 0, puts: 0 });
  expect(asked).toEqual([]);
});

test("an update is visible at once, durable, then confirmed; another device sees it", async () => {
  const { clock, tabOf } = world();
  const one = tabOf();
  const other = tabOf(memoryBrowser(clock));
  const end = one.space.retain();
  other.space.retain();
  await clock.advance(10);
  const receipt = put(one.space, "milk", 1);
  expect(one.space.state).toEqual({ milk: 1 });
  expect(receipt.phase).toBe("making");
  await clock.advance(0);
  expect(receipt.phase).toBe("durable");
  expect(await receipt.durable).toBe(receipt.id);
  await clock.advance(1_000);
  expect(receipt.phase).toBe("confirmed");
  await receipt.confirmed;
  expect(one.space.status).toMatchObject({ phase: "live", unsent: 0, role: "leader" });
  await clock.advance(6_000);
  expect(other.space.state).toEqual({ milk: 1 });
  end();
});

test("what was made before the local copy was read is made after it", async () => {
  const { clock, tabOf } = world();
  const { space } = tabOf();
  const receipt = put(space, "milk", 1);
  await clock.advance(0);
  expect(await receipt.durable).toMatch(/^[0-9a-f-]{36}:1$/);
  expect(space.state).toEqual({ milk: 1 });
});

test("a space that nobody uses is closed once all is sent, and opens again", async () => {
  const { clock, tabOf } = world();
  const { space } = tabOf();
  put(space, "milk", 1);
  await clock.advance(5_000);
  expect(space.status.phase).toBe("closed");
  const end = space.retain();
  await space.ready;
  expect(space.state).toEqual({ milk: 1 });
  end();
});

test("mounted twice it is opened once", async () => {
  const { clock, tabOf } = world();
  const { space, page } = tabOf();
  space.retain()();
  const end = space.retain();
  await clock.advance(900);
  expect(space.status.phase).toBe("live");
  const { calls } = page.traffic;
  await clock.advance(1_000);
  expect(page.traffic.calls).toBe(calls);
  end();
});

test("two tabs: both write, one sends, both see everything", async () => {
  const { clock, gateway, browser, tabOf } = world();
  const one = tabOf(browser);
  const two = tabOf(browser);
  one.space.retain();
  two.space.retain();
  await clock.advance(100);
  put(one.space, "a", 1);
  put(two.space, "b", 2);
  await clock.advance(2_000);
  expect(one.space.state).toEqual({ a: 1, b: 2 });
  expect(two.space.state).toEqual({ a: 1, b: 2 });
  expect([one.space.status.role, two.space.status.role].sort()).toEqual(["follower", "leader"]);
  expect([one.page.traffic.puts > 0, two.page.traffic.puts > 0].sort()).toEqual([false, true]);
  expect(two.space.status.phase).toBe("live");
  const replica = one.space.status.replica;
  expect(replica?.author).toBe(two.space.status.replica?.author);
  // The one that sends is closed: the other one goes on.
  const [leader, follower] = one.space.status.role === "leader" ? [one, two] : [two, one];
  leader.tab.close();
  leader.space.close();
  const receipt = put(follower.space, "c", 3);
  await clock.advance(2_000);
  expect(receipt.phase).toBe("confirmed");
  expect(follower.space.status.role).toBe("leader");
  expect(gateway.bucket).toBeDefined();
});

test("offline it is told; what was written goes out when the network is back", async () => {
  const { clock, tabOf } = world();
  const { space, page, tab } = tabOf();
  space.retain();
  await clock.advance(1_000);
  page.faults = () => "lost";
  tab.cut(true);
  const receipt = put(space, "milk", 1);
  await clock.advance(60_000);
  expect(space.status).toMatchObject({ phase: "offline", unsent: 1 });
  expect(space.status.oldestUnsentMs).toBeGreaterThan(50_000);
  expect(receipt.phase).toBe("durable");
  page.faults = undefined;
  tab.cut(false);
  await clock.advance(2_000);
  expect(receipt.phase).toBe("confirmed");
  expect(space.status).toMatchObject({ phase: "live", unsent: 0, oldestUnsentMs: undefined });
});

test("a refused update fails, and the one that takes its id is confirmed when it is stored, not before", async () => {
  const { clock, gateway, tabOf } = world();
  gateway.createSpace("seats", { order: "sequence" });
  const { space, page } = tabOf(undefined, {
    space: "seats",
    token: async () => gateway.token({ spaces: ["seats"], rights: ["read", "write"] }),
  });
  space.retain();
  await clock.advance(1_000);
  page.faults = () => "lost";
  const refused = space.update({ kind: "increment", data: { "/a": 1 } });
  const waiting = put(space, "b", 2);
  await clock.advance(1_000);
  gateway.write("seats", {
    author: ADA,
    seq: 1,
    updates: [{ kind: "merge", data: { a: "text" } }],
  });
  const failed = refused.confirmed.catch((error: unknown) => error);
  // What was read and refused is known, and nothing can be sent.
  page.faults = ({ method }) => (method === "PUT" ? "lost" : undefined);
  await clock.advance(20_000);
  expect(space.refused).toHaveLength(1);
  const next = put(space, "c", 3);
  await clock.advance(1_000);
  expect([refused.phase, waiting.phase, next.phase]).toEqual(["failed", "durable", "durable"]);
  expect(isIcecoreError(await failed)).toBe(true);
  expect(waiting.id).not.toBe(next.id);
  page.faults = undefined;
  await clock.advance(400_000);
  expect([refused.phase, waiting.phase, next.phase]).toEqual(["failed", "confirmed", "confirmed"]);
  expect(space.status.unsent).toBe(0);
});

test("listeners hear of what they asked for, and of nothing after their end", async () => {
  const { clock, tabOf } = world();
  const { space } = tabOf();
  const heard: string[] = [];
  const ending = new AbortController();
  space.subscribe(() => heard.push("all"));
  space.subscribe(() => heard.push("a"), { path: "/a", signal: ending.signal });
  space.subscribe(() => heard.push("deep"), { path: "/x/b~1c" });
  await clock.advance(1_000);
  heard.length = 0;
  put(space, "b", 1);
  expect(heard).toEqual(["all"]);
  heard.length = 0;
  put(space, "a", 1);
  expect(heard).toEqual(["all", "a"]);
  heard.length = 0;
  space.update({ kind: "merge", data: { x: { "b/c": true } } });
  expect(heard).toEqual(["all", "deep"]);
  ending.abort();
  heard.length = 0;
  put(space, "a", 2);
  expect(heard).toEqual(["all"]);
});

test("storage that is gone between two visits is told by name, and no seq is used twice", async () => {
  const { clock, browser, gateway, tabOf } = world();
  const first = tabOf(browser);
  const receipt = put(first.space, "milk", 1);
  await clock.advance(5_000);
  const [before = ""] = (await receipt.durable).split(":");
  first.tab.close();
  // The browser deletes the local store; the marker stays.
  const evicted = { ...memoryBrowser(clock), witness: browser.witness };
  const tab = memoryBrowser(clock).tab({ fetch: gateway.page().fetch, chance: seededChance(77) });
  const { space } = tabOf(browser, {
    platform: { ...tab.platform, witness: evicted.witness },
  });
  space.retain();
  await clock.advance(0);
  expect(space.status.evicted).toBe(before);
  await clock.advance(2_000);
  expect(space.state).toEqual({ milk: 1 });
  const again = put(space, "bread", 1);
  await clock.advance(1_000);
  expect(again.phase).toBe("confirmed");
  expect(again.id?.startsWith(before)).toBe(false);
});

test("logging out asks; nothing that was not sent is lost by accident", async () => {
  const { clock, browser, tabOf } = world();
  const { space, page } = tabOf(browser);
  space.retain();
  await clock.advance(1_000);
  page.faults = () => "lost";
  put(space, "milk", 1);
  await clock.advance(1_000);
  const error = await space.forget().catch((reason: unknown) => reason);
  expect(isIcecoreError(error) && error.code).toBe("unsent");
  expect(isIcecoreError(error) && error.params).toEqual({ unsent: 1 });
  const sending = space.forget("send").catch((reason: unknown) => reason);
  await clock.advance(300_000);
  expect(isIcecoreError(await sending)).toBe(true);
  expect(space.status.unsent).toBe(1);
  const lines = await space.forget("export");
  expect(JSON.parse(lines ?? "")).toMatchObject({ kind: "merge", data: { milk: 1 } });
  expect(space.state).toEqual({});
  const next = tabOf(browser);
  next.space.retain();
  await clock.advance(1_000);
  expect(next.space.status).toMatchObject({ evicted: undefined, unsent: 0 });
  expect(next.space.state).toEqual({});
});

test("a token that may only read makes it read-only", async () => {
  const { clock, gateway, tabOf } = world();
  gateway.write("todo", { author: ADA, seq: 1, updates: [{ kind: "merge", data: { milk: 1 } }] });
  const { space } = tabOf(undefined, {
    token: async () => gateway.token({ spaces: ["todo"], rights: ["read"] }),
  });
  space.retain();
  await clock.advance(1_000);
  expect(space.state).toEqual({ milk: 1 });
  put(space, "bread", 1);
  await clock.advance(5_000);
  expect(space.status).toMatchObject({ phase: "read-only", unsent: 1 });
});

test("a token that is refused is asked for once more, and no more than that", async () => {
  const { clock, tabOf } = world();
  const asked: string[] = [];
  const { space } = tabOf(undefined, {
    token: async (why) => {
      asked.push(why);
      return "no.such.token";
    },
  });
  space.retain();
  await clock.advance(20_000);
  expect(space.status).toMatchObject({ phase: "stuck", error: { kind: "denied" } });
  expect(asked.length).toBeLessThanOrEqual(3);
});

test("what nobody can store is refused at once", () => {
  const { tabOf } = world();
  const { space } = tabOf();
  expect(() => space.update({ kind: "merge", data: { a: Number.NaN } })).toThrow();
  expect(() =>
    open({ gateway: "ftp://x", space: "todo", model: documentModel, token: async () => "" }),
  ).toThrow();
  expect(() =>
    open({
      gateway: "https://x.test",
      space: "Not a name",
      model: documentModel,
      token: async () => "",
    }),
  ).toThrow();
});

test("the state has the type of the model, also where that is made from the space's settings", () => {
  const from = { gateway: "https://x.test", space: "todo", token: async () => "" };
  const document: Space<DocumentState> = open({ ...from, model: documentModel });
  const log: Space<LogState> = open({ ...from, model: logModel });
  const counter = defineModel({
    name: "count",
    version: 1,
    initial: 0,
    apply: (n: number) => n + 1,
  });
  const own: Space<number> = open({ ...from, model: counter });
  expect([document.state, log.state, own.state]).toEqual([{}, logModel.initial(), 0]);
});
