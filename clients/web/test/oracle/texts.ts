/**
 * Updates at random, as texts: everything that trips a parser is in them.
 *
 * @module
 */

import fc from "fast-check";
import { typedText } from "./typed.ts";

/** The authors of a story. */
export const AUTHORS: readonly string[] = [0, 1, 2, 3].map(
  (n) => `019aa122-be00-7000-8000-00000000000${n}`,
);

const NAMES = [
  "a",
  "b",
  "seat",
  "10",
  "9",
  "__proto__",
  "é",
  "￿",
  "\u{10000}",
  "a/b",
  "~",
  "",
  "toString",
];

const name: fc.Arbitrary<string> = fc.oneof(
  { weight: 6, arbitrary: fc.constantFrom("a", "b", "seat", "p", "q") },
  { weight: 4, arbitrary: fc.constantFrom(...NAMES) },
  { weight: 1, arbitrary: fc.string({ unit: "binary", maxLength: 5 }) },
);

/** Numbers as text, in all the spellings that trip a parser. */
const number: fc.Arbitrary<string> = fc.oneof(
  fc.integer({ min: -9, max: 9 }).map(String),
  fc.bigInt({ min: -(2n ** 64n), max: 2n ** 65n }).map(String),
  fc
    .double({ noNaN: true, noDefaultInfinity: true })
    .map((n) => (Object.is(n, -0) ? "-0" : String(n))),
  fc.constantFrom(
    "-0",
    "-0.0",
    "1.0",
    "1e0",
    "1E+2",
    "1e21",
    "1e-7",
    "9007199254740993",
    "9007199254740993.0",
    "18446744073709551615",
    "18446744073709551616",
    "-9223372036854775808",
    "-9223372036854775809",
    "1e19",
    "1e400",
    "-1e400",
    "5e-324",
    "1e-400",
    "0.1",
    "100000000000000000000",
    "12345678901234567890e-1",
    "1.7976931348623157e308",
  ),
);

/** Text as JSON, in some of its spellings; some of it no text at all. */
const text: fc.Arbitrary<string> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.string({ unit: "binary", maxLength: 6 }).map((s) => JSON.stringify(s)),
  },
  {
    weight: 3,
    arbitrary: fc.constantFrom(
      '"x"',
      '"Milk"',
      '"\\u0061"',
      '"\\/"',
      '"\\ud83d\\ude00"',
      '"\\u0000"',
      '"\\u007f"',
      '"\u2028"',
    ),
  },
  {
    weight: 1,
    arbitrary: fc.constantFrom('"\\ud83d"', '"\\ude00"', '"\\ud83dx"', '"\\ude00\\ud83d"'),
  },
);

/** What may stand between the tokens of JSON. */
export const blank: fc.Arbitrary<string> = fc.constantFrom(
  "",
  "",
  "",
  "",
  " ",
  "\n",
  "\r\n",
  "\t ",
);

/** Any JSON, as a text. */
export const json: fc.Arbitrary<string> = fc.letrec<{ value: string }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 4, depthSize: "small" },
    number,
    text,
    fc.constantFrom("true", "false", "null"),
    fc
      .tuple(fc.array(tie("value"), { maxLength: 3 }), blank)
      .map(([items, gap]) => `[${gap}${items.join(`,${gap}`)}${gap}]`),
    fc
      .tuple(fc.array(fc.tuple(name, tie("value")), { maxLength: 3 }), blank)
      .map(([members, gap]) => objectText(members, gap)),
  ),
})).value;

/** An object as a text; a name may stand in it twice. */
export function objectText(members: readonly (readonly [string, string])[], gap: string): string {
  return `{${gap}${members.map(([key, value]) => `${JSON.stringify(key)}${gap}:${gap}${value}`).join(`,${gap}`)}${gap}}`;
}

/** A JSON pointer, good or bad. */
const pointer: fc.Arbitrary<string> = fc.oneof(
  {
    weight: 12,
    arbitrary: fc
      .array(name, { minLength: 1, maxLength: 3 })
      .map((tokens) =>
        tokens.map((t) => `/${t.replace(/~/g, "~0").replace(/\//g, "~1")}`).join(""),
      ),
  },
  { weight: 6, arbitrary: fc.constantFrom("/a", "/b", "/seat/p", "/seat/q") },
  {
    weight: 1,
    arbitrary: fc.constantFrom(
      "",
      "a",
      "/a~",
      "/a~2",
      "~",
      "/",
      "//",
      "/a".repeat(64),
      "/a".repeat(65),
    ),
  },
);

