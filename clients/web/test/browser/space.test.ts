import { rm } from "node:fs/promises";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import {
  type Browser,
  type Engine,
  engines,
  keepsProfile,
  launch,
  makeProfile,
  type Tab,
} from "./driver.ts";
import type { Opening } from "./space-page.ts";
import {
  begin,
  labels,
  listIn,
  lookAt,
  put,
  stateOf,
  storedAuthors,
  storedLabels,
  until,
  WAIT,
  type World,
} from "./world.ts";

const HOUR = 3_600_000;
const ADA = "019aa122-be00-7000-8000-00000000000a";
const BOB = "019aa122-be00-7000-8000-00000000000b";

let world: World;
beforeAll(async () => {
  world = await begin("./space-page.ts");
});
afterAll(() => world.close());

// The engines at the same time, the tests of each one after the other.
describe.concurrent.each(engines)("%s", (engine: Engine) => {
  let browser: Browser;
  let profile: string;
  beforeAll(async () => {
    profile = await makeProfile();
    browser = await launch(engine, profile);
    // Stays open, for a browser may end with its last tab.
    await browser.open(world.site.url);
  });
  afterAll(async () => {
    await browser.close();
    await rm(profile, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 });
  });

  /** A new space, with its name. */
  async function make(name: string, ...args: string[]): Promise<string> {
    await world.backend.createSpace(`${engine}-${name}`, args);
    return `${engine}-${name}`;
  }
  const openingOf = (space: string): { gateway: string; space: string } => ({
    gateway: world.backend.url,
    space,
  });
  const open = (space: string, more?: Partial<Opening>): Promise<Tab> =>
    world.open(browser, space, more);

  test.sequential("two tabs offline, 500 updates each, both reloaded: no seq missing or repeated, same bytes", async () => {
    const space = await make("offline");
    world.fates.set(space, () => "lose");
    const tabs = [await open(space), await open(space)];
    const ids = await Promise.all(tabs.map((tab, n) => put(tab, space, labels(`tab ${n}`, 500))));
    const seqs = ids.flat().map((id) => Number(id.split(":")[1]));
    expect(seqs.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 1_000 }, (_, n) => n + 1));
    for (const tab of tabs) await tab.reload();
    for (const tab of tabs) await tab.run((one) => app.start(one), openingOf(space));
    for (const tab of tabs) await until(tab, space, { unsent: 1_000 });
    const [one, two] = await Promise.all(tabs.map((tab) => stateOf(tab, space)));
    expect(one).toBe(two);
    world.fates.delete(space);
    expect(await tabs[1]?.run((name) => app.sync(name), space)).toBeNull();
    for (const tab of tabs) await until(tab, space, { unsent: 0 });
    expect(await storedLabels(world.backend, space)).toHaveLength(1_000);
    expect(await world.backend.read("state", space)).toBe(one);
    for (const tab of tabs) expect(await stateOf(tab, space)).toBe(one);
    for (const tab of tabs) await tab.close();
  });

  test.sequential("a token that died over night: one new one for all tabs, no loop, and the queue is kept", async () => {
    const space = await make("night");
    const short = await world.backend.token("--expires", "2s");
    const dies = Date.now() + 2_000;
    world.tokens.set(space, () => short);
    const more = { account: space, everyMs: 100 };
    const tabs = [await open(space, more), await open(space, more)];
    const questions = (): number => world.asked.filter(({ account }) => account === space).length;
    await vi.waitFor(() => expect(questions()).toBeGreaterThan(0), WAIT);
    await new Promise((resolve) => setTimeout(resolve, Math.max(0, dies - Date.now() + 500)));
    const before = questions();
    for (const [n, tab] of tabs.entries()) await put(tab, space, labels(`tab ${n}`, 3));
    const dead = { phase: "stuck", error: "token-refused", unsent: 6 };
    for (const tab of tabs) await until(tab, space, dead);
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    // A source that has nothing newer is asked now and then, and ever less often.
    expect(questions() - before).toBeLessThanOrEqual(10);
    world.tokens.set(space, () => world.usual);
    const night = questions();
    // In the morning somebody opens the lid.
    for (const tab of tabs) await tab.run(() => void globalThis.dispatchEvent(new Event("online")));
    for (const tab of tabs) await until(tab, space, { phase: "live", unsent: 0 });
    expect(questions() - night).toBe(1);
    expect(await storedLabels(world.backend, space)).toHaveLength(6);
    for (const tab of tabs) await tab.close();
  });

  test.sequential("a clock an hour off, that jumps in mid-session", async () => {
    const space = await make("clock");
    const tab = await browser.open(world.site.url);
    await tab.run((off) => app.setClock(off), HOUR);
    await tab.run((one) => app.start(one), { ...openingOf(space), everyMs: 200 });
    await until(tab, space, { phase: "live" });
    const rest: number[] = [];
    for (const [n, by] of [HOUR, -HOUR, 2 * HOUR, 0].entries()) {
      await tab.run((ms) => app.setClock(ms), by);
      await put(tab, space, labels(`jump ${n}`, 2));
      await until(tab, space, { unsent: 0 });
      rest.push(((await lookAt(tab, space)).clockOffMs ?? Number.NaN) + by);
    }
    for (const off of rest) expect(Math.abs(off)).toBeLessThan(3_000);
    const lines = await world.backend.log(space);
    for (const { key } of lines) expect(Math.abs(key - Date.now())).toBeLessThan(60_000);
    const made = [0, 1, 2, 3].flatMap((n) => labels(`jump ${n}`, 2));
    expect(await storedLabels(world.backend, space)).toEqual(made);
    expect(await lookAt(tab, space)).toMatchObject({ phase: "live", error: null });
    await tab.close();
  });

  test.sequential("a newer version upgrades under an open tab, then a downgrade: never blank, the queue survives", async () => {
    const space = await make("version");
    const opening = openingOf(space);
    const old = await open(space);
    await until(old, space, { phase: "live", role: "leader" });
    await put(old, space, ["sent"]);
    await until(old, space, { unsent: 0 });
    world.fates.set(space, () => "lose");
    await put(old, space, ["queued"]);
    const newer = await browser.open(world.site.url);
    expect(await newer.run((one) => app.upgrade(one), opening)).toBe("upgraded");
    await until(old, space, { phase: "stuck", error: "storage-superseded" });
    expect(await listIn(old, space)).toEqual(["sent", "queued"]);
    expect(await put(old, space, ["late"])).toEqual(["storage-newer"]);
    expect(await listIn(old, space)).toEqual(["sent", "queued"]);
    // The lead is let go, so that the newer version can send.
    const free = await newer.run(async (name) => {
      const { held = [] } = await navigator.locks.query();
      return held.every((lock) => !lock.name?.includes(name));
    }, space);
    expect(free).toBe(true);
    await old.reload();
    await old.run((one) => app.start(one), opening);
    expect(await old.run((name) => app.ready(name), space)).toBe("storage-newer");
    expect(await lookAt(old, space)).toMatchObject({ phase: "stuck", error: "storage-newer" });
    const rows = await newer.run((one) => app.queueOnDisk(one), opening);
    expect(rows).toHaveLength(1);
    expect(rows[0]).toContain("queued");
    await old.close();
    await newer.close();
  });

  test.sequential("the browser closes the database in mid-flush: reopened, and told where it cannot be", async () => {
    const space = await make("closed");
    const tab = await open(space);
    await until(tab, space, { phase: "live" });
    world.fates.set(space, (step) => (step === "put" ? 300 : "pass"));
    const making = put(tab, space, labels("x", 50));
    const closings = [];
    for (let n = 0; n < 6; n += 1) {
      closings.push(await tab.run(() => app.closeUnder()));
      await new Promise((resolve) => setTimeout(resolve, 60));
    }
    expect(closings).toContain(1);
    const ids = await making;
    expect(new Set(ids).size).toBe(50);
    for (const id of ids) expect(id).toMatch(/:\d+$/);
    await until(tab, space, { phase: "live", unsent: 0 });
    expect(await storedLabels(world.backend, space)).toEqual(labels("x", 50));
    await tab.run(() => {
      app.breakStorage();
      app.closeUnder();
    });
    expect(await put(tab, space, ["lost"])).toEqual(["storage-closed"]);
    expect(await listIn(tab, space)).toEqual(labels("x", 50));
    await tab.close();
  });

  test.sequential("storage deleted between visits, with a bound author: told, and no seq twice", async () => {
    const space = await make("evicted");
    const bound = await world.backend.token("--author", ADA);
    const other = await world.backend.token("--author", BOB);
    let hasOther = false;
    world.tokens.set(space, (why) => (why === "new-author" && hasOther ? other : bound));
    const first = await open(space, { account: space });
    await put(first, space, labels("ada", 3));
    await until(first, space, { unsent: 0, author: ADA });
    await first.close();
    const tab = await browser.open(world.site.url);
    await tab.run((one) => app.evict(one), openingOf(space));
    await tab.run((one) => app.start(one), { ...openingOf(space), account: space, everyMs: 200 });
    await until(tab, space, { evicted: ADA });
    await vi.waitFor(async () => expect(await listIn(tab, space)).toEqual(labels("ada", 3)), WAIT);
    expect(await tab.run((name) => app.seen(name), space)).toContain("evicted");
    // Nobody gives it another author: nothing is sent, nothing is lost.
    await put(tab, space, ["new"]);
    await until(tab, space, { phase: "stuck", barred: ADA, unsent: 1 });
    expect(await storedLabels(world.backend, space)).toEqual(labels("ada", 3));
    hasOther = true;
    await until(tab, space, { phase: "live", unsent: 0, author: BOB });
    expect(await storedLabels(world.backend, space)).toEqual([...labels("ada", 3), "new"]);
    expect(await storedAuthors(world.backend, space)).toEqual([ADA, BOB]);
    await tab.close();
  });

  test.sequential("an idle hour, cross-origin: one GET for each poll, no OPTIONS but those that must be", async () => {
    const space = await make("idle");
    const tab = await open(space, { manual: true });
    await tab.run((ms) => app.advance(ms), 1_000);
    await put(tab, space, ["one"]);
    await tab.run((ms) => app.advance(ms), 200_000);
    expect(await lookAt(tab, space)).toMatchObject({ phase: "live", unsent: 0 });
    const from = world.backend.seen.length;
    await tab.run((ms) => app.advance(ms), HOUR);
    const {
      head = 0,
      info = 0,
      list = 0,
      sync = 0,
      sign = 0,
      ask = 0,
      ...others
    } = world.backend.count(from, space);
    console.log(
      `${engine}, an idle hour: ${JSON.stringify({ head, info, list, sync, sign, ask })}`,
    );
    // A poll each 27 to 33 s, which is one GET.
    expect(head).toBeGreaterThanOrEqual(109);
    expect(head).toBeLessThanOrEqual(134);
    // Once a minute at most all updates are listed, with a look at space.json; segments and snapshots every ten minutes.
    expect(info).toBeLessThanOrEqual(60);
    expect(list).toBe(info + 2 * 6);
    // What is presigned is signed anew once; only for such calls the browser asks for permission.
    expect(sync + sign).toBe(1);
    expect(ask).toBeLessThanOrEqual(1);
    expect(others).toEqual({});
    await tab.close();
  });

  // A passphrase costs seconds, and what it takes is no engine's own: it is tried in Chromium, an identity in the others.
  test.sequential("a replica in Rust and a page in one encrypted space: both see each other's updates", async () => {
    const space = `${engine}-sealed`;
    const { rust, page } = await world.backend.secret(engine === "chromium");
    await world.backend.createSpace(space, ["--encrypted"], rust);
    const env = { ...(await world.backend.replica(space)), ...rust };
    const updateOf = (label: string): string =>
      JSON.stringify({ kind: "append", data: { "/list": [label] } });
    await world.backend.run(["update", space, updateOf("from Rust")], env);
    const tab = await open(space, { ...page, everyMs: 200 });
    const slow = { ...WAIT, timeout: 60_000 };
    await vi.waitFor(async () => expect(await listIn(tab, space)).toEqual(["from Rust"]), slow);
    await put(tab, space, ["from the page"]);
    await until(tab, space, { unsent: 0 });
    expect(await world.backend.run(["state", space], env)).toBe(await stateOf(tab, space));
    await world.backend.run(["update", space, updateOf("again")], env);
    const all = ["from Rust", "from the page", "again"];
    await vi.waitFor(async () => expect(await listIn(tab, space)).toEqual(all), WAIT);
    expect(await storedLabels(world.backend, space, rust)).toEqual(all);
    await tab.close();
    const locked = await open(space);
    await until(locked, space, { phase: "locked" });
    await locked.close();
  });

  test.sequential("open() works in a dedicated worker", async () => {
    const space = await make("worker");
    const tab = await browser.open(world.site.url);
    await tab.run(async (one) => void (await app.inWorker("start", one)), openingOf(space));
    const ids = await tab.run(async (name) => app.inWorker("put", name, ["a", "b"]), space);
    expect(ids).toHaveLength(2);
    await vi.waitFor(
      async () => expect(await storedLabels(world.backend, space)).toEqual(["a", "b"]),
      WAIT,
    );
    await vi.waitFor(async () => {
      const look = await tab.run(async (name) => app.inWorker("look", name), space);
      expect(look).toMatchObject({ phase: "live", unsent: 0, role: "leader" });
    }, WAIT);
    await tab.close();
  });

  test.sequential("killed at each step from durable to acknowledged: all there, once, in order (not WebKitGTK: its automated sessions keep nothing)", {
    skip: !keepsProfile(engine),
  }, async () => {
    const steps = [
      "sync hold",
      "sync hold-answer",
      "put hold",
      "put hold-answer",
      "hint hold-answer",
      "none",
    ];
    const spaces = await Promise.all(steps.map((_, n) => make(`killed-${n}`)));
    const tab = await browser.open(world.site.url);
    for (const space of spaces) await tab.run((one) => app.start(one), openingOf(space));
    for (const space of spaces) await until(tab, space, { phase: "live" });
    for (const [n, space] of spaces.entries()) {
      const [at, what] = (steps[n] ?? "").split(" ");
      world.fates.set(space, (step) => (step === at ? (what as "hold") : "pass"));
      await put(tab, space, labels("before", 3));
    }
    const expected = steps.slice(0, 5).map((step, n) => `${spaces[n]} ${step.split(" ")[0]}`);
    const held = (): string[] => world.held.filter((one) => one.startsWith(engine)).toSorted();
    await vi.waitFor(() => expect(held()).toEqual(expected.toSorted()), WAIT);
    await until(tab, spaces[5] ?? "", { unsent: 0 });
    await browser.kill();
    world.fates.clear();
    browser = await launch(engine, profile);
    await browser.open(world.site.url);
    const again = await browser.open(world.site.url);
    for (const space of spaces) await again.run((one) => app.start(one), openingOf(space));
    for (const space of spaces) await put(again, space, ["after"]);
    for (const space of spaces) {
      await until(again, space, { phase: "live", unsent: 0, evicted: null });
      const all = [...labels("before", 3), "after"];
      expect(await storedLabels(world.backend, space)).toEqual(all);
      expect(await listIn(again, space)).toEqual(all);
      expect(await storedAuthors(world.backend, space)).toHaveLength(1);
    }
    await again.close();
  });
});
