import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { vectorText } from "../../test/vectors.ts";
import type { Author } from "../core/ids.ts";
import {
  canonical,
  isObject,
  type Json,
  type JsonObject,
  member,
  parseJson,
} from "../core/json.ts";
import { Rejected, reason } from "../core/reason.ts";
import { elementTexts, memberText } from "../core/text.ts";
import { readUpdate, type Update, writeUpdate } from "../core/update.ts";
import { worded } from "../words/words.ts";
import { RULES_MAX, VIOLATIONS_MAX } from "./document/rule.ts";
import { compareValues } from "./document/value.ts";
import { documentModel } from "./document.ts";
import type { Own } from "./model.ts";

/** Numbers of these cases may be beyond 2^53: values are taken as text. */
interface Case {
  readonly name: string;
  readonly settings: string;
  readonly before: string;
  readonly updates: readonly (readonly [kind: string, data: string])[];
  readonly canonical: string;
  readonly rejected: readonly number[];
  readonly reasons: Json;
  readonly violations: Json | undefined;
}

function caseOf(text: string): Case {
  const of = (name: string): string | undefined => memberText(text, name);
  const updates = elementTexts(of("updates") ?? "[]").map((one) => {
    const asText = memberText(one, "text");
    const data = asText === undefined ? memberText(one, "data") : String(JSON.parse(asText));
    return [String(JSON.parse(memberText(one, "kind") ?? "")), data ?? "null"] as const;
  });
  const violations = of("violations");
  return {
    name: String(JSON.parse(of("name") ?? "")),
    settings: of("settings") ?? "null",
    before: of("before") ?? "",
    updates,
    canonical: String(JSON.parse(of("canonical") ?? "")),
    rejected: JSON.parse(of("rejected") ?? "") as readonly number[],
    reasons: parseJson(of("reasons") ?? "[]"),
    violations: violations === undefined ? undefined : parseJson(violations),
  };
}

const place = { author: "019aa122-be00-7000-8000-00000000000a" as Author, seq: 1, key: 1 };
const KINDS = ["add", "append", "delete", "increment", "max", "merge", "min", "remove"];

function update(kind: string, dataText: string): Update {
  const read = readUpdate(writeUpdate({ at: "2025-11-20T12:00:00.000Z", kind, dataText }));
  if (!read) throw new Error("the update has no parts");
  return read;
}

function apply(
  state: JsonObject,
  kind: string,
  dataText: string,
  own: Own = new Set(),
): JsonObject | Rejected {
  return documentModel().apply(state, update(kind, dataText), place, own);
}

function read(text: string): JsonObject {
  const state = documentModel().read(1, text);
  if (!state) throw new Error("no state");
  return state;
}

const flat = (why: { code: string; params: object }): object => ({ code: why.code, ...why.params });

describe("vectors", () => {
  const all = elementTexts(vectorText("document")).map(caseOf);
  test.each(all)("$name", (one) => {
    const model = documentModel(parseJson(one.settings));
    for (const isShared of [false, true]) {
      const own: Own = new Set();
      let state = read(one.before);
      const rejected: number[] = [];
      const reasons: unknown[] = [];
      for (const [n, [kind, data]] of one.updates.entries()) {
        const before = canonical(state);
        const after = model.apply(state, update(kind, data), place, own);
        if (after instanceof Rejected) {
          rejected.push(n);
          reasons.push(flat(after.reason));
          expect(canonical(state)).toBe(before);
        } else {
          if (isShared) expect(canonical(state)).toBe(before);
          state = after;
        }
        if (isShared) own.clear();
      }
      expect(rejected).toEqual(one.rejected);
      expect(reasons).toEqual(one.reasons);
      expect(model.write(state)).toBe(one.canonical);
      if (one.violations === undefined) continue;
      const found = model
        .check(state)
        .toSorted((left, right) =>
          compareValues([left.rule, left.paths], [right.rule, right.paths]),
        )
        .map(({ rule, paths, reason: why }) => ({ rule, paths, ...flat(why) }));
      expect(found).toEqual(one.violations);
    }
  });

  test("there are as many as ever", () => {
    expect(all.length).toBeGreaterThanOrEqual(150);
  });
});

