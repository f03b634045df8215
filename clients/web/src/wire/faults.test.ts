import { expect, test } from "vitest";
import { author, failure } from "../../test/remote-contract.ts";
import { toBytes } from "../core/utf8.ts";
import { writeUpdateObject } from "../objects/own-object.ts";
import { layerPath, updatePath } from "../objects/paths.ts";
import { seededChance } from "../testing/chance.ts";
import { type ManualClock, manualClock } from "../testing/clock.ts";
import { type MemoryGateway, memoryGateway } from "../testing/gateway.ts";
import type { Fault, MemoryPage, SeenRequest } from "../testing/types.ts";
import { gatewayRemote } from "./gateway.ts";
import type { Remote, Slot } from "./remote.ts";

const signal = new AbortController().signal;

interface Rig {
  readonly clock: ManualClock;
  readonly gateway: MemoryGateway;
  readonly page: MemoryPage;
  readonly to: Remote;
}

function rig(offMs = 0): Rig {
  const clock = manualClock();
  const chance = seededChance(3);
  const gateway = memoryGateway({ clock, chance });
  gateway.createSpace("notes");
  const page = gateway.page();
  const token = gateway.token({ spaces: ["notes"], rights: ["read", "write"] });
  const off = { ...clock, now: () => clock.now() + offMs };
  const to = gatewayRemote({
    gateway: gateway.url,
    space: "notes",
    token: async () => token,
    fetch: page.fetch,
    clock: off,
    chance,
  });
  return { clock, gateway, page, to };
}

/** Waits for it while time passes. */
async function inTime<T>(clock: ManualClock, promise: Promise<T>, ms = 200_000): Promise<T> {
  promise.catch(() => {});
  await clock.advance(ms);
  return promise;
}

/** The first so many requests of a kind fail so. */
function firstly(count: number, fault: Fault, is: (request: SeenRequest) => boolean) {
  let left = count;
  return (request: SeenRequest): Fault | undefined => {
    left -= is(request) ? 1 : 0;
    return is(request) && left >= 0 ? fault : undefined;
  };
}

const isCall = ({ to }: SeenRequest): boolean => to === "gateway";
const isRead = ({ to, method }: SeenRequest): boolean => to === "bucket" && method === "GET";
const isPut = ({ method }: SeenRequest): boolean => method === "PUT";

const body = toBytes(
  writeUpdateObject({ author: author(1), seq: 1, updates: ['{"at":"","kind":"merge","data":{}}'] }),
);

async function slotOf({ to, gateway }: Rig): Promise<Slot> {
  const { epoch } = gateway.space("notes");
  const keys = { seen: 0, reached: 0, stride: 1 };
  const wish = { epoch, author: author(1), keys, bodies: [body], spare: 0 };
  const [slot] = (await to.slots(wish, signal)).flat();
  if (slot === undefined) {
    throw new Error("no slot");
  }
  return slot;
}

test.each<[string, Fault]>([
  ["is lost", "lost"],
  ["is answered, and the answer lost", "answer-lost"],
  ["fails in the server", { status: 500 }],
  ["meets a gateway that is busy", { status: 503 }],
  ["comes too often", { status: 429 }],
])("a look that %s is repeated", async (_, fault) => {
  const { clock, page, to } = rig();
  page.faults = firstly(2, fault, isCall);
  expect((await inTime(clock, to.look(undefined, false, signal))).space.body).toContain("notes");
  expect(page.traffic.calls).toBe(3);
});

