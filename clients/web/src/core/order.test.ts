import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { cases } from "../../test/vectors.ts";
import { Covered } from "./covered.ts";
import { gaps, until } from "./gaps.ts";
import { type Author, idText } from "./ids.ts";
import type { Json } from "./json.ts";
import { type Order, sortTail, type Visible } from "./order.ts";

interface OrderCase {
  readonly name: string;
  readonly order: Order;
  readonly covered: Json;
  readonly visible: readonly Visible[];
  readonly sorted: readonly unknown[];
  readonly gaps: readonly unknown[];
}

const author = (n: number): Author => `019aa122-be00-7000-8000-00000000000${n}` as Author;
const visible = (
  list: readonly (readonly [key: number, author: number, seq: number])[],
): Visible[] => list.map(([key, a, seq]) => ({ key, author: author(a), seq, count: 1 }));

test.each(cases<OrderCase>("order", "cases"))("$name", (one) => {
  const covered = Covered.parse(one.covered);
  expect(sortTail(one.order, one.visible, covered)).toEqual(one.sorted);
  expect(gaps(one.visible, covered).map((id) => [id.author, id.seq])).toEqual(one.gaps);
});

test("a sequence goes up to the first key that is missing, and begins after what is rolled up", () => {
  const objects = visible([
    [3, 1, 1],
    [4, 2, 1],
    [6, 1, 2],
    [2, 3, 1],
  ]);
  const keys = (through: number, known?: (key: number) => boolean): number[] =>
    sortTail("sequence", objects, new Covered(), { through, ...(known ? { known } : {}) }).map(
      ({ key }) => key,
    );
  expect(keys(1)).toEqual([2, 3, 4]);
  expect(keys(2)).toEqual([3, 4]);
  expect(keys(0)).toEqual([]);
  expect(keys(1, (key) => key === 5)).toEqual([2, 3, 4, 6]);
});

describe("a moment of the past", () => {
  const taken = (take: (stretch: Visible[]) => Covered, list: Visible[]): string[] =>
    [...take(list).ids()].map((id) => `${id.author.slice(-1)}:${id.seq}`);

  test("never has an author's later update without the earlier one", () => {
    // The clock went back between the two: they count as one moment.
    const all = visible([
      [900, 1, 1],
      [500, 1, 2],
      [700, 2, 1],
    ]);
    expect(taken(until("timestamp", 600), all)).toEqual(["1:1", "1:2"]);
    // The first one is in a segment that did not know of the second.
    const parted = until("timestamp", 600);
    expect(
      taken(
        parted,
        visible([
          [900, 1, 1],
          [400, 2, 1],
        ]),
      ),
    ).toEqual(["2:1"]);
    expect(
      taken(
        parted,
        visible([
          [500, 1, 2],
          [600, 2, 2],
        ]),
      ),
    ).toEqual(["2:2"]);
  });
});

describe("properties", () => {
  const object = fc.record({
    key: fc.nat(30),
    author: fc.constantFrom(author(1), author(2), author(3)),
    seq: fc.integer({ min: 1, max: 8 }),
    count: fc.integer({ min: 1, max: 3 }),
  });
  const objects = fc.array(object, { maxLength: 12 });
  const covered = fc
    .array(
      fc.record({
        author: fc.constantFrom(author(1), author(2)),
        seq: fc.integer({ min: 1, max: 9 }),
      }),
    )
    .map((ids) => new Covered(ids));

  test("each uncovered update has one place, an author's in the order of their seqs", () => {
    fc.assert(
      fc.property(objects, covered, (list, base) => {
        const places = sortTail("timestamp", list, base);
        const expected = new Set<string>();
        for (const { author: by, seq: first, count } of list) {
          for (let seq = first; seq < first + count; seq += 1) {
            if (!base.has(by, seq)) expected.add(idText({ author: by, seq }));
          }
        }
        expect(places.map(idText).sort()).toEqual([...expected].sort());
        for (const [n, place] of places.entries()) {
          const later = places.slice(n + 1).filter(({ author: by }) => by === place.author);
          expect(later.every(({ seq }) => seq > place.seq)).toBe(true);
          const ofAuthor = places.filter(({ author: by }) => by === place.author);
          const least = ofAuthor.filter(({ seq }) => seq >= place.seq).map(({ key }) => key);
          expect(place.effective).toBe(Math.min(...least));
        }
      }),
    );
  });

  test("the order of reading means nothing", () => {
    const both = objects.chain((list) =>
      fc.tuple(fc.constant(list), fc.shuffledSubarray(list, { minLength: list.length })),
    );
    fc.assert(
      fc.property(
        both,
        covered,
        fc.constantFrom<Order>("timestamp", "sequence"),
        ([a, b], base, order) => {
          expect(sortTail(order, a, base)).toEqual(sortTail(order, b, base));
          expect(gaps(a, base)).toEqual(gaps(b, base));
        },
      ),
    );
  });

  test("what fills the gaps leaves none of them", () => {
    fc.assert(
      fc.property(objects, covered, (list, base) => {
        let missing = gaps(list, base);
        const more = [...list];
        for (let n = 0; n < 12 && missing.length > 0; n += 1) {
          more.push(...missing.map((id) => ({ ...id, key: 1, count: 1 })));
          missing = gaps(more, base);
        }
        expect(missing).toEqual([]);
      }),
    );
  });
});
