import { describe, expect, test } from "vitest";
import { cases } from "../../test/vectors.ts";
import { type Epoch, KEY_MAX } from "../core/ids.ts";
import {
  CARRIED_MS_MAX,
  clampKey,
  type Draw,
  isAhead,
  KeyClock,
  STRIDE_MAX,
  vouched,
} from "./key.ts";

type Step = { readonly random?: number; readonly range?: readonly [number, number] } & (
  | { readonly do: "first"; readonly now: number; readonly key: number }
  | { readonly do: "bump"; readonly taken: number; readonly key: number }
  | { readonly do: "wrote"; readonly key: number; readonly clean: boolean }
  | { readonly do: "saw"; readonly key: number; readonly now: number }
  | { readonly do: "reached"; readonly through: number }
);

interface KeyCase {
  readonly name: string;
  readonly own_last?: number;
  readonly seen: number;
  readonly steps: readonly Step[];
}

function take(clock: KeyClock, step: Step, draw: Draw): number | undefined {
  switch (step.do) {
    case "first":
      return clock.first(step.now, draw);
    case "bump":
      return clock.bump(step.taken, draw);
    case "wrote":
      clock.wrote(step.key, step.clean);
      return undefined;
    case "saw":
      clock.saw(step.key, step.now);
      return undefined;
    case "reached":
      clock.reached(step.through);
      return undefined;
  }
}

describe("keys.json", () => {
  test.each(cases<KeyCase>("keys", "cases"))("$name", ({ own_last, seen, steps }) => {
    const clock = new KeyClock({ ownLast: own_last, seen });
    for (const step of steps) {
      const asked: unknown[] = [];
      const key = take(clock, step, (min, max) => {
        asked.push([min, max]);
        return step.random ?? Number.NaN;
      });
      expect(asked).toEqual(step.range === undefined ? [] : [step.range]);
      if (step.do === "first" || step.do === "bump") expect(key).toBe(step.key);
    }
  });
});

const low: Draw = (min) => min;
const high: Draw = (_, max) => max;
const EPOCH = "0001-0000000000000007" as Epoch;

test("a key that the base remembers is passed over", () => {
  const clock = new KeyClock();
  clock.remember(EPOCH, 0, new Set([1_000, 1_001, 1_003]));
  expect(clock.first(1_000, low)).toBe(1_002);
  expect(clock.bump(1_002, low)).toBe(1_004);
  expect(clock.first(1_004, low)).toBe(1_004);
  // The same base says the same again.
  clock.remember(EPOCH, 0, new Set());
  expect([clock.isKnown(1_003), clock.isKnown(1_002), clock.lastKnown(0)]).toEqual([
    true,
    false,
    1_003,
  ]);
  clock.remember("0001-0000000000000008" as Epoch, 0, new Set());
  expect([clock.first(1_000, low), clock.lastKnown(0)]).toEqual([1_000, undefined]);
});

test("the last key is taken even where it is known", () => {
  const clock = new KeyClock();
  clock.remember(EPOCH, 0, new Set([KEY_MAX]));
  expect(clock.first(KEY_MAX + 5, low)).toBe(KEY_MAX);
});

test("nobody counts on from a time that a wrong clock wrote", () => {
  const now = 1_800_000_000_000;
  for (const through of [now + CARRIED_MS_MAX + 1, 4_070_908_800_000, KEY_MAX]) {
    const clock = new KeyClock();
    clock.reached(through);
    expect(clock.first(now, low)).toBe(now);
    expect(vouched(through, now)).toBe(0);
  }
  expect(vouched(now + 120_000, now)).toBe(now + 120_000);
  expect([isAhead(now + 120_001, now), isAhead(now + 120_000, now)]).toEqual([true, false]);
});

test("strides double up to the widest, and narrow again; hints carry them on", () => {
  const clock = new KeyClock();
  expect([clock.bump(10, high), clock.bump(12, high)]).toEqual([12, 16]);
  clock.wrote(16, false);
  expect(clock.first(0, high)).toBe(17 + 4);
  expect(new KeyClock(clock.hints).first(0, high)).toBe(17 + 4);
  for (let n = 0; n < 5; n += 1) clock.wrote(20, true);
  expect(clock.first(0, high)).toBe(21);
  for (let n = 0; n < 50; n += 1) clock.bump(0, low);
  expect(clock.bump(0, high)).toBe(STRIDE_MAX);
  expect(new KeyClock({ stride: 1e9 }).hints.stride).toBe(STRIDE_MAX);
  expect(new KeyClock({ stride: 0 }).hints.stride).toBe(1);
});

test("another author keeps what was seen", () => {
  const clock = new KeyClock({ ownLast: 70, seen: 50 });
  clock.forAuthor(undefined);
  expect(clock.hints).toEqual({ ownLast: undefined, seen: 50, reached: 0, stride: 1 });
  expect(clock.first(0, low)).toBe(51);
});

test("times outside the range of keys are its ends", () => {
  expect([-5, 1.7, 1e15].map(clampKey)).toEqual([0, 1, KEY_MAX]);
});
