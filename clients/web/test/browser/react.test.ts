import { rm } from "node:fs/promises";
import { createElement, StrictMode } from "react";
import { renderToString } from "react-dom/server";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { documentModel, open } from "../../src/index.ts";
import { type Browser, type Engine, engines, launch, makeProfile, type Tab } from "./driver.ts";
import { App } from "./react-app.ts";
import type {} from "./react-page.ts";
import { begin, storedLabels, WAIT, type World } from "./world.ts";

/** The page as a server renders it: Node has no IndexedDB, and whoever asks for one gets an error. */
function rendered(gateway: string): string {
  const asked = vi.fn(() => {
    throw new Error("a server has no storage");
  });
  const fetched = vi.spyOn(globalThis, "fetch");
  Object.defineProperty(globalThis, "indexedDB", { get: asked, configurable: true });
  try {
    const space = open({ gateway, space: "todo", model: documentModel, token: async () => null });
    return renderToString(createElement(StrictMode, null, createElement(App, { space })));
  } finally {
    Reflect.deleteProperty(globalThis, "indexedDB");
    expect(asked).not.toHaveBeenCalled();
    expect(fetched).not.toHaveBeenCalled();
    fetched.mockRestore();
  }
}

let world: World;
beforeAll(async () => {
  world = await begin("./react-page.ts", (request, response) => {
    if (request.url !== "/rendered") return false;
    response.setHeader("content-type", "text/html; charset=utf-8");
    response.end(
      `<!doctype html><html lang="en"><meta charset="utf-8"><title>test</title><link rel="icon" href="data:,"><div id="app">${rendered(world.backend.url)}</div><script type="module" src="/script.js"></script></html>`,
    );
    return true;
  });
});
afterAll(() => world.close());

describe.each(engines)("React in %s", (engine: Engine) => {
  let browser: Browser;
  let profile: string;
  beforeAll(async () => {
    profile = await makeProfile();
    browser = await launch(engine, profile);
    await browser.open(world.site.url);
  });
  afterAll(async () => {
    await browser.close();
    await rm(profile, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 });
  });
  const shown = (tab: Tab, text: string): Promise<void> =>
    vi.waitFor(async () => expect(await tab.run(() => react.text())).toBe(text), WAIT);

  test.each([false, true])(
    "rendered on a server, taken over in strict mode: one handle (used before: %s)",
    async (isEarly) => {
      const space = `${engine}-${isEarly ? "early" : "late"}`;
      await world.backend.createSpace(space);
      const tab = await browser.open(`${world.site.url}rendered`);
      expect(await tab.run(() => react.text())).toBe("closed []");
      const from = world.backend.seen.length;
      await tab.run(
        (gateway, name, early) => react.make(gateway, name, early),
        world.backend.url,
        space,
        isEarly,
      );
      if (isEarly) await tab.run(() => react.put("early"));
      await tab.run(() => react.hydrate());
      await shown(tab, isEarly ? 'live ["early"]' : "live []");
      await tab.run(() => react.put("one"));
      await shown(tab, isEarly ? 'live ["early","one"]' : 'live ["one"]');
      expect(await tab.run(() => react.errors())).toEqual([]);
      expect(await tab.run(() => react.opened())).toHaveLength(1);
      await vi.waitFor(
        async () => expect(await storedLabels(world.backend, space)).toContain("one"),
        WAIT,
      );
      // One look at the store, however often it was mounted.
      const { sync = 0, info = 0, put = 0 } = world.backend.count(from, space);
      expect({ looks: sync - put, info }).toEqual({ looks: 1, info: 0 });
      await tab.run(() => react.unmount());
      await vi.waitFor(async () => expect(await tab.run(() => react.phase())).toBe("closed"), WAIT);
      expect(await tab.run(() => react.opened())).toHaveLength(1);
      await tab.close();
    },
  );
});
