import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { cases } from "../../test/vectors.ts";
import { elementTexts, memberText } from "./text.ts";
import { modelVersionOf, readUpdate, writeUpdate } from "./update.ts";

interface Parts {
  readonly at: string;
  readonly kind: string;
  readonly data: string;
  readonly resolves?: string;
}

interface ObjectCase {
  readonly name: string;
  readonly body: unknown;
  readonly updates?: readonly {
    readonly text: string;
    readonly parts?: Parts;
    readonly model_version?: number;
  }[];
}

describe("vectors", () => {
  const objects = cases<ObjectCase>("update", "valid").filter((one) => one.updates !== undefined);
  test.each(objects)("$name", ({ body, updates = [] }) => {
    for (const { text, parts, model_version: version = 1 } of updates) {
      const update = readUpdate(text);
      expect(modelVersionOf(text)).toBe(version);
      if (parts === undefined) {
        expect(update, text).toBeUndefined();
        continue;
      }
      const { at, kind, data: dataText, resolves } = parts;
      expect(update, text).toMatchObject({ at, kind, dataText, modelVersion: version });
      expect(update?.resolves).toBe(resolves);
    }
    if (typeof body === "string") {
      const list = memberText(body, "updates") ?? "";
      const texts = elementTexts(list).map((text) => text.replace(/[\n\r]/g, " "));
      expect(texts).toEqual(updates.map(({ text }) => text));
    }
  });
});

const AT = '"at":"2025-11-20T12:00:00.000Z"';

describe("an update has parts", () => {
  test.each([
    [`{${AT},"kind":"merge","data":{"a":1}}`, '{"a":1}'],
    [`{${AT},"kind":"merge","data":null}`, "null"],
    [`{${AT},"kind":"merge","data":"x}"}`, '"x}"'],
    [`{${AT},"kind":"merge","data":12}`, "12"],
    [`{"data":[1],${AT},"kind":"x"}`, "[1]"],
    [
      `{${AT},"kind":"x","data":{"resolves":"a","model_version":2}}`,
      '{"resolves":"a","model_version":2}',
    ],
    [`{${AT},"kind":"x","data":1,"more":[{"data":2}]}`, "1"],
    [`{${AT},"kind":"x","data":{},"resolves":null}`, "{}"],
    [`{${AT},"kind":"x","data":{},"model_version":null}`, "{}"],
    [`{${AT},"k\\u0069nd":"x","data": {} }`, "{}"],
    [`{${AT},"kind":"a\\"b","data":{}}`, "{}"],
    [`{${AT},"kind":"x","data":{},"m":"\\ud83d"}`, "{}"],
    [`{${AT},"kind":"x","data":{},"m":1e400}`, "{}"],
    [` {${AT},"kind":"x","data":{}} `, "{}"],
  ])("%s", (text, dataText) => {
    expect(readUpdate(text)).toMatchObject({ at: "2025-11-20T12:00:00.000Z", dataText });
    expect(readUpdate(text)?.modelVersion).toBe(1);
    expect(readUpdate(text)?.resolves).toBeUndefined();
  });

  test.each([
    "7",
    '"text"',
    "[1,2,3]",
    "{}",
    "null",
    `{${AT},"kind":"x"}`,
    `{${AT},"data":{}}`,
    `{"kind":"x","data":{}}`,
    `{${AT},${AT},"kind":"x","data":{}}`,
    `{${AT},"kind":"x","kind":"x","data":{}}`,
    `{${AT},"kind":"x","data":{},"data":{}}`,
    `{${AT},"kind":"x","data":{},"resolves":"a","resolves":"a"}`,
    `{${AT},"kind":"x","data":{},"resolves":null,"resolves":"a"}`,
    `{${AT},"kind":"x","data":{},"model_version":2,"model_version":2}`,
    `{${AT},"kind":"x","data":{},"model_version":0}`,
    `{${AT},"kind":"x","data":{},"model_version":1.0}`,
    `{${AT},"kind":"x","data":{},"model_version":4294967296}`,
    `{${AT},"kind":"x","data":{},"model_version":"2"}`,
    `{${AT},"kind":"x","data":{},"resolves":7}`,
    `{${AT},"kind":1,"data":{}}`,
    `{"at":null,"kind":"x","data":{}}`,
    `{"at":"\\ud83d","kind":"x","data":{}}`,
    `{${AT},"kind":"\\ude00","data":{}}`,
    `{${AT},"kind":"x","data":{},"resolves":"\\ud83d"}`,
    `{${AT},"kind":"x","data":{},"\\ud83d":1}`,
  ])("not so %s", (text) => {
    expect(readUpdate(text)).toBeUndefined();
  });

  test("its version is told, with parts or without", () => {
    expect(
      readUpdate(`{${AT},"kind":"x","data":{},"model_version":4294967295}`)?.modelVersion,
    ).toBe(4294967295);
    expect(modelVersionOf('{"model_version":7}')).toBe(7);
    expect(modelVersionOf('{"key":1,"sealed":"x","model_version":3}')).toBe(3);
    expect(modelVersionOf('{"m\\u006fdel_version":7,"at":1,"at":2}')).toBe(7);
    for (const none of [
      "[]",
      '["model_version"]',
      '{"model_version":2,"model_version":2}',
      '{"x":{"model_version":2}}',
      '{"model_version":-1}',
      '{"model_version":1e0}',
      '{"\\ud83d":1,"model_version":2}',
    ]) {
      expect(modelVersionOf(none), none).toBe(1);
    }
  });

  test("what cannot be read is told with the kind", () => {
    const deep = (levels: number): string => `${"[".repeat(levels)}${"]".repeat(levels)}`;
    for (const [data, fault] of [
      ["1e400", "number-too-large"],
      ['"\\ud83d"', "half-surrogate"],
      [deep(65), "too-deep"],
      [deep(100_000), "too-deep"],
      [deep(64), undefined],
    ] as const) {
      for (const text of [
        `{${AT},"kind":"x","data":${data}}`,
        `{"data":${data},"kind":"x",${AT}}`,
      ]) {
        expect(readUpdate(text)?.fault).toBe(fault);
      }
    }
    // It is the depth of the data that counts, and no other.
    expect(
      readUpdate(`{${AT},"kind":"x","data":{},"more":${deep(100_000)}}`)?.fault,
    ).toBeUndefined();
  });
});

