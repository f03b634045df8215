/**
 * Real browsers for tests: Chromium and Firefox by puppeteer, WebKit by a WebDriver client of a few lines.
 *
 * WebKit here is WebKitGTK: not Safari. Its automated sessions keep nothing on disk, so a killed one starts empty.
 */

import { type ChildProcess, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import puppeteer, {
  type CDPSession,
  type Browser as Puppet,
  type Page as PuppetPage,
} from "puppeteer-core";
import { WebDriver } from "./webdriver.ts";

/** The engines. */
export type Engine = "chromium" | "firefox" | "webkit";

/** All of them, or those that `ICECORE_BROWSERS` names, with commas between. */
export const engines: readonly Engine[] = (["chromium", "firefox", "webkit"] as const).filter(
  (engine) => (process.env["ICECORE_BROWSERS"] ?? engine).split(",").includes(engine),
);

const PROGRAMS = {
  chromium: process.env["CHROMIUM"] ?? "/usr/bin/chromium",
  firefox: process.env["FIREFOX"] ?? "/usr/bin/firefox-esr",
  webkit: process.env["WEBKIT_WEBDRIVER"] ?? "/usr/bin/WebKitWebDriver",
} as const;

/** How long a browser may take to start. */
const PATIENCE_MS = 120_000;

/** What can be passed into a page and out of it. */
export type Plain =
  | null
  | boolean
  | number
  | string
  | readonly Plain[]
  | { readonly [name: string]: Plain };

/** A tab. */
export interface Tab {
  /**
   * Runs a function in the page, and waits for what it returns. Only its text travels: it sees the page's globals and its
   * arguments, nothing of the test.
   */
  run<A extends readonly Plain[], T>(task: (...args: A) => T | Promise<T>, ...args: A): Promise<T>;
  /** Loads the page again. */
  reload(): Promise<void>;
  /** Stops everything that runs in the tab, as browsers do with hidden ones. Chromium only. */
  freeze(): Promise<void>;
  /** Lets it run again. */
  thaw(): Promise<void>;
  /** A command of the DevTools protocol. Chromium only. */
  command(method: string, params: Plain): Promise<void>;
  /** Closes the tab. */
  close(): Promise<void>;
}

/** A browser with a profile of its own. */
export interface Browser {
  /** Which engine it is. */
  readonly engine: Engine;
  /** Its name and version as it tells them. */
  readonly version: string;
  /** Opens a tab; resolves when the page and its module scripts have run. */
  open(url: string): Promise<Tab>;
  /** Ends all its processes at once with SIGKILL. Where the engine can, what it stored is there at the next {@link launch}. */
  kill(): Promise<void>;
  /** Ends it. */
  close(): Promise<void>;
}

/** A fresh profile folder. */
export function makeProfile(): Promise<string> {
  return mkdtemp(join(tmpdir(), "icecore-browser-"));
}

/** Whether an engine is on this machine; `CHROMIUM`, `FIREFOX` and `WEBKIT_WEBDRIVER` name other programs. */
export function isInstalled(engine: Engine): boolean {
  return existsSync(PROGRAMS[engine]);
}

/** Whether an engine's automated sessions keep what is stored beyond their end. */
export function keepsProfile(engine: Engine): boolean {
  return engine !== "webkit";
}

/** Starts a browser on a profile folder. */
export function launch(engine: Engine, profile: string): Promise<Browser> {
  return engine === "webkit" ? launchWebKit() : launchPuppet(engine, profile);
}

/** Runs `work` with a browser on a fresh profile, and ends it whatever happens. */
export async function withBrowser<T>(
  engine: Engine,
  work: (browser: Browser) => Promise<T>,
): Promise<T> {
  const profile = await makeProfile();
  try {
    const browser = await launch(engine, profile);
    try {
      return await work(browser);
    } finally {
      await browser.close();
    }
  } finally {
    await rm(profile, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 });
  }
}

