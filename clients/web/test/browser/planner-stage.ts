/** For each test a planner of its own, and a browser that has not seen it. */

import type { Browser, BrowserContext } from "puppeteer-core";
import { afterAll, afterEach, beforeAll, beforeEach } from "vitest";
import { launchChromium, Place } from "./planner-place.ts";

/** The planner of this test. */
export let place: Place;
/** The browser of all tests. */
export let browser: Browser;
/** Its profile for this test. */
export let context: BrowserContext;

/** Opens them for the tests of a file, and closes them. */
export function eachHasItsPlanner(): void {
  beforeAll(async () => {
    browser = await launchChromium();
  });
  afterAll(() => browser?.close());
  beforeEach(async () => {
    place = await Place.open();
    context = await browser.createBrowserContext();
  });
  afterEach(async () => {
    await context.close();
    await place.close();
  });
}