test.each<[string, Fault, string, string]>([
  ["lost", "lost", "unavailable", "no-answer"],
  ["hanging", "hangs", "unavailable", "timeout"],
  ["500", { status: 500 }, "unavailable", "busy"],
  ["502 of a proxy", { status: 502, body: "<html>" }, "unavailable", "busy"],
  ["503", { status: 503, body: '{"code":"unavailable","message":"later"}' }, "unavailable", "busy"],
  [
    "500 by something broken",
    { status: 500, body: '{"code":"corrupt","message":"x"}' },
    "corrupt",
    "busy",
  ],
  ["429", { status: 429 }, "unavailable", "busy"],
  ["408", { status: 408 }, "unavailable", "timeout"],
  ["400", { status: 400, body: '{"code":"invalid","message":"wrong"}' }, "invalid", "refused"],
  ["403 of a proxy", { status: 403, body: "no" }, "denied", "forbidden"],
  ["404 of another server", { status: 404, body: "no" }, "not_found", "no-space"],
  ["409", { status: 409, body: '{"code":"conflict","message":"x"}' }, "conflict", "changed"],
  [
    "413, too large",
    { status: 413, body: '{"code":"invalid","message":"x"}' },
    "invalid",
    "too-large",
  ],
  ["413, full", { status: 413, body: '{"code":"denied","message":"x"}' }, "denied", "space-full"],
  [
    "a code of the future",
    { status: 400, body: '{"code":"odd","message":1}' },
    "invalid",
    "refused",
  ],
  ["a page of a hotel", { broken: "<html>Sign in</html>" }, "corrupt", "bad-answer"],
  ["an answer to something else", { broken: "{}" }, "corrupt", "bad-answer"],
])("a gateway's answer: %s", async (_, fault, kind, code) => {
  const { clock, page, to } = rig();
  page.faults = (request) => (isCall(request) ? fault : undefined);
  const failed = inTime(clock, failure(to.look(undefined, false, signal)));
  expect(await failed).toEqual({ kind, code });
  expect(clock.waiting).toBe(0);
});

test("a server that says how long to wait is left alone, and says so", async () => {
  const { clock, page, to } = rig();
  page.faults = () => ({
    status: 429,
    retryAfter: 7,
    body: '{"code":"unavailable","message":"x"}',
  });
  const failed = to.look(undefined, false, signal);
  await expect(inTime(clock, failed)).rejects.toMatchObject({ retryAfterMs: 7_000 });
  expect(page.traffic.calls).toBe(1);
});

test("who gives up gets an answer at once", async () => {
  const { clock, page, to } = rig();
  page.faults = () => "hangs";
  const impatient = new AbortController();
  const failed = failure(to.look(undefined, false, impatient.signal));
  await clock.advance(10);
  impatient.abort();
  expect(await failed).toEqual({ kind: "unavailable", code: "aborted" });
  expect(await failure(to.look(undefined, false, impatient.signal))).toMatchObject({
    code: "aborted",
  });
});

test("a write whose answer is lost is not repeated here: the slot finds it there", async () => {
  const own = rig();
  const { clock, page, to } = own;
  const slot = await slotOf(own);
  page.faults = firstly(1, "answer-lost", isPut);
  expect(await inTime(clock, failure(to.put(slot, body, signal)), 5_000)).toEqual({
    kind: "unavailable",
    code: "no-answer",
  });
  expect(page.traffic.puts).toBe(1);
  expect(await to.put(slot, body, signal)).toEqual({ outcome: "taken" });
});

test.each<[number, string | object]>([
  [409, { kind: "unavailable", code: "busy" }],
  [500, { kind: "unavailable", code: "busy" }],
  [503, { kind: "unavailable", code: "busy" }],
  [404, { kind: "not_found", code: "no-space" }],
  [411, { kind: "invalid", code: "refused" }],
  [400, "gone"],
  [403, "gone"],
  [412, "taken"],
])("the bucket answers a slot with %i", async (status, expected) => {
  const own = rig();
  const slot = await slotOf(own);
  own.page.faults = () => ({ status, body: "<Error><SignatureProvided>X-Amz</SignatureProvided>" });
  const put = own.to.put(slot, body, signal);
  expect(typeof expected === "string" ? (await put).outcome : await failure(put)).toEqual(expected);
});

test("a slot lives for half a minute", async () => {
  const own = rig();
  const slot = await slotOf(own);
  await own.clock.advance(29_000);
  const late = await slotOf(own);
  await own.clock.advance(1_000);
  expect(await own.to.put(slot, body, signal)).toEqual({ outcome: "gone" });
  expect(own.page.traffic.puts).toBe(0);
  expect((await own.to.put(late, body, signal)).outcome).toBe("stored");
});

