import { expect, test } from "vitest";
import { type Author, isAuthor } from "../core/ids.ts";
import { mark, type Witness, witnessed } from "./witness.ts";

function kept(): Witness & { readonly texts: Map<string, string>; written: number } {
  const texts = new Map<string, string>();
  return {
    texts,
    written: 0,
    recall: (name) => texts.get(name),
    note(name, text) {
      this.written += 1;
      if (text === undefined) texts.delete(name);
      else texts.set(name, text);
    },
  };
}

function authorOf(text: string): Author {
  if (!isAuthor(text)) throw new Error("no author");
  return text;
}
const text = "6f1c4a52-0d3e-4b8a-9c7d-2e5f8a1b3c4d";
const author = authorOf(text);
const evicted = authorOf("019aa122-be00-7000-8000-00000000000a");

test("the author is told until the marker is removed, and written once", () => {
  const witness = kept();
  expect(witnessed(witness, "a")).toBeUndefined();
  mark(witness, "a", { author });
  mark(witness, "a", { author, evicted: undefined });
  expect(witness.written).toBe(1);
  expect(witnessed(witness, "a")).toEqual({ author });
  expect(witnessed(witness, "b")).toBeUndefined();
  mark(witness, "a", undefined);
  mark(witness, "a", undefined);
  expect(witness.texts.size).toBe(0);
  expect(witness.written).toBe(2);
});

test("whose copy is missing is told with it, until it is not", () => {
  const witness = kept();
  mark(witness, "a", { author, evicted });
  expect(witnessed(witness, "a")).toEqual({ author, evicted });
  mark(witness, "a", { author });
  expect(witnessed(witness, "a")).toEqual({ author });
});

test.each([text.toUpperCase(), "", `${text} ${evicted} x`])(
  "what is no author is no marker: %s",
  (other) => {
    const witness = kept();
    witness.note("icecore:a", other);
    expect(witnessed(witness, "a")).toBeUndefined();
  },
);
