import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { cases, vectors } from "../../test/vectors.ts";
import { isIcecoreError } from "../errors.ts";
import { canonical, compareText, type Json, member, normal, parseJson, put } from "./json.ts";

interface Value {
  readonly name: string;
  readonly text: string;
  readonly canonical: string;
}

/** Why a text cannot be read. */
function faultOf(text: string, depthMax?: number): string | undefined {
  try {
    parseJson(text, depthMax);
    return undefined;
  } catch (error) {
    return isIcecoreError(error) ? error.code : "another error";
  }
}

describe("canonical JSON", () => {
  test.each(cases<Value>("canonical", "values"))("$name", ({ text, canonical: expected }) => {
    expect(canonical(parseJson(text))).toBe(expected);
    expect(canonical(parseJson(expected))).toBe(expected);
  });

  test.each(cases<string>("canonical", "unreadable"))("unreadable: %j", (text) => {
    expect(faultOf(text)).toBeOneOf(["unreadable", "half-surrogate", "number-too-large"]);
  });

  test("the values of a text are those of its canonical text", () => {
    for (const { text, canonical: expected } of (vectors("canonical") as { values: Value[] })
      .values) {
      expect(parseJson(text)).toEqual(parseJson(expected));
    }
  });
});

describe("numbers", () => {
  test("integers from 2^53 on are bigint, and only those that fit in 64 bits", () => {
    expect(parseJson("9007199254740991")).toBe(9007199254740991);
    expect(parseJson("9007199254740992")).toBe(9007199254740992n);
    expect(parseJson("-9007199254740992")).toBe(-9007199254740992n);
    expect(parseJson("18446744073709551615")).toBe(2n ** 64n - 1n);
    expect(parseJson("18446744073709551616")).toBe(2 ** 64);
    expect(parseJson("-9223372036854775808")).toBe(-(2n ** 63n));
    expect(parseJson("1e21")).toBe(1e21);
    expect(parseJson("1e17")).toBe(10n ** 17n);
    expect(parseJson("1e2")).toBe(100);
    expect(parseJson("9007199254740992.5")).toBe(9007199254740992n);
    expect(normal(2n ** 70n)).toBe(2 ** 70);
    expect(normal(5n)).toBe(5);
  });

  test("there is no -0, however it is written", () => {
    for (const text of ["-0", "-0.0", "-0e0", "-0.00e-5", "-1e-400", "[-0]", '{"a":-0.0}']) {
      const value = parseJson(text);
      const inner = Array.isArray(value) ? value[0] : (member(value, "a") ?? value);
      expect(Object.is(inner, 0), text).toBe(true);
    }
    expect(parseJson("-0.5")).toBe(-0.5);
    expect(parseJson("-0.05")).toBe(-0.05);
    expect(canonical(-0)).toBe("0");
  });

  test("a number beyond the doubles cannot be read, one below them is nought", () => {
    expect(faultOf("1e400")).toBe("number-too-large");
    expect(faultOf('{"a":[-1e400]}')).toBe("number-too-large");
    expect(faultOf(`1${"0".repeat(400)}`)).toBe("number-too-large");
    expect(parseJson("1e-400")).toBe(0);
  });

  test("what looks like an odd number in a text is none", () => {
    expect(parseJson('{"id":"12345678901234567890 1e400 -0","x":1}')).toEqual({
      id: "12345678901234567890 1e400 -0",
      x: 1,
    });
    expect(parseJson('["\\"12345678901234567890",1]')).toEqual(['"12345678901234567890', 1]);
  });

  test("a million digits are read at once", () => {
    expect(faultOf("1".repeat(1_000_000))).toBe("number-too-large");
  });
});

