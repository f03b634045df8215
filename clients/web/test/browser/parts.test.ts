import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { basename } from "node:path";
import { build } from "esbuild";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { type Engine, engines, isInstalled, type Tab, withBrowser } from "./driver.ts";

const HTML =
  '<!doctype html><html lang="en"><meta charset="utf-8"><title>test</title><link rel="icon" href="data:,"><script type="module" src="/parts-page.js"></script></html>';
const WAIT = { timeout: 60_000, interval: 50 };

const files = new Map<string, string>();
/** Whether the file with what syncs is there. */
let isThere = false;
/** How often it was asked for. */
let asked = 0;
/** How often the gateway was. */
let calls = 0;
let server: Server;
let url = "";

beforeAll(async () => {
  const built = await build({
    entryPoints: [new URL("./parts-page.ts", import.meta.url).pathname],
    bundle: true,
    format: "esm",
    target: "es2022",
    minify: true,
    splitting: true,
    outdir: "/",
    write: false,
  });
  for (const { path, text } of built.outputFiles) files.set(`/${basename(path)}`, text);
  expect([...files.keys()].filter((path) => path.startsWith("/engine-"))).toHaveLength(1);
  server = createServer((request, response) => {
    const path = request.url ?? "";
    const isEngine = path.startsWith("/engine-");
    if (isEngine) asked += 1;
    if (path.startsWith("/v1/")) calls += 1;
    const text = isEngine && !isThere ? undefined : path === "/" ? HTML : files.get(path);
    response.setHeader("cache-control", "no-store");
    response.setHeader("content-type", path === "/" ? "text/html" : "text/javascript");
    response.statusCode = text === undefined ? 404 : 200;
    response.end(text);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
});
afterAll(() => {
  server.closeAllConnections();
  server.close();
});

const look = (tab: Tab) => tab.run(() => parts.look());

describe.each(engines.filter(isInstalled))("%s", (engine: Engine) => {
  test("without the file that syncs a page shows and keeps everything; it is asked for again, and then it syncs", async () => {
    [isThere, asked, calls] = [false, 0, 0];
    await withBrowser(engine, async (browser) => {
      const tab = await browser.open(url);
      await vi.waitFor(async () => {
        expect(await look(tab)).toMatchObject({ phase: "offline", code: "code-missing" });
      }, WAIT);
      expect(await tab.run(() => parts.put("milk"))).toEqual(['{"milk":true}', "durable"]);
      expect(await look(tab)).toMatchObject({ unsent: 1 });
      // A page that ends without it has lost nothing.
      await tab.reload();
      await vi.waitFor(async () => {
        expect(await look(tab)).toMatchObject({ unsent: 1, state: '{"milk":true}' });
      }, WAIT);
      expect(asked).toBeGreaterThan(0);
      expect(calls).toBe(0);
      isThere = true;
      await vi.waitFor(async () => {
        const { code, unsent, state } = await look(tab);
        // What answers here is no gateway.
        expect([code, unsent, state]).not.toContain("code-missing");
        expect([unsent, state]).toEqual([1, '{"milk":true}']);
        expect(calls).toBeGreaterThan(0);
      }, WAIT);
    });
  });
});
