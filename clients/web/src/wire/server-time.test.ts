import { expect, test } from "vitest";
import { serverTime } from "./server-time.ts";

type Observation = readonly [server: number, resolution: number, sent: number, received: number];

test.each<[string, Observation[], number | undefined]>([
  ["nothing seen", [], undefined],
  ["in sync, early in the second", [[5000, 1000, 5010, 5020]], 0],
  ["in sync, late in the second", [[5000, 1000, 5980, 5990]], 0],
  ["slow answer, in sync", [[5000, 1000, 3000, 9000]], 0],
  ["an exact answer, 10 s behind: half the round trip", [[15_020, 1, 5000, 5040]], 10_001],
  ["an exact answer, an hour ahead", [[5_020, 1, 3_605_000, 3_605_040]], -3_599_999],
  ["by a Date alone, the middle of the second", [[15_000, 1000, 5000, 5040]], 10_480],
  [
    "narrowed from below",
    [
      [15_000, 1000, 5000, 5040],
      [16_000, 1000, 6030, 6035],
    ],
    10_468,
  ],
  [
    "a clock jumped",
    [
      [15_000, 1, 5000, 5040],
      [16_000, 1, 15_990, 16_010],
    ],
    0,
  ],
  ["clock set back while waiting", [[15_000, 1000, 5000, 4000]], undefined],
  ["no time at all", [[Number.NaN, 1000, 5000, 5040]], undefined],
])("%s", (_, observations, expected) => {
  const time = serverTime();
  for (const observation of observations) {
    time.observe(...observation);
  }
  expect(time.offsetMs()).toBe(expected);
});

test("however requests fall, the bounds close in on the true difference", () => {
  for (const difference of [-86_400_000, -700, 300, 12_345]) {
    const time = serverTime();
    for (let n = 0; n < 200; n += 1) {
      const sent = 1_000_000 + n * 1_237;
      const delay = 20 + (n % 60);
      const server = Math.floor((sent + delay / 2 + difference) / 1_000) * 1_000;
      time.observe(server, 1_000, sent, sent + delay);
    }
    expect(Math.abs((time.offsetMs() ?? 0) - difference)).toBeLessThan(120);
  }
});
