import fc from "fast-check";
import { expect, test } from "vitest";
import { todoInTab } from "../test/todo.ts";
import { canonical, type Json, type JsonObject } from "./core/json.ts";
import { isIcecoreError } from "./errors.ts";
import type { DocumentState } from "./models/document.ts";
import { diff, restore } from "./past.ts";
import { open } from "./space/space.ts";

/** An open space, and time that passes. */
async function opened(state: JsonObject = {}) {
  const { clock, platform, options } = todoInTab();
  const space = open<DocumentState>({ ...options, platform });
  space.retain();
  await clock.advance(1_000);
  const set = async (kind: string, data: Json) => {
    space.update({ kind, data });
    await clock.advance(1_000);
  };
  await set("merge", state);
  const pass = async <T>(work: Promise<T>): Promise<T> => {
    let done = false;
    work.then(
      () => (done = true),
      () => (done = true),
    );
    for (let n = 0; n < 1_000 && !done; n += 1) await clock.advance(20);
    return work;
  };
  return { space, clock, set, pass };
}

test("what differs is told by the outermost path, in the order of names", () => {
  expect(
    diff({ a: 1, b: { c: [1], d: 2 } }, { b: { c: [2], d: 2 }, é: true, z: { y: 1 } }),
  ).toEqual([
    { path: "/a", before: 1, after: undefined },
    { path: "/b/c", before: [1], after: [2] },
    { path: "/z", before: undefined, after: { y: 1 } },
    { path: "/é", before: undefined, after: true },
  ]);
  expect(diff({ "a/b": { "~": 1 } }, { "a/b": { "~": 2 } })).toEqual([
    { path: "/a~1b/~0", before: 1, after: 2 },
  ]);
  expect(diff({ a: { b: 1 } }, { a: 1 })).toEqual([{ path: "/a", before: { b: 1 }, after: 1 }]);
});

test("equal states differ in nothing, whatever the order of their members", () => {
  expect(diff({ a: [{ x: 1, y: 2 }] }, { a: [{ y: 2, x: 1 }] })).toEqual([]);
  expect(diff({ n: 2n ** 60n }, { n: 2n ** 60n })).toEqual([]);
  expect(diff(undefined, undefined)).toEqual([]);
  expect(diff(undefined, {})).toEqual([{ path: "", before: undefined, after: {} }]);
});

test("names like __proto__ are names", () => {
  const before = JSON.parse('{"__proto__":{"a":1}}') as Json;
  const after = JSON.parse('{"__proto__":{"a":2}}') as Json;
  expect(diff(before, after)).toEqual([{ path: "/__proto__/a", before: 1, after: 2 }]);
});

test("an old value comes back by a new update, and the rest stays", async () => {
  const { space, clock, set, pass } = await opened({
    tasks: { a: { title: "Pack", tags: ["x"] }, b: { title: "Go" } },
  });
  const then = new Date(clock.now());
  await set("merge", { tasks: { a: { title: "Unpack", slot: "9" }, b: { title: "Stay" } } });
  await set("append", { "/tasks/a/tags": ["y"] });
  const receipt = await pass(restore(space, "/tasks/a", then));
  expect(space.state).toEqual({
    tasks: { a: { title: "Pack", tags: ["x"] }, b: { title: "Stay" } },
  });
  await clock.advance(1_000);
  expect(receipt?.phase).toBe("confirmed");
  expect(await pass(restore(space, "/tasks/a", then))).toBeUndefined();
});

test("what was deleted comes back; what was not there goes; a scalar becomes an object again", async () => {
  const { space, clock, set, pass } = await opened({ a: { x: 1 }, b: 1, deep: { er: { v: 1 } } });
  const then = new Date(clock.now());
  await set("merge", { a: null, c: 3, deep: 7 });
  await pass(restore(space, "/a", then));
  await pass(restore(space, "/c", then));
  await pass(restore(space, "/deep/er", then));
  expect(space.state).toEqual({ a: { x: 1 }, b: 1, deep: { er: { v: 1 } } });
  await pass(restore(space, "", new Date(0)));
  expect(space.state).toEqual({});
});

test("what is no pointer is refused before anything is read", async () => {
  const { space } = await opened();
  for (const pointer of ["tasks", "/a~2"]) {
    const error = await restore(space, pointer, 0).catch((reason: unknown) => reason);
    expect(isIcecoreError(error) && error.code).toBe("pointer");
  }
});

/** A document: no nulls but in lists. */
const name = fc.constantFrom("a", "b", "__proto__", "x/y", "~");
const documents: fc.Arbitrary<JsonObject> = fc.letrec<{ value: Json; object: JsonObject }>(
  (tie) => ({
    value: fc.oneof(
      { maxDepth: 3 },
      fc.integer({ min: 0, max: 3 }),
      fc.constant([null, { a: null }]),
      fc.constant("text"),
      tie("object"),
    ),
    object: fc
      .array(fc.tuple(name, tie("value")), { maxLength: 4 })
      .map((pairs) =>
        JSON.parse(
          `{${[...new Map(pairs)].map(([n, v]) => `${JSON.stringify(n)}:${canonical(v)}`).join()}}`,
        ),
      ),
  }),
).object;

test("the whole document of any moment comes back from any other", async () => {
  await fc.assert(
    fc.asyncProperty(documents, documents, async (before, after) => {
      const { space, clock, set, pass } = await opened(before);
      expect(canonical(space.state)).toBe(canonical(before));
      const then = new Date(clock.now());
      await set("merge", after);
      const between = space.state;
      await pass(restore(space, "", then));
      expect(canonical(space.state)).toBe(canonical(before));
      expect(diff(before, between).length > 0).toBe(canonical(before) !== canonical(between));
    }),
    { numRuns: 30 },
  );
});
