/** A space `todo` behind a gateway in memory, and a browser to open it in: what tests of spaces begin with. */

import type { Author } from "../src/core/ids.ts";
import { documentModel } from "../src/models/document.ts";
import { memoryBrowser } from "../src/testing/browser.ts";
import { manualClock, memoryGateway, seededChance } from "../src/testing.ts";

/** The space, a browser, a clock for both, and what `open` is told of the space. */
export function todo(author?: Author) {
  const clock = manualClock();
  const gateway = memoryGateway({ clock, chance: seededChance(1) });
  gateway.createSpace("todo");
  const rights = ["read", "write"] as const;
  const options = {
    gateway: gateway.url,
    space: "todo",
    model: documentModel,
    token: async () => gateway.token({ spaces: ["todo"], rights, ...(author && { author }) }),
  };
  return { clock, gateway, browser: memoryBrowser(clock), options };
}

/** The same with one tab of the browser. */
export function todoInTab(author?: Author) {
  const world = todo(author);
  const page = world.gateway.page();
  const { platform } = world.browser.tab({ fetch: page.fetch, chance: seededChance(2) });
  return { ...world, page, platform };
}
