/** How long an update takes until it is seen, and until it is on the disk; and a read. */

import { expect, test } from "vitest";
import type { Updated } from "./page.ts";
import { goal, median, quantile, scaled, tell, time, times } from "./report.ts";
import { inTab, onStage } from "./stage.ts";

/** Records that are there already, side by side in one object, and how many updates are made. */
const SIZES = [
  [10, 1_000],
  [700, 1_000],
  [10_000, 200],
] as const;
const WARM_UP = 100;

test("update", async () => {
  await onStage("page.ts", async (open) => {
    for (const [count, updates] of SIZES) {
      const space = `update-${count}`;
      await inTab(open, (tab) => tab.run((...of) => bench.fill(...of), space, count));
      const made = await inTab(open, (tab) =>
        tab.run((...of) => bench.updates(...of), space, WARM_UP + scaled(updates)),
      );
      expect(made.visible.length).toBe(WARM_UP + scaled(updates));
      for (const list of Object.values(made)) list.splice(0, WARM_UP);
      tell(
        `Update: ${made.put.length} one by one, offline, beside ${count} records`,
        linesOf(made),
      );
    }
    const { read, plain } = await inTab(open, (tab) =>
      tab.run((...of) => bench.reads(...of), "update-700", scaled(1_000_000)),
    );
    const said = `${time(read)}: ${times(read, plain)} a member of a plain object`;
    tell("Read", [["the state", said]]);
  });
});

function linesOf({ visible, durable, call, put }: Updated): [string, string][] {
  const p99 = quantile(visible, 0.99);
  const ratio = median(durable) / median(put);
  const tenth = Math.ceil(durable.length / 10);
  const late = times(median(durable.slice(-tenth)), median(durable.slice(0, tenth)));
  const beside = (of: number, floor: number): string => `${time(of)}: ${times(of, floor)}`;
  return [
    ["a raw put: until its call returns, p50, p99", both(call)],
    ["visible, p50", beside(median(visible), median(call))],
    ["visible, p99", `${beside(p99, quantile(call, 0.99))}; ${goal(p99, 0.05, "50 µs")}`],
    ["a raw strict put: until durable, p50, p99", both(put)],
    ["durable, p50", `${beside(median(durable), median(put))}; ${goal(ratio, 1.5, "1.5 ×")}`],
    ["durable, p99", beside(quantile(durable, 0.99), quantile(put, 0.99))],
    ["durable, the last tenth beside the first", late],
  ];
}

function both(list: readonly number[]): string {
  return `${time(median(list))}, ${time(quantile(list, 0.99))}`;
}
