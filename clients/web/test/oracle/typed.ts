/**
 * Typed JSON at random, some of it wrong, and what this client makes of a state that holds it.
 *
 * @module
 */

import fc from "fast-check";
import { canonical, compareText, isObject, type Json, parseJson } from "../../src/core/json.ts";
import { isIcecoreError } from "../../src/errors.ts";
import {
  anything,
  date,
  enumOf,
  flag,
  info,
  lazy,
  list,
  membersOfEnum,
  optional,
  restore,
  type Shape,
  shape,
  store,
  text,
} from "../../src/typed.ts";

const time = fc.oneof(
  fc
    .date({
      min: new Date("0000-01-01T00:00:00.000Z"),
      max: new Date("9999-12-31T23:59:59.999Z"),
      noInvalidDate: true,
    })
    .map((at) => at.toISOString()),
  fc.constantFrom(
    "2026-11-20T13:00:00+01:00",
    "2026-11-20T12:00:00Z",
    "2026-11-20T12:00:00.1Z",
    "2026-11-20T12:00:00.123456789Z",
    "2024-02-29T23:59:59.999-23:59",
    "2025-02-29T00:00:00Z",
    "1900-02-29T00:00:00Z",
    "0000-01-01T00:00:00+00:01",
    "9999-12-31T23:59:59.999-00:01",
    "0000-01-01T00:00:00.000Z",
    "2026-11-20T24:00:00Z",
    "2026-11-20T23:59:60Z",
    "2026-11-20T12:00Z",
    "2026-11-20 12:00:00Z",
    "2026-11-20t12:00:00z",
    "2026-11-20T12:00:00",
    "2026-11-20T12:00:00.Z",
    "2026-11-20T12:00:00+24:00",
    "2026-11-20T12:00:00+01:60",
    "+002026-11-20T12:00:00Z",
    "２026-11-20T12:00:00Z",
    "2026-13-01T00:00:00Z",
    "2026-00-01T00:00:00Z",
    "",
  ),
);

const word = fc.constantFrom("x", "", "\u{1f600}", "a/b", "$date", "~", "__proto__");
const type = fc.constantFrom("Task", "Task", "Task", "Note", "", "$x");
const of = (value: unknown): string => JSON.stringify(value);

function forms(inner: fc.Arbitrary<string>) {
  const dated = time.map((at) => `{"$date":${of(at)}}`);
  const member = fc
    .tuple(fc.constantFrom("Status", "Place", "", "$x"), word, fc.option(inner))
    .map(([enumOfIt, name, value]) =>
      value === null
        ? `{"$enum":${of(enumOfIt)},"name":${of(name)}}`
        : `{"$enum":${of(enumOfIt)},"name":${of(name)},"value":${value}}`,
    );
  const map = fc
    .uniqueArray(fc.tuple(fc.constantFrom("a", "$$date", "$$", "$$$x", "__proto__", "é"), inner), {
      maxLength: 3,
      selector: ([name]) => name,
    })
    .map((members) => `{${members.map(([name, value]) => `${of(name)}:${value}`).join(",")}}`);
  const plain = fc.oneof(
    dated,
    dated,
    member,
    status,
    map,
    fc.array(inner, { maxLength: 3 }).map((items) => `[${items.join(",")}]`),
    fc.constantFrom("1", "18446744073709551615", "0.5", "null", "true", '"x"', '"2026"'),
  );
  const wrong = fc
    .tuple(
      fc.constantFrom("$date", "$enum", "$type", "$later", "name", "value", "$", "$$date"),
      fc.constantFrom("$date", "$enum", "$type", "$Later", "name", "value", "x", "$é"),
      inner,
      inner,
    )
    .map(([first, second, a, b]) =>
      first === second ? `{"${first}":${a}}` : `{"${first}":${a},"${second}":${b}}`,
    );
  return { plain, wrong };
}

const status = fc
  .tuple(
    fc.constantFrom("OPEN", "DONE", "DONE", "LOST"),
    fc.constantFrom("", "", "", ',"value":null', ',"value":1'),
  )
  .map(([name, value]) => `{"$enum":"Status","name":"${name}"${value}}`);

