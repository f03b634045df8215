import { runInNewContext } from "node:vm";
import { build } from "esbuild";
import { expect, test } from "vitest";
import { browserPlatform } from "./platform.ts";

const events = { superseded: () => undefined, gone: () => undefined };

test("on a server nothing is there, and nothing throws until it is needed", async () => {
  const file = new URL("./platform.ts", import.meta.url).pathname;
  const built = await build({
    entryPoints: [file],
    bundle: true,
    write: false,
    format: "iife",
    globalName: "made",
  });
  // No globals but the language's own: no navigator, no document, no timers, no crypto.
  const code = `${built.outputFiles[0]?.text}; made.browserPlatform()`;
  const { page, witness, storage, locks, channels } = runInNewContext(code) as ReturnType<
    typeof browserPlatform
  >;
  const signal = new AbortController().signal;
  expect(locks).toBeUndefined();
  expect([page.isVisible(), page.isOffline()]).toEqual([true, false]);
  page.onChange(() => undefined, signal);
  channels.join("a", () => undefined, signal)("nobody hears");
  witness.note("a", "x");
  witness.note("a", undefined);
  expect(witness.recall("a")).toBeUndefined();
  expect(await Promise.all([storage.persisted(), storage.persist(), storage.estimate()])).toEqual([
    undefined,
    undefined,
    undefined,
  ]);
});

test("where there is no IndexedDB, opening says so", async () => {
  const { stores } = browserPlatform();
  await expect(stores.open("a", events)).rejects.toMatchObject({
    kind: "unavailable",
    code: "storage-unavailable",
  });
});

test("chance below a count is even, and reaches all of it", () => {
  const { chance } = browserPlatform();
  const counts = [0, 0, 0];
  for (let i = 0; i < 3_000; i += 1) {
    const drawn = chance.below(3);
    counts[drawn] = (counts[drawn] ?? 0) + 1;
  }
  for (const count of counts) expect(count).toBeGreaterThan(800);
  expect(chance.below(1)).toBe(0);
  expect(chance.below(2 ** 32)).toBeLessThan(2 ** 32);
  expect(chance.bytes(32)).toHaveLength(32);
});

test("a task runs once, and not after it was called off", async () => {
  const { clock } = browserPlatform();
  const ran: string[] = [];
  const off = clock.after(5, () => ran.push("called off"));
  off();
  await new Promise<void>((resolve) => {
    clock.after(20, () => {
      ran.push("ran");
      resolve();
    });
  });
  expect(ran).toEqual(["ran"]);
});
