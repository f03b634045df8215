import { setMaxListeners } from "node:events";
import { expect, test } from "vitest";
import { author } from "../../test/remote-contract.ts";
import { fromBytes, toBytes } from "../core/utf8.ts";
import { writeUpdateObject } from "../objects/own-object.ts";
import { folderPath, generationName, keyName, updatePath } from "../objects/paths.ts";
import { readUpdateObject } from "../objects/update-object.ts";
import { seededChance } from "../testing/chance.ts";
import { manualClock } from "../testing/clock.ts";
import { memoryGateway } from "../testing/gateway.ts";
import { gatewayRemote } from "./gateway.ts";

// Its own for each request in a page; here one for all, which Node would take for a leak.
const signal = new AbortController().signal;
setMaxListeners(0, signal);

function rig(sameOrigin = false) {
  const clock = manualClock();
  const chance = seededChance(5);
  const gateway = memoryGateway({ clock, chance, sameOrigin });
  gateway.createSpace("notes");
  const page = gateway.page();
  const token = gateway.token({ spaces: ["notes"], rights: ["read", "write"] });
  const to = gatewayRemote({
    gateway: gateway.url,
    space: "notes",
    token: async () => token,
    fetch: page.fetch,
    clock,
    chance,
  });
  const merge = { kind: "merge", data: { milk: 1 } };
  const write = (n: number, key?: number): number =>
    gateway.write("notes", { author: author(n), seq: 1, updates: [merge], key });
  return { clock, gateway, page, to, write };
}

const none = { options: 0, calls: 0, gets: 0, notModified: 0, lists: 0, puts: 0 };

test("an idle poll is one GET, and asks for no permission", async () => {
  const { clock, page, to, write } = rig();
  write(1);
  const found = await to.look(undefined, false, signal);
  // The first one fills the browser's cache.
  expect(await to.head(found.head?.tag, signal)).toBe("unchanged");
  page.resetTraffic();
  for (let n = 0; n < 20; n += 1) {
    await clock.advance(60_000);
    expect(await to.head(found.head?.tag, signal)).toBe("unchanged");
  }
  expect(page.traffic).toEqual({ ...none, gets: 20, notModified: 20 });
  write(2);
  expect(await to.head(found.head?.tag, signal)).toMatchObject({ tag: expect.any(String) });
});

test("a head that is written by others, or gone, is seen", async () => {
  const { gateway, to, write } = rig();
  write(1);
  const { head } = await to.look(undefined, false, signal);
  gateway.bucket.delete("heads/notes");
  expect(await to.head(head?.tag, signal)).toBeUndefined();
  await new Promise((resolve) => setTimeout(resolve, 0));
  write(2);
  expect(await to.head(head?.tag, signal)).toBeTypeOf("object");
});

test("an hour and a half of polling and listing asks the gateway once", async () => {
  const { clock, gateway, page, to } = rig();
  const { epoch } = gateway.space("notes");
  const { space } = await to.look(undefined, false, signal);
  page.resetTraffic();
  const updates = folderPath("notes", epoch, "updates");
  for (let minute = 0; minute < 90; minute += 1) {
    await clock.advance(60_000);
    expect(await to.head(undefined, signal)).toBeUndefined();
    expect(await to.info(space.tag, signal)).toBe("unchanged");
    await to.list(updates, keyName(clock.now() - 60_000), signal);
    await to.list(folderPath("notes", epoch, "segments"), undefined, signal);
  }
  // Of the first 90 minutes' requests for space.json one filled the cache, and one did after an hour, by another address.
  expect(page.traffic).toMatchObject({ options: 1, calls: 1, gets: 180, lists: 180, puts: 0 });
});

