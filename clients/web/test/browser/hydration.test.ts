import { rm } from "node:fs/promises";
import { generateHydrationScript, renderToString as renderSolid } from "solid-js/web";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { createSSRApp } from "vue";
import { renderToString as renderVue } from "vue/server-renderer";
import { type DocumentState, documentModel, open, type Space } from "../../src/index.ts";
import { type Browser, type Engine, engines, launch, makeProfile, type Tab } from "./driver.ts";
import { solidOnServer, vueApp } from "./hydrated-apps.ts";
import type {} from "./hydration-page.ts";
import { begin, storedLabels, WAIT, type World } from "./world.ts";

/** The page as a server renders it, and what has to stand in its head. */
const servers = {
  vue: {
    head: "",
    render: (space: Space<DocumentState>) => renderVue(createSSRApp(vueApp(space))),
  },
  solid: {
    head: generateHydrationScript(),
    render: async (space: Space<DocumentState>) => renderSolid(() => solidOnServer(space) as never),
  },
};
type Framework = keyof typeof servers;

let world: World;
async function rendered(framework: Framework): Promise<string> {
  const gateway = world.backend.url;
  const space = open({ gateway, space: "todo", model: documentModel, token: async () => null });
  const { head, render } = servers[framework];
  return `<!doctype html><html lang="en"><meta charset="utf-8"><title>test</title><link rel="icon" href="data:,">${head}<div id="app">${await render(space)}</div><script type="module" src="/script.js"></script></html>`;
}

beforeAll(async () => {
  world = await begin("./hydration-page.ts", (request, response) => {
    const framework = request.url?.slice(1) ?? "";
    if (framework !== "vue" && framework !== "solid") return false;
    response.setHeader("content-type", "text/html; charset=utf-8");
    void rendered(framework).then((html) => response.end(html));
    return true;
  });
});
afterAll(() => world.close());

describe.each(engines)("%s", (engine: Engine) => {
  let browser: Browser;
  let profile: string;
  beforeAll(async () => {
    profile = await makeProfile();
    browser = await launch(engine, profile);
  });
  afterAll(async () => {
    await browser.close();
    await rm(profile, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 });
  });
  const shown = (tab: Tab, text: string): Promise<void> =>
    vi.waitFor(async () => expect(await tab.run(() => hydration.text())).toBe(text), WAIT);

  // What the page held already was rendered over what the server had rendered: Vue told a mismatch, and Solid, which believes the server, went on
  // showing the server's text until something changed.
  test.each<[Framework, boolean]>([
    ["vue", false],
    ["vue", true],
    ["solid", false],
    ["solid", true],
  ])(
    "%s takes over what its server rendered: one handle, no mismatch (used before: %s)",
    async (framework, isEarly) => {
      const space = `${engine}-${framework}-${isEarly ? "early" : "late"}`;
      await world.backend.createSpace(space);
      const tab = await browser.open(`${world.site.url}${framework}`);
      expect(await tab.run(() => hydration.text())).toBe("closed []");
      await tab.run(
        (gateway, name, early) => hydration.make(gateway, name, early),
        world.backend.url,
        space,
        isEarly,
      );
      const first = await tab.run((name) => hydration.hydrate(name), framework);
      if (isEarly) expect(first).toBe('live ["early"]');
      await shown(tab, isEarly ? 'live ["early"]' : "live []");
      await tab.run(() => hydration.put("one"));
      await shown(tab, isEarly ? 'live ["early","one"]' : 'live ["one"]');
      expect(await tab.run(() => hydration.errors())).toEqual([]);
      expect(await tab.run(() => hydration.isServed())).toBe(true);
      expect(await tab.run(() => hydration.opened())).toHaveLength(1);
      await vi.waitFor(
        async () => expect(await storedLabels(world.backend, space)).toContain("one"),
        WAIT,
      );
      await tab.run(() => hydration.unmount());
      await vi.waitFor(
        async () => expect(await tab.run(() => hydration.phase())).toBe("closed"),
        WAIT,
      );
      expect(await tab.run(() => hydration.opened())).toHaveLength(1);
      await tab.close();
    },
  );
});