describe("texts", () => {
  test("half of a surrogate pair cannot be read, a whole one can", () => {
    for (const text of [
      '"\\ud83d"',
      '"\\uDE00"',
      '{"\\ud83d":1}',
      '"\ud83d"',
      '["\\ude00\\ud83d"]',
    ]) {
      expect(faultOf(text), text).toBe("half-surrogate");
    }
    expect(parseJson('"\\uD83D\\ude00"')).toBe("😀");
    expect(parseJson('"\\\\ud83d"')).toBe("\\ud83d");
  });

  test("of two things that cannot be read the first in the text counts", () => {
    expect(faultOf('{"b":"\\ud83d","a":1e400}')).toBe("half-surrogate");
    expect(faultOf('{"b":1e400,"a":"\\ud83d"}')).toBe("number-too-large");
    expect(faultOf('{"1":1e400,"0":"\\ud83d"}')).toBe("number-too-large");
    expect(faultOf('{"a":1e400,"a":1}')).toBe("number-too-large");
  });

  test("a byte order mark is no JSON", () => {
    expect(faultOf("\ufeff1")).toBe("unreadable");
  });
});

describe("names", () => {
  test("__proto__ and digits are names like any other, in both ways of reading", () => {
    for (const odd of ["", ',"n":18446744073709551615']) {
      const value = parseJson(`{"__proto__":{"a":1},"10":2,"constructor":3,"9":4${odd}}`);
      expect(Object.getPrototypeOf(value)).toBe(Object.prototype);
      expect(member(value, "__proto__")).toEqual({ a: 1 });
      expect(member(value, "toString")).toBeUndefined();
      expect(canonical(value)).toMatch(/^\{"10":2,"9":4,"__proto__":\{"a":1\},"constructor":3/);
    }
    expect(Object.hasOwn(Object.prototype, "a")).toBe(false);
  });

  test("a member of any name can be set", () => {
    const object: Record<string, Json> = {};
    put(object, "__proto__", [1]);
    put(object, "__proto__", [2]);
    put(object, "a", 1);
    expect(canonical(object)).toBe('{"__proto__":[2],"a":1}');
    expect(canonical({ ...object })).toBe('{"__proto__":[2],"a":1}');
  });

  test("names are sorted by code points, not by UTF-16 units", () => {
    expect(["😀", "～", "z", "é", "\ud7ff", ""].sort(compareText)).toEqual([
      "",
      "z",
      "é",
      "\ud7ff",
      "～",
      "😀",
    ]);
    const byBytes = (left: string, right: string): number =>
      Buffer.compare(Buffer.from(left), Buffer.from(right));
    fc.assert(
      fc.property(fc.string({ unit: "grapheme" }), fc.string({ unit: "binary" }), (left, right) => {
        expect(Math.sign(compareText(left, right))).toBe(byBytes(left, right));
        expect(compareText(left, left)).toBe(0);
      }),
    );
  });
});

describe("depth", () => {
  test("it is that of the text, whatever counts in the end", () => {
    expect(faultOf('{"a":[[[]]],"a":1}', 3)).toBe("too-deep");
    expect(faultOf('{"a":[[]],"a":1}', 3)).toBeUndefined();
    expect(faultOf('["[[[[[["]', 1)).toBeUndefined();
  });

  test("a hundred thousand levels are an error, and freeze nothing", () => {
    for (const [open, close] of [
      ["[", "]"],
      ['{"a":', "}"],
    ] as const) {
      expect(faultOf(`${open.repeat(100_000)}1${close.repeat(100_000)}`)).toBe("too-deep");
    }
    expect(faultOf("[".repeat(127) + "]".repeat(127))).toBeUndefined();
    expect(faultOf("[".repeat(128) + "]".repeat(128))).toBe("too-deep");
  });
});

describe("what is no JSON has no text", () => {
  const cycle: unknown[] = [];
  cycle.push(cycle);
  test.each([
    ["NaN", Number.NaN],
    ["Infinity", [Number.POSITIVE_INFINITY]],
    ["half a pair", { a: "\ud83d" }],
    ["half a pair in a name", { "\ud83d": 1 }],
    ["a function", { a: () => 1 }],
    ["a date", { a: new Date(0) }],
    ["a map", new Map()],
    ["undefined in a list", [undefined]],
    ["a cycle", cycle],
  ])("%s", (_name, value) => {
    expect(() => canonical(value as Json)).toThrow(expect.objectContaining({ code: "not-json" }));
  });

  test("a member that is undefined is left out, an object without a prototype is one", () => {
    expect(canonical({ a: undefined, b: 1 } as unknown as Json)).toBe('{"b":1}');
    expect(canonical(Object.assign(Object.create(null), { a: 1 }) as Json)).toBe('{"a":1}');
  });
});

describe("properties", () => {
  const json = fc.json({ maxDepth: 5, noUnicodeString: false });
  const odd = fc
    .array(
      fc.oneof(
        fc.bigInt({ min: -(2n ** 65n), max: 2n ** 65n }).map(String),
        fc.double({ noNaN: true, noDefaultInfinity: true }).map(String),
        fc.constantFrom("-0", "-0.0", "1E5", "10e-1", "0.30000000000000004", '"\\ud83d\\ude00"'),
      ),
    )
    .map((items) => `{"l" : [ ${items.join(" , ")} ] , "__proto__":{"x":null}}`);

  test("canonical text reads as itself", () => {
    fc.assert(
      fc.property(fc.oneof(json, odd), (text) => {
        fc.pre(faultOf(text) === undefined);
        const once = canonical(parseJson(text));
        expect(canonical(parseJson(once))).toBe(once);
        expect(parseJson(once)).toEqual(parseJson(text));
      }),
      { numRuns: 500 },
    );
  });

  test("plain texts read as JSON.parse reads them", () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 4 }), (value) => {
        const text = JSON.stringify(value, null, 1);
        fc.pre(!/\d{16}|\d[eE]|-0/.test(text) && text.isWellFormed() && !/\\u[dD]/.test(text));
        expect(parseJson(text)).toEqual(JSON.parse(text));
      }),
    );
  });

  // A long text is looked at character by character; what a short one is tested by must not miss anything.
  test("a short text reads as a long one", () => {
    const part = fc.constantFrom(
      ...["[", "]", "{", "}", ",", ":", " ", "\n", '"a"', '"\\ud83d"', "0", "-0", "-0.0", "-0.05"],
      ...[
        "12",
        "9007199254740993",
        "1.5",
        "1e5",
        "-1E+2",
        "1e400",
        "0e1",
        "-0e0",
        "0.1e-3",
        '"é😀"',
      ],
    );
    const value = fc.oneof(
      fc.array(part, { maxLength: 9 }).map((parts) => parts.join("")),
      fc.array(part, { maxLength: 9 }).map((parts) => `{"a":[${parts.join(",")}]}`),
      fc.array(part, { maxLength: 9 }).map((parts) => `[${parts.join(" , ")}]`),
      odd,
      json,
    );
    fc.assert(
      fc.property(value, fc.integer({ min: 1, max: 4 }), (text, depthMax) => {
        const long = text + " ".repeat(1_000);
        expect(faultOf(text, depthMax), text).toBe(faultOf(long, depthMax));
        if (faultOf(text) === undefined) expect(parseJson(text), text).toEqual(parseJson(long));
      }),
      { numRuns: 5_000 },
    );
  });

  test("any text is a value or one of four faults", () => {
    const almost = fc.string({ unit: fc.constantFrom(...'[]{}",:0-9eE.\\u d8a+') });
    fc.assert(
      fc.property(fc.oneof(fc.string({ unit: "binary" }), almost), (text) => {
        const fault = faultOf(text);
        let isJson = true;
        try {
          JSON.parse(text);
        } catch {
          isJson = false;
        }
        if (!isJson) expect(fault).toBe("unreadable");
        else expect(fault).toBeOneOf([undefined, "half-surrogate", "number-too-large"]);
      }),
      { numRuns: 1_000 },
    );
  });
});