test("a write costs a call, the PUTs, and a permission for each PUT", async () => {
  for (const sameOrigin of [false, true]) {
    const { gateway, page, to } = rig(sameOrigin);
    const { epoch } = gateway.space("notes");
    await to.look(undefined, false, signal);
    page.resetTraffic();
    const bytes = toBytes(writeUpdateObject({ author: author(1), seq: 1, updates: ["{}"] }));
    const keys = { seen: 0, reached: 0, stride: 1 };
    const wish = { epoch, author: author(1), keys, bodies: [bytes], spare: 3 };
    const [slot] = (await to.slots(wish, signal)).flat();
    expect(slot && (await to.put(slot, bytes, signal)).outcome).toBe("stored");
    expect(page.traffic).toEqual({ ...none, calls: 1, puts: 1, options: sameOrigin ? 0 : 1 });
  }
});

test("many that are read at once are signed by one call", async () => {
  const { gateway, page, to, write } = rig();
  const { epoch } = gateway.space("notes");
  const keys = Array.from({ length: 30 }, (_, n) => write(n + 1));
  page.resetTraffic();
  const paths = keys.map((key) => updatePath("notes", epoch, key));
  const got = await Promise.all(paths.map((path) => to.get(path, signal)));
  expect(got.map((object) => object && readUpdateObject(object.bytes).author)).toEqual(
    keys.map((_, n) => author(n + 1)),
  );
  expect(page.traffic).toEqual({ ...none, options: 1, calls: 1, gets: 30 });
  // They can be read again.
  await Promise.all(paths.map((path) => to.get(path, signal)));
  expect(page.traffic).toEqual({ ...none, options: 1, calls: 1, gets: 60 });
});

test("a listing of several pages has each name once, in order", async () => {
  const { clock, gateway, page, to } = rig();
  const { epoch } = gateway.space("notes");
  const folder = folderPath("notes", epoch, "updates");
  const start = clock.now();
  for (let n = 0; n < 2_345; n += 1) {
    gateway.bucket.put(`${folder}/${keyName(start + n)}`, toBytes("{}"));
  }
  await to.look(undefined, false, signal);
  page.resetTraffic();
  const all = await to.list(folder, undefined, signal);
  expect(all.map(({ name }) => name)).toEqual(
    Array.from({ length: 2_345 }, (_, n) => keyName(start + n)),
  );
  expect(page.traffic.lists).toBe(3);
  const some = await to.list(folder, keyName(start + 499), signal, 700);
  expect(some.length).toBeGreaterThanOrEqual(700);
  expect(some.length).toBeLessThan(1_600);
  expect(some[0]?.name).toBe(keyName(start + 500));
});

test("a bucket that shows pages no tags costs nothing more", async () => {
  const { clock, gateway, page, write } = rig();
  const token = gateway.token({ spaces: ["notes"], rights: ["read", "write"] });
  const to = gatewayRemote({
    gateway: gateway.url,
    space: "notes",
    token: async () => token,
    clock,
    chance: seededChance(1),
    fetch: async (url, init) => {
      const response = await page.fetch(url, init);
      const headers = new Headers(response.headers);
      headers.delete("etag");
      return new Response(response.body, { status: response.status, headers });
    },
  });
  write(1);
  const { head } = await to.look(undefined, false, signal);
  expect(await to.head(head?.tag, signal)).toBe("unchanged");
  write(2, clock.now() + 5);
  const next = await to.head(head?.tag, signal);
  const tag = typeof next === "object" ? next.tag : "";
  expect(tag).toMatch(/^=/);
  expect(await to.head(tag, signal)).toBe("unchanged");
  // A hint on the condition of such a tag is written without one, and known again.
  const own = typeof next === "object" ? next.body.replace(/"key":\d+/, '"key":7') : "";
  const put = await to.putHead(own, { matches: tag }, signal);
  expect(await to.head(put.outcome === "stored" ? put.tag : "", signal)).toBe("unchanged");
});

test("layers come as a browser leaves them: unpacked", async () => {
  const { gateway, to, write } = rig();
  write(1);
  await gateway.rollUp("notes");
  const { epoch } = gateway.space("notes");
  const path = `${folderPath("notes", epoch, "snapshots")}/${generationName(1)}`;
  const got = await to.get(path, signal);
  expect(got && fromBytes(got.bytes)).toContain('\n{"milk":1}\n');
});
