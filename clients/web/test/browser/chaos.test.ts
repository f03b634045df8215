import { rm } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import { seededChance } from "../../src/testing/chance.ts";
import type { Fate } from "./backend.ts";
import { type Browser, launch, makeProfile, type Tab } from "./driver.ts";
import { begin, put, stateOf, storedLabels, until, type World } from "./world.ts";

/** How long it goes on. By hand: `ICECORE_CHAOS_S=300 npm run test:browser -- chaos`. */
const SECONDS = Number(process.env["ICECORE_CHAOS_S"] ?? 20);
const SEED = Number(process.env["ICECORE_CHAOS_SEED"] ?? Date.now() % 1_000_000);
const TABS = 3;
const SPACE = "chaos";

let world: World;
let profile: string;
let browser: Browser;
beforeAll(async () => {
  world = await begin("./space-page.ts");
  profile = await makeProfile();
  browser = await launch("chromium", profile);
});
afterAll(async () => {
  await browser.close();
  await world.close();
  await rm(profile, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 });
});

const chance = seededChance(SEED);
/** A bad network: a fifth of the requests or of their answers are lost, a third are late. */
function bad(): Fate {
  const draw = chance.below(30);
  if (draw < 3) return "lose";
  if (draw < 6) return "lose-answer";
  return draw < 16 ? chance.below(400) : "pass";
}

/** Labels that must be there in the end, once each; whether others are nobody knows. */
const promised = new Set<string>();
let isOver = false;

/** One tab writes until the browser ends or all is over. What was durable is promised. */
async function write(tab: Tab, name: string): Promise<void> {
  for (let n = 0; !isOver; n += 1) {
    const made = Array.from({ length: 1 + chance.below(4) }, (_, i) => `${name}.${n}.${i}`);
    const ids = await put(tab, SPACE, made);
    for (const [i, id] of ids.entries()) {
      if (id.includes(":")) promised.add(made[i] ?? "");
    }
    await sleep(chance.below(150));
  }
}

async function openTabs(): Promise<Tab[]> {
  const tabs: Tab[] = [];
  for (let n = 0; n < TABS; n += 1) tabs.push(await world.open(browser, SPACE, { everyMs: 300 }));
  return tabs;
}

/** The browser with its tabs, killed and started again at random moments. */
async function browse(): Promise<number> {
  let kills = 0;
  while (!isOver) {
    const tabs = await openTabs();
    const writing = tabs.map((tab, n) => write(tab, `page ${kills}.${n}`).catch(() => undefined));
    for (const end = Date.now() + 1_500 + chance.below(4_000); Date.now() < end && !isOver; )
      await sleep(20);
    await browser.kill();
    await Promise.all(writing);
    browser = await launch("chromium", profile);
    kills += 1;
  }
  return kills;
}

/** A replica in Rust, each call a process of its own. What was queued is promised, whether or not it was sent. */
async function replicate(name: string): Promise<void> {
  const env = await world.backend.replica(name);
  for (let n = 0; !isOver; n += 1) {
    const label = `${name}.${n}`;
    const update = JSON.stringify({ kind: "append", data: { "/list": [label] } });
    // A name, so that it can be repeated where nobody knows whether it was queued.
    const { code } = await world.backend.attempt(["update", SPACE, "--id", label, update], env);
    // 0: sent; 4: queued, and the store could not be reached.
    expect([0, 4]).toContain(code);
    promised.add(label);
    await sleep(chance.below(300));
  }
}

test(
  `${TABS} tabs and two replicas in Rust on a bad network, the browser killed at random: nothing lost, nothing twice, all equal`,
  async () => {
    console.log(`seed ${SEED}, ${SECONDS} s`);
    await world.backend.createSpace(SPACE);
    // Each replica has seen the space once: offline, a new one knows nothing of it.
    const rust = ["rust a", "rust b"].map((name) => name.replace(" ", "-"));
    for (const name of rust)
      await world.backend.run(["sync", SPACE], await world.backend.replica(name));
    world.fates.set(SPACE, bad);
    const running = [browse(), ...rust.map(replicate)];
    await Promise.race([sleep(SECONDS * 1_000), ...running]).finally(() => {
      isOver = true;
    });
    const [kills] = await Promise.all(running);
    world.fates.clear();
    const tabs = await openTabs();
    for (const name of rust)
      await world.backend.run(["sync", SPACE], await world.backend.replica(name));
    for (const tab of tabs) await until(tab, SPACE, { phase: "live", unsent: 0 });
    const labels = await storedLabels(world.backend, SPACE);
    console.log(
      `${labels.length} updates, ${promised.size} of them promised, ${kills} kills; ${JSON.stringify(world.backend.count(0, SPACE))}`,
    );
    expect(new Set(labels).size).toBe(labels.length);
    const there = new Set(labels);
    expect([...promised].filter((label) => !there.has(label))).toEqual([]);
    expect(promised.size).toBeGreaterThan(SECONDS);
    const state = await world.backend.read("state", SPACE);
    for (const name of rust) {
      expect(await world.backend.run(["state", SPACE], await world.backend.replica(name))).toBe(
        state,
      );
    }
    for (const tab of tabs) {
      expect(await tab.run((name) => app.sync(name), SPACE)).toBeNull();
      expect(await stateOf(tab, SPACE)).toBe(state);
    }
    await world.backend.run(
      ["rollup", SPACE, "--now"],
      await world.backend.replica("admin", "admin"),
    );
    await world.backend.read("verify", SPACE);
    for (const tab of tabs) {
      expect(await tab.run((name) => app.sync(name), SPACE)).toBeNull();
      expect(await stateOf(tab, SPACE)).toBe(state);
    }
  },
  SECONDS * 1_000 + 120_000,
);