const place = fc.oneof(
  word.map((room) => `{"$enum":"Place","name":"Room","value":${of(room)}}`),
  time.map((at) => `{"$enum":"Place","name":"Until","value":{"$date":${of(at)}}}`),
  fc.constantFrom(
    '{"$enum":"Place","name":"At","value":[true,false]}',
    '{"$enum":"Place","name":"At","value":[]}',
    '{"$enum":"Place","name":"At","value":[1]}',
    '{"$enum":"Place","name":"At"}',
    '{"$enum":"Place","name":"Room","value":null}',
    '{"$enum":"Place","name":"Nowhere","value":1}',
    '{"$enum":"Places","name":"Room","value":"x"}',
    '"Room"',
  ),
);

/** A field of a task, as it stands in an object. */
function memberOf(
  tie: <K extends keyof Tie>(key: K) => fc.Arbitrary<Tie[K]>,
): fc.Arbitrary<string> {
  return fc.oneof(
    word.map((title) => `"title":${of(title)}`),
    status.map((is) => `"status":${is}`),
    time.map((at) => `"due":{"$date":${of(at)}}`),
    place.map((at) => `"place":${at}`),
    tie("task").map((other) => `"inner":${other}`),
    tie("any").map((value) => `"more":${value}`),
    fc.constantFrom(
      '"$$date":true',
      '"$$date":null',
      '"due":null',
      '"unknown":1',
      '"$$x":1',
      '"place":null',
    ),
    { arbitrary: fc.constantFrom('"$date":true', '"title":1', '"$x":1'), weight: 1 },
  );
}

// No interface: those are no records.
type Tie = { readonly any: string; readonly task: string };

const { any, task } = fc.letrec<Tie>((tie) => {
  const { plain, wrong } = forms(tie("any"));
  return {
    any: fc.oneof(
      { maxDepth: 4, depthSize: "small" },
      { weight: 6, arbitrary: plain },
      { weight: 3, arbitrary: tie("task") },
      { weight: 1, arbitrary: wrong },
    ),
    task: fc
      .record({
        type,
        members: fc.array(memberOf(tie), { maxLength: 5 }),
        whole: fc.integer({ min: 0, max: 3 }),
      })
      .map(({ type: named, members, whole }) => {
        const must =
          whole > 0 ? ['"title":"Pack"', '"status":{"$enum":"Status","name":"OPEN"}'] : [];
        const given = new Map<string, string>();
        for (const member of [...must, ...members])
          given.set(/^"(?:[^"\\]|\\.)*"/.exec(member)?.[0] ?? "", member);
        return `{${[`"$type":${of(named)}`, ...given.values()].join(",")}}`;
      }),
  };
});

/** Typed JSON, most of it right. */
export const typedText: fc.Arbitrary<string> = fc.oneof(
  { weight: 2, arbitrary: task },
  { weight: 1, arbitrary: any },
);

interface Task {
  readonly title: string;
  readonly status: "OPEN" | "DONE";
  readonly inner?: Task | undefined;
}

const Task: Shape<Task> = shape("Task", {
  title: text,
  status: enumOf("Status", "OPEN", "DONE"),
  due: optional(date),
  place: optional(membersOfEnum("Place", { Room: text, At: list(flag), Until: date })),
  $date: optional(flag),
  inner: optional(lazy((): Shape<Task> => Task)),
  more: optional(anything),
});

/** As the oracle tells of it: of each member what it stands for, and what it is as a task. */
export function typedMembers(state: string): unknown {
  const json = parseJson(state);
  if (!isObject(json)) return null;
  return Object.keys(json)
    .sort(compareText)
    .map((name) => [name, anyOf(json[name] ?? null), taskOf(json[name] ?? null)]);
}

function anyOf(json: Json): unknown {
  try {
    return { stored: canonical(store(restore(json))), shown: canonical(info(json)) };
  } catch (error) {
    if (!isIcecoreError(error) || error.code !== "typed") throw error;
    // The oracle's errors name the place in their text, too.
    const { message, object: at } = error;
    return at ? { error: `${message} (${at})`, at } : { error: message, at: null };
  }
}

function taskOf(json: Json): string | null {
  try {
    return canonical(Task.store(Task.restore(json)));
  } catch (error) {
    if (!isIcecoreError(error) || error.code !== "typed") throw error;
    return null;
  }
}
