/** How long a page takes to show what the device holds. */

import { expect, test } from "vitest";
import type {} from "./page.ts";
import { goal, median, scaled, tell, time, times } from "./report.ts";
import { inTab, onStage } from "./stage.ts";

const ROUNDS = 7;
/** Records, and the goal as a time or as a ratio. */
const SIZES = [
  ["100 KB", scaled(700), { ms: 50 }],
  ["1 MB", scaled(7_000), { ms: 60 }],
  ["10 MB", scaled(70_000), { ratio: 1.2 }],
] as const;

test("start", async () => {
  await onStage("page.ts", async (open) => {
    const lines: [string, string][] = [];
    for (const [name, count, limit] of SIZES) {
      const space = `start-${count}`;
      const bytes = await inTab(open, (tab) => tab.run((...of) => bench.fill(...of), space, count));
      const [states, stores, parses]: [number[], number[], number[]] = [[], [], []];
      const once = (task: string): Promise<number[]> =>
        inTab(open, (tab) => tab.run(() => bench.started()), `${task}=${space}`);
      for (let round = 0; round < ROUNDS; round += 1) {
        states.push(...(await once("start")));
        const [stored = Number.NaN, parse = Number.NaN] = await once("byHand");
        stores.push(stored);
        parses.push(parse);
      }
      const [state, stored, parse] = [median(states), median(stores), median(parses)];
      expect(state).toBeGreaterThan(0);
      const reached =
        "ms" in limit
          ? goal(state, limit.ms, `${limit.ms} ms`)
          : goal(state / parse, limit.ratio, `${limit.ratio} ×`);
      lines.push([
        `${name} (${(bytes / 1e6).toFixed(2)} MB)`,
        `${time(state)}: ${times(state, parse)} JSON.parse (${time(parse)}), ${times(state, stored)} ` +
          `IndexedDB's get and JSON.parse (${time(stored)}); ${reached}`,
      ]);
    }
    tell("Start: from the script's first statement to the state, offline", lines);
  });
});
