/** The example `planner-web` in Chromium, behind the real `icecore serve --app`. */

import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Browser, BrowserContext } from "puppeteer-core";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { Person } from "./planner-person.ts";
import { launchChromium, Place } from "./planner-place.ts";

let place: Place;
let browser: Browser;
const contexts: BrowserContext[] = [];

/** A device of somebody's own. */
async function device(): Promise<BrowserContext> {
  const context = await browser.createBrowserContext();
  contexts.push(context);
  return context;
}

beforeAll(async () => {
  browser = await launchChromium();
});
afterAll(() => browser?.close());
beforeEach(async () => {
  place = await Place.open();
});
afterEach(async () => {
  await Promise.all(contexts.splice(0).map((context) => context.close()));
  await place.close();
});

test("a guest plans; what was planned is there after a reload, and in another window at once", async () => {
  const mine = await device();
  const one = await Person.guestAt(mine, place.url);
  await one.plan("Call the carpenter", "09:00");
  await one.plan("Water plants");
  const two = await Person.at(mine, place.url);
  await two.sees("Call the carpenter");
  await two.plan("Lunch", "12:00");
  await one.sees("Lunch");
  await one.page.reload();
  await one.sees("Water plants");
  expect(await one.tasks()).toEqual(["Call the carpenter", "Lunch", "Water plants"]);
  await one.sees("All saved", ".status");
  expect([...one.errors, ...two.errors]).toEqual([]);
});

test("what is written offline outlives a reload, is told, and is sent when the network is back", async () => {
  const person = await Person.guestAt(await device(), place.url);
  await person.page.evaluate(() => navigator.serviceWorker.ready.then(() => undefined));
  await place.stop();
  await person.plan("Dig the pond", "10:00");
  await person.sees("1 unsent", ".status");
  await person.page.reload();
  await person.sees("Dig the pond");
  await person.press("Offline", ".status");
  await person.sees("1 change waits on this device", ".status");
  await place.start();
  // What a browser says when the network is back; it would be tried again soon in any case.
  await person.page.evaluate(() => dispatchEvent(new Event("online")));
  await person.sees("Everything is stored", ".status");
  const { space } = JSON.parse(
    (await person.page.evaluate(() => localStorage.getItem("planner account"))) ?? "",
  ) as { space: string };
  expect(await place.icecore(["state", space])).toContain("Dig the pond");
});

test("two people: who is here, who is typing, what is said", async () => {
  await place.createHome();
  const ada = await Person.signedIn(await device(), place.url, "ada");
  const ben = await Person.signedIn(await device(), place.url, "ben");
  for (const [person, name] of [
    [ada, "Ada"],
    [ben, "Ben"],
  ] as const) {
    await person.press("You");
    await person.fill("Your name", name);
    await person.press("Save name");
  }
  await ada.sees("Here now: Ben", ".here");
  await ben.fill("Message", "Shall we");
  await ada.sees("Ben is typing", ".typing");
  await ben.page.keyboard.press("Enter");
  await ada.sees("Shall we", ".log");
  await ada.sees("Ben", ".log .from");
  await ada.seesNo("is typing", ".typing");
  await ada.plan("Lunch", "12:00");
  await ben.sees("Lunch", ".plan");
});

test("two who plan one time offline get a conflict, and one of them settles it on the page", async () => {
  await place.createHome();
  const ada = await Person.signedIn(await device(), place.url, "ada");
  const ben = await Person.signedIn(await device(), place.url, "ben");
  await ada.sees("All saved", ".status");
  await ben.sees("All saved", ".status");
  for (const person of [ada, ben]) await person.page.setOfflineMode(true);
  await ada.plan("Dentist", "09:00");
  await ben.plan("Swim", "09:00");
  for (const person of [ada, ben]) await person.page.setOfflineMode(false);
  for (const person of [ada, ben]) await person.sees("09:00 is planned twice", ".conflicts");
  expect((await ada.tasks()).toSorted()).toEqual(["Dentist", "Swim"]);
  await ben.press("Move to 10:00: Swim", ".conflicts");
  for (const person of [ada, ben]) {
    await person.seesNo("planned twice", ".plan");
    await person.page.waitForSelector(".conflicts[hidden]");
    expect(await person.tasks()).toEqual(["Dentist", "Swim"]);
  }
  // The history says what was settled by it.
  await ben.sees("All saved", ".status");
  expect(await place.icecore(["log", "planner-home"])).toMatch(/"resolves":"[0-9a-f]{12}"/);
});

test("a guest signs in later, and takes everything along; the browser forgets the guest", async () => {
  await place.createHome();
  const ben = await Person.signedIn(await device(), place.url, "ben");
  await ben.plan("Buy bread", "08:00");
  const guest = await Person.guestAt(await device(), place.url);
  await guest.plan("Write the report", "14:00");
  await guest.press("You");
  await guest.press("Sign in", "dialog");
  await guest.fill("Name", "ada");
  await guest.fill("Password", "wrong");
  await guest.press("Sign in", "dialog form");
  await guest.sees("Name or password is wrong.", "dialog");
  await guest.signIn("ada");
  await guest.sees("Buy bread");
  await guest.sees("Write the report");
  await ben.sees("Write the report");
  const kept = await guest.page.evaluate(async () => [
    JSON.parse(localStorage.getItem("planner account") ?? "").kind as string,
    ...(await indexedDB.databases()).map(({ name }) => name ?? ""),
  ]);
  expect(kept[0]).toBe("user");
  expect(kept.join()).not.toContain("guest-");
  expect(guest.errors).toEqual([]);
});

