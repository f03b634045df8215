/** The example `planner-web` as an installed app: starting offline, new versions, and use by all. */

import type { KeyInput } from "puppeteer-core";
import { describe, expect, test } from "vitest";
import { Person } from "./planner-person.ts";
import { context, eachHasItsPlanner, place } from "./planner-stage.ts";

eachHasItsPlanner();

/** Waits until the app could start without a network. */
async function installed(person: Person): Promise<void> {
  await person.page.waitForFunction(() => navigator.serviceWorker.controller !== null, {
    polling: 50,
  });
}

/** The addresses in all caches. */
const cached = async (person: Person): Promise<string[]> =>
  person.page.evaluate(async () => {
    const urls: string[] = [];
    for (const name of await caches.keys()) {
      for (const request of await (await caches.open(name)).keys()) urls.push(request.url);
    }
    return urls;
  });

describe("offline", () => {
  test("it starts cold, shows what was there, takes what is new, and sends it later", async () => {
    const first = await Person.guestAt(context, place.url);
    await first.plan("Call the carpenter", "09:00");
    await first.sees("All saved", ".status");
    await installed(first);
    await first.page.close();
    await place.stop();
    const person = await Person.at(context, place.url);
    await person.sees("Call the carpenter");
    await person.plan("Dig the pond", "10:00");
    await person.sees("Offline, 1 unsent", ".status");
    await place.start();
    await person.page.evaluate(() => dispatchEvent(new Event("online")));
    await person.sees("All saved", ".status");
  });

  test("no answer of the gateway and no presigned address is kept, only the app's own files", async () => {
    const person = await Person.guestAt(context, place.url);
    await person.plan("Call the carpenter", "09:00");
    await installed(person);
    await person.page.reload(); // Now all requests pass by the worker.
    await person.sees("All saved", ".status");
    await person.plan("Lunch", "12:00");
    await person.sees("All saved", ".status");
    const urls = await cached(person);
    const files = /^http:\/\/127\.0\.0\.1:\d+\/([\w-]+\.(js|css|png|svg|webmanifest))?$/;
    expect(urls.length).toBeGreaterThan(5);
    expect(urls.filter((url) => !files.test(url))).toEqual([]);
    expect(urls.filter((url) => /\/v1\/|\/icecore\/|X-Amz|sw\.js/.test(url))).toEqual([]);
    // Nor does it answer in the gateway's place.
    await place.stop();
    const answer = await person.page.evaluate(() =>
      fetch("/v1/openapi.json").then(
        () => "answered",
        () => "failed",
      ),
    );
    expect(answer).toBe("failed");
  });

  test("it can be installed: a manifest with its icons", async () => {
    const person = await Person.at(context, place.url);
    const client = await person.page.createCDPSession();
    const { errors } = await client.send("Page.getAppManifest");
    expect(errors).toEqual([]);
    const { installabilityErrors } = await client.send("Page.getInstallabilityErrors");
    // A private window cannot install anything.
    expect(installabilityErrors.filter(({ errorId }) => errorId !== "in-incognito")).toEqual([]);
  });
});

test("a new version waits until somebody says so, and takes neither what was not sent nor what stands in a field", async () => {
  const person = await Person.guestAt(context, place.url);
  await installed(person);
  await person.page.setOfflineMode(true);
  await person.plan("Dig the pond", "10:00");
  await person.fill("New task", "half a tho");
  await person.fill("Message", "half a mess");
  await place.build("Planner Two");
  // The worker is fetched by the browser, not by the page, which is offline.
  await person.page.evaluate(async () => {
    const registration = await navigator.serviceWorker.getRegistration();
    await registration?.update();
  });
  await person.sees("A new version is here.", ".offer");
  expect(await person.page.title()).toBe("Planner");
  await person.reloads(() => person.press("Use it"));
  expect(await person.page.title()).toBe("Planner Two");
  await person.sees("Dig the pond");
  await person.sees("1 unsent", ".status");
  const drafts = await person.page.$$eval("input[type=text]", (all) =>
    all.map(({ value }) => value),
  );
  expect(drafts).toEqual(expect.arrayContaining(["half a tho", "half a mess"]));
  expect((await cached(person)).filter((url) => url.includes("main-")).length).toBe(1);
  await person.page.setOfflineMode(false);
  await person.page.evaluate(() => dispatchEvent(new Event("online")));
  await person.sees("All saved", ".status");
});

