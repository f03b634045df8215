// biome-ignore-all lint/performance/useDomNodeTextContent: what is hidden is part of the tree's text, and nobody sees it

/** A person at the example `planner-web`. */

import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import type { BrowserContext, Page } from "puppeteer-core";
import { PEOPLE } from "./planner-place.ts";

const axe = readFile(
  fileURLToPath(new URL("../../node_modules/axe-core/axe.min.js", import.meta.url)),
  "utf8",
);

/** How long anything may take until it shows. */
const PATIENCE_MS = 60_000;
/** Not by frames: a window behind another one draws none. */
const POLLING = { polling: 50 };

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
