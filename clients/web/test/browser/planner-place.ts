/** The example `planner-web` as people meet it: built, served by `icecore serve --app`, with its own server, in Chromium. */

import { type ChildProcess, execFile, spawn } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import puppeteer, { type Browser, type BrowserContext, type Page } from "puppeteer-core";

const example = fileURLToPath(new URL("../../../../examples/planner-web/", import.meta.url));
const program =
  process.env["ICECORE"] ??
  fileURLToPath(new URL("../../../../target/debug/icecore", import.meta.url));
const axe = readFile(
  fileURLToPath(new URL("../../node_modules/axe-core/axe.min.js", import.meta.url)),
  "utf8",
);
const run = promisify(execFile);

/** How long anything may take until it shows. */
const PATIENCE_MS = 20_000;
/** Not by frames: a window behind another one draws none. */
const POLLING = { polling: 50 };

export const PEOPLE = {
  ada: { password: "lovelace", planner: "planner-home", rights: ["read", "write", "admin"] },
  ben: { password: "bitdiddle", planner: "planner-home" },
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

/** A window of the app, and what a person does in it. */
export class Person {
  readonly page: Page;
  /** What the page reported as an error of its own, and what its policy forbade. */
  readonly errors: string[] = [];

  private constructor(page: Page) {
    this.page = page;
    page.setDefaultTimeout(PATIENCE_MS);
    page.on("pageerror", (error) => this.errors.push(String(error)));
    page.on("console", (message) => {
      if (message.type() === "error" && !message.text().startsWith("Failed to load resource")) {
        this.errors.push(message.text());
      }
    });
  }

  /** Opens the app in a new window of a browser. */
  static async at(context: BrowserContext, url: string): Promise<Person> {
    const person = new Person(await context.newPage());
    await person.page.setViewport({ width: 1280, height: 800 });
    await person.page.goto(url, { waitUntil: "load" });
    return person;
  }

  /** A guest. */
  static async guestAt(context: BrowserContext, url: string): Promise<Person> {
    const person = await Person.at(context, url);
    await person.reloads(() => person.press("Start planning"));
    await person.sees("All saved", ".status");
    return person;
  }

  /** Somebody who signs in. */
  static async signedIn(
    context: BrowserContext,
    url: string,
    name: keyof typeof PEOPLE,
  ): Promise<Person> {
    const person = await Person.at(context, url);
    await person.press("Sign in");
    await person.signIn(name);
    return person;
  }

  /** Fills the form of signing in. */
  async signIn(name: keyof typeof PEOPLE): Promise<void> {
    await this.fill("Name", name);
    await this.fill("Password", PEOPLE[name].password);
    await this.reloads(() => this.press("Sign in", "dialog form"));
  }

  /** Does something that loads the page anew. */
  async reloads(what: () => Promise<unknown>): Promise<void> {
    await Promise.all([this.page.waitForNavigation({ waitUntil: "load" }), what()]);
  }

  /** Presses the button whose name begins so. */
  async press(name: string, within = "body"): Promise<void> {
    const find = (name: string, within: string): HTMLElement | undefined =>
      [...document.querySelectorAll<HTMLElement>(`${within} button, ${within} summary`)].find(
        (button) => {
          const named = button.getAttribute("aria-label") ?? button.textContent ?? "";
          return named.startsWith(name) && button.checkVisibility();
        },
      );
    const button = await this.page
      .waitForFunction(find, POLLING, name, within)
      .catch(this.#says(`no button ${name} in ${within}`));
    await (button.asElement() as { click(): Promise<void> } | null)?.click();
    await button.dispose();
  }

  /** Types into the field of this label, in the place of what stands there. */
  async fill(label: string, text: string): Promise<void> {
    const find = (label: string): HTMLElement | null => {
      const found = [...document.querySelectorAll("label")].filter(
        (each) => each.textContent === label && each.checkVisibility(),
      );
      return document.getElementById(found.at(-1)?.htmlFor ?? "");
    };
    const field = (await this.page.waitForFunction(find, POLLING, label)).asElement();
    if (field === null) throw new Error(`no field ${label}`);
    await field.evaluate((input) => (input as HTMLInputElement).select?.());
    await (field as unknown as { type(text: string): Promise<void> }).type(text);
  }

  /** Plans something. */
  async plan(title: string, hour = ""): Promise<void> {
    await this.fill("New task", title);
    await this.page.select(".plan form select", hour);
    await this.press("Add");
    await this.sees(title);
  }

  /** Waits until a text is to be seen. */
  async sees(text: string, within = "body"): Promise<void> {
    const shows = (text: string, within: string): boolean =>
      [...document.querySelectorAll<HTMLElement>(within)].some((each) =>
        each.innerText.includes(text),
      );
    await this.page
      .waitForFunction(shows, POLLING, text, within)
      .catch(this.#says(`no text ${text} in ${within}`));
  }

  /** Says what is to be seen in place of what was looked for. */
  #says(what: string): (cause: unknown) => Promise<never> {
    return async (cause) => {
      const all = await this.page.evaluate(() => document.body.innerText);
      throw new Error(`${what}:\n${all}\n${this.errors.join("\n")}`, { cause });
    };
  }

  /** Waits until a text is to be seen no more. */
  async seesNo(text: string, within = "body"): Promise<void> {
    const misses = (text: string, within: string): boolean =>
      [...document.querySelectorAll<HTMLElement>(within)].every(
        (each) => !each.innerText.includes(text),
      );
    await this.page.waitForFunction(misses, POLLING, text, within);
  }

  /** The titles of the tasks that are shown, from top to bottom. */
  tasks(): Promise<string[]> {
    return this.page.$$eval(".plan .task .title", (all) =>
      all.map((each) => each.textContent ?? ""),
    );
  }

  /** What axe finds wrong. */
  async faults(): Promise<string[]> {
    // The policy of the page forbids foreign scripts; this one comes by the debugger.
    await this.page.evaluate(await axe);
    return this.page.evaluate(async () => {
      const { axe } = globalThis as unknown as {
        axe: {
          run(options: object): Promise<{
            violations: { id: string; nodes: { html: string; failureSummary: string }[] }[];
          }>;
        };
      };
      const { violations } = await axe.run({ resultTypes: ["violations"] });
      return violations.flatMap(({ id, nodes }) =>
        nodes.map((node) => `${id}: ${node.html} ${node.failureSummary}`),
      );
    });
  }

  /** By how many pixels the page is wider than the window. */
  overflow(): Promise<number> {
    return this.page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
  }
}
