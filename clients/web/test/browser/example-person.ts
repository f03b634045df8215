/** What a person does at the page of an example, and what all these pages must be able to do. */

import type { Browser, BrowserContext } from "puppeteer-core";
import { expect } from "vitest";
import type { ExamplePlace } from "./example-place.ts";
import { Person } from "./planner-person.ts";

/** Someone at the page, once the place is served. */
export async function personAt(
  context: Browser | BrowserContext,
  place: ExamplePlace,
): Promise<Person> {
  const person = await Person.at(context as BrowserContext, place.url);
  await person.page.evaluate(() => navigator.serviceWorker.ready.then(() => undefined));
  return person;
}

/** The state that the page holds, as it is stored: canonical text. */
export async function stateAt({ page }: Person): Promise<string> {
  await page.$eval("details.stored", (details) => {
    details.open = true;
  });
  await page.waitForFunction(
    () => document.querySelector("details.stored pre")?.textContent !== "",
    { polling: 50 },
  );
  return page.$eval("details.stored pre", (pre) => pre.textContent ?? "");
}

/** The name of what has the focus. */
export function focused({ page }: Person): Promise<string> {
  return page.evaluate(() => {
    const { activeElement } = document;
    return activeElement?.getAttribute("aria-label") ?? activeElement?.textContent ?? "";
  });
}

/** Waits until the page holds this state. */
export async function comesTo(person: Person, state: string): Promise<void> {
  const deadline = Date.now() + 20_000;
  while ((await stateAt(person)) !== state && Date.now() < deadline) {
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  expect(await stateAt(person)).toBe(state);
}

/** The network is back, and the browser says so: it would be tried again soon in any case. */
export async function backOnline(person: Person, place: ExamplePlace): Promise<void> {
  await place.start();
  await person.page.evaluate(() => dispatchEvent(new Event("online")));
  await person.sees("All saved", ".status");
}

/** Looked at on a small phone and on a desk, in light and in dark: axe finds nothing, and nothing is wider than the window. */
export async function isForAll(person: Person): Promise<void> {
  for (const [width, scheme] of [
    [320, "light"],
    [1280, "dark"],
  ] as const) {
    await person.page.setViewport({ width, height: 800 });
    await person.page.emulateMediaFeatures([
      { name: "prefers-color-scheme", value: scheme },
      { name: "prefers-reduced-motion", value: "reduce" },
    ]);
    expect(await person.faults(), `${scheme}, ${width} px`).toEqual([]);
    expect(await person.overflow(), `${scheme}, ${width} px`).toBe(0);
  }
  // What the policy of the page forbids would be among them.
  expect(person.errors).toEqual([]);
}
