/**
 * A real store behind a real gateway (`icecore serve`), and in front of it a proxy that counts, delays and loses.
 *
 * The proxy's address is the public one, so presigned requests come by it too. Pages are of another origin: what they ask
 * for permission (OPTIONS) is seen here as well.
 */

import { type ChildProcess, execFile, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import {
  createServer,
  type IncomingMessage,
  request,
  type Server,
  type ServerResponse,
} from "node:http";
import { type AddressInfo, createServer as createSocket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const BUILT = fileURLToPath(new URL("../../../../target/debug/icecore", import.meta.url));
/** The command. */
export const BINARY: string = process.env["ICECORE_BIN"] ?? BUILT;
const START_MS = 60_000;

/**
 * What a request is for: a call of the gateway (`sync`, `sign`, `other`), or one of the bucket; `hint` writes the head. `ask` is a
 * browser that asks for permission.
 */
export type Step =
  | "ask"
  | "sync"
  | "sign"
  | "other"
  | "put"
  | "hint"
  | "head"
  | "info"
  | "get"
  | "list";

/** A request that came by. */
export interface Seen {
  readonly step: Step;
  readonly space: string | undefined;
  readonly method: string;
  readonly path: string;
  readonly status: number | undefined;
}

/**
 * What the network does to a request: passes it on, loses it or its answer, or keeps one of them until the end. A number
 * delays it by so many milliseconds.
 */
export type Fate = "pass" | "lose" | "lose-answer" | "hold" | "hold-answer" | number;

/** How a command of the shell ended. */
export interface Ended {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** A store that pages and replicas in Rust share. */
export class Backend {
  /** Where clients reach it: the proxy. */
  readonly url: string;
  /** What came by. */
  readonly seen: Seen[] = [];
  /** What becomes of requests. */
  fate: (step: Step, space: string | undefined) => Fate = () => "pass";
  /** Runs when a request that is held, or whose answer is, has got so far. */
  onHeld: (step: Step, space: string | undefined) => void = () => undefined;
  readonly #dir: string;
  readonly #port: number;
  readonly #proxy: Server;
  #server: ChildProcess | undefined;

  private constructor(dir: string, port: number, proxy: Server) {
    this.#dir = dir;
    this.#port = port;
    this.#proxy = proxy;
    this.url = `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`;
    proxy.on("request", (incoming, outgoing) => void this.#answer(incoming, outgoing));
  }

  /** Starts it. Pages of these origins may call it. */
  static async start(origins: readonly string[]): Promise<Backend> {
    if (!existsSync(BINARY)) throw new Error(`no ${BINARY}: build it, or name one in ICECORE_BIN`);
    const dir = await mkdtemp(join(tmpdir(), "icecore-backend-"));
    const proxy = createServer();
    await new Promise<void>((resolve) => proxy.listen(0, "127.0.0.1", resolve));
    const backend = new Backend(dir, await freePort(), proxy);
    await backend.#serve(origins);
    return backend;
  }

  async #serve(origins: readonly string[]): Promise<void> {
    const allowed = origins.flatMap((origin) => ["--allow-origin", origin]);
    const args = ["--dir", join(this.#dir, "data"), "--listen", `127.0.0.1:${this.#port}`];
    const own = ["--public-url", this.url, "--rollup-every", "3600", ...allowed];
    this.#server = spawn(BINARY, ["serve", ...args, ...own], { stdio: "ignore" });
    const end = Date.now() + START_MS;
    for (;;) {
      const isUp = await fetch(`http://127.0.0.1:${this.#port}/healthz`).then(
        ({ ok }) => ok,
        () => false,
      );
      if (isUp) return;
      if (Date.now() > end) throw new Error("icecore serve did not start");
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }

  /** Runs the command and gives what it printed; fails where it fails. */
  async run(args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<string> {
    const { code, out, err } = await this.attempt(args, env);
    if (code !== 0) throw new Error(`icecore ${args.join(" ")}: ${code}\n${err}`);
    return out;
  }

  /** Runs the command, however it ends. */
  attempt(args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<Ended> {
    const all = { ...process.env, ICECORE_REPLICA: join(this.#dir, "replica"), ...env };
    return new Promise((resolve) => {
      execFile(BINARY, [...args], { env: all, maxBuffer: 2 ** 26 }, (error, out, err) => {
        const code = error ? (typeof error.code === "number" ? error.code : 1) : 0;
        resolve({ code, out: out.trim(), err });
      });
    });
  }

  /** A token. */
  token(...args: readonly string[]): Promise<string> {
    return this.run(["token", "--dir", join(this.#dir, "data"), "--space", "*", ...args]);
  }

  /** Makes a space. */
  async createSpace(
    name: string,
    args: readonly string[] = [],
    env: Readonly<Record<string, string>> = {},
  ): Promise<void> {
    await this.run(["space", "create", name, ...args], {
      ...(await this.replica("admin", "admin")),
      ...env,
    });
  }

  /** The environment of a replica in Rust with a folder of its own, which comes by the proxy. */
  async replica(name: string, right = "write"): Promise<Record<string, string>> {
    const rights = [...new Set(["read", right])].flatMap((one) => ["--right", one]);
    return {
      ICECORE_STORE: this.url,
      ICECORE_TOKEN: await this.token(...rights),
      ICECORE_REPLICA: join(this.#dir, `replica-${name}`),
    };
  }

  /** A new secret: the environment that gives it to the command, and what a page opens a space with. */
  async secret(
    isPassphrase: boolean,
  ): Promise<{ rust: Record<string, string>; page: { passphrase?: string; identity?: string } }> {
    if (isPassphrase) {
      const words = "correct horse battery staple";
      return { rust: { ICECORE_PASSPHRASE: words }, page: { passphrase: words } };
    }
    const file = join(await mkdtemp(join(this.#dir, "identity-")), "me");
    await this.run(["identity", "create", file]);
    return {
      rust: { ICECORE_IDENTITY: file },
      page: { identity: (await readFile(file, "utf8")).trim() },
    };
  }

  /** What the store holds, read past gateway and proxy by a replica that has seen nothing. */
  async read(
    what: "state" | "log" | "verify",
    space: string,
    env: Readonly<Record<string, string>> = {},
  ): Promise<string> {
    const replica = await mkdtemp(join(this.#dir, "reader-"));
    const store = join(this.#dir, "data", "store");
    return this.run([what, space], { ...env, ICECORE_STORE: store, ICECORE_REPLICA: replica });
  }

  /** The history: `AUTHOR:SEQ` with the data of each update, in canonical order. */
  async log(space: string, env: Readonly<Record<string, string>> = {}): Promise<readonly Logged[]> {
    const text = await this.read("log", space, env);
    return text === "" ? [] : text.split("\n").map((line) => JSON.parse(line) as Logged);
  }

  /** Requests since a moment, by step. */
  count(from = 0, space?: string): Partial<Record<Step, number>> {
    const counts: Partial<Record<Step, number>> = {};
    for (const one of this.seen.slice(from)) {
      if (space !== undefined && one.space !== space) continue;
      counts[one.step] = (counts[one.step] ?? 0) + 1;
    }
    return counts;
  }

  /** Ends it all. */
  async close(): Promise<void> {
    this.#proxy.close();
    this.#proxy.closeAllConnections();
    const server = this.#server;
    if (server !== undefined && server.exitCode === null) {
      const gone = new Promise((resolve) => server.once("exit", resolve));
      server.kill("SIGKILL");
      await gone;
    }
    await rm(this.#dir, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 });
  }

  async #answer(incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
    const { method = "GET", url: path = "/" } = incoming;
    const { step, space } = stepOf(method, path);
    const fate = this.fate(step, space);
    const lost = (): void => void incoming.socket.destroy();
    const note = (status: number | undefined): void =>
      void this.seen.push({ step, space, method, path, status });
    const body = await bodyOf(incoming).catch(() => undefined);
    if (body === undefined) return;
    if (fate === "lose" || fate === "hold") {
      note(undefined);
      if (fate === "lose") lost();
      else this.onHeld(step, space);
      return;
    }
    if (typeof fate === "number") await new Promise((resolve) => setTimeout(resolve, fate));
    const passed = request(
      // As it came, the host's name too: presigned requests are signed with it.
      { host: "127.0.0.1", port: this.#port, method, path, headers: incoming.headers },
      (answer) => {
        note(answer.statusCode);
        if (fate === "lose-answer" || fate === "hold-answer") {
          answer.resume();
          answer.on("end", () => (fate === "hold-answer" ? this.onHeld(step, space) : lost()));
          return;
        }
        outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
        answer.pipe(outgoing);
      },
    );
    passed.on("error", lost);
    passed.end(body);
  }
}

/** A line of `icecore log`. */
export interface Logged {
  readonly author: string;
  readonly seq: number;
  readonly key: number;
  readonly kind: string;
  readonly data: unknown;
}

function stepOf(method: string, address: string): { step: Step; space: string | undefined } {
  const { pathname, searchParams } = new URL(address, "http://x");
  const folder = searchParams.get("prefix") ?? pathname;
  const space = /(?:spaces|heads)\/([^/]+)/.exec(folder)?.[1];
  if (method === "OPTIONS") return { step: "ask", space };
  const called = /\/v1\/spaces\/[^/]+\/(sync|sign)$/.exec(pathname)?.[1];
  if (called === "sync" || called === "sign") return { step: called, space };
  if (pathname.startsWith("/v1/")) return { step: "other", space };
  if (searchParams.has("list-type")) return { step: "list", space };
  const isHead = pathname.includes("/heads/");
  if (method === "PUT") return { step: isHead ? "hint" : "put", space };
  return { step: isHead ? "head" : pathname.endsWith("/space.json") ? "info" : "get", space };
}

async function bodyOf(incoming: IncomingMessage): Promise<Buffer> {
  const parts: Buffer[] = [];
  for await (const part of incoming) parts.push(part as Buffer);
  return Buffer.concat(parts);
}

function freePort(): Promise<number> {
  const socket = createSocket();
  return new Promise((resolve) => {
    socket.listen(0, "127.0.0.1", () => {
      const { port } = socket.address() as AddressInfo;
      socket.close(() => resolve(port));
    });
  });
}
