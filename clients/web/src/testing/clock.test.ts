import { expect, test } from "vitest";
import { seededChance } from "./chance.ts";
import { manualClock, outsideTime } from "./clock.ts";

test("tasks run in order, each at its own moment, with what follows from it", async () => {
  const clock = manualClock(1_000);
  const seen: string[] = [];
  const note = (name: string) => (): void => {
    seen.push(`${name} ${clock.monotonic()} ${clock.now()}`);
  };
  clock.after(30, note("c"));
  clock.after(10, () => {
    note("a")();
    void Promise.resolve().then(() => clock.after(5, note("b")));
  });
  clock.after(20, note("never"))();
  clock.after(10, note("second"));
  await clock.advance(25);
  expect(seen).toEqual(["a 10 1010", "second 10 1010", "b 15 1015"]);
  await clock.advance(5);
  expect(seen.at(-1)).toBe("c 30 1030");
  expect(clock.waiting).toBe(0);
});

test("a clock that is set, and a device that sleeps", () => {
  const clock = manualClock(1_000);
  clock.set(500);
  expect([clock.now(), clock.monotonic()]).toEqual([500, 0]);
  clock.sleep(100);
  expect([clock.now(), clock.monotonic()]).toEqual([600, 0]);
});

test("no time passes while the platform is at work", async () => {
  const clock = manualClock();
  const at: number[] = [];
  void outsideTime(new Promise((resolve) => setTimeout(resolve, 20))).then(() => {
    at.push(clock.monotonic());
  });
  await clock.advance(1_000);
  expect(at).toEqual([0]);
});

test("chance is the same for the same seed, and spreads", () => {
  const draw = (seed: number): number[] => {
    const chance = seededChance(seed);
    return Array.from({ length: 1_000 }, () => chance.below(10));
  };
  expect(draw(1)).toEqual(draw(1));
  expect(draw(1)).not.toEqual(draw(2));
  for (let digit = 0; digit < 10; digit += 1) {
    expect(draw(3).filter((drawn) => drawn === digit).length).toBeGreaterThan(60);
  }
  expect(seededChance(1).bytes(4)).toHaveLength(4);
});
