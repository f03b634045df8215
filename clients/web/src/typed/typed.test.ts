import { describe, expect, expectTypeOf, test } from "vitest";
import { vectorText } from "../../test/vectors.ts";
import { canonical, isObject, type Json, parseJson, put } from "../core/json.ts";
import { isIcecoreError } from "../errors.ts";
import {
  anything,
  date,
  enumOf,
  flag,
  Instance,
  info,
  integer,
  lazy,
  list,
  Member,
  map,
  membersOfEnum,
  number,
  optional,
  type Restored,
  restore,
  type Shape,
  shape,
  store,
  type TypedMap,
  type TypedValue,
  text,
  Unknown,
} from "../typed.ts";

interface Case {
  readonly name: string;
  readonly json: Json;
  readonly value: Json;
  readonly prints?: Json;
  readonly path: string;
  readonly error: string;
}

const cases = parseJson(vectorText("typed.json")) as unknown as {
  readonly valid: readonly Case[];
  readonly invalid: readonly Case[];
};

/** What the vectors say of a value. */
function described(value: TypedValue): Json {
  const members = (of: TypedMap): Json => {
    const json: Record<string, Json> = {};
    for (const [name, member] of Object.entries(of)) put(json, name, described(member));
    return json;
  };
  if (value instanceof Date) return { date: value.getTime() };
  if (value instanceof Member) {
    const { type, name, value: carried } = value;
    return { enum: carried === undefined ? [type, name] : [type, name, described(carried)] };
  }
  if (value instanceof Instance) return { object: [value.type, members(value.fields)] };
  if (value instanceof Unknown) return { other: value.json };
  if (Array.isArray(value)) return { list: value.map(described) };
  return typeof value === "object" && value !== null ? { map: members(value as TypedMap) } : value;
}

function failure(work: () => unknown): string {
  try {
    work();
  } catch (error) {
    if (isIcecoreError(error)) return `${error.object} ${error.message}`;
    throw error;
  }
  return "";
}

describe("any typed JSON", () => {
  test.each(cases.valid)("$name", (it) => {
    const value = restore(it.json);
    expect(canonical(described(value))).toBe(canonical(it.value));
    expect(canonical(store(value))).toBe(canonical(it.prints ?? it.json));
    expect(canonical(anything.store(anything.restore(it.json)))).toBe(
      canonical(it.prints ?? it.json),
    );
  });

  test.each(cases.invalid)("invalid: $name", (it) => {
    expect(failure(() => restore(it.json))).toBe(`${it.path} ${it.error}`);
    expect(failure(() => info(it.json))).toBe(`${it.path} ${it.error}`);
  });

  test("keeps names that mean something to JavaScript", () => {
    const json = parseJson(
      '{"__proto__":{"$type":"T","__proto__":1},"$$__proto__":2,"constructor":3}',
    );
    const value = restore(json);
    expect(isObject(value) && Object.keys(value).sort()).toEqual([
      "$__proto__",
      "__proto__",
      "constructor",
    ]);
    expect(canonical(store(value))).toBe(canonical(json));
    expect(canonical(info(json))).toBe(
      '{"$__proto__":2,"__proto__":{"__proto__":1},"constructor":3}',
    );
    expect(Object.getPrototypeOf(value)).toBe(Object.prototype);
  });

  test("is shown without types", () => {
    const json = parseJson(
      '{"$type":"Task","due":{"$date":"2026-11-20T13:00:00+01:00"},"status":{"$enum":"S","name":"DONE"},"at":{"$enum":"W","name":"At","value":[{"$date":"2026-11-20T12:00:00Z"}]},"$$date":"today","money":{"$money":1},"n":18446744073709551615}',
    );
    expect(canonical(info(json))).toBe(
      '{"$date":"today","at":{"At":["2026-11-20T12:00:00.000Z"]},"due":"2026-11-20T12:00:00.000Z","money":{"$money":1},"n":18446744073709551615,"status":"DONE"}',
    );
  });

  test("has no form for some values", () => {
    const at = new Date(253_402_300_800_000);
    expect(failure(() => store({ a: [Number.NaN] }))).toBe(
      "/a/0 expected a finite number, found NaN",
    );
    expect(failure(() => store([1n << 64n]))).toBe("/0 expected an integer of 64 bits");
    expect(failure(() => store({ $a: at }))).toContain("/$$a 253402300800000 ms is not a date");
    expect(failure(() => store(new Date(Number.NaN)))).toContain("NaN ms is not a date");
    expect(store(-0)).toBe(0);
    const self: { a?: TypedValue } = {};
    self.a = self as TypedMap;
    expect(failure(() => store(self as TypedMap))).toContain("too deep");
  });

  test("has dates in any zone, and no others", () => {
    const of = (text: string) => failure(() => restore({ $date: text }));
    const shown: readonly (readonly [string, string])[] = [
      ["2026-11-20T12:00:00.1Z", "2026-11-20T12:00:00.100Z"],
      ["1969-12-31T23:59:59.9999Z", "1969-12-31T23:59:59.999Z"],
      ["2026-11-20T00:30:00+01:00", "2026-11-19T23:30:00.000Z"],
      ["0000-01-01T00:00:00.000Z", "0000-01-01T00:00:00.000Z"],
      ["0099-02-28T00:00:00Z", "0099-02-28T00:00:00.000Z"],
      ["2000-02-29T23:59:59-23:59", "2000-03-01T23:58:59.000Z"],
    ];
    for (const [text, printed] of shown) expect(info({ $date: text })).toBe(printed);
    for (const text of [
      "",
      "2026",
      "2026-11-20T12:00:00.Z",
      "2026-11-20T12:00:00+0100",
      "+12026-11-20T12:00:00Z",
      "2026-00-10T12:00:00Z",
      "2026-11-00T12:00:00Z",
      "2026-13-01T12:00:00Z",
      "2100-02-29T12:00:00Z",
      "2026-11-20T12:60:00Z",
      "2026-11-20T12:00:00+24:00",
      "2026-11-20T12:00:00+00:60",
      "2026-11-2\u0660T12:00:00Z",
      "2026-11-20T12:00:00Z\n",
    ]) {
      expect(of(text), text).toContain("is not an RFC 3339 time");
    }
    expect(of("0000-01-01T00:00:00+01:00")).toContain("is not a date of the years 0000 to 9999");
  });
});

