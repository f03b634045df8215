import { expect, test } from "vitest";
import { SPACE, site, update } from "../../test/site.ts";
import { toBytes } from "../core/utf8.ts";
import type { SpaceInfo } from "../objects/space.ts";
import { readSpace } from "../objects/space.ts";
import { Identity } from "../seal/identity.ts";
import { changeKeyring, encryptedSpace } from "../seal/manage.ts";
import type { KeyringChange } from "../seal/port.ts";
import { encrypt } from "../seal/secret.ts";
import { memoryStores } from "../store/memory.ts";
import { seededChance } from "../testing/chance.ts";

const AT = "2026-11-21T12:00:00.000Z";
type Log = { data: unknown }[];
const person = (n: number) => Identity.of(new Uint8Array(32).fill(n));

async function sealedSite() {
  const at = await site({ model: "log" });
  const chance = seededChance(9);
  const ada = await person(1);
  const path = `spaces/${SPACE}/space.json`;
  const plain = readSpace(at.gateway.bucket.get(path)?.bytes ?? new Uint8Array(), SPACE);
  const text = await encryptedSpace(plain, [{ name: "ada", publicText: ada.publicText }], {
    at: AT,
    chance,
  });
  at.gateway.bucket.put(path, toBytes(text));
  const secret = encrypt(ada);
  const content = (info: SpaceInfo) => secret.content(info, chance);
  const change = async (how: KeyringChange) => {
    const now = readSpace(at.gateway.bucket.get(path)?.bytes ?? new Uint8Array(), SPACE);
    at.gateway.bucket.put(path, toBytes(await changeKeyring(now, secret, how, { at: AT, chance })));
  };
  return { at, content, change, chance };
}

test("what is written is sealed, and opened by who holds a key; who holds none sees that it is locked", async () => {
  const { at, content } = await sealedSite();
  const [a, b, locked] = [
    await at.open<Log>({ content }),
    await at.open<Log>({ content }),
    await at.open<Log>(),
  ];
  await a.session.append([update("note", "secret")]).durable;
  await a.synced();
  for (const path of at.gateway.bucket.paths()) {
    expect(new TextDecoder().decode(at.gateway.bucket.get(path)?.bytes)).not.toContain("secret");
  }
  await b.synced();
  expect(b.session.state.map(({ data }) => data)).toEqual(["secret"]);
  await locked.synced();
  expect(locked.session.status.locked).toBe(true);
  await locked.session.append([update("note", "later")]).durable;
  expect((await locked.sync()).error).toMatchObject({ kind: "denied", code: "locked" });
  expect(locked.session.status.unsent).toBe(1);
  locked.session.close();
  const opened = await at.open<Log>({ content, stores: locked.stores });
  await opened.synced();
  expect(opened.session.state.map(({ data }) => data)).toEqual(["secret", "later"]);
});

test("a blind segment gets its snapshot from who can fold it, and who opens reads that", async () => {
  const { at, content } = await sealedSite();
  const a = await at.open<Log>({ content });
  for (const note of ["one", "two"]) {
    await a.session.append([update("note", note)]).durable;
    await a.synced();
    await at.clock.advance(20_000);
    await at.gateway.rollUp(SPACE);
    await a.synced(true);
  }
  const snapshots = () =>
    at.gateway.bucket.paths(`spaces/${SPACE}/`).filter((path) => path.includes("/snapshots/"));
  expect(snapshots()).toHaveLength(2);
  const b = await at.open<Log>({ content });
  b.page.resetTraffic();
  await b.synced();
  expect(b.session.state.map(({ data }) => data)).toEqual(["one", "two"]);
  b.session.close();
  const offline = await at.open<Log>({ content, stores: b.stores });
  expect(offline.session.state).toEqual(b.session.state);
});

test("a key that was made meanwhile is read before its updates count", async () => {
  const { at, content, change } = await sealedSite();
  const a = await at.open<Log>({ content });
  await a.session.append([update("note", 1)]).durable;
  await a.synced();
  await change({ rotate: true });
  const b = await at.open<Log>({ content });
  await b.session.append([update("note", 2)]).durable;
  await b.synced();
  await a.synced();
  expect(a.session.state.map(({ data }) => data)).toEqual([1, 2]);
  expect(a.session.status.rejected).toBe(0);
});

test("two tabs that seal the same updates send one text of each", async () => {
  const { at, content } = await sealedSite();
  const stores = memoryStores();
  const [a, b] = [await at.open<Log>({ content, stores }), await at.open<Log>({ content, stores })];
  await a.synced();
  await b.synced();
  await a.session.append([1, 2, 3].map((n) => update("note", n))).durable;
  await b.session.append([update("note", 4)]).durable;
  const signal = new AbortController().signal;
  const both = await at.pass(Promise.all([a.session.sync(signal), b.session.sync(signal)]));
  expect(both.map(({ error }) => error)).toEqual([undefined, undefined]);
  await a.synced(true);
  expect(a.session.state.map(({ data }) => data)).toEqual([1, 2, 3, 4]);
  expect(a.session.status.author).toBe(b.session.status.author);
});

test("a transient event says nothing to who holds no key", async () => {
  const { at, content } = await sealedSite();
  const [a, b, locked] = [await at.open({ content }), await at.open({ content }), await at.open()];
  for (const device of [a, b, locked]) await device.synced();
  const signal = new AbortController().signal;
  await at.pass(a.session.sendTransient({ kind: "typing", data: 1 }, signal));
  expect(await at.pass(b.session.transients(signal))).toEqual([
    expect.objectContaining({ kind: "typing", data: 1 }),
  ]);
  expect(await at.pass(locked.session.transients(signal))).toEqual([]);
});
