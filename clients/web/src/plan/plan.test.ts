import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Epoch } from "../core/ids.ts";
import { isIcecoreError } from "../errors.ts";
import { BACKOFF_MAX_MS, backoffMs } from "./backoff.ts";
import { planCatchUp } from "./catch-up.ts";
import { isDue, isOld, isSnapshotDue } from "./due.ts";
import type { Draw } from "./key.ts";
import { PACE } from "./pace.ts";
import { depthOf, isBack, listAfter, PAUSE_MAX_MS, pauseMs } from "./poll.ts";

const low: Draw = (min) => min;
const high: Draw = (_, max) => max;

type Listed = readonly (readonly [number, number])[];

/** The snapshot and the segments of a plan; the segment that is missing where there is none. */
function plan(have: number, snapshots: Listed, segments: Listed): unknown {
  try {
    const way = planCatchUp(have, new Map(snapshots), new Map(segments));
    return [way.snapshot, way.segments];
  } catch (error) {
    if (isIcecoreError(error) && error.kind === "corrupt") {
      const { segment } = error.params;
      return segment;
    }
    throw error;
  }
}

describe("the cheaper way", () => {
  test("is taken", () => {
    expect(plan(0, [], [])).toEqual([undefined, []]);
    expect(
      plan(
        0,
        [],
        [
          [1, 9],
          [2, 9],
        ],
      ),
    ).toEqual([undefined, [1, 2]]);
    expect(
      plan(
        0,
        [[2, 10]],
        [
          [1, 9],
          [2, 9],
          [3, 1],
        ],
      ),
    ).toEqual([2, [3]]);
    expect(
      plan(
        1,
        [[2, 10]],
        [
          [2, 9],
          [3, 1],
        ],
      ),
    ).toEqual([undefined, [2, 3]]);
    expect(plan(3, [[2, 10]], [[3, 1]])).toEqual([undefined, []]);
  });

  test("who has nothing takes the snapshot, cheaper or not", () => {
    expect(plan(0, [[1, 1_000]], [[1, 1]])).toEqual([1, []]);
  });

  test("a gap means the newest snapshot", () => {
    expect(
      plan(
        1,
        [[3, 1_000]],
        [
          [3, 1],
          [4, 1],
        ],
      ),
    ).toEqual([3, [4]]);
    expect(plan(1, [], [[3, 1]])).toBe(2);
    expect(plan(1, [[2, 1]], [[4, 1]])).toBe(3);
  });

  test("a snapshot newer than the listed segments counts", () => {
    expect(plan(1, [[3, 1]], [[2, 100]])).toEqual([3, []]);
  });

  test("segments that end before the newest snapshot are no way", () => {
    expect(plan(0, [[9, 500]], [])).toEqual([9, []]);
    expect(plan(0, [[9, 500]], [[1, 1]])).toEqual([9, []]);
    expect(plan(9, [[9, 500]], [])).toEqual([undefined, []]);
  });

  test("very many segments are no way to stop a reader", () => {
    const many = Array.from({ length: 300_000 }, (_, n) => [n + 1, 1] as const);
    expect(plan(299_998, [], many)).toEqual([undefined, [299_999, 300_000]]);
    expect(plan(0, [], [[9_999_999_999, 1]])).toBe(1);
  });

  test("always leads to the newest generation, without a gap, and is never dearer than another", () => {
    const sizes = fc.array(fc.tuple(fc.integer({ min: 1, max: 12 }), fc.nat(100)));
    fc.assert(
      fc.property(fc.nat(12), sizes, sizes, (have, snapshots, segments) => {
        const [ofSnapshots, ofSegments] = [new Map(snapshots), new Map(segments)];
        const last = Math.max(have, ...ofSnapshots.keys(), ...ofSegments.keys());
        const ways = [undefined, ...ofSnapshots.keys()].flatMap((snapshot) => {
          if (snapshot !== undefined && snapshot <= have) return [];
          const from = snapshot ?? have;
          const rest = Array.from({ length: last - from }, (_, n) => from + n + 1);
          const bytes = [
            ofSnapshots.get(snapshot ?? 0) ?? 0,
            ...rest.map((n) => ofSegments.get(n) ?? Number.NaN),
          ];
          const sum = bytes.reduce((a, b) => a + b, 0);
          return Number.isNaN(sum) ? [] : [{ snapshot, sum }];
        });
        const planned = plan(have, snapshots, segments);
        if (!Array.isArray(planned)) {
          const newest = Math.max(0, ...ofSnapshots.keys());
          // Older snapshots are not tried: where the newest one leads nowhere, none does.
          expect(
            ways.filter(({ snapshot }) => snapshot === undefined || snapshot === newest),
          ).toEqual([]);
          return;
        }
        const [snapshot, run] = planned as [number | undefined, number[]];
        const from = snapshot ?? have;
        expect(run).toEqual(Array.from({ length: last - from }, (_, n) => from + n + 1));
        const chosen = ways.find((way) => way.snapshot === snapshot);
        const bySegments = ways.find((way) => way.snapshot === undefined);
        expect(chosen).toBeDefined();
        if (have > 0 && bySegments) expect(chosen?.sum).toBeLessThanOrEqual(bySegments.sum);
      }),
    );
  });
});

