import { describe, expect, test } from "vitest";
import { Folded } from "../core/fold.ts";
import type { Author } from "../core/ids.ts";
import { writeUpdate } from "../core/update.ts";
import { logModel } from "./log.ts";

const author = "019aa122-be00-7000-8000-00000000000a" as Author;

function entry(seq: number, kind: string, dataText: string) {
  return { author, seq, key: seq + 10, update: writeUpdate({ at: "now", kind, dataText }) };
}

test("updates are kept in order as canonical JSON", () => {
  const folded = new Folded(logModel);
  folded.fold(entry(1, "b", '{"y":1.0,"x":null}'));
  const { state } = folded;
  folded.fold(entry(2, "a", "[]"));
  folded.fold(entry(3, "a", "7"));
  expect(state).toHaveLength(1);
  expect(folded.state).toHaveLength(3);
  const text = folded.stateText();
  expect(text).toBe(
    `[{"at":"now","author":"${author}","data":{"x":null,"y":1},"key":11,"kind":"b","seq":1},` +
      `{"at":"now","author":"${author}","data":[],"key":12,"kind":"a","seq":2},` +
      `{"at":"now","author":"${author}","data":7,"key":13,"kind":"a","seq":3}]`,
  );
  expect(logModel.read(1, text)).toEqual(folded.state);
});

test("what cannot be read is rejected", () => {
  const folded = new Folded(logModel);
  for (const [data, code] of [
    ["[".repeat(10_000) + "]".repeat(10_000), "too-deep"],
    ["1e400", "number-too-large"],
    ['"\\ud800"', "half-surrogate"],
  ] as const) {
    expect(folded.fold(entry(1, "any", data))).toEqual({ code, params: { kind: "any" } });
  }
  expect(folded.state).toEqual([]);
  expect(logModel.judge("any", 1)).toBeUndefined();
});

describe("a stored state of another form does not fit", () => {
  const good = { at: "x", author, data: null, key: 1, kind: "k", seq: 1 };
  test.each([
    {},
    [1],
    [{ ...good, more: 1 }],
    [{ ...good, seq: 0 }],
    [{ ...good, key: -1 }],
    [{ ...good, author: "x" }],
    [{ ...good, at: 1 }],
    [{ at: "x", author, key: 1, kind: "k", seq: 1 }],
  ])("%j", (state) => {
    expect(() => logModel.read(1, JSON.stringify(state))).toThrow(
      expect.objectContaining({ code: "misfit" }),
    );
    expect(logModel.read(1, JSON.stringify([good]))).toEqual([good]);
  });
});