describe("shapes", () => {
  const Status = enumOf("Status", "OPEN", "DONE");
  const Place = membersOfEnum("Place", { Room: text, At: list(number), Anywhere: optional(text) });
  const Task = shape("Task", {
    title: text,
    due: optional(date),
    status: Status,
    $date: optional(flag),
    n: optional(integer),
  });
  type Task = Restored<typeof Task>;
  const task: Task = { title: "Pack", due: new Date(0), status: "OPEN", $date: true, n: 1n << 63n };
  const stored =
    '{"$$date":true,"$type":"Task","due":{"$date":"1970-01-01T00:00:00.000Z"},"n":9223372036854775808,"status":{"$enum":"Status","name":"OPEN"},"title":"Pack"}';

  test("store and restore objects of a class", () => {
    expectTypeOf<Task>().toEqualTypeOf<
      { title: string; status: "OPEN" | "DONE" } & {
        due?: Date | undefined;
        $date?: boolean | undefined;
        n?: number | bigint | undefined;
      }
    >();
    expect(canonical(Task.store(task))).toBe(stored);
    expect(Task.restore(parseJson(stored))).toEqual(task);
    const bare = parseJson(
      '{"$type":"Task","title":"a","due":null,"status":{"$enum":"Status","name":"DONE","value":null},"more":1}',
    );
    expect(Task.restore(bare)).toEqual({ title: "a", status: "DONE" });
    expect(canonical(Task.store({ title: "a", status: "DONE" }))).toBe(
      '{"$type":"Task","status":{"$enum":"Status","name":"DONE"},"title":"a"}',
    );
    // @ts-expect-error: a field is missing
    expect(failure(() => Task.store({ title: "a" }))).toContain("/status ");
  });

  test("restore instances of a class", () => {
    class Counter {
      count = 0;
      get double(): number {
        return 2 * this.count;
      }
    }
    const shaped = shape("Counter", { count: number }, Counter);
    const counter = new Counter();
    counter.count = 21;
    const again = shaped.restore(shaped.store(counter));
    expect(again).toBeInstanceOf(Counter);
    expect(again.double).toBe(42);
    expect(canonical(shaped.store(again))).toBe('{"$type":"Counter","count":21}');
  });

  test("restore types that hold themselves", () => {
    interface Tree {
      readonly of: Readonly<Record<string, Tree>>;
    }
    const Tree: Shape<Tree> = shape("Tree", { of: map(lazy((): Shape<Tree> => Tree)) });
    const tree: Tree = { of: { a: { of: { $b: { of: {} } } } } };
    expect(Tree.restore(Tree.store(tree))).toEqual(tree);
  });

  test("restore members of an enum that carry something", () => {
    for (const value of [
      { name: "Room", value: "7" },
      { name: "At", value: [1, 2.5] },
      { name: "Anywhere", value: undefined },
    ] as const) {
      expect(Place.restore(Place.store(value))).toEqual(value);
    }
    expect(canonical(Place.store({ name: "Anywhere", value: undefined }))).toBe(
      '{"$enum":"Place","name":"Anywhere"}',
    );
  });

  test("say what they expected, and where", () => {
    const wrong = (json: string) => failure(() => list(Task).restore(parseJson(json)));
    expect(wrong("{}")).toBe(" expected a list, found a map");
    expect(wrong('[{"$type":"Note"}]')).toBe(
      "/0 expected an object of type `Task`, found an object of type `Note`",
    );
    expect(wrong('[{"$type":"Task"}]')).toBe("/0 missing field `title`");
    expect(wrong('[{"$type":"Task","title":1}]')).toBe(
      "/0/title expected text, found the number 1",
    );
    const rest = (due: string, status: string) =>
      wrong(`[{"$type":"Task","title":"","due":${due},"status":${status}}]`);
    expect(rest('"2026"', "1")).toBe("/0/due expected a date, found text");
    expect(rest('{"$date":"x"}', "1")).toBe('/0/due/$date "x" is not an RFC 3339 time');
    expect(rest("null", '"OPEN"')).toBe(
      "/0/status expected a member of the enum `Status`, found text",
    );
    expect(rest("null", '{"$enum":"Status","name":"LOST"}')).toBe(
      "/0/status/name expected one of `OPEN`, `DONE`, found `LOST`",
    );
    expect(rest("null", '{"$enum":"Status","name":"DONE","value":1}')).toBe(
      "/0/status expected nothing as the value of the member `DONE`, found the number 1",
    );
    expect(failure(() => Place.restore({ $enum: "Place", name: "At" }))).toBe(
      "/value expected a list, found null",
    );
    expect(failure(() => number.restore(1n << 60n))).toContain("a number below 2^53");
    expect(failure(() => map(text).restore({ $type: "T" }))).toBe(
      " expected a map, found an object of type `T`",
    );
  });
});
