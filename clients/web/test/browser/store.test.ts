import { rm } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import { storeContract } from "../../src/store/contract.ts";
import {
  type Browser,
  type Engine,
  engines,
  isInstalled,
  keepsProfile,
  launch,
  makeProfile,
  type Tab,
} from "./driver.ts";
import { type Site, serveSite } from "./site.ts";
import type {} from "./store-page.ts";
import { WAIT } from "./world.ts";

const script = new URL("./store-page.ts", import.meta.url).pathname;
const durable: number[] = [];
let site: Site;
beforeAll(async () => {
  site = await serveSite({
    script,
    route: (request, response) => {
      const seq = /^\/durable\/(\d+)$/.exec(request.url ?? "")?.[1];
      if (seq === undefined) return false;
      durable.push(Number(seq));
      response.end();
      return true;
    },
  });
});
afterAll(() => site.close());

let profile: string;
let browser: Browser;

async function begin(engine: Engine): Promise<void> {
  profile = await makeProfile();
  browser = await launch(engine, profile);
}

async function finish(): Promise<void> {
  await browser.close();
  await rm(profile, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 });
}

const upTo = (count: number): number[] => Array.from({ length: count }, (_, i) => i + 1);
const seqsOf = (rows: unknown): unknown[] => (rows as [number, string][]).map(([key]) => key);

/** One group of tests per engine; skipped, and counted so, where it is not installed. */
function inEach(title: string, which: readonly Engine[], tests: (engine: Engine) => void): void {
  for (const engine of which) {
    describe.skipIf(!isInstalled(engine))(`${engine}${title}`, () => tests(engine));
  }
}

inEach(" keeps the contract", engines, (engine) => {
  let tab: Tab;
  beforeAll(async () => {
    await begin(engine);
    tab = await browser.open(site.url);
  });
  afterAll(finish);

  test.each(storeContract.map(({ name }) => name))("%s", async (name) => {
    expect(await tab.run((which) => page.holds(which), name)).toBeNull();
  });

  test("the platform's ports are there", async () => {
    expect(await tab.run(() => page.offers())).toEqual({
      isVisible: true,
      isOffline: false,
      locks: true,
      witness: true,
      // WebKitGTK has no storage manager.
      persisted: engine !== "webkit",
      estimate: engine !== "webkit",
      chance: true,
    });
  });
});

inEach("", engines, (engine) => {
  beforeEach(() => begin(engine));
  afterEach(finish);

  test("two tabs append at once: no number missing, none twice", async () => {
    const tabs = [await browser.open(site.url), await browser.open(site.url)];
    const got = await Promise.all(
      tabs.map((tab, i) => tab.run((text) => page.append(150, text), `tab ${i}`)),
    );
    const all = got.flat().map(Number);
    expect(all.toSorted((a, b) => a - b)).toEqual(upTo(300));
    for (const tab of tabs) await tab.reload();
    for (const tab of tabs) expect(seqsOf(await tab.run(() => page.queue()))).toEqual(upTo(300));
  });

  test("a store that another tab removes is told as evicted", async () => {
    const one = await browser.open(site.url);
    const two = await browser.open(site.url);
    await one.run(() => page.append(3, "x"));
    expect(await two.run(() => page.remove())).toBe("removed");
    expect(await one.run(() => page.append(1, "x"))).toBe("evicted");
    expect(await one.run(() => page.events)).toEqual(["gone"]);
    expect(await two.run(() => page.queue())).toEqual([]);
  });

  test("a newer version is let through, and its store is left as it is", async () => {
    const one = await browser.open(site.url);
    const two = await browser.open(site.url);
    await one.run(() => page.append(3, "x"));
    expect(await two.run(() => page.upgrade())).toBe("upgraded");
    expect(await one.run(() => page.events)).toEqual(["superseded"]);
    expect(await one.run(() => page.append(1, "x"))).toBe("storage-newer");
    await one.reload();
    expect(await one.run(() => page.queue())).toBe("storage-newer");
  });

  test("one tab leads; when it is closed the other does", async () => {
    const one = await browser.open(site.url);
    await one.run(() => page.join());
    await vi.waitFor(async () => expect(await one.run(() => page.roles)).toEqual(["leader"]), WAIT);
    const two = await browser.open(site.url);
    await two.run(() => page.join());
    await sleep(500);
    expect(await two.run(() => page.roles)).toEqual([]);
    await one.close();
    await vi.waitFor(async () => expect(await two.run(() => page.roles)).toEqual(["leader"]), {
      timeout: 60_000,
    });
  });

  test("a lock whose holder says nothing is taken within 15 s", async () => {
    const one = await browser.open(site.url);
    await one.run(() => page.holdLock());
    const two = await browser.open(site.url);
    await two.run(() => page.join());
    await vi.waitFor(async () => expect(await two.run(() => page.roles)).toEqual(["leader"]), {
      timeout: 60_000,
      interval: 250,
    });
    await vi.waitFor(async () => expect(await one.run(() => page.wasRobbed())).toBe(true), WAIT);
  });

  test("how long until an update is durable", async () => {
    const tab = await browser.open(site.url);
    const { append, raw } = await tab.run(() => page.timed(100));
    console.log(`${browser.version}: append ${append} ms, raw strict put ${raw} ms`);
    expect(append).toBeGreaterThan(0);
  });
});

