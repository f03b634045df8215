/** What an idle hour costs: counted by the store in memory, which asks for permission (OPTIONS) as a browser does. */

import { expect, test } from "vitest";
import { documentModel, open } from "../../src/index.ts";
import { manualClock, memoryBrowser, memoryGateway, seededChance } from "../../src/testing.ts";
import { tell } from "./report.ts";

const HOUR = 3_600_000;

test("idle", async () => {
  const lines: [string, string][] = [];
  for (const [name, isSeen] of [
    ["seen", true],
    ["hidden", false],
  ] as const) {
    const clock = manualClock();
    const gateway = memoryGateway({ clock, chance: seededChance(1) });
    gateway.createSpace("todo");
    const page = gateway.page();
    const tab = memoryBrowser(clock).tab({ fetch: page.fetch, chance: seededChance(2) });
    const space = open({
      gateway: gateway.url,
      space: "todo",
      model: documentModel,
      token: async () => gateway.token({ spaces: ["todo"], rights: ["read", "write"] }),
      platform: tab.platform,
    });
    const end = space.retain();
    space.update({ kind: "merge", data: { milk: 1 } });
    tab.show(isSeen);
    await clock.advance(200_000);
    expect(space.status).toMatchObject({ phase: "live", unsent: 0 });
    page.resetTraffic();
    const seen = new Map<string, number>();
    page.faults = ({ method, path }) => {
      const file = /(head|space)\.json$/.exec(path)?.[0];
      const what = `${method} ${file ?? path.split("/").slice(0, 2).join("/")}`;
      seen.set(what, (seen.get(what) ?? 0) + 1);
      return undefined;
    };
    await clock.advance(HOUR);
    const { gets, notModified, lists, calls, puts, options } = page.traffic;
    expect(puts).toBe(0);
    lines.push([
      name,
      `${gets} GET (${notModified} of them 304), ${lists} LIST, ${calls} calls, ${options} OPTIONS: ` +
        [...seen].map(([what, count]) => `${count} × ${what}`).join(", "),
    ]);
    end();
    space.close();
  }
  tell("Idle hour, cross-origin: exact requests of one page", lines);
});
