import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { todoInTab } from "../test/todo.ts";
import type { Author } from "./core/ids.ts";
import { canonical, type Json, type JsonObject } from "./core/json.ts";
import type { DocumentState } from "./models/document.ts";
import { open } from "./space/space.ts";
import type { UpdateInput } from "./space/types.ts";
import { undoFor } from "./undo.ts";

const ADA = "019aa122-be00-7000-8000-00000000000a" as Author;

/** A space that holds something, open; and somebody else who writes to it. */
async function opened(state: JsonObject = {}) {
  const { clock, gateway, page, platform, options } = todoInTab();
  let seq = 0;
  const write = (kind: string, data: Json) => {
    seq += 1;
    gateway.write("todo", { author: ADA, seq, updates: [{ kind, data }] });
  };
  write("merge", state);
  const space = open<DocumentState>({ ...options, platform });
  space.retain();
  await clock.advance(1_000);
  expect(canonical(space.state)).toBe(canonical(state));
  const other = async (kind: string, data: Json) => {
    // Later than what was made here, and in good time to be read.
    await clock.advance(1_000);
    write(kind, data);
    await clock.advance(90_000);
  };
  const history = undoFor(space);
  const make = (kind: string, data: Json, label = kind) => history.update({ kind, data }, label);
  return { space, clock, other, history, make, page };
}

describe("what was set", () => {
  test("is set back, and again", async () => {
    const { space, history, make } = await opened({ a: 1, b: { c: [1, null] } });
    make("merge", { a: 2, b: { c: null, d: { e: 1 } } }, "change");
    expect([history.undoable, history.redoable]).toEqual(["change", undefined]);
    expect(history.undo()).toMatchObject({ label: "change", kept: [], skipped: [] });
    expect(space.state).toEqual({ a: 1, b: { c: [1, null] } });
    expect(history.redoable).toBe("change");
    expect(history.redo().label).toBe("change");
    expect(space.state).toEqual({ a: 2, b: { d: { e: 1 } } });
    history.undo();
    expect(space.state).toEqual({ a: 1, b: { c: [1, null] } });
  });

  test("stays where others changed it since; the rest of the step is taken back", async () => {
    const { space, history, make, other } = await opened({ a: 1, b: 1 });
    make("merge", { a: 2, b: 2 });
    await other("merge", { a: 3 });
    expect(history.undo()).toMatchObject({ label: "merge", kept: ["/a"], skipped: [] });
    expect(space.state).toEqual({ a: 3, b: 1 });
    // Redone it is what was undone: not what others did.
    history.redo();
    expect(space.state).toEqual({ a: 3, b: 2 });
  });

  test("of a step that cannot be taken back at all it is told, and the one before it is", async () => {
    const { space, history, make, other } = await opened({ a: 1, b: 1 });
    make("merge", { a: 2 }, "first");
    make("merge", { b: 2 }, "second");
    await other("merge", { b: 3 });
    expect(history.undo()).toMatchObject({ label: "first", skipped: ["second"] });
    expect(space.state).toEqual({ a: 1, b: 3 });
    expect(history.undo()).toEqual({ label: undefined, receipt: undefined, kept: [], skipped: [] });
  });

  test("an object that was made goes, and what others put beside it stays", async () => {
    const { space, history, make, other } = await opened();
    make("merge", { tasks: { mine: { title: "Pack" } } });
    await other("merge", { tasks: { theirs: { title: "Go" } } });
    expect(history.undo()).toMatchObject({ kept: [] });
    expect(space.state).toEqual({ tasks: { theirs: { title: "Go" } } });
    history.redo();
    expect(space.state).toEqual({ tasks: { mine: { title: "Pack" }, theirs: { title: "Go" } } });
  });

  test("an object that was made, and that others went on with, stays whole", async () => {
    const { space, history, make, other } = await opened();
    make("merge", { tasks: { mine: { title: "Pack" } } }, "add");
    await other("merge", { tasks: { mine: { done: true } } });
    expect(history.undo()).toMatchObject({ label: undefined, skipped: ["add"] });
    expect(space.state).toEqual({ tasks: { mine: { title: "Pack", done: true } } });
  });

  test("what was deleted comes back, beside what others put there since", async () => {
    const { space, history, make, other } = await opened({ tasks: { a: { title: "Pack", n: 1 } } });
    make("delete", ["/tasks/a"]);
    await other("merge", { tasks: { a: { n: 2 } } });
    expect(history.undo()).toMatchObject({ label: "delete", kept: ["/tasks/a/n"] });
    expect(space.state).toEqual({ tasks: { a: { title: "Pack", n: 2 } } });
  });

  test("a scalar in the place of an object, and the other way round", async () => {
    const { space, history, make } = await opened({ a: { b: 1 }, c: 1 });
    make("merge", { a: 5, c: { d: 1 } });
    history.undo();
    expect(space.state).toEqual({ a: { b: 1 }, c: 1 });
  });

  test("the greatest and the least", async () => {
    const { space, history, make } = await opened({ a: 1 });
    make("max", { "/a": 5, "/b": 2 });
    expect(space.state).toEqual({ a: 5, b: 2 });
    history.undo();
    expect(space.state).toEqual({ a: 1 });
    // What changes nothing, or is not allowed, is no step.
    make("max", { "/a": 0 });
    make("append", { "/a": [1] });
    expect(history.undoable).toBeUndefined();
  });
});

