import fc from "fast-check";
import { describe, expect, test, vi } from "vitest";
import { isIcecoreError } from "../../src/errors.ts";
import { planCatchUp } from "../../src/plan/catch-up.ts";
import { isSnapshotDue } from "../../src/plan/due.ts";
import { type Draw, KeyClock } from "../../src/plan/key.ts";
import { ask, hasOracle } from "./oracle.ts";

const RUNS = Math.ceil(Number(process.env["ICECORE_ORACLE_RUNS"] ?? 3_000) / 5);
vi.setConfig({ testTimeout: 60_000 + RUNS * 20 });

const time = fc.oneof(
  fc.integer({ min: 1_763_640_000_000, max: 1_763_640_400_000 }),
  fc.constantFrom(0, 1, 9_999_999_999_999, 1_766_232_000_001, 1_766_232_000_000, -5),
);
const key = time.map((t) => Math.max(0, t));
const random = fc.nat(20_000);

const keyStep = fc.oneof(
  fc.record({ do: fc.constant("first" as const), now: time, random }),
  fc.record({ do: fc.constant("bump" as const), taken: key, random }),
  fc.record({ do: fc.constant("wrote" as const), key, clean: fc.boolean() }),
  fc.record({ do: fc.constant("saw" as const), key, now: time }),
  fc.record({ do: fc.constant("reached" as const), through: key }),
);

const draw =
  (drawn: number): Draw =>
  (from, to) =>
    from + (drawn % (to - from + 1));

type KeyStep = typeof keyStep extends fc.Arbitrary<infer Step> ? Step : never;

function chosen(clock: KeyClock, step: KeyStep): number | null {
  switch (step.do) {
    case "first":
      return clock.first(step.now, draw(step.random));
    case "bump":
      return clock.bump(step.taken, draw(step.random));
    case "wrote":
      clock.wrote(step.key, step.clean);
      return null;
    case "saw":
      clock.saw(step.key, step.now);
      return null;
    case "reached":
      clock.reached(step.through);
      return null;
  }
}

const sizes = fc
  .uniqueArray(fc.tuple(fc.integer({ min: 1, max: 6 }), fc.nat(100)), { selector: ([g]) => g })
  .map((list) => list.sort(([a], [b]) => a - b));

describe.skipIf(!hasOracle)("the Rust core", () => {
  test("chooses the same keys", () => {
    const asked = fc.record({
      own_last: fc.option(key),
      seen: key,
      steps: fc.array(keyStep, { maxLength: 12 }),
    });
    fc.assert(
      fc.property(asked, ({ own_last, seen, steps }) => {
        const theirs = ask({ ask: "keys", own_last, seen, steps });
        const clock = new KeyClock({
          seen,
          reached: 0,
          stride: 1,
          ...(own_last !== null && { ownLast: own_last }),
        });
        const ours = steps.map((step) => chosen(clock, step));
        expect(ours).toEqual(theirs);
      }),
      { numRuns: RUNS },
    );
  });

  test("catches up by the same way", () => {
    fc.assert(
      fc.property(fc.nat(7), sizes, sizes, (have, snapshots, segments) => {
        const theirs = ask({ ask: "catch_up", have, snapshots, segments });
        let ours: unknown;
        try {
          const way = planCatchUp(have, new Map(snapshots), new Map(segments));
          ours = { snapshot: way.snapshot ?? null, segments: way.segments };
        } catch (error) {
          ours = { error: isIcecoreError(error) ? error.kind : "?" };
        }
        expect(ours).toEqual(theirs);
      }),
      { numRuns: RUNS },
    );
  });

  test("finds a snapshot due at the same sizes", () => {
    const bytes = fc.oneof(fc.nat(300_000), fc.nat(20_000_000));
    fc.assert(
      fc.property(fc.option(bytes), bytes, fc.nat(70), (snapshot, more, segments) => {
        const theirs = ask({ ask: "due", snapshot_bytes: snapshot, bytes: more, segments });
        expect(isSnapshotDue(snapshot ?? undefined, more, segments)).toBe(theirs);
      }),
      { numRuns: RUNS },
    );
  });
});