function byPointer(value: fc.Arbitrary<string>): fc.Arbitrary<string> {
  return fc
    .array(fc.tuple(pointer, value), { maxLength: 3 })
    .map((members) => objectText(members, ""));
}

const list = fc.array(json, { maxLength: 3 }).map((items) => `[${items.join(",")}]`);
const deep = fc.integer({ min: 60, max: 70 }).map((n) => `${'{"a":'.repeat(n)}1${"}".repeat(n)}`);

const great = fc.constantFrom(
  "18446744073709551615",
  "-9223372036854775808",
  "9223372036854775807",
  "1.7976931348623157e308",
  "-1.7976931348623157e308",
  "0.5",
);

/** An update's kind and data; some do not fit each other. */
const instruction: fc.Arbitrary<readonly [string, string]> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.tuple(
      fc.constant("merge"),
      fc.array(fc.tuple(name, json), { maxLength: 3 }).map((m) => objectText(m, "")),
    ),
  },
  { weight: 1, arbitrary: fc.tuple(fc.constant("merge"), deep) },
  { weight: 4, arbitrary: fc.tuple(fc.constantFrom("increment", "max", "min"), byPointer(number)) },
  { weight: 2, arbitrary: fc.tuple(fc.constant("increment"), byPointer(great)) },
  {
    weight: 1,
    arbitrary: fc.tuple(
      fc.constantFrom("increment", "max", "min", "add", "append", "remove"),
      byPointer(json),
    ),
  },
  { weight: 4, arbitrary: fc.tuple(fc.constantFrom("add", "append", "remove"), byPointer(list)) },
  {
    weight: 2,
    arbitrary: fc.tuple(
      fc.constant("delete"),
      fc.array(pointer, { maxLength: 3 }).map((p) => JSON.stringify(p)),
    ),
  },
  {
    weight: 2,
    arbitrary: fc.tuple(
      fc.constantFrom(
        "merge",
        "increment",
        "add",
        "append",
        "remove",
        "delete",
        "max",
        "note",
        "é",
      ),
      json,
    ),
  },
);

/** Dates, members of enums and objects of classes, set and changed field by field. */
const typedMerge: fc.Arbitrary<string> = fc
  .array(fc.tuple(fc.constantFrom("a", "b", "t", "u"), typedText), { minLength: 1, maxLength: 2 })
  .map(
    (members) =>
      `{"at":"2026-11-20T12:00:00.000Z","kind":"merge","data":${objectText(members, "")}}`,
  );

/** The text of one update. */
export const update: fc.Arbitrary<string> = fc.oneof(
  { weight: 5, arbitrary: typedMerge },
  {
    weight: 20,
    arbitrary: fc
      .tuple(
        instruction,
        fc.option(fc.tuple(fc.nat(3), fc.integer({ min: 1, max: 6 })), { freq: 8 }),
        fc.constantFrom(
          "",
          "",
          "",
          ',"x":1',
          ',"model_version":1',
          ',"resolves":null',
          ',"__proto__":{"a":1}',
        ),
        blank,
      )
      .map(([[kind, data], resolves, extra, gap]) => {
        const settles =
          resolves === null ? "" : `,"resolves":"${AUTHORS[resolves[0]]}:${resolves[1]}"`;
        const more = resolves !== null && extra.includes("resolves") ? "" : extra;
        return `{${gap}"at":"2026-11-20T12:00:00.000Z",${gap}"kind":${JSON.stringify(kind)},"data":${gap}${data}${settles}${more}}`;
      }),
  },
  { weight: 1, arbitrary: json },
  {
    weight: 1,
    arbitrary: fc.constantFrom(
      '{"kind":"merge"}',
      '{"at":"x","kind":"merge","data":{},"kind":"merge"}',
      '{"at":1,"kind":"merge","data":{}}',
      '{"at":"\\ud800","kind":"merge","data":{}}',
      '{"at":"x","kind":"merge","data":{},"resolves":5}',
      '{"at":"x","kind":"merge","data":{"a":1},"\\ud800":1}',
      '{"at":"x","kind":"merge","data":{"a":1},"x":1,"x":2}',
      '{"at":"x","kind":"merge","data":{},"model_version":"1"}',
      "[]",
      '"x"',
    ),
  },
);
