import { expect, test } from "vitest";
import { todo } from "../../test/todo.ts";
import type { Platform } from "../platform.ts";
import { seededChance } from "../testing.ts";
import type { Engine } from "./engine.ts";
import { loadEngine } from "./load.ts";
import { open } from "./space.ts";

const milk = { kind: "merge", data: { milk: 1 } };

/** A space in tabs of one browser, whose part that syncs comes as `engine` says. */
function world() {
  const { clock, gateway, browser, options } = todo();
  let seed = 1;
  return {
    clock,
    tabOf(engine: Platform["engine"]) {
      seed += 1;
      const page = gateway.page();
      const tab = browser.tab({ fetch: page.fetch, chance: seededChance(seed) });
      let loads = 0;
      const space = open({
        ...options,
        platform: {
          ...tab.platform,
          engine: () => {
            loads += 1;
            return engine();
          },
        },
      });
      return { tab, page, space, loads: () => loads };
    },
  };
}

const missing = (): Promise<Engine> => Promise.reject(new TypeError("no such file"));

/** What can be let come. */
function held(): { readonly engine: () => Promise<Engine>; come(): Promise<void> } {
  let come = (): void => undefined;
  const arrived = new Promise<void>((resolve) => {
    come = resolve;
  });
  return {
    engine: () => arrived.then(loadEngine),
    async come() {
      come();
      await loadEngine();
    },
  };
}

test("it is loaded once the space is used and shown, and once however often it is mounted", async () => {
  const { clock, tabOf } = world();
  const { engine, come } = held();
  const { space, loads } = tabOf(engine);
  await clock.advance(60_000);
  expect(loads()).toBe(0);
  space.retain()();
  space.retain();
  expect(loads()).toBe(0);
  await space.ready;
  await clock.advance(0);
  expect(loads()).toBe(1);
  await come();
  await clock.advance(5_000);
  expect(space.status).toMatchObject({ phase: "live", role: "leader" });
  expect(loads()).toBe(1);
});

test("without it updates are seen in the same call, and durable; it is asked for again, and then they go out", async () => {
  const { clock, tabOf } = world();
  let engine = missing;
  const { space, loads } = tabOf(() => engine());
  space.retain();
  await clock.advance(10);
  const receipt = space.update(milk);
  expect(space.state).toEqual({ milk: 1 });
  await clock.advance(0);
  expect(receipt.phase).toBe("durable");
  expect(space.status).toMatchObject({
    phase: "offline",
    unsent: 1,
    error: { kind: "unavailable", code: "code-missing" },
  });
  await clock.advance(600_000);
  expect(loads()).toBeGreaterThan(10);
  expect(loads()).toBeLessThan(150);
  engine = loadEngine;
  await clock.advance(20_000);
  expect(receipt.phase).toBe("confirmed");
  expect(space.status).toMatchObject({ phase: "live", unsent: 0, error: undefined });
});

test("it is asked for at once when somebody comes back", async () => {
  const { clock, tabOf } = world();
  let engine = missing;
  const { space, tab, loads } = tabOf(() => engine());
  space.retain();
  await clock.advance(60_000);
  engine = loadEngine;
  const before = loads();
  tab.show(false);
  await clock.advance(0);
  expect(loads()).toBe(before);
  tab.show(true);
  await clock.advance(1_000);
  expect(loads()).toBe(before + 1);
  expect(space.status.phase).toBe("live");
});

test("what needs it says that it is missing; what does not goes on", async () => {
  const { clock, tabOf } = world();
  const { space } = tabOf(missing);
  space.retain();
  await clock.advance(10);
  await space.update(milk).durable;
  const code = { code: "code-missing" };
  await expect(space.sync()).rejects.toMatchObject(code);
  await expect(space.at(0)).rejects.toMatchObject(code);
  await expect(space.transients()).rejects.toMatchObject(code);
  await expect(space.dismiss(1)).rejects.toMatchObject(code);
  // However often it was asked for, one attempt waits.
  expect(clock.waiting).toBe(1);
  await expect(space.forget("send")).rejects.toMatchObject(code);
  expect(JSON.parse(await space.exportQueue())).toMatchObject(milk);
  await expect(space.forget()).rejects.toMatchObject({ code: "unsent" });
  expect(JSON.parse((await space.forget("export")) ?? "")).toMatchObject(milk);
});

test("a page that ends before it came lost nothing, and does nothing when it comes", async () => {
  const { clock, tabOf } = world();
  const { engine, come } = held();
  const first = tabOf(engine);
  const receipt = first.space.update(milk);
  await clock.advance(0);
  expect(receipt.phase).toBe("durable");
  first.space.close();
  first.tab.close();
  await come();
  await clock.advance(60_000);
  expect(first.page.traffic).toMatchObject({ calls: 0, gets: 0, puts: 0 });
  const { space } = tabOf(loadEngine);
  space.retain();
  await clock.advance(1_000);
  expect(space.state).toEqual({ milk: 1 });
  expect(space.status).toMatchObject({ phase: "live", unsent: 0 });
});

test("a space is kept open until it came and sent what was made, also where nobody uses it", async () => {
  const { clock, tabOf } = world();
  const { engine, come } = held();
  const { space } = tabOf(engine);
  const receipt = space.update(milk);
  await clock.advance(60_000);
  expect(space.status).toMatchObject({ phase: "offline", unsent: 1 });
  await come();
  await clock.advance(5_000);
  expect(receipt.phase).toBe("confirmed");
  expect(space.status.phase).toBe("closed");
});

test("a tab without it shows what others write, and another tab sends what it writes", async () => {
  const { clock, tabOf } = world();
  const one = tabOf(loadEngine);
  const other = tabOf(missing);
  one.space.retain();
  other.space.retain();
  await clock.advance(1_000);
  one.space.update(milk);
  const receipt = other.space.update({ kind: "merge", data: { bread: 1 } });
  await clock.advance(5_000);
  expect(other.space.state).toEqual({ milk: 1, bread: 1 });
  expect(one.space.state).toEqual(other.space.state);
  expect(receipt.phase).toBe("confirmed");
  expect(other.space.status).toMatchObject({ role: "follower", unsent: 0 });
  expect(one.space.status.role).toBe("leader");
});