test("a rejection leaves no object on the way", () => {
  const before = read('{"a":{"b":"text"}}');
  for (const [kind, data] of [
    ["increment", '{"/a/b/c":1}'],
    ["increment", '{"/a/b":1,"/new/x":1}'],
    ["add", '{"/0/x":[1],"/a/b":[1]}'],
    ["append", '{"/0/x":[1],"/a/b/c":[1]}'],
    ["remove", '{"/a/b/c":[1]}'],
    ["delete", '["/a","/a/b/c"]'],
  ] as const) {
    expect(apply(before, kind, data, new Set([before])), `${kind} ${data}`).toBeInstanceOf(
      Rejected,
    );
    expect(canonical(before)).toBe('{"a":{"b":"text"}}');
  }
});

test("a part that fails late leaves the lists of the parts before it, though they may be changed in place", () => {
  const own: Own = new Set();
  const start = apply({}, "append", '{"/a":[1],"/b":[1]}', own) as JsonObject;
  const longer = apply(start, "append", '{"/a":[2],"/b":[2]}', own) as JsonObject;
  for (const kind of ["append", "add", "remove"]) {
    const failed = apply(longer, kind, '{"/a":[3,1],"/z/y":[1],"/b/c":[1]}', own);
    expect(failed).toBeInstanceOf(Rejected);
    expect(canonical(longer)).toBe('{"a":[1,2],"b":[1,2]}');
  }
});

test("a list that was a set by chance is none once something else was appended to it", () => {
  const own: Own = new Set();
  let state: JsonObject = {};
  for (const [kind, data] of [
    ["append", '{"/l":[1]}'],
    ["append", '{"/l":[2]}'],
    ["add", '{"/l":[2]}'],
    ["append", '{"/l":[0]}'],
    ["add", '{"/l":[1]}'],
  ] as const) {
    state = apply(state, kind, data, own) as JsonObject;
  }
  expect(canonical(state)).toBe('{"l":[0,1,2]}');
});

test("an update that is applied twice counts twice, though its data are those of the state", () => {
  const own: Own = new Set();
  const model = documentModel();
  const one = update("append", '{"/l":[1]}');
  const once = model.apply({}, one, place, own) as JsonObject;
  expect(canonical(model.apply(once, one, place, own) as JsonObject)).toBe('{"l":[1,1]}');
  expect(canonical(one.data)).toBe('{"/l":[1]}');
});

test("ten thousand levels are a rejection", () => {
  for (const [open, close] of [
    ["[", "]"],
    ['{"a":', "}"],
  ] as const) {
    for (const kind of KINDS) {
      const made = apply({}, kind, `${open.repeat(10_000)}1${close.repeat(10_000)}`);
      expect(made).toEqual(new Rejected(reason("too-deep", { kind })));
    }
  }
});

test("names that mean something in JavaScript are members, and change no prototype", () => {
  let state = apply({}, "merge", '{"__proto__":{"a":1},"constructor":{"b":2}}') as JsonObject;
  state = apply(
    state,
    "increment",
    '{"/__proto__/a":1,"/toString/x":5,"/hasOwnProperty":1}',
  ) as JsonObject;
  state = apply(state, "append", '{"/__proto__/list":[1]}') as JsonObject;
  expect(canonical(state)).toBe(
    '{"__proto__":{"a":2,"list":[1]},"constructor":{"b":2},"hasOwnProperty":1,"toString":{"x":5}}',
  );
  expect(Object.getPrototypeOf(state)).toBe(Object.prototype);
  expect(Object.hasOwn(Object.prototype, "a")).toBe(false);
  state = apply(state, "delete", '["/__proto__","/valueOf"]') as JsonObject;
  expect(member(state, "__proto__")).toBeUndefined();
});

test("an object with many members is copied as it is, and the one before stays", () => {
  const model = documentModel();
  const names = Array.from({ length: 1_500 }, (_, n) => `"name ${n}":${n}`).join();
  const text = `{"a":{"__proto__":{"x":1},"7":null,"constructor":2,${names}}}`;
  const before = parseJson(text) as JsonObject;
  const after = model.apply(before, update("merge", '{"a":{"name 3":"new"}}'), place, new Set());
  if (after instanceof Rejected) throw new Error("it was rejected");
  expect(canonical(before)).toBe(canonical(parseJson(text)));
  expect(canonical(after)).toBe(canonical(parseJson(text.replace('"name 3":3', '"name 3":"new"'))));
  expect(Object.getPrototypeOf(after["a"])).toBe(Object.prototype);
});