async function launchPuppet(engine: "chromium" | "firefox", profile: string): Promise<Browser> {
  const isChromium = engine === "chromium";
  const puppet = await puppeteer.launch({
    browser: isChromium ? "chrome" : "firefox",
    executablePath: PROGRAMS[engine],
    headless: true,
    userDataDir: profile,
    protocolTimeout: 60_000,
    // Beside other work a browser takes its time, and so much of it that the default is too short.
    timeout: PATIENCE_MS,
    args: isChromium ? ["--no-sandbox", "--disable-dev-shm-usage", "--no-first-run"] : [],
    // Else a fresh Firefox calls home before it does anything.
    ...(isChromium
      ? {}
      : { extraPrefsFirefox: { "network.captive-portal-service.enabled": false } }),
  });
  return {
    engine,
    version: await puppet.version(),
    open: async (url) => {
      const page = await puppet.newPage();
      await page.goto(url, { waitUntil: "load" });
      return puppetTab(page);
    },
    kill: () => killed(puppet),
    close: () => puppet.close().catch(() => undefined),
  };
}

async function killed(puppet: Puppet): Promise<void> {
  const browser = puppet.process();
  if (browser?.pid === undefined) throw new Error("the browser has no process");
  const gone = new Promise((resolve) => browser.once("exit", resolve));
  // puppeteer starts it as the leader of a process group: renderers, storage and network go with it.
  process.kill(-browser.pid, "SIGKILL");
  await gone;
}

function puppetTab(page: PuppetPage): Tab {
  // One session for the tab's life: what a session overrides ends with it.
  let session: Promise<CDPSession> | undefined;
  const command = async (method: string, params: Plain): Promise<void> => {
    session ??= page.createCDPSession();
    // The names of commands are types of puppeteer; tests pass them as texts.
    await (await session).send(method as "Page.enable", params as never);
  };
  return {
    run: async (task, ...args) => outcomeOf(await page.evaluate(sourceOf(task, args))) as never,
    reload: async () => void (await page.reload({ waitUntil: "load" })),
    freeze: () => command("Page.setWebLifecycleState", { state: "frozen" }),
    thaw: () => command("Page.setWebLifecycleState", { state: "active" }),
    command,
    close: () => page.close(),
  };
}

async function launchWebKit(): Promise<Browser> {
  const port = 20_000 + (process.pid % 20_000);
  const driver = spawn("xvfb-run", ["-a", PROGRAMS.webkit, `--port=${port}`, "--host=127.0.0.1"], {
    detached: true,
    stdio: "ignore",
    env: { ...process.env, WEBKIT_DISABLE_SANDBOX_THIS_IS_DANGEROUS: "1" },
  });
  try {
    const web = await WebDriver.start(`http://127.0.0.1:${port}`);
    return {
      engine: "webkit",
      version: web.version,
      open: async (url) => webkitTab(web, await web.openTab(url)),
      kill: async () => endGroup(driver),
      close: async () => {
        await web.end();
        await endGroup(driver);
      },
    };
  } catch (error) {
    await endGroup(driver);
    throw error;
  }
}

function webkitTab(web: WebDriver, handle: string): Tab {
  const cannot = (): Promise<never> => Promise.reject(new Error("WebKit has no such command"));
  return {
    run: async (task, ...args) => outcomeOf(await web.run(handle, sourceOf(task, args))) as never,
    reload: () => web.reload(handle),
    freeze: cannot,
    thaw: cannot,
    command: cannot,
    close: () => web.closeTab(handle),
  };
}

async function endGroup(child: ChildProcess): Promise<void> {
  if (child.pid === undefined || child.exitCode !== null) return;
  const gone = new Promise((resolve) => child.once("exit", resolve));
  process.kill(-child.pid, "SIGKILL");
  await gone;
}

/** A text that runs the task in a page and never rejects: the drivers word what is thrown in three ways. */
function sourceOf(task: (...args: never[]) => unknown, args: readonly Plain[]): string {
  return `(async () => (${task.toString()})(...${JSON.stringify(args)}))().then(
    (value) => ({ value }), (error) => ({ thrown: String(error?.stack ?? error) + " " + String(error) }))`;
}

function outcomeOf(outcome: unknown): unknown {
  const { value, thrown } = outcome as { value?: unknown; thrown?: string };
  if (thrown !== undefined) throw new Error(`in the page: ${thrown}`);
  return value;
}
