import { describe, expect, test } from "vitest";
import { cases } from "../../test/vectors.ts";
import { Covered } from "../core/covered.ts";
import { toBytes } from "../core/utf8.ts";
import { type Chain, chainAfterSegment, startOfChain } from "./chain.ts";
import { checkSnapshot, isKnownTo, reachedBy } from "./chain-use.ts";
import { platformOf } from "./platform.ts";
import { readSegment, type Segment, type SegmentHeader } from "./segment.ts";
import { readSnapshot } from "./snapshot.ts";
import { readSpace } from "./space.ts";

interface Story {
  readonly space: string;
  readonly rollups: readonly {
    readonly segment: readonly string[];
    readonly snapshot: readonly string[];
  }[];
}

const platform = platformOf(globalThis.crypto.subtle);

const stored = (lines: readonly string[]) => toBytes(lines.map((line) => `${line}\n`).join(""));

describe("the chain", () => {
  const story = cases<Story>("history", "stories")[0];
  if (!story) throw new Error("no story");
  const info = readSpace(story.space);
  const segments = () =>
    Promise.all(story.rollups.map(({ segment }) => readSegment(stored(segment), { platform })));

  function fault(chain: Chain, segment: Segment, version = 1): string {
    try {
      chainAfterSegment(chain, segment, version);
    } catch (error) {
      return error instanceof Error && "code" in error ? String(error.code) : "?";
    }
    return "none";
  }

  const but = (segment: Segment, header: Partial<SegmentHeader>): Segment => ({
    ...segment,
    header: { ...segment.header, ...header },
  });

  test("what does not fit it is corrupt, and named", async () => {
    const [first, second] = await segments();
    if (!first || !second) throw new Error("no segments");
    const start = startOfChain(info);
    const after = chainAfterSegment(start, first, 1);
    expect(fault(after, second)).toBe("none");
    const base = {
      ...second.header,
      modelVersion: 1,
      sealed: undefined,
      rejected: { count: 0, list: [] },
      touched: new Map(),
    };
    const wrong: readonly (readonly [Chain, Segment, number?])[] = [
      [start, second],
      [after, first],
      [after, but(second, { space: "others" })],
      [after, but(second, { previous: undefined })],
      [after, but(second, { previous: second.digest })],
      [after, but(second, { segment: 3 })],
      [{ ...after, modelVersion: 2 }, second],
      [after, second, 2],
      [after, but(second, { covered: first.header.covered, count: first.header.count })],
      [after, but(second, { carried: second.header.covered })],
      [after, but(second, { base })],
      [after, but(second, { count: 3 })],
    ];
    for (const [chain, segment, version] of wrong)
      expect(fault(chain, segment, version)).toBe("chain");
    // A writer that knows of no version says 0, which is as good as 1.
    expect(fault(after, but(second, { modelVersion: 0 }))).toBe("none");
  });

  test("a snapshot that stands for other segments is corrupt", async () => {
    const [first] = await segments();
    if (!first) throw new Error("no segment");
    const after = chainAfterSegment(startOfChain(info), first, 1);
    const snapshot = await readSnapshot(stored(story.rollups[0]?.snapshot ?? []), { platform });
    checkSnapshot(after, snapshot.header);
    for (const change of [
      { snapshot: 2 },
      { segment: "0".repeat(64) },
      { count: 1 },
      { covered: new Covered() },
    ]) {
      expect(() => checkSnapshot(after, { ...snapshot.header, ...change })).toThrow(
        expect.objectContaining({ kind: "corrupt", code: "chain" }),
      );
    }
  });

  test("keys near `through` are remembered, in order, and no others", () => {
    const through = 1_763_640_000_000;
    const keys = [
      through + 600_000,
      through - 600_000,
      through - 600_001,
      through + 600_001,
      through + 5,
      through,
    ];
    const chain = chainAfterSegment(startOfChain(info), carrying(keys, through), 1);
    expect([...chain.recent]).toEqual([through - 600_000, through, through + 5, through + 600_000]);
    expect(reachedBy(chain)).toBe(through + 5);
    expect(isKnownTo(chain, through, through)).toBe(true);
    expect(isKnownTo(chain, through, through + 600_001)).toBe(false);
    expect(isKnownTo(chain, through + 1, through)).toBe(false);
    const sequence = { ...startOfChain(info), order: "sequence" as const };
    const after = chainAfterSegment(sequence, carrying([1, 2], 2), 1);
    expect([...after.recent]).toEqual([]);
    expect([isKnownTo(after, 2, 0), isKnownTo(after, 3, 0)]).toEqual([true, false]);
  });

  test("of very many keys the newest are remembered", () => {
    const through = 1_763_640_000_000;
    const keys = Array.from({ length: 20_010 }, (_, n) => through - n);
    const { recent } = chainAfterSegment(startOfChain(info), carrying(keys, through), 1);
    expect(recent.size).toBe(20_000);
    expect(recent.has(through) && !recent.has(through - 20_000)).toBe(true);
  });

  function carrying(keys: readonly number[], through: number): Segment {
    const author = "019aa122-be00-7000-8000-00000000000a" as Segment["entries"][number]["author"];
    const entries = keys.map((key, n) => ({ author, seq: n + 1, key, update: "{}" }));
    return {
      header: {
        segment: 1,
        space: info.space,
        epoch: info.epoch,
        through,
        rolledAt: 0,
        fullAt: 0,
        modelVersion: 1,
        blind: false,
        previous: undefined,
        count: keys.length,
        covered: new Covered(entries),
        carried: new Covered(),
        base: undefined,
      },
      baseState: undefined,
      entries,
      digest: "0".repeat(64),
    };
  }
});
