import { expect, test } from "vitest";
import { author } from "../../test/remote-contract.ts";
import { keyName } from "../objects/paths.ts";
import { seededChance } from "./chance.ts";
import { manualClock } from "./clock.ts";
import { type MemoryGateway, memoryGateway } from "./gateway.ts";
import type { Fault } from "./types.ts";

function rig(): { gateway: MemoryGateway; clock: ReturnType<typeof manualClock> } {
  const clock = manualClock();
  const gateway = memoryGateway({ clock, chance: seededChance(9) });
  gateway.createSpace("notes");
  return { gateway, clock };
}

const put = { method: "PUT", headers: { "if-none-match": "*" } };
const one = [{ kind: "increment", data: { "/n": 1 } }];

async function signed(
  gateway: MemoryGateway,
  op: object,
): Promise<{ url: string; headers: Record<string, string> }> {
  const token = gateway.token({ spaces: ["notes"], rights: ["admin"] });
  const response = await gateway.page().fetch(`${gateway.url}/v1/spaces/notes/sign`, {
    method: "POST",
    headers: { authorization: `Bearer ${token}` },
    body: JSON.stringify({ ops: [op] }),
  });
  return (await response.json()).signed[0];
}

test("a presigned request is good as it was signed, and for so long", async () => {
  const { gateway, clock } = rig();
  const { url } = await signed(gateway, { op: "get", path: "spaces/notes/space.json" });
  const get = async (address: string): Promise<number> =>
    (await gateway.page().fetch(address, {})).status;
  expect(await get(url)).toBe(200);
  expect(await get(url.replace("space.json", "space.jsoN"))).toBe(403);
  expect(await get(url.replace("3600000", "3600001"))).toBe(403);
  expect(await get(url.replace(/&X-Amz-Signature.*/, ""))).toBe(403);
  await clock.advance(3_600_000);
  expect(await get(url)).toBe(200);
  await clock.advance(1);
  expect(await get(url)).toBe(403);
});

test("headers that were signed have to come", async () => {
  const { gateway } = rig();
  const bytes = "{}";
  const sha256 = "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a";
  const body = { bytes: 2, sha256 };
  const op = { op: "put", path: "heads/notes", body, content: "json", condition: "absent" };
  const { url, headers } = await signed(gateway, op);
  const { "content-length": _, ...sent } = headers;
  const page = gateway.page();
  expect((await page.fetch(url, { method: "PUT", body: bytes, headers: {} })).status).toBe(403);
  expect((await page.fetch(url, { method: "PUT", body: "[]", headers: sent })).status).toBe(400);
  expect((await page.fetch(url, { method: "PUT", body: bytes, headers: sent })).status).toBe(200);
  expect((await page.fetch(url, { method: "PUT", body: bytes, headers: sent })).status).toBe(412);
  expect(page.traffic).toMatchObject({ options: 2, puts: 4 });
});

test.each<[Fault, boolean]>([
  ["lost", false],
  ["answer-lost", true],
  [{ status: 503 }, false],
  [{ delayMs: 1_000 }, true],
  [{ broken: "?" }, true],
])("a request with the fault %j", async (fault, arrives) => {
  const { gateway, clock } = rig();
  const page = gateway.page();
  page.faults = () => fault;
  const done = page
    .fetch(`${gateway.url}/v1/users`, { ...put, method: "POST", body: "{}" })
    .catch(() => undefined);
  await clock.advance(1_000);
  const response = await done;
  const text = await response?.text();
  expect(gateway.bucket.paths("spaces/guest-").length).toBe(arrives ? 1 : 0);
  expect(response === undefined).toBe(fault === "lost" || fault === "answer-lost");
  expect(text === "?").toBe(typeof fault === "object" && "broken" in fault);
});

test("a request that hangs ends with its signal", async () => {
  const { gateway } = rig();
  const page = gateway.page();
  page.faults = () => "hangs";
  const ends = new AbortController();
  const done = page.fetch(gateway.url, { signal: ends.signal });
  ends.abort();
  await expect(done).rejects.toMatchObject({ name: "AbortError" });
});