test("a signature that the bucket refuses is made anew once", async () => {
  const { clock, gateway, page, to } = rig();
  await to.look(undefined, false, signal);
  page.resetTraffic();
  page.faults = firstly(1, { status: 403, body: "<Message>Request has expired</Message>" }, isRead);
  expect(await to.info(undefined, signal)).toMatchObject({
    body: expect.stringContaining("notes"),
  });
  expect(page.traffic).toMatchObject({ calls: 1, gets: 2 });

  page.resetTraffic();
  page.faults = (request) => (isRead(request) ? { status: 403, body: "expired" } : undefined);
  expect(await inTime(clock, failure(to.info(undefined, signal)))).toEqual({
    kind: "unavailable",
    code: "signature-ended",
  });
  expect(page.traffic).toMatchObject({ calls: 1, gets: 2 });
  page.faults = (request) => (isRead(request) ? { status: 403, body: "denied" } : undefined);
  const path = updatePath("notes", gateway.space("notes").epoch, 1);
  expect(await failure(to.get(path, signal))).toEqual({ kind: "denied", code: "bucket-refused" });
});

test("an answer that is too large, or breaks off, is none", async () => {
  const { clock, page, to } = rig();
  await to.look(undefined, false, signal);
  page.faults = (request) => (isRead(request) ? { broken: "x".repeat(16_777_217) } : undefined);
  expect(await failure(to.info(undefined, signal))).toEqual({ kind: "corrupt", code: "too-large" });
  page.faults = (request) => (isRead(request) ? "answer-lost" : undefined);
  expect(await inTime(clock, failure(to.info(undefined, signal)))).toMatchObject({
    code: "no-answer",
  });
});

test("an answer that trickles in is waited for; one that stops is not", async () => {
  const clock = manualClock();
  let trickle = (): void => {};
  const to = gatewayRemote({
    gateway: "https://gateway.test",
    space: "notes",
    token: async () => "token",
    clock,
    chance: seededChance(1),
    fetch: async (_, init) => {
      const stream = new ReadableStream<Uint8Array>({
        start(controller) {
          trickle = () => controller.enqueue(toBytes(" "));
          init.signal?.addEventListener("abort", () => controller.error(new TypeError("aborted")));
        },
      });
      return new Response(stream);
    },
  });
  const impatient = new AbortController();
  const failed = failure(to.look(undefined, false, impatient.signal));
  let over = false;
  failed.finally(() => {
    over = true;
  });
  for (let n = 0; n < 10; n += 1) {
    await clock.advance(20_000);
    trickle();
    await clock.advance(0);
    expect(over).toBe(false);
  }
  await clock.advance(29_000);
  expect(clock.waiting).toBe(1);
  impatient.abort();
  expect((await failed).code).toBe("aborted");
});

test.each([3_600_000, -3_600_000, 86_400_000 * 400])(
  "a device whose clock is off by %i ms writes by the servers' time",
  async (offMs) => {
    const own = rig(offMs);
    const { clock, to, page } = own;
    expect(to.offsetMs).toBeUndefined();
    page.faults = () => ({ delayMs: 400 });
    await inTime(clock, to.look(undefined, false, signal), 500);
    expect(Math.abs(to.now() - clock.now())).toBeLessThanOrEqual(1);
    expect(Math.abs((to.offsetMs ?? 0) + offMs)).toBeLessThanOrEqual(1);
    const slot = await inTime(clock, slotOf(own), 500);
    expect(Math.abs(slot.key - clock.now())).toBeLessThan(500);
    expect((await inTime(clock, to.put(slot, body, signal), 500)).outcome).toBe("stored");
  },
);

test("a clock that jumps in the middle is learnt anew by the next answer", async () => {
  const { clock, gateway, page } = rig();
  let offMs = 0;
  const to = gatewayRemote({
    gateway: gateway.url,
    space: "notes",
    token: async () => gateway.token({ spaces: ["notes"], rights: ["read"] }),
    fetch: page.fetch,
    clock: { ...clock, now: () => clock.now() + offMs },
    chance: seededChance(1),
  });
  await to.look(undefined, false, signal);
  expect(to.now()).toBe(clock.now());
  offMs = -3_600_000;
  await to.look(undefined, false, signal);
  expect(Math.abs(to.now() - clock.now())).toBeLessThanOrEqual(1);
});

test.each(["No Name", "", "..", "a/b", "con"])("%j is no space", (space) => {
  const { gateway, page, clock } = rig();
  const options = { gateway: gateway.url, fetch: page.fetch, clock, chance: seededChance(1) };
  expect(() => gatewayRemote({ ...options, space, token: async () => null })).toThrow("no name");
});