test("what is written is what is read, in one form", () => {
  const parts = fc.record({
    at: fc.string(),
    kind: fc.string({ unit: "grapheme" }),
    dataText: fc.oneof(fc.json(), fc.constantFrom('"}"', '",\\"model_version\\":2"', "1", "-0.5")),
    resolves: fc.option(fc.string(), { nil: undefined }),
    modelVersion: fc.constantFrom(undefined, 1, 2, 999_999_999, 4_294_967_295),
  });
  fc.assert(
    fc.property(parts, fc.boolean(), (given, isSpread) => {
      const text = writeUpdate(given);
      // With blanks and in another order it takes the other way through the reader.
      const { at, kind, data, resolves, model_version } = JSON.parse(text) as Record<
        string,
        unknown
      >;
      const other = JSON.stringify(
        { resolves, model_version, data, kind, at },
        null,
        isSpread ? 1 : 0,
      );
      const read = readUpdate(text);
      expect(read).toMatchObject({
        at: given.at,
        kind: given.kind,
        modelVersion: given.modelVersion ?? 1,
      });
      expect(read?.resolves).toBe(given.resolves);
      expect(read?.dataText).toBe(given.dataText.trim());
      expect({ ...readUpdate(other), dataText: "" }).toEqual({ ...read, dataText: "" });
    }),
    { numRuns: 500 },
  );
});

test("whatever the text is, nothing is thrown", () => {
  const almost = fc.array(
    fc.constantFrom(
      '{"at":"',
      '","kind":"',
      '","data":',
      "{}",
      "}",
      '"',
      "\\",
      ",",
      '"resolves":"',
      '"model_version":2',
      "[",
      "1",
    ),
  );
  fc.assert(
    fc.property(almost, (tokens) => {
      const text = tokens.join("");
      const update = readUpdate(text);
      if (update?.fault === undefined && update)
        expect(() => JSON.parse(update.dataText) as unknown).not.toThrow();
      expect(modelVersionOf(text)).toBeGreaterThan(0);
    }),
    { numRuns: 2_000 },
  );
});
