import { expect, test } from "vitest";
import { isAuthor } from "../core/ids.ts";
import { noteAuthor, type Witness, witnessedAuthor } from "./witness.ts";

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

const text: string = "6f1c4a52-0d3e-4b8a-9c7d-2e5f8a1b3c4d";

test("the author is told until the marker is removed, and written once", () => {
  if (!isAuthor(text)) throw new Error("no author");
  const witness = kept();
  expect(witnessedAuthor(witness, "a")).toBeUndefined();
  noteAuthor(witness, "a", text);
  noteAuthor(witness, "a", text);
  expect(witness.written).toBe(1);
  expect(witnessedAuthor(witness, "a")).toBe(text);
  expect(witnessedAuthor(witness, "b")).toBeUndefined();
  noteAuthor(witness, "a", undefined);
  noteAuthor(witness, "a", undefined);
  expect(witness.texts.size).toBe(0);
  expect(witness.written).toBe(2);
});

test("what is no author is no marker", () => {
  const witness = kept();
  witness.note("icecore:a", text.toUpperCase());
  expect(witnessedAuthor(witness, "a")).toBeUndefined();
});