describe("numbers and lists", () => {
  test("what was counted up is counted down, whatever others counted", async () => {
    const { space, history, make, other } = await opened({ n: 1, big: 2n ** 60n });
    make("increment", { "/n": 2, "/big": 1, "/new": 3 });
    await other("increment", { "/n": 10 });
    history.undo();
    expect(space.state).toEqual({ n: 11, big: 2n ** 60n, new: 0 });
    history.redo();
    expect(space.state).toEqual({ n: 13, big: 2n ** 60n + 1n, new: 3 });
  });

  test("what was added to a set is removed, but for what was there before", async () => {
    const { space, history, make, other } = await opened({ tags: ["b"] });
    make("add", { "/tags": ["c", "a", "b"] });
    await other("add", { "/tags": ["d"] });
    history.undo();
    expect(space.state).toEqual({ tags: ["b", "d"] });
    history.redo();
    expect(space.state).toEqual({ tags: ["a", "b", "c", "d"] });
  });

  test("what was removed from a set is added, from another list it goes to the end", async () => {
    const { space, history, make } = await opened({ set: [1, 2, 3], list: [3, 1, 2, 1] });
    make("remove", { "/set": [2], "/list": [1] });
    expect(space.state).toEqual({ set: [1, 3], list: [3, 2] });
    history.undo();
    expect(space.state).toEqual({ set: [1, 2, 3], list: [3, 2, 1, 1] });
  });

  test("what was appended is removed by value, and appended again", async () => {
    const { space, history, make, other } = await opened({ chat: ["a"] });
    make("append", { "/chat": ["z"] });
    await other("append", { "/chat": ["b"] });
    history.undo();
    expect(space.state).toEqual({ chat: ["a", "b"] });
    history.redo();
    expect(space.state).toEqual({ chat: ["a", "b", "z"] });
    history.undo();
    expect(space.state).toEqual({ chat: ["a", "b"] });
  });

  test("of two equal items nobody knows whose is whose: they stay", async () => {
    const { space, history, make } = await opened({ chat: ["a"] });
    make("append", { "/chat": ["a"] }, "say");
    expect(history.undo()).toMatchObject({ label: undefined, skipped: ["say"] });
    expect(space.state).toEqual({ chat: ["a", "a"] });
  });

  test("where others put something else in its place, that stays", async () => {
    const { history, make, other } = await opened({ n: 1, list: [1] });
    make("increment", { "/n": 1 }, "count");
    make("append", { "/list": [2] }, "append");
    await other("merge", { n: "text", list: null });
    expect(history.undo()).toMatchObject({ label: undefined, skipped: ["append", "count"] });
  });
});

