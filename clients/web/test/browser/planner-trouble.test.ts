/** What the example `planner-web` says when something is in the way: in the page, on a small screen, in the dark. */

import { expect, test } from "vitest";
import { Person } from "./planner-person.ts";
import { browser, context, eachHasItsPlanner, place } from "./planner-stage.ts";

eachHasItsPlanner();

/** What it says can be read by all, and fits. */
async function isFine(person: Person): Promise<void> {
  const size = person.page.viewport();
  await person.page.setViewport({ width: 320, height: 640 });
  for (const value of ["light", "dark"]) {
    await person.page.emulateMediaFeatures([
      { name: "prefers-color-scheme", value },
      { name: "prefers-reduced-motion", value: "reduce" },
    ]);
    expect(await person.faults(), value).toEqual([]);
    expect(await person.overflow(), value).toBe(0);
  }
  await person.page.setViewport(size);
}

/** Deletes what the app has stored, as a browser does that runs short of space. */
function evict(person: Person): Promise<void> {
  return person.page.evaluate(async () => {
    for (const { name = "" } of await indexedDB.databases()) {
      await new Promise((resolve) => {
        indexedDB.deleteDatabase(name).onsuccess = resolve;
      });
    }
  });
}

test("deleted by the browser: it says so, also after a reload, until all is there again", async () => {
  const person = await Person.guestAt(context, place.url);
  await person.page.evaluate(() => navigator.serviceWorker.ready.then(() => undefined));
  await person.plan("Call the carpenter", "09:00");
  await person.sees("All saved", ".status");
  await place.stop();
  await person.plan("Dig the pond", "10:00");
  await person.sees("Offline, 1 unsent", ".status");
  await evict(person);
  await person.press("Deleted by the browser", ".status");
  await person.sees("The browser deleted what was stored on this device.", ".status");
  await person.sees("1 change that was not sent is in this window alone", ".status");
  await isFine(person);
  await person.fill("New task", "Water plants");
  await person.press("Add");
  await person.sees(
    "This device could not keep your change. The local store was deleted",
    ".notice",
  );
  await person.page.reload();
  await person.press("Deleted by the browser", ".status");
  await person.seesNo("fetched again. ", ".status-more p:nth-child(2)");
  await person.plan("Lunch", "12:00");
  await person.sees("1 change waits on this device", ".status");
  await place.start();
  await person.page.evaluate(() => dispatchEvent(new Event("online")));
  await person.sees("All saved", ".status");
  await person.sees("had stored; it was fetched again.", ".status");
  expect(await person.tasks()).toEqual(["Call the carpenter", "Lunch"]);
});

test("no room: what could not be kept is told, and what was kept before stays", async () => {
  // Before anything is stored: Chromium asks for the quota only now and then.
  const before = await (await context.newPage()).createCDPSession();
  const origin = new URL(place.url).origin;
  await before.send("Storage.overrideQuotaForOrigin", { origin, quotaSize: 3_000_000 });
  const person = await Person.guestAt(context, place.url);
  await person.plan("Call the carpenter", "09:00");
  await person.page.evaluate(async () => {
    const database = await new Promise<IDBDatabase>((resolve) => {
      const opening = indexedDB.open("ballast", 1);
      opening.onupgradeneeded = () => opening.result.createObjectStore("all");
      opening.onsuccess = () => resolve(opening.result);
    });
    const isPut = (bytes: Uint8Array, key: string): Promise<boolean> =>
      new Promise((resolve) => {
        const tx = database.transaction("all", "readwrite", { durability: "strict" });
        tx.objectStore("all").put(bytes, key);
        tx.oncomplete = () => resolve(true);
        tx.onabort = () => resolve(false);
      });
    for (const size of [100_000, 10_000, 1_000, 100]) {
      for (
        let n = 0;
        await isPut(crypto.getRandomValues(new Uint8Array(65_536)).slice(0, size), `${size} ${n}`);
      )
        n += 1;
    }
    database.close();
  });
  await person.fill("New task", "Dig the pond");
  await person.press("Add");
  await person.sees(
    "This device could not keep your change. The local store has no room left",
    ".notice",
  );
  await isFine(person);
  expect(await person.tasks()).toEqual(["Call the carpenter"]);
  await person.page.reload();
  await person.sees("Call the carpenter", ".plan");
  expect(await person.tasks()).toEqual(["Call the carpenter"]);
});

test("who may only read is told so, and what was made here waits", async () => {
  await place.createHome();
  const ada = await Person.signedIn(await browser.createBrowserContext(), place.url, "ada");
  await ada.plan("Call the carpenter", "09:00");
  const cat = await Person.signedIn(context, place.url, "cat");
  await cat.sees("Call the carpenter", ".plan");
  await cat.sees("All saved", ".status");
  await cat.plan("Sleep", "10:00");
  await cat.press("You may only read", ".status");
  await cat.sees("Your account may not change this planner. 1 change waits", ".status");
  await isFine(cat);
  await ada.plan("Lunch", "12:00");
  await cat.sees("Lunch", ".plan");
  expect(await ada.tasks()).toEqual(["Call the carpenter", "Lunch"]);
  await ada.page.browserContext().close();
});
