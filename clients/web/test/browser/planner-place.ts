/** The example `planner-web` as people meet it: built, served by `icecore serve --app`, with its own server, in Chromium. */

import { type ChildProcess, execFile, spawn } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import puppeteer, { type Browser } from "puppeteer-core";

const example = fileURLToPath(new URL("../../../../examples/planner-web/", import.meta.url));
const program =
  process.env["ICECORE"] ??
  fileURLToPath(new URL("../../../../target/debug/icecore", import.meta.url));
const run = promisify(execFile);

export const PEOPLE = {
  ada: { password: "lovelace", planner: "planner-home", rights: ["read", "write", "admin"] },
  ben: { password: "bitdiddle", planner: "planner-home" },
  cat: { password: "cheshire", planner: "planner-home", rights: ["read"] },
  eve: { password: "whisper", planner: "planner-secret" },
};

/** A place where the app is served. */
export class Place {
  readonly folder: string;
  readonly url: string;
  readonly #ports: readonly [number, number];
  #gateway: ChildProcess | undefined;
  #server: ChildProcess | undefined;

  private constructor(folder: string, ports: readonly [number, number]) {
    this.folder = folder;
    this.#ports = ports;
    this.url = `http://127.0.0.1:${ports[0]}/`;
  }

  /** Builds the app, and serves it. */
  static async open(): Promise<Place> {
    const place = new Place(await mkdtemp(join(tmpdir(), "icecore-planner-")), [
      await freePort(),
      await freePort(),
    ]);
    await writeFile(join(place.folder, "people.json"), JSON.stringify(PEOPLE));
    await place.build("Planner");
    await place.start();
    return place;
  }

  /** Builds a version of the app into the folder that is served. */
  async build(name: string): Promise<void> {
    const { build } = (await import(join(example, "build.mjs"))) as {
      build: (options: object) => Promise<unknown>;
    };
    const server = `http://127.0.0.1:${this.#ports[1]}`;
    await build({ outdir: join(this.folder, "dist"), server, name });
  }

  /** Starts what serves it: after this it answers. */
  async start(): Promise<void> {
    const { folder } = this;
    const [port, tokens] = this.#ports;
    const data = join(folder, "data");
    const settings = join(example, "settings.json");
    this.#gateway = spawn(
      program,
      [
        "serve",
        "--dir",
        data,
        "--app",
        join(folder, "dist"),
        "--settings",
        settings,
        "--listen",
        `127.0.0.1:${port}`,
        "--rollup-every",
        "2",
      ],
      { stdio: "ignore" },
    );
    await answers(`${this.url}healthz`);
    const people = join(folder, "people.json");
    const app = this.url.replace(/\/$/, "");
    this.#server = spawn(
      process.execPath,
      [
        join(example, "server.mjs"),
        "--dir",
        data,
        "--people",
        people,
        "--app",
        app,
        "--port",
        String(tokens),
      ],
      { stdio: "ignore" },
    );
    await answers(`http://127.0.0.1:${tokens}/`);
  }

  /** Stops it, as when a network is gone. */
  async stop(): Promise<void> {
    for (const child of [this.#gateway, this.#server]) {
      if (child === undefined || child.exitCode !== null || child.signalCode !== null) continue;
      const gone = new Promise((resolve) => child.once("exit", resolve));
      child.kill("SIGKILL");
      await gone;
    }
  }

  /** Types a command of `icecore`, as who runs the store. */
  async icecore(
    args: readonly string[],
    environment: Record<string, string> = {},
  ): Promise<string> {
    const token = ["token", "--dir", join(this.folder, "data"), "--space", "*", "--right", "admin"];
    const { stdout } = await run(program, token);
    const env = {
      ...process.env,
      ICECORE_STORE: this.url,
      ICECORE_TOKEN: stdout.trim(),
      ICECORE_REPLICA: join(this.folder, "replica"),
      ...environment,
    };
    return (await run(program, [...args], { env })).stdout;
  }

  /** Makes the space that two people share. */
  async createHome(): Promise<void> {
    await this.icecore(["space", "create", "planner-home", "--rule", "unique:/tasks/*/slot"]);
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

async function answers(url: string): Promise<void> {
  for (let tries = 0; tries < 200; tries += 1) {
    const isThere = await fetch(url).then(
      () => true,
      () => false,
    );
    if (isThere) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`${url} does not answer`);
}

export function launchChromium(): Promise<Browser> {
  return puppeteer.launch({
    executablePath: process.env["CHROMIUM"] ?? "/usr/bin/chromium",
    headless: true,
    args: ["--no-sandbox", "--disable-dev-shm-usage", "--no-first-run"],
  });
}
