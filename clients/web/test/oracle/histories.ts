/**
 * Histories at random, for the client and the oracle: what several authors wrote, in any order of arrival, some of it hostile.
 *
 * @module
 */

import fc from "fast-check";

/** An update object as it is stored. */
export interface StoredText {
  readonly key: number;
  readonly last_modified: number;
  readonly text: string;
}

/** What happens to a history, as the oracle reads it. */
export type Step =
  | { readonly rollup: { readonly now: number; readonly settled: number } }
  | { readonly compress: { readonly now: number; readonly epoch: string } };

/** A question to the oracle about a whole history. */
export interface Story {
  readonly ask: "story";
  readonly space: string;
  readonly secret?: string;
  readonly updates: readonly StoredText[];
  readonly steps: readonly Step[];
}

/** Times and keys are below this one. */
const END = 4_000;
/** The epochs of a story. */
const EPOCHS = ["0001-9f3c1e7a2b4d5c60", "0002-5d0e8a417c2b9f36", "0003-00000000000000ff"] as const;

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

const blank: fc.Arbitrary<string> = fc.constantFrom("", "", "", "", " ", "\n", "\r\n", "\t ");

const json: fc.Arbitrary<string> = fc.letrec<{ value: string }>((tie) => ({
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

function objectText(members: readonly (readonly [string, string])[], gap: string): string {
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

/** The text of one update. */
const update: fc.Arbitrary<string> = fc.oneof(
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

interface Put {
  readonly key: number;
  readonly stored: number;
  readonly updates: readonly string[];
  readonly again: readonly [number, number] | null;
  readonly lost: boolean;
}

const put: fc.Arbitrary<Put> = fc.record({
  key: fc.integer({ min: 1, max: 2_000 }),
  stored: fc.nat(END / 2),
  updates: fc.array(update, { minLength: 1, maxLength: 4 }),
  again: fc.option(fc.tuple(fc.integer({ min: 1, max: 2_000 }), fc.nat(END / 2)), { freq: 5 }),
  lost: fc.integer({ min: 0, max: 11 }).map((n) => n === 0),
});

/** Something that is no update object. */
const broken: fc.Arbitrary<string> = fc.constantFrom(
  "",
  "{",
  '{"v":1}',
  '{"v":2,"author":"x"}',
  "[]",
  "null",
  '{"v":1,"author":"X","seq":1,"updates":[1]}',
);

function store(
  objects: Map<number, StoredText>,
  key: number,
  lastModified: number,
  body: string,
): void {
  let free = key;
  while (objects.has(free)) free += 1;
  objects.set(free, { key: free, last_modified: lastModified, text: body });
}

function objectsOf(
  puts: readonly (readonly Put[])[],
  junk: readonly (readonly [number, string])[],
  isSequence: boolean,
): StoredText[] {
  const objects = new Map<number, StoredText>();
  let place = 0;
  for (const [n, ofAuthor] of puts.entries()) {
    let seq = 1;
    for (const { key, stored, updates, again, lost } of ofAuthor) {
      const body = `{"v":1,"author":"${AUTHORS[n]}","seq":${seq},"updates":[${updates.join(",")}]}`;
      seq += updates.length;
      place += 1;
      if (!lost) store(objects, isSequence ? place : key, stored, body);
      if (again !== null && !isSequence) store(objects, again[0], again[1], body);
    }
  }
  for (const [key, body] of junk) store(objects, isSequence ? place + 1 : key, key, body);
  return [...objects.values()];
}

const RULES = JSON.stringify({
  rules: [
    { rule: "unique", path: "/seat/*" },
    { rule: "max", path: "/a", value: 5 },
    { rule: "type", path: "/b", value: "number" },
    { rule: "required", path: "/a/b" },
    { rule: "one-of", path: "/*/10", value: ["x", 1] },
  ],
});

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc
      .tuple(fc.nat(END), fc.nat(1_000))
      .map(([now, young]) => ({ rollup: { now, settled: Math.max(0, now - young) } })),
  },
  { weight: 1, arbitrary: fc.constant({ compress: { now: END, epoch: "" } }) },
);

function spaceText(model: string, order: string): string {
  const settings = model === "document" ? `,"settings":${RULES}` : "";
  return (
    '{"v":1,"store":"019aa122-be00-7000-8000-000000000001","space":"s","epoch":"0001-9f3c1e7a2b4d5c60",' +
    `"model":{"name":"${model}"${settings}},"order":"${order}","created_at":"2025-11-20T12:00:00.000Z"}`
  );
}

/** Steps in the order of their times, epochs numbered in their order. */
function inOrder(steps: readonly Step[]): Step[] {
  const time = (s: Step): number => ("rollup" in s ? s.rollup.now : s.compress.now);
  const sorted = [...steps].sort((a, b) => time(a) - time(b));
  let epoch = 0;
  const kept: Step[] = [];
  for (const s of sorted) {
    if ("rollup" in s) kept.push(s);
    else {
      epoch += 1;
      const named = EPOCHS[epoch];
      if (named !== undefined) kept.push({ compress: { now: s.compress.now, epoch: named } });
    }
  }
  return kept;
}

/** A story in a space that is not encrypted. */
export const story: fc.Arbitrary<Story> = fc
  .record({
    puts: fc.array(fc.array(put, { maxLength: 5 }), { minLength: 1, maxLength: 4 }),
    junk: fc.array(fc.tuple(fc.integer({ min: 1, max: 2_000 }), broken), { maxLength: 1 }),
    steps: fc.array(step, { maxLength: 5 }),
    model: fc.constantFrom("document", "document", "document", "log"),
    order: fc.constantFrom("timestamp", "timestamp", "timestamp", "sequence"),
  })
  .map(({ puts, junk, steps, model, order }) => ({
    ask: "story" as const,
    space: spaceText(model, order),
    updates: objectsOf(puts, junk, order === "sequence"),
    steps: inOrder(steps),
  }));