test("what is set to what it was stays the very same", () => {
  const state = read('{"a":{"b":1},"l":[1,2],"n":null}');
  for (const [kind, data] of [
    ["merge", '{"a":{"b":1},"x":null}'],
    ["merge", '{"a":{}}'],
    ["delete", '["/x","/a/y/z"]'],
    ["max", '{"/a/b":1}'],
    ["increment", '{"/a/b":0}'],
    ["add", '{"/l":[2]}'],
    ["remove", '{"/l":[5],"/q/r":[1]}'],
  ] as const) {
    expect(apply(state, kind, data)).toBe(state);
  }
  const after = apply(state, "merge", '{"l":[3]}') as JsonObject;
  expect(member(after, "a")).toBe(member(state, "a"));
});

describe("stored states", () => {
  const model = documentModel();
  test("what is no object does not fit", () => {
    for (const text of [
      "[]",
      "null",
      "1",
      "",
      "{",
      '{"a":1e400}',
      '{"a":"\\ud83d"}',
      "[".repeat(1e5),
    ]) {
      expect(() => model.read(1, text), text.slice(0, 20)).toThrow(
        expect.objectContaining({ kind: "corrupt", code: "misfit" }),
      );
    }
  });
  test("a newer one is held, an older one made anew", () => {
    expect(() => model.read(2, "{}")).toThrow(
      expect.objectContaining({
        kind: "invalid",
        code: "newer-model",
        params: { needed: 2, known: 1 },
      }),
    );
    expect(model.read(0, "{}")).toBeUndefined();
  });
});

