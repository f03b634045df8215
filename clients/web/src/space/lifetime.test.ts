import { expect, test } from "vitest";
import { todoInTab } from "../../test/todo.ts";
import { documentModel } from "../models/document.ts";
import type { Stores } from "../store/port.ts";
import { seededChance } from "../testing.ts";
import { open } from "./space.ts";

/** A space in a browser whose local store can be slow, or be taken away. */
function world(slowMs = 0) {
  const { clock, gateway, browser, page, platform, options } = todoInTab();
  const stores: Stores = {
    ...browser.stores,
    open: async (name, events) => {
      if (slowMs > 0) await new Promise<void>((resolve) => void clock.after(slowMs, resolve));
      return browser.stores.open(name, events);
    },
  };
  const space = open({ ...options, platform, stores });
  return { clock, gateway, browser, page, space };
}

const milk = { kind: "merge", data: { milk: 1 } };

test("nothing is given up because the local copy takes long to open", async () => {
  const { clock, space } = world(5_000);
  const receipt = space.update(milk);
  const ready = space.ready.then(
    () => "ready",
    () => "failed",
  );
  await clock.advance(5_000);
  expect(await ready).toBe("ready");
  await clock.advance(1_000);
  expect(receipt.phase).toBe("confirmed");
  await clock.advance(2_000);
  expect(space.status.phase).toBe("closed");
});

test("a sync that takes long is waited for, by a page that does nothing else", async () => {
  const { clock, space, page } = world();
  page.faults = () => ({ delayMs: 4_000 });
  const synced = space.sync().then(
    () => "synced",
    (error: { code: string }) => error.code,
  );
  await clock.advance(60_000);
  expect(await synced).toBe("synced");
});

test("offline, a page with many updates keeps one timer for closing", async () => {
  const { clock, space, page } = world();
  page.faults = () => "lost";
  for (let n = 0; n < 100; n += 1) space.update({ kind: "merge", data: { n } });
  await clock.advance(1_000);
  let timers = 0;
  const { after } = clock;
  clock.after = (ms, task) => {
    if (ms === 1_000) timers += 1;
    return after.call(clock, ms, task);
  };
  await clock.advance(10_000);
  expect(timers).toBeLessThanOrEqual(11);
});

test("storage taken away under a page: it shows what it showed, is told, and goes on as another author", async () => {
  const { clock, gateway, browser, space, page } = world();
  space.retain();
  await clock.advance(1_000);
  const sent = space.update(milk);
  await clock.advance(1_000);
  expect(sent.phase).toBe("confirmed");
  const before = space.status.replica?.author;
  page.faults = () => "lost";
  const unsent = space.update({ kind: "merge", data: { bread: 1 } });
  await clock.advance(1_000);
  const name = `icecore ${gateway.url} todo`;
  await browser.stores.remove(name);
  await clock.advance(1_000);
  expect(space.status).toMatchObject({
    phase: "evicted",
    evicted: before,
    error: { code: "evicted" },
  });
  expect(space.state).toEqual({ milk: 1, bread: 1 });
  expect(unsent.phase).toBe("failed");
  await expect(unsent.confirmed).rejects.toMatchObject({ code: "evicted" });
  // Meanwhile it can be made durable nowhere.
  const meanwhile = space.update({ kind: "merge", data: { salt: 1 } });
  await expect(meanwhile.durable).rejects.toMatchObject({ code: "evicted" });
  page.faults = undefined;
  await clock.advance(60_000);
  expect(space.status).toMatchObject({ phase: "live", evicted: before, error: undefined });
  expect(space.state).toEqual({ milk: 1 });
  expect(space.status.replica?.author).not.toBe(before);
  expect(JSON.parse(await space.exportQueue())).toMatchObject({ data: { bread: 1 } });
  const again = space.update({ kind: "merge", data: { bread: 2 } });
  await clock.advance(1_000);
  expect(again.phase).toBe("confirmed");
  expect(space.status.role).toBe("leader");
});

test("a tab reads what another one has stored once for many updates, not once for each", async () => {
  const { clock, gateway, browser, page, space } = world();
  page.faults = () => "lost";
  const other = browser.tab({ fetch: page.fetch, chance: seededChance(3) });
  let reads = 0;
  const sibling = open({
    gateway: gateway.url,
    space: "todo",
    model: documentModel,
    token: async () => null,
    platform: other.platform,
    stores: {
      ...browser.stores,
      async open(name, events) {
        const store = await browser.stores.open(name, events);
        return {
          ...store,
          read: (tables, body) => {
            reads += 1;
            return store.read(tables, body);
          },
        };
      },
    },
  });
  space.retain();
  sibling.retain();
  await clock.advance(1_000);
  reads = 0;
  for (let n = 0; n < 200; n += 1) space.update({ kind: "merge", data: { [n]: n } });
  await clock.advance(1_000);
  expect(Object.keys(sibling.state)).toHaveLength(200);
  expect(reads).toBeLessThan(100);
});

test("a tab that is opened beside one that nobody sees knows at once how the space is", async () => {
  const { clock, gateway, browser, page, space } = world();
  space.retain();
  await clock.advance(200_000);
  expect(space.status.phase).toBe("live");
  const { platform } = browser.tab({ fetch: page.fetch, chance: seededChance(3) });
  const sibling = open({
    gateway: gateway.url,
    space: "todo",
    model: documentModel,
    token: async () => null,
    platform,
  });
  page.resetTraffic();
  sibling.retain();
  await clock.advance(100);
  expect(sibling.status).toMatchObject({ phase: "live", role: "follower" });
  expect(page.traffic).toMatchObject({ calls: 0, gets: 0 });
});
