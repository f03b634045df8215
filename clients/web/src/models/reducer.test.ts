import { describe, expect, test } from "vitest";
import { Folded } from "../core/fold.ts";
import type { Author } from "../core/ids.ts";
import type { Json } from "../core/json.ts";
import { reject } from "../core/reason.ts";
import { writeUpdate } from "../core/update.ts";
import { type AnyUpdate, defineModel, type Schema } from "./reducer.ts";

const author = "019aa122-be00-7000-8000-00000000000a" as Author;

function entry(seq: number, kind: string, data: unknown, modelVersion = 1) {
  const dataText = typeof data === "string" ? data : JSON.stringify(data);
  return {
    author,
    seq,
    key: seq,
    update: writeUpdate({ at: "2025", kind, dataText, modelVersion }),
  };
}

interface Done extends AnyUpdate {
  readonly kind: "done";
  readonly data: string;
}

/** A validator as libraries make them: `{kind: "done", data: text}`, the text trimmed. */
function schema(answer?: unknown): Schema<Done> {
  const validate = (value: unknown): unknown => {
    if (answer !== undefined) return answer;
    const { kind, data } = value as AnyUpdate;
    if (kind !== "done")
      return { issues: [{ message: "differs from version to version", path: ["kind"] }] };
    if (typeof data !== "string")
      return { issues: [{ message: "no", path: [{ key: "data" }, "id"] }] };
    return { value: { kind, data: data.trim() } };
  };
  return { "~standard": { version: 1, vendor: "test", validate } };
}

const tasks = (validate: Schema<Done> = schema()) =>
  defineModel({
    name: "tasks",
    version: 1,
    initial: [] as readonly string[],
    validate,
    apply: (state, { data }, { at, seq, modelVersion }) =>
      state.includes(data)
        ? reject("it is done")
        : [...state, `${data} ${at} ${seq} ${modelVersion}`],
  });

describe("a validator", () => {
  test("decides what an update may be, and makes it", () => {
    const folded = new Folded(tasks());
    expect(folded.fold(entry(1, "done", '" a "'))).toBe(true);
    expect(folded.fold(entry(2, "undone", 1))).toEqual({
      code: "app:invalid",
      params: { kind: "undone" },
    });
    expect(folded.fold(entry(3, "done", 1))).toEqual({
      code: "app:invalid",
      params: { kind: "done" },
    });
    expect(folded.state).toEqual(["a 2025 1 1"]);
    expect(tasks().judge("done", "x")).toBeUndefined();
    expect(tasks().judge("done", 1)?.reason.code).toBe("app:invalid");
  });

  test("that answers nonsense, or later, rejects", () => {
    for (const answer of [Promise.resolve({ value: 1 }), 7, "no", {}]) {
      const folded = new Folded(tasks(schema(answer)));
      expect(folded.fold(entry(1, "done", '"a"'))).toMatchObject({ code: "panicked" });
    }
    for (const answer of [{ issues: [] }, { issues: [7] }, { issues: [{ message: "no" }] }]) {
      expect(new Folded(tasks(schema(answer))).fold(entry(1, "done", '"a"'))).toEqual({
        code: "app:invalid",
        params: { kind: "done" },
      });
    }
  });
});

test("data that cannot be read is rejected before the app sees it", () => {
  const seen: Json[] = [];
  const model = defineModel({
    name: "m",
    version: 1,
    initial: 0,
    apply: (state: number, { data }) => {
      seen.push(data);
      return state + 1;
    },
  });
  const folded = new Folded(model);
  for (const data of ["1e400", '"\\ud83d"', "[".repeat(65) + "]".repeat(65)])
    folded.fold(entry(1, "k", data));
  folded.fold(entry(2, "k", "[9007199254740993]"));
  expect(seen).toEqual([[9007199254740993n]]);
  expect(folded.rejected.list.map(({ reason }) => reason.code)).toEqual([
    "number-too-large",
    "half-surrogate",
    "too-deep",
  ]);
  expect(model.judge("k", JSON.parse("[".repeat(65) + "]".repeat(65)) as Json)?.reason.code).toBe(
    "too-deep",
  );
});

describe("states", () => {
  test("are JSON", () => {
    expect(() =>
      defineModel({ name: "m", version: 1, initial: { at: new Date(0) }, apply: (state) => state }),
    ).toThrow(expect.objectContaining({ kind: "invalid", code: "not-json" }));
    const bad = new Folded(
      defineModel({ name: "m", version: 1, initial: 0 as unknown, apply: () => Number.NaN }),
    );
    bad.fold(entry(1, "k", 1));
    expect(() => bad.stateText()).toThrow(expect.objectContaining({ code: "not-json" }));
  });

  test("of older versions are upgraded, others refused", () => {
    const model = defineModel({
      name: "m",
      version: 3,
      initial: { n: 0 },
      apply: (state: { n: number }) => state,
      isState: (state) => typeof state === "object" && state !== null && "n" in state,
      upgrade: (from, state) => {
        if (from === 1) throw new Error("no");
        return from === 2 ? ({ m: state } as unknown as { n: number }) : undefined;
      },
    });
    expect(model.read(3, '{"n":1}')).toEqual({ n: 1 });
    expect(() => model.read(3, "{}")).toThrow(expect.objectContaining({ code: "misfit" }));
    expect(() => model.read(2, "{}")).toThrow(expect.objectContaining({ code: "misfit" }));
    expect(() => model.read(3, "nonsense")).toThrow(expect.objectContaining({ code: "misfit" }));
    expect(() => model.read(4, "{}")).toThrow(expect.objectContaining({ code: "newer-model" }));
    expect(model.read(1, "{}")).toBeUndefined();
    expect(
      defineModel({ name: "m", version: 2, initial: 0, apply: (state) => state }).read(1, "5"),
    ).toBeUndefined();
  });
});
