/**
 * Vue and Solid on a server, by their own renderers, and what a page renders first when it takes over: the same. A renderer that takes over the server's
 * elements needs a page, and there is none here: `test/browser/hydration.test.ts`.
 */

import { createComponent, ssr as solidHtml, renderToString as solidText } from "solid-js/web";
import { expect, test, vi } from "vitest";
import { createSSRApp, h } from "vue";
import { renderToString as vueText } from "vue/server-renderer";
import { todoInTab } from "../test/todo.ts";
import type { DocumentState } from "./models/document.ts";
import { fromSpace, fromStatus } from "./solid.ts";
import { open } from "./space/space.ts";
import type { Space } from "./space/types.ts";
import { useSpace as refOfSpace, useStatus as refOfStatus } from "./vue.ts";

function world() {
  const { clock, browser, page, platform, options } = todoInTab();
  const opened = vi.spyOn(browser.stores, "open");
  const space = open({ ...options, platform: { ...platform, stores: browser.stores } });
  return { clock, opened, page, space };
}

const renderers: Record<string, (space: Space<DocumentState>) => Promise<string>> = {
  Vue: (space) => {
    const App = {
      setup() {
        const [list, status] = [refOfSpace(space, (state) => state["list"]), refOfStatus(space)];
        return () => h("p", `${status.value.phase} ${JSON.stringify(list.value ?? [])}`);
      },
    };
    return vueText(createSSRApp(App));
  },
  Solid: async (space) => {
    const app = () => {
      const [list, status] = [fromSpace(space, (state) => state["list"]), fromStatus(space)];
      return solidHtml(["<p>", "</p>"], `${status().phase} ${JSON.stringify(list() ?? [])}`);
    };
    return solidText(() => createComponent(app as never, {}));
  },
};

test.each(Object.keys(renderers))(
  "%s renders on a server, and opens nothing there",
  async (name) => {
    const { clock, opened, page, space } = world();
    const html = await renderers[name]?.(space);
    expect(html).toBe("<p>closed []</p>");
    await clock.advance(60_000);
    expect(opened).not.toHaveBeenCalled();
    expect(page.traffic.calls).toBe(0);
    expect(space.status.phase).toBe("closed");
  },
);

test.each(Object.keys(renderers))(
  "what a page of %s renders first is what the server rendered",
  async (name) => {
    const { space } = world();
    const served = await renderers[name]?.(space);
    vi.stubGlobal("window", {});
    const first = renderers[name]?.(space);
    vi.unstubAllGlobals();
    expect(await first).toBe(served);
    space.close();
  },
);