test("a token ends, and a wrong one is none", async () => {
  const { gateway, clock } = rig();
  const token = gateway.token({ spaces: ["no*"], rights: ["read"], lifeMs: 60_000 });
  const look = async (bearer: string): Promise<number> => {
    const init = {
      method: "POST",
      headers: { authorization: `Bearer ${bearer}` },
      body: '{"look":{}}',
    };
    return (await gateway.page().fetch(`${gateway.url}/v1/spaces/notes/sync`, init)).status;
  };
  expect(await look(token)).toBe(200);
  expect(await look(`${token}x`)).toBe(401);
  const other = memoryGateway({ clock, chance: seededChance(10) });
  expect(await look(other.token({ spaces: ["*"], rights: ["admin"] }))).toBe(401);
  await clock.advance(60_000);
  expect(await look(token)).toBe(401);
});

test("what lands in an epoch that was left is swept into the new one", async () => {
  const { gateway, clock } = rig();
  const old = gateway.space("notes").epoch;
  gateway.write("notes", { author: author(1), seq: 1, updates: one });
  const epoch = await gateway.compress("notes");
  expect(epoch.slice(0, 5)).toBe("0002-");
  expect(await gateway.state("notes")).toBe('{"n":1}');
  const late = gateway.bucket.save();
  gateway.write("notes", { author: author(1), seq: 2, updates: one });
  const path = gateway.bucket.paths(`spaces/notes/${epoch}/updates/`)[0] ?? "";
  const bytes = gateway.bucket.get(path)?.bytes ?? new Uint8Array();
  late();
  gateway.bucket.put(`spaces/notes/${old}/updates/${keyName(clock.now() + 1)}`, bytes);
  await gateway.rollUp("notes");
  await gateway.rollUp("notes");
  expect(await gateway.state("notes")).toBe('{"n":2}');
  await clock.advance(86_400_000);
  expect(await gateway.prune("notes")).toBeGreaterThan(0);
  expect(gateway.bucket.paths(`spaces/notes/${old}/`)).toEqual([]);
  expect(gateway.space("notes").oldEpochs).toEqual([]);
  expect(await gateway.state("notes")).toBe('{"n":2}');
});

test("an update behind a gap is taken, and a young one waits", async () => {
  const { gateway, clock } = rig();
  gateway.write("notes", { author: author(1), seq: 2, updates: one });
  await clock.advance(10_000);
  gateway.write("notes", { author: author(2), seq: 1, updates: one });
  const rolled = await gateway.rollUp("notes", { settleMs: 5_000 });
  expect(rolled).toEqual({ generation: 1, updates: 1, snapshots: 1, quarantined: [] });
  expect(await gateway.rollUp("notes")).toMatchObject({ generation: 2, updates: 1 });
  expect(await gateway.rollUp("notes")).toMatchObject({ generation: 2, updates: 0, snapshots: 0 });
});

test("a space of an app's model is rolled up blind, or by the model that is given", async () => {
  const clock = manualClock();
  const gateway = memoryGateway({ clock, chance: seededChance(9) });
  gateway.createSpace("own", { model: "own" });
  gateway.write("own", { author: author(1), seq: 1, updates: one });
  expect(await gateway.rollUp("own")).toMatchObject({ updates: 1, snapshots: 0 });
  expect(await gateway.state("own")).toBeUndefined();
});

test("an erased space is a tombstone", () => {
  const { gateway } = rig();
  gateway.write("notes", { author: author(1), seq: 1, updates: one });
  gateway.erase("notes");
  expect(gateway.bucket.paths()).toEqual(["spaces/notes/space.json", "store.json"]);
  expect(() => gateway.space("notes")).toThrow("erased");
  expect(() => gateway.createSpace("notes")).toThrow("there is such a space");
  expect(() => gateway.createSpace("No")).toThrow("cannot be");
});
