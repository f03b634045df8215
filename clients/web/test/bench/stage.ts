/** A fresh browser with a page of its own: a minified bundle on the loopback. */

import { type Tab, withBrowser } from "../browser/driver.ts";
import { serveSite } from "../browser/site.ts";

/** Opens the page in a new tab; `hash` tells it what to do while it loads. */
export type OpenTab = (hash?: string) => Promise<Tab>;

/** Runs `work` with a browser, whose pages run the script. What they store they share. */
export async function onStage<T>(script: string, work: (open: OpenTab) => Promise<T>): Promise<T> {
  const site = await serveSite({
    script: script.startsWith("/") ? script : new URL(script, import.meta.url).pathname,
    route(_, response) {
      // Isolated pages have a clock of 5 µs instead of 100, and may ask how much memory they take.
      response.setHeader("cross-origin-opener-policy", "same-origin");
      response.setHeader("cross-origin-embedder-policy", "require-corp");
      return false;
    },
  });
  try {
    return await withBrowser("chromium", (browser) =>
      work((hash = "") => browser.open(`${site.url}#${hash}`)),
    );
  } finally {
    await site.close();
  }
}

/** What a new tab answers; it is closed afterwards. */
export async function inTab<T>(
  open: OpenTab,
  ask: (tab: Tab) => Promise<T>,
  hash?: string,
): Promise<T> {
  const tab = await open(hash);
  try {
    return await ask(tab);
  } finally {
    await tab.close();
  }
}
