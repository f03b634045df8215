import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type Body, bytesOf, cases } from "../../test/vectors.ts";
import type { Author } from "../core/ids.ts";
import { modelVersionOf, readUpdate } from "../core/update.ts";
import { byteLength, toBytes } from "../core/utf8.ts";
import { isIcecoreError } from "../errors.ts";
import { compareOwn, fitting, writeUpdateObject } from "./own-object.ts";
import {
  endOf,
  OBJECT_BYTES_MAX,
  OBJECT_UPDATES_MAX,
  readUpdateObject,
  UPDATE_BYTES_MAX,
  type UpdateObject,
} from "./update-object.ts";

interface Parts {
  readonly at: string;
  readonly kind: string;
  readonly data: string;
  readonly resolves?: string;
}

interface Valid {
  readonly name: string;
  readonly body: Body;
  readonly author: string;
  readonly seq: number;
  readonly end: number;
  readonly count: number;
  readonly updates?: readonly {
    readonly text: string;
    readonly parts?: Parts;
    readonly model_version?: number;
  }[];
  readonly exact: boolean;
}

interface Invalid {
  readonly name: string;
  readonly body: Body;
  readonly error: string;
}

const AUTHOR = "019aa122-be00-7000-8000-00000000000a" as Author;

describe("update.json", () => {
  test.each(cases<Valid>("update", "valid"))("$name", (valid) => {
    const bytes = bytesOf(valid.body);
    const object = readUpdateObject(bytes);
    const { author, seq, updates } = object;
    expect({ author, seq, end: endOf(object), count: updates.length }).toEqual({
      author: valid.author,
      seq: valid.seq,
      end: valid.end,
      count: valid.count,
    });
    for (const [n, expected] of (valid.updates ?? []).entries()) {
      const text = updates[n] ?? "";
      expect(text).toBe(expected.text);
      expect(modelVersionOf(text)).toBe(expected.model_version ?? 1);
      const update = readUpdate(text);
      expect(update === undefined).toBe(expected.parts === undefined);
      if (update && expected.parts) {
        const { at, kind, dataText: data, resolves } = update;
        expect({ at, kind, data, resolves }).toEqual({ resolves: undefined, ...expected.parts });
      }
    }
    const written = writeUpdateObject(object);
    expect(written === Buffer.from(bytes).toString("utf8")).toBe(valid.exact);
    // What was too large by its blanks alone may have become small, never the other way round.
    expect(readUpdateObject(written)).toEqual(object);
  });

  test.each(cases<Invalid>("update", "invalid"))("$name", ({ body, error }) => {
    expect(() => readUpdateObject(bytesOf(body), "a/path")).toThrow(
      expect.objectContaining({ kind: error, object: "a/path" }),
    );
  });
});

test("nobody writes in another one's name", () => {
  const body = writeUpdateObject({ author: AUTHOR, seq: 1, updates: ["{}"] });
  expect(readUpdateObject(body, undefined, AUTHOR).updates).toEqual(["{}"]);
  expect(() => readUpdateObject(body, undefined, "somebody else")).toThrow(
    expect.objectContaining({ kind: "corrupt", code: "malformed" }),
  );
});

test("the limit counts bytes, of text too", () => {
  const body = writeUpdateObject({ author: AUTHOR, seq: 1, updates: [`"${"é".repeat(524_240)}"`] });
  expect(byteLength(body)).toBeLessThanOrEqual(OBJECT_BYTES_MAX);
  expect(readUpdateObject(body).updates).toHaveLength(1);
  const larger = body.replace("é", "é".repeat(100));
  expect(larger.length).toBeLessThan(OBJECT_BYTES_MAX);
  expect(() => readUpdateObject(larger)).toThrow(expect.objectContaining({ kind: "corrupt" }));
});

const texts = fc.array(
  fc.json().map((json) => json.replaceAll(/[\n\r]/g, " ")),
  { minLength: 1, maxLength: 20 },
);

