import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { cases } from "../../test/vectors.ts";
import { Covered } from "./covered.ts";
import { type Author, idText, type UpdateId } from "./ids.ts";
import { type Json, parseJson } from "./json.ts";

type Id = readonly [Author, number];

interface SetCase {
  readonly name: string;
  readonly insert: readonly Id[];
  readonly text: string;
  readonly len: number;
  readonly asked: readonly Id[];
  readonly contains: readonly boolean[];
}

interface UnionCase {
  readonly name: string;
  readonly a: Json;
  readonly b: Json;
  readonly union: Json;
  readonly overlaps: boolean;
}

describe("vectors", () => {
  test.each(cases<SetCase>("covered", "sets"))("$name", (one) => {
    const set = new Covered(one.insert.map(([author, seq]) => ({ author, seq })));
    expect(set.toText()).toBe(one.text);
    expect(set.count).toBe(one.len);
    expect(one.asked.map(([author, seq]) => set.has(author, seq))).toEqual(one.contains);
    expect(Covered.parse(parseJson(one.text)).toText()).toBe(one.text);
  });

  test.each(cases<UnionCase>("covered", "unions"))("$name", (one) => {
    const [a, b] = [Covered.parse(one.a), Covered.parse(one.b)];
    expect(a.union(b).toText()).toBe(JSON.stringify(one.union));
    expect(b.union(a).toText()).toBe(JSON.stringify(one.union));
    expect(a.overlaps(b)).toBe(one.overlaps);
    expect(b.overlaps(a)).toBe(one.overlaps);
    expect(a.toText()).toBe(JSON.stringify(one.a));
  });

  // A parser that gives values alone cannot tell that an author stands twice; a reader may take the last.
  const invalid = cases<{ name: string; text: string }>("covered", "invalid");
  test.each(invalid.filter(({ name }) => name !== "an author twice"))("$name", ({ text }) => {
    expect(() => Covered.parse(parseJson(text))).toThrow(
      expect.objectContaining({ kind: "corrupt", code: "malformed" }),
    );
  });
});

const authors = [0, 1, 2].map((n) => `019aa122-be00-7000-8000-00000000000${n}` as Author);
const last = Number.MAX_SAFE_INTEGER;
const anyId: fc.Arbitrary<UpdateId> = fc.record({
  author: fc.constantFrom(...authors),
  seq: fc.oneof(
    { weight: 4, arbitrary: fc.integer({ min: 1, max: 15 }) },
    { weight: 1, arbitrary: fc.integer({ min: last - 8, max: last }) },
  ),
});
const ids = fc.array(anyId, { maxLength: 24 });

function expectSame(covered: Covered, naive: ReadonlyMap<string, UpdateId>): void {
  expect(covered.count).toBe(naive.size);
  expect(covered.isEmpty).toBe(naive.size === 0);
  expect([...covered.ids()].map(idText).sort()).toEqual([...naive.keys()].sort());
  for (const author of authors) {
    const ranges = covered.ranges(author);
    for (const [n, [from, to]] of ranges.entries()) {
      expect(from).toBeLessThanOrEqual(to);
      const next = ranges[n + 1];
      if (next) expect(next[0] - to).toBeGreaterThan(1);
    }
    const own = [...naive.values()].filter((id) => id.author === author).map(({ seq }) => seq);
    expect(covered.lastOf(author)).toBe(own.length > 0 ? Math.max(...own) : undefined);
    for (const seq of [1, 2, 7, 15, 16, last - 9, last - 1, last]) {
      expect(covered.has(author, seq)).toBe(own.includes(seq));
    }
  }
}

const naiveOf = (all: readonly UpdateId[]): Map<string, UpdateId> =>
  new Map(all.map((id) => [idText(id), id]));

describe("it is the set that a list of ids is", () => {
  test("inserting and extending", () => {
    const step = fc.oneof(anyId, ids);
    fc.assert(
      fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
        const covered = new Covered();
        const naive = new Map<string, UpdateId>();
        for (const one of steps) {
          const before = covered.clone();
          const text = covered.toText();
          if ("author" in one) {
            expect(covered.insert(one)).toBe(!naive.has(idText(one)));
            naive.set(idText(one), one);
          } else {
            covered.extend(new Covered(one));
            for (const id of one) naive.set(idText(id), id);
          }
          expectSame(covered, naive);
          expect(before.toText()).toBe(text);
        }
      }),
    );
  });

  test("without, overlaps, union", () => {
    fc.assert(
      fc.property(ids, ids, (left, right) => {
        const [a, b] = [new Covered(left), new Covered(right)];
        const [in_a, in_b] = [naiveOf(left), naiveOf(right)];
        expectSame(a.union(b), new Map([...in_a, ...in_b]));
        expectSame(a.without(b), new Map([...in_a].filter(([id]) => !in_b.has(id))));
        expect(a.overlaps(b)).toBe([...in_a.keys()].some((id) => in_b.has(id)));
        expectSame(a, in_a);
        expectSame(b, in_b);
      }),
    );
  });

  test("equal sets have equal texts, and a text of another form is no set", () => {
    fc.assert(
      fc.property(ids, (all) => {
        const shuffled = [...all].reverse();
        expect(new Covered(all).toText()).toBe(new Covered(shuffled).toText());
      }),
    );
    const range = fc.tuple(fc.nat(9), fc.nat(9));
    const text = fc
      .array(fc.tuple(fc.constantFrom(...authors), fc.array(range, { maxLength: 4 })), {
        maxLength: 4,
      })
      .map((members) => {
        const parts = members.map(([author, ranges]) => `"${author}":${JSON.stringify(ranges)}`);
        return {
          json: `{${parts.join()}}`,
          isOnce: new Set(members.map(([a]) => a)).size === members.length,
        };
      });
    fc.assert(
      fc.property(text, ({ json, isOnce }) => {
        let read: Covered;
        try {
          read = Covered.parse(parseJson(json));
        } catch {
          return;
        }
        if (isOnce) expect(read.toText()).toBe(json);
      }),
      { numRuns: 500 },
    );
  });
});
