import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { vectors } from "../../test/vectors.ts";
import type { Json } from "../core/json.ts";
import { appReason, cut, reason, reject } from "../core/reason.ts";
import { WORDS, worded } from "./words.ts";

function stored(members: Record<string, Json>) {
  const { code, ...params } = members;
  return { code: String(code), params };
}

test("known codes are worded, and others shown as they are", () => {
  const half = { code: "not-a-list", kind: "add", path: "/a", found: "string" };
  for (const [members, at, shown] of [
    [half, undefined, "add: the field `/a` is text, not a list"],
    [{ code: "max", value: "11", limit: "10" }, "/seats", "`/seats` is 11, more than 10"],
    [{ code: "not-a-list", path: ["/a"] }, undefined, '?: the field `["/a"]` is ?, not a list'],
    [{ code: "frozen" }, undefined, "`frozen`, a reason that this program does not know"],
    [
      { code: "frozen", until: 7, by: "ada" },
      undefined,
      "`frozen`, a reason that this program does not know (by: ada, until: 7)",
    ],
    [{ code: "app:late" }, undefined, "late"],
    [{ code: "app:late", n: 1 }, undefined, "late (n: 1)"],
    [{ code: "app:late", n: 1, message: "it is over" }, undefined, "it is over"],
    [{ code: "app", message: "no" }, undefined, "no"],
    [{ code: "required" }, undefined, "`?` is missing"],
    [{ code: "toString" }, undefined, "`toString`, a reason that this program does not know"],
  ] as const) {
    expect(worded(stored(members), at)).toBe(shown);
  }
  // A text with a dollar sign is no pattern.
  expect(worded(reason("unknown-kind", { kind: "$&$1" }))).toContain("`$&$1`");
});

test("an app gives a text or a code of its own", () => {
  expect(reject("no such task").reason).toEqual({
    code: "app",
    params: { message: "no such task" },
  });
  expect(
    appReason("late", { key: 1, share: 0.5, list: [1, "a"], ok: true, big: 2n ** 60n }),
  ).toEqual({
    code: "app:late",
    params: { key_: 1, share: "0.5", list: '[1,"a"]', ok: true, big: 2n ** 60n },
  });
  // An app cannot give a code of this library, nor pass for one.
  expect(worded(appReason("max"), "/a")).toBe("max");
});

test("what a person typed is cut between characters", () => {
  expect(cut("😀".repeat(100))).toBe("😀".repeat(100));
  expect(cut("😀".repeat(101))).toBe(`${"😀".repeat(100)}…`);
  expect(cut("x".repeat(100))).toBe("x".repeat(100));
  expect(cut(`${"x".repeat(99)}😀y`)).toBe(`${"x".repeat(99)}😀…`);
  expect(reason("unknown-kind", { kind: "ü".repeat(2_000) }).params).toHaveProperty(
    "kind",
    `${"ü".repeat(100)}…`,
  );
  expect(reject("ü".repeat(2_000)).reason.params).toHaveProperty(
    "message",
    `${"ü".repeat(1_000)}…`,
  );
});

describe("the codes", () => {
  const page = readFileSync(new URL("../../../../docs/format.md", import.meta.url), "utf8");
  test.each([...WORDS])("%s stands on the page with its parameters", (code, wording) => {
    const names = [...wording.matchAll(/\{(.*?)\}/g)].map((found) => found[1] ?? "");
    const params = [...new Set(names)].filter((name) => name !== "at").sort();
    const listed = params.map((name) => `\`${name}\``).join(", ");
    expect(page).toContain(`| \`${code}\` | ${listed} | ${wording} |`);
  });

  test("those of the vectors are known, each with its parameters", () => {
    const seen = new Map<string, string>();
    const walk = (value: unknown): void => {
      if (typeof value !== "object" || value === null) return;
      if ("code" in value && typeof value.code === "string") {
        const { code, id, key, rule, paths, updates, ...params } = value as Record<string, unknown>;
        seen.set(String(code), Object.keys(params).sort().join());
      }
      for (const inner of Object.values(value)) walk(inner);
    };
    for (const name of ["document", "rejected"]) walk(vectors(name));
    expect(seen.size).toBeGreaterThan(25);
    for (const [code, params] of seen) {
      const names = [...(WORDS.get(code) ?? "").matchAll(/\{(.*?)\}/g)].map(
        (found) => found[1] ?? "",
      );
      expect(
        [...new Set(names)]
          .filter((name) => name !== "at")
          .sort()
          .join(),
        code,
      ).toBe(params);
    }
  });
});
