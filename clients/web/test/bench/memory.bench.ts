/** How much memory a page takes that holds 10 MB of state. */

import { expect, test } from "vitest";
import type { Tab } from "../browser/driver.ts";
import type {} from "./page.ts";
import { scaled, tell, times } from "./report.ts";
import { inTab, onStage } from "./stage.ts";

/** The browser measures when it collects garbage next. */
async function memoryOf(tab: Tab): Promise<number> {
  await tab.command("HeapProfiler.enable", {});
  await tab.command("HeapProfiler.collectGarbage", {});
  const asked = tab.run(() => bench.memory());
  await tab.command("HeapProfiler.collectGarbage", {});
  return asked;
}

test("memory", async () => {
  await onStage("page.ts", async (open) => {
    const count = scaled(70_000);
    const bytes = await inTab(open, (tab) =>
      tab.run((...of) => bench.fill(...of), "memory", count),
    );
    const held = (isParsed: boolean): Promise<number> =>
      inTab(open, async (tab) => {
        const before = await memoryOf(tab);
        await tab.run((...of) => bench.hold(...of), "memory", isParsed);
        return (await memoryOf(tab)) - before;
      });
    const parsed = await held(true);
    const space = await held(false);
    expect(parsed).toBeGreaterThan(0);
    const mb = (n: number): string => `${(n / 1e6).toFixed(1)} MB`;
    tell(`Memory: a state of ${mb(bytes)} as JSON`, [
      ["what JSON.parse makes of it", mb(parsed)],
      ["an open space", `${mb(space)}: ${times(space, parsed)}`],
    ]);
  });
});
