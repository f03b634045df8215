import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { randomBytes, randomInt } from "node:crypto";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { documentModel } from "../../src/models/document.ts";
import type { Clock } from "../../src/ports.ts";
import { createSpace } from "../../src/wire/create-space.ts";
import { type Claims, type Rig, remoteContract } from "../remote-contract.ts";

const BUILT = fileURLToPath(new URL("../../../../target/debug/icecore", import.meta.url));
const BINARY = process.env["ICECORE_BIN"] ?? BUILT;
const WAIT_MS = 20_000;

/** The device's own clock, off by so much. */
function realClock(offMs = 0): Clock {
  return {
    now: () => Date.now() + offMs,
    monotonic: () => performance.now(),
    after: (ms, task) => {
      const timer = setTimeout(task, ms);
      return () => clearTimeout(timer);
    },
  };
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.on("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      server.close(() => resolve(typeof address === "object" && address ? address.port : 0));
    });
  });
}

async function until(what: string, done: () => Promise<boolean>): Promise<void> {
  const end = Date.now() + WAIT_MS;
  while (!(await done().catch(() => false))) {
    if (Date.now() > end) {
      throw new Error(`${what} did not happen within ${WAIT_MS} ms`);
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

const dir = mkdtempSync(join(tmpdir(), "icecore-wire-"));
let server: ChildProcess | undefined;
let url = "";

function icecore(args: readonly string[], token?: string): string {
  const env = { ...process.env, ICECORE_REPLICA: join(dir, "replica") };
  const own = token === undefined ? {} : { ICECORE_TOKEN: token, ICECORE_STORE: url };
  return execFileSync(BINARY, [...args], { env: { ...env, ...own }, encoding: "utf8" }).trim();
}

function token({ spaces, rights, author }: Claims): string {
  const args = ["token", "--dir", join(dir, "data")];
  args.push(...spaces.flatMap((space) => ["--space", space]));
  args.push(...rights.flatMap((right) => ["--right", right]));
  return icecore(author === undefined ? args : [...args, "--author", author]);
}

async function start(): Promise<void> {
  const port = await freePort();
  url = `http://127.0.0.1:${port}`;
  const settings = join(dir, "settings.json");
  writeFileSync(settings, JSON.stringify({ guests: {} }));
  const at = ["--dir", join(dir, "data"), "--listen", `127.0.0.1:${port}`];
  const args = ["serve", ...at, "--rollup-every", "3600", "--settings", settings];
  server = spawn(BINARY, args, { stdio: "ignore" });
  await until("the server's start", async () => (await fetch(`${url}/healthz`)).ok);
}

function rig(offMs: number): Rig {
  const admin = token({ spaces: ["*"], rights: ["admin"] });
  return {
    gateway: url,
    fetch: (address, init) => fetch(address, init),
    clock: realClock(offMs),
    chance: { below: (most) => randomInt(most), bytes: (n) => new Uint8Array(randomBytes(n)) },
    serverNow: () => Date.now(),
    createSpace: async (name, order) => {
      const ordered = order === "sequence" ? ["--order", "sequence"] : [];
      icecore(["space", "create", name, ...ordered], admin);
    },
    token,
    rollUp: async (space) => {
      icecore(["rollup", space, "--now"], admin);
    },
  };
}

if (existsSync(BINARY)) {
  describe("over HTTP", () => {
    beforeAll(start, WAIT_MS);
    afterAll(() => {
      server?.kill();
      rmSync(dir, { recursive: true, force: true });
    });
    remoteContract("the real gateway", async () => rig(0));
    remoteContract("the real gateway, for a device an hour behind", async () => rig(-3_600_000));
    test("the real gateway makes a space for a page, which the command knows", async () => {
      const { clock, chance, fetch } = rig(0);
      const admin = token({ spaces: ["*"], rights: ["read", "admin"] });
      const options = { gateway: url, token: async () => admin, fetch, clock, chance };
      const settings = { rules: [{ rule: "required", path: "/title" }] };
      const signal = new AbortController().signal;
      const wanted = { model: documentModel, settings };
      await createSpace(options, "made-here", wanted, signal);
      await expect(createSpace(options, "made-here", wanted, signal)).rejects.toMatchObject({
        code: "space-exists",
      });
      icecore(["update", "made-here", '{"kind":"merge","data":{"a":1}}'], admin);
      expect(icecore(["state", "made-here", "--json"], admin)).toBe('{"a":1}');
      expect(icecore(["conflicts", "made-here"], admin)).toContain("required:/title");
    });
    test("the server is the one that was started", () => {
      expect(server?.exitCode).toBeNull();
    });
  });
} else {
  rmSync(dir, { recursive: true, force: true });
  test.skip(`no ${BINARY}: build it, or name one in ICECORE_BIN`, () => {});
}