test("what is written is read", () => {
  fc.assert(
    fc.property(texts, fc.integer({ min: 1, max: 2 ** 40 }), (updates, seq) => {
      const object = { author: AUTHOR, seq, updates: updates.map((text) => text.trim()) };
      expect(readUpdateObject(toBytes(writeUpdateObject(object)))).toEqual(object);
    }),
  );
});

test("what is changed is read, or refused by an error of this package", () => {
  const change = fc.record({
    body: fc.constantFrom(...cases<Valid>("update", "valid").map(({ body }) => bytesOf(body))),
    at: fc.nat(300),
    less: fc.nat(4),
    put: fc.uint8Array({ maxLength: 4 }),
  });
  fc.assert(
    fc.property(change, ({ body, at, less, put }) => {
      const changed = [...body.slice(0, at), ...put, ...body.slice(at + less, at + 5_000)];
      try {
        readUpdateObject(Uint8Array.from(changed));
      } catch (error) {
        if (!isIcecoreError(error)) throw error;
        expect(["corrupt", "invalid"]).toContain(error.kind);
      }
    }),
  );
});

test("deep brackets are no way to stop a reader", () => {
  const deep = "[".repeat(300_000) + "]".repeat(300_000);
  const object = readUpdateObject(writeUpdateObject({ author: AUTHOR, seq: 1, updates: [deep] }));
  expect(object.updates[0]).toHaveLength(600_000);
  expect(() => readUpdateObject("[".repeat(1_000_000))).toThrow(
    expect.objectContaining({ kind: "corrupt" }),
  );
});

describe("what fits into one object", () => {
  test("at most so many updates, at most so many bytes, and one at least", () => {
    expect(fitting(Array(OBJECT_UPDATES_MAX + 1).fill("{}"))).toBe(OBJECT_UPDATES_MAX);
    expect(fitting([])).toBe(1);
    const half = `"${"x".repeat(UPDATE_BYTES_MAX / 2 - 3)}"`;
    expect(fitting([half, half, half])).toBe(2);
    expect(fitting([`${half} `, `${half} `])).toBe(1);
    expect(fitting(["x".repeat(2 * OBJECT_BYTES_MAX)])).toBe(1);
  });

  test("what fits is small enough to be read", () => {
    const lengths = fc.array(fc.integer({ min: 0, max: 400_000 }), { minLength: 1, maxLength: 6 });
    fc.assert(
      fc.property(lengths, (sizes) => {
        const updates = sizes
          .map((size) => `"${"é".repeat(size)}"`)
          .filter((text) => byteLength(text) < UPDATE_BYTES_MAX);
        fc.pre(updates.length > 0);
        const seq = 9_007_199_254_740_900;
        const body = writeUpdateObject({
          author: AUTHOR,
          seq,
          updates: updates.slice(0, fitting(updates)),
        });
        expect(byteLength(body)).toBeLessThanOrEqual(OBJECT_BYTES_MAX);
      }),
      { numRuns: 20 },
    );
  });
});

test("bytes of text are counted without making them", () => {
  fc.assert(
    fc.property(fc.string({ unit: "grapheme" }), (text) => {
      expect(byteLength(text)).toBe(toBytes(text).length);
    }),
  );
});

test("an occupant is the own object, a part of it, another writer's, or foreign", () => {
  const own: UpdateObject = { author: AUTHOR, seq: 3, updates: ["1", "2", "3"] };
  expect(compareOwn(own, own)).toBe(3);
  expect(compareOwn(own, { ...own, updates: ["1", "2"] })).toBe(2);
  expect(compareOwn(own, { ...own, updates: ["1", "2", "3", "4"] })).toBe(3);
  expect(compareOwn(own, { ...own, updates: ["1", "x"] })).toBe("another");
  expect(compareOwn(own, { ...own, seq: 4 })).toBe("foreign");
});