test("updates that are made together are one step, taken back in reverse", async () => {
  const { space, history } = await opened({ a: 1 });
  const together: UpdateInput[] = [
    { kind: "merge", data: { a: 5 } },
    { kind: "increment", data: { "/a": 2 } },
    { kind: "append", data: { "/log": ["x"] } },
  ];
  history.update(together, "both");
  expect(space.state).toEqual({ a: 7, log: ["x"] });
  history.undo();
  expect(space.state).toEqual({ a: 1, log: [] });
  history.redo();
  expect(space.state).toEqual({ a: 7, log: ["x"] });
});

test("an undo is an update like any other: it is sent", async () => {
  const { clock, history, make } = await opened({ a: 1 });
  make("merge", { a: 2 });
  const { receipt } = history.undo();
  await clock.advance(1_000);
  expect(receipt?.phase).toBe("confirmed");
});

test("a new step ends what could be redone; who listens is told", async () => {
  const { history, make } = await opened();
  const heard: (string | undefined)[] = [];
  const end = history.subscribe(() => heard.push(history.undoable));
  make("merge", { a: 1 }, "one");
  history.undo();
  make("merge", { b: 1 }, "two");
  expect(history.redoable).toBeUndefined();
  end();
  history.undo();
  expect(heard).toEqual(["one", undefined, "two"]);
});

test("a hundred steps are remembered", async () => {
  const { space, history, make } = await opened();
  for (let n = 1; n <= 103; n += 1) make("merge", { n });
  let undone = 0;
  while (history.undo().label !== undefined) undone += 1;
  expect(undone).toBe(100);
  expect(space.state).toEqual({ n: 3 });
});

test("what is made while the space opens is made, and not remembered: nobody knows what it changes", async () => {
  const { clock, platform, options } = todoInTab();
  const space = open<DocumentState>({ ...options, platform });
  const history = undoFor(space);
  const receipt = history.update({ kind: "merge", data: { a: 1 } });
  expect(history.undoable).toBeUndefined();
  await clock.advance(0);
  await receipt.durable;
  expect(space.state).toEqual({ a: 1 });
  expect(history.undo().label).toBeUndefined();
});

const name = fc.constantFrom("a", "b", "__proto__");
const value: fc.Arbitrary<Json> = fc.letrec<{ json: Json }>((tie) => ({
  json: fc.oneof(
    { maxDepth: 3 },
    fc.constantFrom<Json>(1, 2, "x", null, [1, "x"]),
    fc
      .array(fc.tuple(name, tie("json")), { maxLength: 3 })
      .map(
        (pairs) =>
          JSON.parse(
            `{${[...new Map(pairs)].map(([n, v]) => `"${n}":${canonical(v)}`).join()}}`,
          ) as Json,
      ),
  ),
})).json;
const pointer = fc.array(name, { minLength: 1, maxLength: 2 }).map((keys) => `/${keys.join("/")}`);
const change = fc.oneof(
  value.map((data) => ({ kind: "merge", data })),
  fc.array(pointer, { maxLength: 2 }).map((data): UpdateInput => ({ kind: "delete", data })),
  fc
    .tuple(fc.constantFrom("max", "min"), pointer, fc.integer({ min: 0, max: 3 }))
    .map(([kind, at, n]): UpdateInput => ({ kind, data: { [at]: n } })),
);

test("alone, whatever was set is as it was after as many undos, and as it came to be after as many redos", async () => {
  const { space, history } = await opened();
  fc.assert(
    fc.property(fc.array(change, { maxLength: 8 }), (changes) => {
      const states = [canonical(space.state)];
      for (const each of changes) {
        const before = canonical(space.state);
        history.update(each);
        if (canonical(space.state) !== before) states.push(canonical(space.state));
      }
      for (const state of [...states].reverse().slice(1)) {
        history.undo();
        expect(canonical(space.state)).toBe(state);
      }
      for (const state of states.slice(1)) {
        history.redo();
        expect(canonical(space.state)).toBe(state);
      }
    }),
    { numRuns: 200 },
  );
});
