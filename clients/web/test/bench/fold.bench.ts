/** How long folding takes beside `JSON.parse` of the same texts. */

import { expect, test } from "vitest";
import type {} from "./page.ts";
import { goal, scaled, tell, time, times } from "./report.ts";
import { inTab, onStage } from "./stage.ts";

test("fold", async () => {
  await onStage("page.ts", async (open) => {
    const count = scaled(100_000);
    const found = await inTab(open, (tab) => tab.run((n) => bench.foldTimes(n), count));
    const floor = found[0]?.[1] ?? Number.NaN;
    const state = found.find(([name]) => name === "JSON.parse of the state")?.[1] ?? Number.NaN;
    expect(floor).toBeGreaterThan(0);
    const lines = found.map(([name, ms]): [string, string] => {
      if (ms === floor || ms === state) return [name, time(ms)];
      if (name.startsWith("state")) return [name, `${time(ms)}: ${times(ms, state)}`];
      return [name, `${time(ms)}: ${times(ms, floor)}; ${goal(ms / floor, 1.5, "1.5 ×")}`];
    });
    tell(`Fold: ${count} updates`, lines);
  });
});

test("sealed", async () => {
  await onStage("page.ts", async (open) => {
    const count = scaled(20_000);
    const found = await inTab(open, (tab) => tab.run((n) => bench.sealedTimes(n), count));
    const [parse = Number.NaN, web = Number.NaN] = found.map(([, ms]) => ms);
    expect(web).toBeGreaterThan(0);
    const lines = found.map(([name, ms]): [string, string] => [
      name,
      `${time(ms / count)} each: ${times(ms, parse)} JSON.parse, ${times(ms, web)} Web Crypto`,
    ]);
    tell(`Sealed fold: ${count} updates, each under a key of its own`, lines);
  });
});
