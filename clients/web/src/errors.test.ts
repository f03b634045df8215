import { readdirSync, readFileSync } from "node:fs";
import { expect, test } from "vitest";

/** All sources that are shipped, one after the other. */
const sources = readdirSync(new URL(".", import.meta.url), { recursive: true, encoding: "utf8" })
  .filter((name) => name.endsWith(".ts") && !name.endsWith(".test.ts"))
  .map((name) => readFileSync(new URL(name, import.meta.url), "utf8"))
  .join("\n");

/** What errors say: the text that a call's third argument ends with. */
const MESSAGE =
  /new IcecoreError\(\s*[^,()]+,\s*[^,()]+,\s*(?:[^,"`]*\?\? )?["`]([^"\n]+?)["`],?\s/g;
const HINT = /hint:\s+"([^"\n]+)"/g;

// Those of requests were sentences once, and all others are not: an app that puts them after a colon showed both.
test.each([
  ["messages", MESSAGE, 60],
  ["hints", HINT, 40],
])("%s of errors begin small and end without a full stop", (_, pattern, least) => {
  const texts = [...sources.matchAll(pattern)].map(([, text]) => text ?? "");
  expect(texts.length).toBeGreaterThan(least);
  expect(texts.filter((text) => /^[A-Z][a-z]|\.$/.test(text))).toEqual([]);
});
