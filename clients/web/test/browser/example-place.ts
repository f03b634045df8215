/** The page of an example as people meet it: built, served by `icecore serve --app` in Chromium, beside the example's own program. */

import { type ChildProcess, execFile, spawn } from "node:child_process";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { defineModel, type JsonObject, open } from "../../src/index.ts";
import { memoryStores } from "../../src/testing.ts";

const run = promisify(execFile);
const programs = fileURLToPath(new URL("../../../../target/debug/", import.meta.url));
const builder = fileURLToPath(new URL("../../../../examples/web/build.mjs", import.meta.url));

/** How long the server may take until it answers. */
const START_MS = 20_000;

/** A place where the page of one example is served. */
export class ExamplePlace {
  /** Which example: the name of its program, of its model, and of its space. */
  readonly name: string;
  readonly folder: string;
  readonly url: string;
  readonly #port: number;
  #server: ChildProcess | undefined;
  /** For the example's program: each command is a process of its own, and so is each making of a token. */
  #admin: Promise<string> | undefined;

  private constructor(name: string, folder: string, port: number) {
    this.name = name;
    this.folder = folder;
    this.#port = port;
    this.url = `http://127.0.0.1:${port}/`;
  }

  /** Builds the page, and serves it. */
  static async open(name: string): Promise<ExamplePlace> {
    const folder = await mkdtemp(join(tmpdir(), `icecore-${name}-`));
    const place = new ExamplePlace(name, folder, await freePort());
    const { build } = (await import(builder)) as {
      build: (example: string, outdir: string) => Promise<unknown>;
    };
    await build(name, join(folder, "dist"));
    await writeFile(join(folder, "settings.json"), '{"guests":{"models":["steps"]}}');
    return place;
  }

  /** Starts what serves it: after this it answers. */
  async start(): Promise<void> {
    const at = (file: string): string => join(this.folder, file);
    const args = ["serve", "--dir", at("data"), "--app", at("dist"), "--rollup-every", "2"];
    const own = ["--settings", at("settings.json"), "--listen", `127.0.0.1:${this.#port}`];
    this.#server = spawn(join(programs, "icecore"), [...args, ...own], { stdio: "ignore" });
    const end = Date.now() + START_MS;
    for (;;) {
      const isUp = await fetch(`${this.url}healthz`).then(
        ({ ok }) => ok,
        () => false,
      );
      if (isUp) return;
      if (Date.now() > end) throw new Error("icecore serve did not start");
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }

  /** Stops it, as when the network is gone. */
  async stop(): Promise<void> {
    const server = this.#server;
    if (server === undefined || server.exitCode !== null || server.signalCode !== null) return;
    const gone = new Promise((resolve) => server.once("exit", resolve));
    server.kill("SIGKILL");
    await gone;
  }

  /** A token as `icecore token` makes it. */
  async token(space: string, right = "write", ...more: readonly string[]): Promise<string> {
    const rights = [...new Set(["read", right])].flatMap((one) => ["--right", one]);
    const dir = join(this.folder, "data");
    const args = ["token", "--dir", dir, "--space", space, ...rights, ...more];
    return (await run(join(programs, "icecore"), args)).stdout.trim();
  }

  /** Puts a token beside the page, where it looks for one. */
  async letPageIn(): Promise<void> {
    await writeFile(join(this.folder, "dist", "token.txt"), await this.token(this.name));
  }

  /** Puts a file into the folder of this place. */
  async write(file: string, text: string): Promise<void> {
    const path = join(this.folder, file);
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, text);
  }

  /** Makes an update in the example's space as a program that knows more of its model than page and command do. */
  async update(kind: string, data: JsonObject): Promise<void> {
    const token = await this.token(this.name);
    const space = open({
      gateway: this.url.slice(0, -1),
      space: this.name,
      model: defineModel({ name: this.name, version: 1, initial: {}, apply: (state) => state }),
      token: async () => token,
      stores: memoryStores(),
      allowPlainHttp: true,
    });
    const receipt = space.update({ kind, data });
    await space.sync();
    await receipt.confirmed;
    space.close();
  }

  /** Types a command of the example's own program, on a device of this name. */
  async type(device: string, args: readonly string[]): Promise<string> {
    this.#admin ??= this.token("*", "admin");
    const env = {
      ...process.env,
      ICECORE_STORE: this.url,
      ICECORE_TOKEN: await this.#admin,
      ICECORE_REPLICA: join(this.folder, device),
    };
    return (await run(join(programs, this.name), [...args], { env })).stdout.trim();
  }

  /** Ends all of it. */
  async close(): Promise<void> {
    await this.stop();
    await rm(this.folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 });
  }
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}