describe("for all", () => {
  /** Shows everything that there is to be looked at, one after the other. */
  async function* scenes(person: Person): AsyncGenerator<string> {
    yield "welcome";
    await person.press("Sign in");
    yield "sign in";
    await person.page.keyboard.press("Escape");
    await person.reloads(() => person.press("Start planning"));
    await person.plan(
      "Dentist-with-a-very-long-name-that-does-not-fit-into-one-line-of-a-small-phone",
      "09:00",
    );
    await person.plan("Swim", "09:00");
    await person.plan("Water plants");
    await person.page.click(".task input");
    await person.sees("planned twice", ".conflicts");
    await person.sees("All saved", ".status");
    yield "plan with a conflict";
    await person.press("All saved", ".status");
    yield "status";
    await person.press("All saved", ".status");
    await person.press("Swim", ".plan");
    yield "task";
    await person.page.keyboard.press("Escape");
    await person.press("Earlier");
    await person.page.waitForSelector("dialog input[type=range]:enabled");
    await person.page.waitForSelector("dialog .past li");
    yield "earlier";
    await person.page.keyboard.press("Escape");
    await person.press("You");
    yield "you";
    await person.press("Log out", "dialog");
    await person.sees("Log out for good?", "dialog");
    yield "log out";
    await person.page.keyboard.press("Escape");
    if (await person.page.$eval(".tabs", (tabs) => tabs.checkVisibility())) {
      await person.press("Chat", ".tabs");
    }
    await person.fill(
      "Message",
      "https://example.org/a-long-address-without-any-place-to-break-it-in-the-middle",
    );
    await person.page.keyboard.press("Enter");
    await person.sees("example.org", ".log");
    yield "chat";
  }

  test.each([
    ["light", 320],
    ["dark", 320],
    ["light", 1280],
    ["dark", 1280],
  ] as const)(
    "%s, %i px wide: axe finds nothing, and nothing is wider than the window",
    async (scheme, width) => {
      const person = await Person.at(context, place.url);
      await person.page.emulateMediaFeatures([
        { name: "prefers-color-scheme", value: scheme },
        { name: "prefers-reduced-motion", value: "reduce" },
      ]);
      await person.page.setViewport({ width, height: width === 320 ? 640 : 800 });
      for await (const scene of scenes(person)) {
        expect(await person.faults(), scene).toEqual([]);
        expect(await person.overflow(), scene).toBe(0);
      }
      expect(person.errors).toEqual([]);
    },
  );

  test("the keyboard is enough", async () => {
    const person = await Person.at(context, place.url);
    const { keyboard } = person.page;
    const focused = (): Promise<string> =>
      person.page.evaluate(() => {
        const element = document.activeElement;
        const label =
          element instanceof HTMLInputElement || element instanceof HTMLSelectElement
            ? element.labels?.[0]
            : null;
        return (
          element?.getAttribute("aria-label") ?? label?.textContent ?? element?.textContent ?? ""
        );
      });
    /** Goes on with the key until something of this name has the focus, which shows. */
    const to = async (name: RegExp, key: KeyInput = "Tab"): Promise<void> => {
      for (let n = 0; n < 100; n += 1) {
        await keyboard.press(key);
        if (!name.test(await focused())) continue;
        const shows = await person.page.evaluate(() =>
          document.activeElement?.matches(":focus-visible"),
        );
        expect(shows, String(name)).toBe(true);
        return;
      }
      throw new Error(`the keyboard does not get to ${name}`);
    };
    await to(/^Start planning$/);
    await person.reloads(() => keyboard.press("Enter"));
    await person.sees("All saved", ".status");
    await to(/^New task$/);
    await keyboard.type("Dentist");
    await to(/^Time$/);
    await keyboard.type("09");
    await keyboard.press("Enter");
    await to(/^Add$/);
    await keyboard.press("Enter");
    await person.sees("Dentist", ".plan");
    await to(/^Done: Dentist$/);
    await keyboard.press("Space");
    await person.page.waitForSelector(".task.done");
    // Undone from where the focus is.
    await keyboard.down("Control");
    await keyboard.press("z");
    await keyboard.up("Control");
    await person.page.waitForSelector(".task:not(.done)");
    await to(/^Dentist, /);
    await keyboard.press("Enter");
    await person.page.waitForSelector("dialog[open]");
    expect(await focused()).toBe("Task");
    await keyboard.type(" at noon");
    await keyboard.press("Enter");
    await person.sees("at noon", ".plan");
    // The focus is back where it was.
    expect(await focused()).toMatch(/at noon/);
    await to(/^Message$/);
    await keyboard.type("Hello");
    await keyboard.press("Enter");
    await person.sees("Hello", ".log");
    await person.sees("All saved", ".status");
    await to(/^All saved$/);
    await keyboard.press("Enter");
    await person.sees("Everything is stored", ".status");
    await to(/^You$/);
    await keyboard.press("Enter");
    await person.page.waitForSelector("dialog[open]");
    await keyboard.press("Escape");
    expect(await focused()).toBe("You");
  });
});