inEach(", killed", engines.filter(keepsProfile), (engine) => {
  beforeEach(() => begin(engine));
  afterEach(finish);

  test("with SIGKILL: what was durable is there, once, in order", async () => {
    for (let round = 0; round < 4; round += 1) {
      const tab = await browser.open(site.url);
      durable.length = 0;
      await tab.run((text) => page.appendForEver(text), `round ${round}`);
      await vi.waitFor(() => expect(durable.length).toBeGreaterThan(10), { timeout: 20_000 });
      await sleep(round * 37);
      await browser.kill();
      await sleep(200);
      const last = durable.at(-1) ?? 0;
      browser = await launch(engine, profile);
      const again = await browser.open(site.url);
      const seqs = seqsOf(await again.run(() => page.queue()));
      expect(seqs).toEqual(upTo(seqs.length));
      expect(seqs.length).toBeGreaterThanOrEqual(last);
      // At most the one whose promise had not resolved yet, and the one that was told but not heard.
      expect(seqs.length).toBeLessThanOrEqual(last + 2);
      await again.close();
    }
  });
});

inEach(", by its protocol", ["chromium"], () => {
  beforeEach(() => begin("chromium"));
  afterEach(finish);

  test("a leader that is frozen is replaced; thawed, it follows", async () => {
    const one = await browser.open(site.url);
    await one.run(() => page.join());
    const two = await browser.open(site.url);
    await two.run(() => page.join());
    await one.freeze();
    const start = Date.now();
    await vi.waitFor(async () => expect(await two.run(() => page.roles)).toEqual(["leader"]), {
      timeout: 60_000,
      interval: 250,
    });
    console.log(`taken over after ${Date.now() - start} ms`);
    await one.thaw();
    await vi.waitFor(
      async () => expect(await one.run(() => page.roles)).toEqual(["leader", "follower"]),
      WAIT,
    );
    await sleep(14_000);
    expect(await one.run(() => page.roles)).toEqual(["leader", "follower"]);
    expect(await two.run(() => page.roles)).toEqual(["leader"]);
  });

  test("a tab that is frozen between two writes holds nobody up", async () => {
    const one = await browser.open(site.url);
    const two = await browser.open(site.url);
    await two.run(() => page.append(1, "two"));
    await one.run((text) => page.appendForEver(text), "one");
    await sleep(300);
    await one.freeze();
    const start = Date.now();
    const got = await two.run(() => page.append(1, "two"));
    console.log(`a sibling wrote ${Date.now() - start} ms after the freeze`);
    expect(got).toHaveLength(1);
  });

  test("data that a person clears under the page is told as evicted, unasked", async () => {
    const one = await browser.open(site.url);
    await one.run(() => page.append(3, "x"));
    const origin = site.url.slice(0, -1);
    await one.command("Storage.clearDataForOrigin", { origin, storageTypes: "indexeddb" });
    await vi.waitFor(async () => expect(await one.run(() => page.events)).toEqual(["gone"]), {
      timeout: 60_000,
    });
    expect(await one.run(() => page.append(1, "x"))).toBe("evicted");
  });

  test("no room: told by name, and what was there stays", async () => {
    const one = await browser.open(site.url);
    const origin = site.url.slice(0, -1);
    // Before anything is stored: Chromium asks for the quota only now and then.
    await one.command("Storage.overrideQuotaForOrigin", { origin, quotaSize: 5_000_000 });
    await one.run(() => page.append(3, "x"));
    expect(await one.run(() => page.fill(1_000_000))).toBe("quota");
    expect(seqsOf(await one.run(() => page.queue()))).toEqual([1, 2, 3]);
    await one.run(() => page.empty());
    expect(await one.run(() => page.append(1, "x"))).toEqual([4]);
  });
});
