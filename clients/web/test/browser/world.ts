/** A site, a store behind a gateway, and a network between pages and both: what the tests of spaces run in. */

import { expect, vi } from "vitest";
import { Backend, type Fate, type Step } from "./backend.ts";
import type { Browser, Tab } from "./driver.ts";
import { type Route, type Site, serveSite } from "./site.ts";
import type { Look, Opening } from "./space-page.ts";

/** How long a test waits for what should happen soon. */
export const WAIT = { timeout: 60_000, interval: 50 };

/** A question for a token, as the site got it. */
export interface Question {
  readonly account: string;
  readonly why: string;
}

/** The surroundings of a page. */
export interface World {
  readonly site: Site;
  /** The address of the same page on another origin. */
  readonly elsewhere: string;
  readonly backend: Backend;
  /** Questions for tokens, in their order. */
  readonly asked: Question[];
  /** `SPACE STEP` of each request that is held, or whose answer is. */
  readonly held: string[];
  /** A token that may read and write everywhere. */
  readonly usual: string;
  /** Gives the tokens of an account; the usual one without. */
  readonly tokens: Map<string, (why: string) => string>;
  /** What the network does to requests of one space. */
  readonly fates: Map<string, (step: Step) => Fate>;
  /** A tab in which a space is open. */
  open(browser: Browser, space: string, more?: Partial<Opening>): Promise<Tab>;
  close(): Promise<void>;
}

/** Begins one. The script is what pages run. */
export async function begin(script: string, route?: Route): Promise<World> {
  const asked: Question[] = [];
  const held: string[] = [];
  const tokens: World["tokens"] = new Map();
  const fates: World["fates"] = new Map();
  let usual = "";
  const site = await serveSite({
    script: new URL(script, import.meta.url).pathname,
    route(request, response) {
      const { pathname, searchParams } = new URL(request.url ?? "", "http://x");
      if (pathname !== "/token") return route?.(request, response) ?? false;
      const account = searchParams.get("account") ?? "";
      const why = searchParams.get("why") ?? "";
      asked.push({ account, why });
      response.end(tokens.get(account)?.(why) ?? usual);
      return true;
    },
  });
  const elsewhere = `http://localhost:${site.port}/`;
  const backend = await Backend.start([site.url.slice(0, -1), elsewhere.slice(0, -1)]);
  usual = await backend.token();
  backend.fate = (step, space = "") => fates.get(space)?.(step) ?? "pass";
  backend.onHeld = (step, space) => held.push(`${space} ${step}`);
  return {
    site,
    elsewhere,
    backend,
    asked,
    held,
    usual,
    tokens,
    fates,
    async open(browser, space, more = {}) {
      const tab = await browser.open(site.url);
      await tab.run((one) => app.start(one), { gateway: backend.url, space, ...more });
      return tab;
    },
    async close() {
      await site.close();
      await backend.close();
    },
  };
}

/** So many labels for updates. */
export function labels(label: string, count: number): string[] {
  return Array.from({ length: count }, (_, n) => `${label} ${n}`);
}

/** How the space is in this tab. */
export function lookAt(tab: Tab, space: string): Promise<Look> {
  return tab.run((name) => app.look(name), space);
}

/** Its state in this tab, as canonical text. */
export function stateOf(tab: Tab, space: string): Promise<string> {
  return tab.run((name) => app.state(name), space);
}

/** The labels in it, of long ones the beginning. */
export function listIn(tab: Tab, space: string): Promise<string[]> {
  return tab.run((name) => app.list(name), space);
}

/** Makes updates; their ids when they are durable, or codes of errors. */
export function put(tab: Tab, space: string, made: readonly string[]): Promise<string[]> {
  return tab.run((name, list) => app.put(name, list), space, made);
}

/** Waits until the space is so in this tab. */
export async function until(tab: Tab, space: string, is: Partial<Look>): Promise<void> {
  await vi.waitFor(async () => expect(await lookAt(tab, space)).toMatchObject(is), WAIT);
}

/** The labels as the store holds them. The seqs of each author are 1, 2, 3 … without a gap, and none is there twice. */
export async function storedLabels(
  backend: Backend,
  space: string,
  env: Readonly<Record<string, string>> = {},
): Promise<string[]> {
  const lines = await backend.log(space, env);
  const seqs = new Map<string, number[]>();
  for (const { author, seq } of lines) seqs.set(author, [...(seqs.get(author) ?? []), seq]);
  for (const own of seqs.values()) expect(own).toEqual(own.map((_, n) => n + 1));
  return lines.flatMap(({ data }) => (data as { "/list": string[] })["/list"]);
}

/** The authors in the order in which they first wrote. */
export async function storedAuthors(backend: Backend, space: string): Promise<string[]> {
  return [...new Set((await backend.log(space)).map(({ author }) => author))];
}
