/** The pages of the examples in Chromium: each shares one space with the example's own program, behind the real `icecore serve`. */

import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Browser, BrowserContext } from "puppeteer-core";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { isInstalled } from "./driver.ts";
import { backOnline, comesTo, focused, isForAll, personAt, stateAt } from "./example-person.ts";
import { ExamplePlace } from "./example-place.ts";
import { launchChromium } from "./planner-place.ts";

/** A token of a user that is good for a while. */
const fresh = (place: ExamplePlace): Promise<string> => place.token("user-ada", "admin");

describe.skipIf(!isInstalled("chromium"))("chromium", () => {
  let place: ExamplePlace;
  let browser: Browser;
  let context: BrowserContext;

  beforeAll(async () => {
    browser = await launchChromium();
  });
  afterAll(() => browser?.close());
  beforeEach(async () => {
    context = await browser.createBrowserContext();
  });
  afterEach(async () => {
    await context.close();
    await place.close();
  });

  test("activity: a page and a program time one attempt, offline or not, and see the same", async () => {
    place = await ExamplePlace.open("activity");
    await place.start();
    await place.type("phone", ["create", "run-1", "--title", "Park"]);
    await place.type("phone", ["sync"]);
    await place.letPageIn();
    const person = await personAt(context, place);
    await person.sees("Park · run-1");
    // With the keyboard: the focus stays where it was.
    await person.page.focus("article button.main");
    await person.page.keyboard.press("Enter");
    await person.sees("running", "article");
    expect(await focused(person)).toBe("Pause run-1");
    await person.sees("All saved", ".status");

    // Both go on while they do not see each other; the page is even closed and opened again.
    await place.stop();
    await person.press("Pause", "article");
    await person.sees("1 event not synced", "article");
    await person.sees("Offline, 1 unsent", ".status");
    await person.page.reload();
    await person.sees("1 event not synced", "article");
    await place.type("phone", ["score", "run-1", "10"]);
    await place.type("phone", ["start", "run-2"]);
    await backOnline(person, place);
    await place.type("phone", ["sync"]);
    await person.sees("10 points", "article");
    await person.sees("No CREATE yet", "[aria-label='run-2']");
    await comesTo(person, await place.type("phone", ["state"]));

    // What only a newer app knows is kept and shown; it comes by somebody who speaks no icecore.
    const lap = { id: "lap_1", attemptId: "run-1", type: "LAP", length: 400.5, source: "watch" };
    const event = { ...lap, occurredAt: 1_678_886_401_500, createdAt: 1_678_886_401_500 };
    await place.update("event", event);
    await person.sees("1 of a type that this page does not know", "[aria-label='run-1']");
    await person.press("5 events", "[aria-label='run-1']");
    await person.sees('{"length":400.5}', "[aria-label='run-1']");
    await person.press("Complete", "[aria-label='run-1']");
    await person.sees("completed", "[aria-label='run-1']");
    // What had it is gone: it is at the heading above.
    expect(await focused(person)).toBe("Attempts");
    await person.sees("All saved", ".status");
    await place.type("phone", ["sync"]);
    expect(await place.type("phone", ["state"])).toBe(await stateAt(person));
    await isForAll(person);
  });

  test("notes: a page and a program write one notebook, and a person settles what they broke together", async () => {
    place = await ExamplePlace.open("notes");
    await place.start();
    await place.type("phone", ["create"]);
    await place.type("phone", ["add", "Shopping", "--due", "2026-12-24T18:00:00Z"]);
    await place.letPageIn();
    const person = await personAt(context, place);
    await person.page.waitForSelector("article[aria-label='Shopping']");
    const title = await person.page.$eval("article input", (input) => input.value);
    expect(title).toBe("Shopping");

    // On one device a title is taken once; two that do not see each other can both take it.
    await person.fill("New note", "Shopping");
    await person.press("Add");
    await person.sees("There is a note called “Shopping”", ".error");
    await place.stop();
    await person.fill("New note", "Tent");
    await person.press("Add");
    await person.sees("Offline, 1 unsent", ".status");
    await person.page.reload();
    await person.page.waitForSelector("article[aria-label='Tent']");
    await place.type("phone", ["--offline", "add", "Tent", "--text", "the big one"]);
    await backOnline(person, place);
    await place.type("phone", ["sync"]);
    await person.sees('2 notes are called "Tent"', ".conflicts");
    await isForAll(person);
    await person.page.type(".conflicts input", "Tent for two");
    await person.press("Rename", ".conflicts");
    await person.page.waitForSelector(".conflicts[hidden]");
    await person.page.waitForSelector("article[aria-label='Tent for two']");
    await person.sees("All saved", ".status");
    expect(await place.type("phone", ["conflicts"])).toBe("nothing waits for a person");

    // Dates and members of enums come back as such on both sides.
    await person.page.select("article[aria-label='Tent for two'] select", "Done");
    await person.sees("All saved", ".status");
    expect(await place.type("phone", ["list"])).toMatch(/Tent for two \(done \d{4}-/);
    await comesTo(person, await place.type("phone", ["state"]));

    // Calls of one instance are replayed into another, both ways.
    const recording = join(place.folder, "calls.ndjson");
    await person.press("Show all calls");
    const all = (count: number): string | undefined => {
      const text = document.querySelector<HTMLTextAreaElement>("textarea[readonly]")?.value.trim();
      return text?.split("\n").length === count ? text : undefined;
    };
    const calls = await person.page.waitForFunction(all, { polling: 50 }, 5);
    await writeFile(recording, String(await calls.jsonValue()));
    const elsewhere = ["--store", join(place.folder, "elsewhere")];
    await place.type("other", [...elsewhere, "create"]);
    const replayed = await place.type("other", [...elsewhere, "replay", recording]);
    expect(replayed).toContain("5 made, 0 known, 0 refused");
    const state = await place.type("other", [...elsewhere, "state"]);
    expect(state).toBe(await stateAt(person));
    const lines = await place.type("phone", ["calls", "--json"]);
    await person.fill("A recording to replay", `${lines}\n{"kind":"remove","data":"nowhere"}`);
    await person.press("Replay");
    await person.sees("0 made, 5 known, 1 refused; line 6: there is no note nowhere");
    expect(person.errors).toEqual([]);
  });

  test("steps: a guest in a page and on a phone count together, and become a user", async () => {
    place = await ExamplePlace.open("steps");
    await place.start();
    const person = await personAt(context, place);
    await isForAll(person);
    await person.reloads(() => person.press("Begin as a guest"));
    await person.sees("All saved", ".status");
    // The phone goes on as who the page is.
    const account = await person.page.evaluate(() => localStorage.getItem("steps account") ?? "");
    await place.write("phone/account.json", account);
    await place.type("phone", ["add", "10"]);
    await place.type("phone", ["name", "Ada"]);
    await place.type("phone", ["sync"]);
    await person.sees("10 steps");

    await place.stop();
    await person.fill("Steps", "100");
    await person.press("Add steps");
    await person.fill("Minutes", "30");
    await person.press("Add activity");
    await person.sees("100 not sent yet");
    await person.page.reload();
    await person.sees("Not sent yet: walk 30 min");
    await place.type("phone", ["add", "1000"]);
    await person.sees("110 steps");
    await backOnline(person, place);
    await place.type("phone", ["sync"]);
    await person.sees("1110 steps");
    // Cleared from the device when it is stored.
    await person.seesNo("not sent yet");
    await place.type("phone", ["sync"]);
    await comesTo(person, await place.type("phone", ["show", "--json"]));
    await person.press("End this session");
    await person.sees("All saved", ".status");
    await isForAll(person);

    // The guest turns out to be a user.
    await person.press("I am a user already");
    await person.fill("Space", "user-ada");
    await person.fill("Token", await fresh(place));
    await person.reloads(() => person.press("Become this user"));
    await person.sees("A user, in user-ada");
    await person.sees("1110 steps");
    await person.sees("Ada, set");
    await person.sees("All saved", ".status");
    expect(person.errors).toEqual([]);
  });

  test("steps: a session that expired goes on with a fresh token; an account that is erased is gone; a page goes on as a phone", async () => {
    place = await ExamplePlace.open("steps");
    await place.start();
    await place.type("phone", ["guest", "--gateway", place.url]);
    const expired = await place.token("user-ada", "admin", "--expires", "1s");
    await place.type("phone", ["link", "--into", "user-ada", "--user-token", await fresh(place)]);
    await place.type("phone", ["add", "10"]);
    await place.type("phone", ["sync"]);

    // The page goes on as who the phone is.
    const person = await personAt(context, place);
    const file = await person.page.waitForSelector("input[type=file]");
    await person.reloads(async () => file?.uploadFile(join(place.folder, "phone/account.json")));
    await person.sees("10 steps");
    await person.sees("A user, in user-ada");
    await person.sees("All saved", ".status");

    await person.page.evaluate((token) => {
      const account = JSON.parse(localStorage.getItem("steps account") ?? "");
      account.user.token = token;
      localStorage.setItem("steps account", JSON.stringify(account));
    }, expired);
    await person.page.reload();
    await person.fill("Steps", "100");
    await person.press("Add steps");
    await person.sees("Needs you, 2 unsent", ".status");
    await person.fill("Fresh token", await fresh(place));
    await person.reloads(() => person.press("Go on"));
    await person.sees("All saved", ".status");
    await person.sees("110 steps");
    await place.type("phone", ["sync"]);
    await comesTo(person, await place.type("phone", ["show", "--json"]));

    person.page.on("dialog", (dialog) => void dialog.accept());
    await person.reloads(() => person.press("Erase everything"));
    await person.sees("Begin as a guest");
    expect(await person.page.evaluate(async () => (await indexedDB.databases()).length)).toBe(0);
    await expect(place.type("phone", ["sync"])).rejects.toThrow(/erased/);
    expect(person.errors).toEqual([]);
  });
});