describe("rules", () => {
  const settings = (rule: string, path: string, value?: unknown): unknown => ({
    rules: [{ rule, path, ...(value === undefined ? {} : { value }) }],
  });
  const broken = (given: unknown, state: string): (readonly [readonly string[], string])[] =>
    documentModel(given)
      .check(read(state))
      .map((found) => [found.paths, worded(found.reason, found.paths[0])] as const);
  const notes = '{"notes":{"1":{"title":"a"},"2":{"title":"b"},"3":{"title":"a"},"4":{}}}';

  test.each([
    [
      settings("unique", "/notes/*/title"),
      notes,
      [[["/notes/1/title", "/notes/3/title"], '2 values are `"a"`']],
    ],
    [
      settings("unique", "/l/*"),
      '{"l":[1,2,2,1]}',
      [
        [["/l/0", "/l/3"], "2 values are `1`"],
        [["/l/1", "/l/2"], "2 values are `2`"],
      ],
    ],
    [settings("unique", "/l/*"), '{"l":[1,"1",[1],true,1.5]}', []],
    [
      settings("unique", "/l/*"),
      '{"l":[{"a":1,"b":2},{"b":2.0,"a":1}]}',
      [[["/l/0", "/l/1"], '2 values are `{"a":1,"b":2}`']],
    ],
    [
      settings("required", "/notes/*/title"),
      notes,
      [[["/notes/4/title"], "`/notes/4/title` is missing"]],
    ],
    [settings("required", "/a/b"), "{}", [[["/a/b"], "`/a/b` is missing"]]],
    [settings("required", "/a/*/b"), "{}", []],
    [settings("required", "/toString"), "{}", [[["/toString"], "`/toString` is missing"]]],
    [settings("required", "/l/1"), '{"l":[0]}', [[["/l/1"], "`/l/1` is missing"]]],
    [settings("required", "/l/00"), '{"l":[0]}', [[["/l/00"], "`/l/00` is missing"]]],
    [settings("required", "/l/length"), '{"l":[0]}', [[["/l/length"], "`/l/length` is missing"]]],
    [settings("max", "/seats", 10), '{"seats":10}', []],
    [
      settings("max", "/seats", 10),
      '{"seats":10.5}',
      [[["/seats"], "`/seats` is 10.5, more than 10"]],
    ],
    [settings("max", "/seats", 10), '{"seats":"many"}', []],
    [settings("min", "/seats", 10), '{"seats":3}', [[["/seats"], "`/seats` is 3, less than 10"]]],
    [
      settings("type", "/a/*", "integer"),
      '{"a":{"x":1,"y":1.0,"z":1.5,"w":18446744073709551615}}',
      [[["/a/z"], "`/a/z` is a number, not a 64-bit integer"]],
    ],
    [
      settings("type", "/a/*", "string"),
      '{"a":["x",1]}',
      [[["/a/1"], "`/a/1` is a number, not text"]],
    ],
    [
      settings("one-of", "/s", ["open", "done"]),
      '{"s":"late"}',
      [[["/s"], '`/s` is `"late"`, none of the values allowed']],
    ],
    [settings("one-of", "/s", ["open", 1]), '{"s":1.0}', []],
    [settings("one-of", "/s", ["open"]), "{}", []],
  ])("%j of %s", (given, state, expected) => {
    expect(broken(given, state)).toEqual(expected);
  });

  test("they are named as in every other client", () => {
    const name = (given: unknown, state: string): string | undefined =>
      documentModel(given).check(read(state))[0]?.rule;
    expect(name(settings("max", "/a:b", 10), '{"a:b":11}')).toBe("max:/a:b:10");
    expect(name(settings("min", "/a", -0.5), '{"a":-1}')).toBe("min:/a:-0.5");
    expect(
      name(settings("max", "/a", parseJson("9007199254740993")), '{"a":9007199254740994}'),
    ).toBe("max:/a:9007199254740993");
    expect(name(settings("type", "/a", "string"), '{"a":1}')).toBe("type:/a:string");
    expect(name(settings("one-of", "/a", ["a", "b:[c"]), '{"a":1}')).toBe('one-of:/a:["a","b:[c"]');
  });

  test("other settings are refused with a hint", () => {
    const many = Array.from({ length: RULES_MAX + 1 }, () => ({ rule: "unique", path: "/a" }));
    for (const bad of [
      [],
      1,
      { rule: [] },
      { rules: {} },
      { rules: null },
      { rules: [1] },
      { rules: [{ rule: "unique" }] },
      { rules: [{ path: "/a" }] },
      { rules: [{ rule: "other", path: "/a" }] },
      { rules: [{ rule: "unique", path: "/a", value: 1 }] },
      { rules: [{ rule: "unique", path: "/a", value: null }] },
      { rules: [{ rule: "max", path: "/a" }] },
      { rules: [{ rule: "max", path: "/a", value: "1" }] },
      { rules: [{ rule: "type", path: "/a", value: "text" }] },
      { rules: [{ rule: "one-of", path: "/a", value: [] }] },
      { rules: [{ rule: "unique", path: "a" }] },
      { rules: [{ rule: "unique", path: "" }] },
      { rules: [{ rule: "unique", path: "/a~2" }] },
      { rules: [{ rule: "unique", path: "/a", more: 1 }] },
      { rules: many },
      JSON.parse('{"__proto__":[]}'),
    ]) {
      expect(() => documentModel(bad), JSON.stringify(bad).slice(0, 60)).toThrow(
        expect.objectContaining({ kind: "invalid", code: "settings", hint: expect.any(String) }),
      );
    }
    for (const good of [undefined, null, {}, { rules: [] }])
      expect(documentModel(good).touches).toBeUndefined();
  });

  test("what is listed is sorted and bounded, and the first that count are the first by name", () => {
    const twice = { rules: [0, 1].map(() => ({ rule: "max", path: "/l/*", value: -1 })) };
    const found = documentModel(twice).check({
      l: Object.fromEntries(
        Array.from({ length: 2 * VIOLATIONS_MAX }, (_, n) => [`k${2 * VIOLATIONS_MAX - n}`, n]),
      ),
    });
    expect(found).toHaveLength(VIOLATIONS_MAX);
    const paths = found.map((violation) => violation.paths[0] ?? "");
    expect(paths).toEqual([...paths].sort());
    expect(paths[0]).toBe("/l/k1");
    expect(paths.at(-1)).toBe("/l/k1899");
    const list = documentModel(twice).check({
      l: Array.from({ length: 2 * VIOLATIONS_MAX }, (_, n) => n),
    });
    expect(list).toHaveLength(VIOLATIONS_MAX);
    expect(list.some((violation) => violation.paths[0] === "/l/1000")).toBe(false);
  });

  test("an update touches what a rule watches", () => {
    const model = documentModel({
      rules: [
        { rule: "unique", path: "/notes/*/title" },
        { rule: "max", path: "/seats", value: 10 },
      ],
    });
    for (const [kind, data, touched] of [
      ["merge", '{"notes":{"1":{"title":"a","text":"b"}},"other":1}', ["/notes/1/title"]],
      ["merge", '{"notes":{"1":null}}', ["/notes/1"]],
      ["merge", '{"notes":[{"title":"a"}]}', ["/notes"]],
      ["merge", '{"notes":{}}', ["/notes"]],
      ["merge", '{"notes":{"a/b":{"title":1}}}', ["/notes/a~1b/title"]],
      ["increment", '{"/seats":1,"/other":2}', ["/seats"]],
      ["add", '{"/notes/1/title/x":["a"]}', ["/notes/1/title/x"]],
      ["delete", '["/seats","/notes","/x","/seats"]', ["/seats", "/notes", "/seats"]],
    ] as const) {
      expect(model.touches?.(update(kind, data)), data).toEqual(touched);
    }
  });
});