test("an encrypted planner is opened by its passphrase alone, and what is stored shows nothing", async () => {
  await place.icecore(
    ["space", "create", "planner-secret", "--rule", "unique:/tasks/*/slot", "--encrypted"],
    { ICECORE_PASSPHRASE: "correct horse" },
  );
  const eve = await Person.signedIn(await device(), place.url, "eve");
  await eve.fill("Passphrase", "wrong horse");
  await eve.press("Unlock", "dialog form");
  await eve.sees("does not open", "dialog");
  await eve.fill("Passphrase", "correct horse");
  await eve.press("Unlock", "dialog form");
  await eve.page.waitForSelector("dialog", { hidden: true });
  await eve.plan("Meet at the pier", "20:00");
  await eve.sees("All saved", ".status");
  expect(
    await place.icecore(["state", "planner-secret"], { ICECORE_PASSPHRASE: "correct horse" }),
  ).toContain("Meet at the pier");
  const store = join(place.folder, "data", "store");
  for (const file of await readdir(store, { recursive: true, withFileTypes: true })) {
    if (!file.isFile()) continue;
    expect(await readFile(join(file.parentPath, file.name), "latin1")).not.toContain("pier");
  }
  // Asked again after each start; nothing to be seen before.
  await eve.page.reload();
  await eve.sees("This planner is encrypted");
  expect(await eve.tasks()).toEqual([]);
  await eve.fill("Passphrase", "correct horse");
  await eve.press("Unlock", "dialog form");
  await eve.sees("Meet at the pier");
  expect(eve.errors).toEqual([]);
});

test("who needs no encryption does not load it", async () => {
  const person = await Person.guestAt(await device(), place.url);
  const loaded = await person.page.evaluate(() =>
    performance
      .getEntriesByType("resource")
      .filter(
        (entry) =>
          (entry as PerformanceResourceTiming).initiatorType === "script" ||
          entry.name.endsWith(".js"),
      )
      .map((entry) => entry.name),
  );
  const scripts = await Promise.all(loaded.map(async (url) => (await fetch(url)).text()));
  expect(scripts.length).toBeGreaterThan(0);
  expect(scripts.join()).not.toMatch(/AES-GCM|icecore-secret-/);
});

test("changes are taken back and made again; others' stay", async () => {
  await place.createHome();
  const ada = await Person.signedIn(await device(), place.url, "ada");
  const ben = await Person.signedIn(await device(), place.url, "ben");
  await ada.plan("Dentist", "09:00");
  await ada.press("Undo: Add “Dentist”");
  await ada.sees("Undone: Add “Dentist”.", ".notice");
  expect(await ada.tasks()).toEqual([]);
  await ada.press("Redo: Add “Dentist”");
  await ben.sees("Dentist", ".plan");
  await ben.press("Dentist");
  await ben.fill("Task", "Dentist, with Ben");
  await ben.press("Save");
  await ada.sees("Dentist, with Ben");
  await ada.press("Undo: Add “Dentist”");
  await ada.sees("others changed it since, so it stays", ".notice");
  expect(await ada.tasks()).toEqual(["Dentist, with Ben"]);
});

test("an earlier moment is looked at, and one task brought back from it; that can be undone, too", async () => {
  const person = await Person.guestAt(await device(), place.url);
  await person.plan("Dentist", "09:00");
  await person.plan("Lunch", "12:00");
  await person.sees("All saved", ".status");
  await person.press("Dentist");
  await person.press("Delete", "dialog");
  await person.sees("All saved", ".status");
  expect(await person.tasks()).toEqual(["Lunch"]);
  await person.press("Earlier");
  await person.page.waitForSelector("dialog input[type=range]:enabled");
  await person.page.focus("dialog input[type=range]");
  await person.page.keyboard.press("ArrowLeft");
  await person.sees("Dentist", "dialog .past");
  await person.press("Bring back: Dentist", "dialog");
  await person.sees("“Dentist” is back.", ".notice");
  await person.page.keyboard.press("Escape");
  expect(await person.tasks()).toEqual(["Dentist", "Lunch"]);
  await person.press("Undo: Bring back “Dentist”");
  await person.seesNo("Dentist", ".plan");
});

test("logging out asks about what was not sent; nothing goes by accident", async () => {
  await place.createHome();
  const ada = await Person.signedIn(await device(), place.url, "ada");
  await ada.sees("All saved", ".status");
  await ada.page.waitForFunction(() => navigator.serviceWorker.controller !== null, {
    polling: 50,
  });
  await ada.page.setOfflineMode(true);
  await ada.plan("Dentist", "09:00");
  await ada.press("You");
  await ada.press("Log out", "dialog");
  await ada.sees("One change was not sent yet", "dialog");
  await ada.page.keyboard.press("Escape");
  expect(await ada.tasks()).toEqual(["Dentist"]);
  const downloads = join(place.folder, "downloads");
  const client = await browser.target().createCDPSession();
  const id = contexts.at(-1)?.id;
  await client.send("Browser.setDownloadBehavior", {
    behavior: "allow",
    downloadPath: downloads,
    ...(id && { browserContextId: id }),
  });
  await ada.press("You");
  await ada.press("Log out", "dialog");
  await ada.reloads(() => ada.press("Save to a file", "dialog"));
  await ada.sees("Start planning");
  expect(await ada.page.evaluate(async () => (await indexedDB.databases()).length)).toBe(0);
  // What was saved is of use.
  const file = join(downloads, "planner-home-unsent.jsonl");
  await place.icecore(["import", "planner-home", file, "--replay"]);
  expect(await place.icecore(["state", "planner-home"])).toContain("Dentist");
});