describe("what is due", () => {
  test("again after its time, and where its time lies in the future", () => {
    const day = 86_400_000;
    expect([isDue(day - 1, 0, day), isDue(day, 0, day), isDue(0, 1, day)]).toEqual([
      false,
      true,
      true,
    ]);
  });

  test("to be deleted after its time, and where a wrong clock wrote it", () => {
    const hour = 3_600_000;
    const of = (now: number, since: number) => isOld(now, since, hour);
    expect([of(hour, 0), of(hour - 1, 0), of(0, hour - 1), of(0, 4_070_908_800_000)]).toEqual([
      true,
      false,
      false,
      true,
    ]);
  });

  test("a snapshot, by the sizes since the newest one", () => {
    const [kib, mib] = [1_024, 1_048_576];
    expect(isSnapshotDue(undefined, 0, 0)).toBe(true);
    expect(isSnapshotDue(64 * kib, 1, 0)).toBe(false);
    expect(isSnapshotDue(64 * kib, 1, 1)).toBe(true);
    expect(isSnapshotDue(64 * kib + 1, 16 * kib, 1)).toBe(false);
    expect(isSnapshotDue(64 * kib + 1, 16 * kib + 1, 1)).toBe(true);
    expect([isSnapshotDue(4 * mib, 1, 1), isSnapshotDue(4 * mib, 1, 2)]).toEqual([false, true]);
    expect([isSnapshotDue(4 * mib + 1, 1, 63), isSnapshotDue(4 * mib + 1, 1, 64)]).toEqual([
      false,
      true,
    ]);
  });
});

describe("pauses", () => {
  const seen = { isVisible: true, quietMs: 0, failures: 0 };

  test("are short while something happens, and long while nobody looks", () => {
    const between = (facts: typeof seen) => [pauseMs(facts, PACE, low), pauseMs(facts, PACE, high)];
    expect(between(seen)).toEqual([4_500, 5_500]);
    expect(between({ ...seen, quietMs: PACE.activeForMs })).toEqual([27_000, 33_000]);
    expect(between({ ...seen, isVisible: false })).toEqual([270_000, 330_000]);
  });

  test("grow with failures, to an end, and heed what the other side asks for", () => {
    expect(pauseMs({ ...seen, failures: 2 }, PACE, low)).toBe(18_000);
    expect(pauseMs({ ...seen, failures: 99 }, PACE, low)).toBe(0.9 * PAUSE_MAX_MS);
    expect(pauseMs({ ...seen, isVisible: false, failures: 99 }, PACE, high)).toBe(
      1.1 * PACE.hiddenMs,
    );
    expect(pauseMs({ ...seen, retryAfterMs: 90_000 } as typeof seen, PACE, high)).toBe(90_000);
  });

  test("after failed requests double up to ten seconds, spread by a half", () => {
    expect([backoffMs(0, low), backoffMs(0, high), backoffMs(1, low), backoffMs(3, high)]).toEqual([
      50, 100, 100, 800,
    ]);
    expect([backoffMs(99, low), backoffMs(99, high)]).toEqual([BACKOFF_MAX_MS / 2, BACKOFF_MAX_MS]);
    expect(backoffMs(0, high, 7_000)).toBe(7_000);
  });
});

describe("how far a poll looks", () => {
  const idle = {
    now: 700_000,
    lastList: 699_000,
    lastCheck: 699_000,
    isChanged: false,
    isBack: false,
  };

  test.each([
    ["only at the head", {}, false, false],
    ["at the updates when it changed", { isChanged: true }, true, false],
    ["at the updates after a minute", { lastList: 640_000 }, true, false],
    ["at everything after ten minutes", { lastCheck: 100_000 }, true, true],
    ["at everything at first", { lastList: undefined, lastCheck: undefined }, true, true],
    ["at everything when it went back", { isChanged: true, isBack: true }, true, true],
    ["at everything when asked to", { isForced: true }, true, true],
  ])("%s", (_, facts, list, check) => {
    expect(depthOf({ ...idle, ...facts })).toEqual({ list, check });
  });

  test("a head that says less, or is gone, tells of a store that was put back", () => {
    const head = {
      epoch: "0001-0000000000000000" as Epoch,
      generation: 3,
      snapshot: 1,
      through: 5,
      key: 9,
    };
    const at = { generation: 3 };
    expect(isBack(head, at, 10, true)).toBe(true);
    expect(isBack(head, at, 9, true)).toBe(false);
    expect(isBack({ ...head, generation: 4 }, at, 10, true)).toBe(false);
    expect([isBack(undefined, at, 0, true), isBack(undefined, at, 0, false)]).toEqual([
      true,
      false,
    ]);
  });

  test("listings start a minute before the last one, or before what is rolled up", () => {
    const now = 1_763_640_000_000;
    const at = {
      order: "timestamp",
      through: now - 300_000,
      listedAt: now - 10_000,
      now,
      check: false,
    } as const;
    expect(listAfter(at)).toBe(now - 70_000);
    expect(listAfter({ ...at, check: true })).toBe(now - 360_000);
    expect(listAfter({ ...at, listedAt: undefined })).toBe(now - 360_000);
    // Times in the future say nothing.
    expect(listAfter({ ...at, listedAt: now + 1 })).toBe(now - 360_000);
    expect(listAfter({ ...at, through: now + 120_001, listedAt: undefined })).toBeUndefined();
    expect(listAfter({ ...at, through: now + 120_001, check: true })).toBeUndefined();
    expect(listAfter({ ...at, through: now + 120_000, listedAt: undefined })).toBe(now - 60_000);
    expect(listAfter({ ...at, through: 60_000, check: true })).toBeUndefined();
    const sequence = { ...at, order: "sequence", through: 7 } as const;
    expect([listAfter(sequence), listAfter({ ...sequence, through: 0 })]).toEqual([7, undefined]);
  });
});