test("after a night's sleep one token is asked for, and what has ended is signed anew", async () => {
  const { clock, gateway, page } = rig();
  const asked: string[] = [];
  const to = gatewayRemote({
    gateway: gateway.url,
    space: "notes",
    token: async (why) => {
      asked.push(why);
      return gateway.token({ spaces: ["notes"], rights: ["read"], lifeMs: 3_600_000 });
    },
    fetch: page.fetch,
    clock,
    chance: seededChance(1),
  });
  const { space } = await to.look(undefined, false, signal);
  page.resetTraffic();
  // The clock that never goes back stands still meanwhile, in some browsers.
  clock.sleep(8 * 3_600_000);
  const polls = [
    to.info(space.tag, signal),
    to.info(space.tag, signal),
    to.head(undefined, signal),
  ];
  expect(await Promise.all(polls)).toEqual(["unchanged", "unchanged", undefined]);
  expect(asked.length).toBe(2);
  expect(page.traffic).toMatchObject({ gets: 6 });
  expect(page.traffic.calls).toBeLessThanOrEqual(2);
});

test("a token that is refused again and again is asked for once for each attempt", async () => {
  const { clock, gateway, page } = rig();
  const asked: string[] = [];
  const to = gatewayRemote({
    gateway: gateway.url,
    space: "notes",
    token: async (why) => {
      asked.push(why);
      return `wrong-${asked.length}`;
    },
    fetch: page.fetch,
    clock,
    chance: seededChance(1),
  });
  for (let attempt = 1; attempt <= 3; attempt += 1) {
    expect(await failure(to.look(undefined, false, signal))).toMatchObject({
      code: "token-refused",
    });
    expect(page.traffic.calls).toBe(2 * attempt);
    expect(asked.length).toBe(attempt + 1);
  }
});

test("a token of another author is asked for by name", async () => {
  const { clock, gateway, page } = rig();
  const to = gatewayRemote({
    gateway: gateway.url,
    space: "notes",
    token: async (why) => {
      const own = author(why === "new-author" ? 2 : 1);
      return gateway.token({ spaces: ["notes"], rights: ["read", "write"], author: own });
    },
    fetch: page.fetch,
    clock,
    chance: seededChance(1),
  });
  await to.look(undefined, false, signal);
  expect(to.author).toBe(author(1));
  expect(await to.newAuthor(signal)).toBe(true);
  await to.look(undefined, false, signal);
  expect(to.author).toBe(author(2));
});

test("the snapshot of the newest segment of an encrypted space is put by whoever may write", async () => {
  const { clock, gateway, page, to } = rig();
  gateway.createSpace("sealed", { keyring: '{"version":1}' });
  const token = gateway.token({ spaces: ["sealed"], rights: ["read", "write"] });
  const chance = seededChance(1);
  const at = { gateway: gateway.url, token: async () => token, fetch: page.fetch, clock, chance };
  const sealed = gatewayRemote({ ...at, space: "sealed" });
  const packed = new Uint8Array([0x1f, 0x8b, 8, 0]);
  const put = (space: string, generation: number): Promise<unknown> => {
    const path = layerPath(space, gateway.space(space).epoch, "snapshots", generation);
    return (space === "sealed" ? sealed : to).putSnapshot(path, packed, signal);
  };
  for (const [seq, space] of ["sealed", "sealed", "notes"].entries()) {
    const updates = [{ kind: "merge", data: { seq } }];
    gateway.write(space, { author: author(seq + 1), seq: 1, updates });
    await gateway.rollUp(space);
  }
  expect(await put("sealed", 2)).toMatchObject({ outcome: "stored" });
  expect(await put("sealed", 2)).toEqual({ outcome: "taken" });
  const path = layerPath("sealed", gateway.space("sealed").epoch, "snapshots", 2);
  expect(gateway.bucket.get(path)?.headers["content-encoding"]).toBe("gzip");
  for (const generation of [1, 3]) {
    expect(await failure(put("sealed", generation))).toEqual({ kind: "conflict", code: "changed" });
  }
  expect(await failure(put("notes", 1))).toEqual({ kind: "denied", code: "forbidden" });
});