test("an update is judged before it is written", () => {
  const { judge } = documentModel();
  expect(judge("merge", { a: 1 })).toBeUndefined();
  expect(judge("increment", { "/a": 1n })).toBeUndefined();
  expect(judge("delete", ["/a"])).toBeUndefined();
  expect(judge("paint", {})?.reason.code).toBe("unknown-kind");
  expect(judge("toString", {})?.reason.code).toBe("unknown-kind");
  expect(judge("merge", [])?.reason.code).toBe("data-not-an-object");
  expect(judge("add", { "/a": 1 })?.reason.code).toBe("value-not-a-list");
  expect(judge("merge", parseJson(`${'{"a":'.repeat(65)}1${"}".repeat(65)}`))?.reason.code).toBe(
    "too-deep",
  );
});

const key = fc.constantFrom("a", "b", "c", "", "a/b", "m~n", "ü", "😀", "0", "__proto__");
const pointer = fc
  .array(key, { minLength: 1, maxLength: 3 })
  .map((keys) => keys.map((k) => `/${k.replaceAll("~", "~0").replaceAll("/", "~1")}`).join(""));
const number = fc.oneof(
  fc.integer({ min: -5, max: 5 }).map(String),
  fc.bigInt({ min: -(2n ** 63n), max: 2n ** 64n - 1n }).map(String),
  fc.double({ noNaN: true, noDefaultInfinity: true }).map(String),
  fc.constantFrom("-0", "1.0", "2.5", "1e21"),
);
const { value: jsonText } = fc.letrec<{ value: string; object: string }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 3, withCrossShrink: true },
    fc.constantFrom("null", "true", "false", '"x"', '"ü"'),
    number,
    fc.array(tie("value"), { maxLength: 3 }).map((items) => `[${items.join()}]`),
    tie("object"),
  ),
  object: fc
    .array(fc.tuple(key, tie("value")), { maxLength: 3 })
    .map((members) => `{${members.map(([k, v]) => `${JSON.stringify(k)}:${v}`).join()}}`),
}));
const membersOf = (of: fc.Arbitrary<string>): fc.Arbitrary<string> =>
  fc
    .uniqueArray(fc.tuple(pointer, of), { maxLength: 3, selector: ([at]) => at })
    .map((parts) => `{${parts.map(([at, v]) => `${JSON.stringify(at)}:${v}`).join()}}`);
const list = fc.array(jsonText, { maxLength: 3 }).map((items) => `[${items.join()}]`);
const patch = fc
  .uniqueArray(fc.tuple(key, jsonText), { maxLength: 3, selector: ([k]) => k })
  .map((members) => `{${members.map(([k, v]) => `${JSON.stringify(k)}:${v}`).join()}}`);
