import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { expect, test } from "vitest";
import { figure, rows, type Size, sizes } from "./size.ts";

let measured: Promise<Size[]> | undefined;
const all = (): Promise<Size[]> => {
  measured ??= sizes();
  return measured;
};

test("every entry is within its limit", async () => {
  const table = (await all()).map(
    ({ entry, names, bytes, limit }) =>
      `${entry.padEnd(20)} ${String(bytes).padStart(6)} of ${String(limit).padStart(6)}  ${names}`,
  );
  console.log(table.join("\n"));
  const tooLarge = (await all()).filter(({ bytes, limit }) => bytes > limit);
  expect(tooLarge).toEqual([]);
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
