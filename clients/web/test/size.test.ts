import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { expect, test } from "vitest";
import { figure, madeOf, rows, type Size, sizes } from "./size.ts";

let measured: Promise<Size[]> | undefined;
const all = (): Promise<Size[]> => {
  measured ??= sizes();
  return measured;
};

test("every entry is within its limits", async () => {
  const of = (bytes: number, limit: number) =>
    `${String(bytes).padStart(6)} of ${String(limit).padStart(6)}`;
  const table = (await all()).map(
    ({ entry, names, limit, ...size }) =>
      `${entry.padEnd(20)} ${of(size.first, limit.first)} at first, ${of(size.all, limit.all)} in all  ${names}`,
  );
  console.log(table.join("\n"));
  const tooLarge = (await all()).filter(
    ({ limit, ...size }) => size.first > limit.first || size.all > limit.all,
  );
  expect(tooLarge).toEqual([]);
});

test("what talks to the gateway is not part of the first load", async () => {
  const modules = [...(await madeOf()).first.keys()];
  expect(modules).toContain("src/sync/open.ts");
  const later =
    /^src\/(wire\/(?!address)|plan\/(?!backoff|pace)|sync\/(sync|session|pull|poll|flush|publish|settle)\b)/;
  expect(modules.filter((module) => later.test(module))).toEqual([]);
});

test("every entry of package.json has a limit", async () => {
  const settings = JSON.parse(
    await readFile(new URL("../package.json", import.meta.url), "utf8"),
  ) as Record<"exports" | "sizeLimits", Record<string, unknown>>;
  const entries = Object.keys(settings.exports).filter((path) => !path.endsWith(".json"));
  // What is for tests only does not reach a page.
  expect(Object.keys(settings.sizeLimits)).toEqual(entries.filter((path) => path !== "./testing"));
});

const readme = new URL("../README.md", import.meta.url);
test.skipIf(!existsSync(readme))("README.md names these sizes", async () => {
  const text = await readFile(readme, "utf8");
  const missing = rows(await all()).filter((row) => !text.includes(row));
  expect(missing).toEqual([]);
});

test("figures are rounded up", () => {
  expect([0, 1, 102, 103, 1_024, 1_025, 12_288].map(figure)).toEqual([
    "0.0 KB",
    "0.1 KB",
    "0.1 KB",
    "0.2 KB",
    "1.0 KB",
    "1.1 KB",
    "12.0 KB",
  ]);
});