const anyUpdate = fc.oneof(
  { weight: 4, arbitrary: fc.tuple(fc.constant("merge"), patch) },
  { weight: 3, arbitrary: fc.tuple(fc.constantFrom("increment", "max", "min"), membersOf(number)) },
  { weight: 3, arbitrary: fc.tuple(fc.constantFrom("add", "remove", "append"), membersOf(list)) },
  {
    weight: 1,
    arbitrary: fc.tuple(
      fc.constant("delete"),
      fc.array(pointer, { maxLength: 3 }).map((all) => JSON.stringify(all)),
    ),
  },
  { weight: 1, arbitrary: fc.tuple(fc.constantFrom(...KINDS), jsonText) },
);

/** RFC 7396, section 2, word for word. */
function mergePatch(target: Json | undefined, by: Json): Json {
  if (!isObject(by)) return by;
  const made = new Map<string, Json>(Object.entries(isObject(target) ? target : {}));
  for (const [name, value] of Object.entries(by)) {
    if (value === null) made.delete(name);
    else made.set(name, mergePatch(made.get(name), value));
  }
  return Object.fromEntries(made);
}

describe("laws", () => {
  test("an update is applied whole or not at all, in place or not", () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(anyUpdate, fc.boolean()), { minLength: 1, maxLength: 12 }),
        (steps) => {
          const own: Own = new Set();
          let state: JsonObject = {};
          let plain: JsonObject = {};
          const seen: (readonly [JsonObject, string])[] = [];
          for (const [[kind, data], isHandedOut] of steps) {
            if (isHandedOut) {
              own.clear();
              seen.push([state, canonical(state)]);
            }
            const before = canonical(state);
            const after = apply(state, kind, data, own);
            const other = apply(plain, kind, data);
            if (after instanceof Rejected) {
              expect(other).toEqual(after);
              expect(canonical(state)).toBe(before);
            } else {
              state = after;
              plain = other as JsonObject;
            }
            expect(canonical(state)).toBe(canonical(plain));
            for (const [old, text] of seen) expect(canonical(old)).toBe(text);
          }
        },
      ),
      { numRuns: 500 },
    );
  });

  test("the state in memory is the one read back", () => {
    fc.assert(
      fc.property(fc.array(anyUpdate, { minLength: 1, maxLength: 12 }), (steps) => {
        let state: JsonObject = {};
        for (const [kind, data] of steps) {
          const after = apply(state, kind, data);
          if (!(after instanceof Rejected)) state = after;
          const again = read(canonical(state));
          expect(again).toEqual(state);
          state = again;
        }
      }),
      { numRuns: 300 },
    );
  });

  test("merge is the merge patch of RFC 7396, and leaves the patch as it is", () => {
    fc.assert(
      fc.property(patch, patch, (before, by) => {
        const one = update("merge", by);
        const text = canonical(one.data);
        const made = documentModel().apply(read(before), one, place, new Set()) as JsonObject;
        expect(canonical(made)).toBe(canonical(mergePatch(read(before), one.data)));
        expect(canonical(one.data)).toBe(text);
      }),
      { numRuns: 500 },
    );
  });

  test("counters, extremes and sets do not depend on the order", () => {
    const at = (name: string): fc.Arbitrary<string> =>
      fc.constantFrom(...[0, 1].map((n) => `/${name}/${n}`));
    const integer = fc.integer({ min: -1e9, max: 1e9 }).map(String);
    const one = fc.oneof(
      fc.tuple(fc.constant("increment"), at("count"), integer),
      fc.tuple(fc.constant("max"), at("high"), number),
      fc.tuple(fc.constant("min"), at("low"), number),
      fc.tuple(fc.constant("add"), at("set"), list),
    );
    const both = fc
      .array(one, { minLength: 1, maxLength: 12 })
      .chain((all) =>
        fc.tuple(fc.constant(all), fc.shuffledSubarray(all, { minLength: all.length })),
      );
    const fold = (all: readonly (readonly [string, string, string])[]): string => {
      const own: Own = new Set();
      let state: JsonObject = {};
      for (const [kind, where, value] of all)
        state = apply(state, kind, `{"${where}":${value}}`, own) as JsonObject;
      return canonical(state);
    };
    fc.assert(
      fc.property(both, ([all, shuffled]) => {
        expect(fold(all)).toBe(fold(shuffled));
      }),
    );
  });
});
