import { expect, test } from "vitest";
import { SPACE, site, update } from "../../test/site.ts";
import type { Author } from "../core/ids.ts";
import { memoryStores } from "../store/memory.ts";

const updatePaths = (at: Awaited<ReturnType<typeof site>>) =>
  at.gateway.bucket.paths(`spaces/${SPACE}/`).filter((path) => path.includes("/updates/"));

test("a backlog is few objects, in order, and one hint", async () => {
  const at = await site({ model: "log" });
  const a = await at.open();
  await a.synced();
  const many = Array.from({ length: 1_234 }, (_, n) => update("note", n));
  await a.session.append(many).durable;
  a.page.resetTraffic();
  const { confirmed } = await a.synced();
  expect(confirmed.map(({ seq }) => seq)).toEqual(many.map((_, n) => n + 1));
  expect(updatePaths(at)).toHaveLength(3);
  expect(a.page.traffic.puts).toBe(4);
  const b = await at.open<{ data: number }[]>();
  await b.synced();
  expect(b.session.state.map(({ data }) => data)).toEqual(many.map((_, n) => n));
});

test("an object holds a mebibyte at most", async () => {
  const at = await site();
  const a = await at.open();
  const text = "x".repeat(400_000);
  await a.session.append([1, 2, 3].map((n) => update("merge", { [n]: text }))).durable;
  await a.synced();
  expect(updatePaths(at)).toHaveLength(2);
  expect(() => a.session.append([update("merge", { big: "x".repeat(1_048_576) })])).toThrow(
    expect.objectContaining({ kind: "invalid", code: "update-too-large" }),
  );
});

test("an answer that was lost is no second update", async () => {
  const at = await site({ model: "log" });
  const a = await at.open<unknown[]>();
  await a.synced();
  await a.session.append([update("note", 1)]).durable;
  let lost = 0;
  a.page.faults = ({ method, path }) =>
    method === "PUT" && path.includes("/updates/") && lost++ < 2 ? "answer-lost" : undefined;
  const { confirmed } = await a.synced();
  expect(confirmed).toHaveLength(1);
  expect(updatePaths(at)).toHaveLength(1);
  expect(a.session.state).toHaveLength(1);
});

test("a request that never arrives is given up after two minutes, and the queue stays", async () => {
  const at = await site();
  const a = await at.open();
  await a.synced();
  await a.merge({ a: 1 });
  a.page.faults = ({ method, path }) =>
    method === "PUT" && path.includes("/updates/") ? "lost" : undefined;
  const before = at.clock.now();
  const { error } = await a.sync();
  expect(error).toMatchObject({ kind: "unavailable" });
  expect(at.clock.now() - before).toBeGreaterThan(110_000);
  expect(a.session.status.unsent).toBe(1);
  a.page.faults = undefined;
  await a.synced();
  expect(a.session.status.unsent).toBe(0);
  expect(a.session.state).toEqual({ a: 1 });
});

test("a key that is taken is passed over", async () => {
  const at = await site({ model: "log" });
  const [a, b] = [await at.open<unknown[]>(), await at.open<unknown[]>()];
  await a.synced();
  await b.synced();
  for (let n = 0; n < 5; n += 1) {
    await a.session.append([update("note", `a${n}`)]).durable;
    await b.session.append([update("note", `b${n}`)]).durable;
    const no = new AbortController().signal;
    const [one, other] = await at.pass(Promise.all([a.session.sync(no), b.session.sync(no)]));
    expect([one.error, other.error]).toEqual([undefined, undefined]);
  }
  await a.synced();
  await b.synced();
  expect(a.session.state).toHaveLength(10);
  expect(a.session.state).toEqual(b.session.state);
});

test("tabs that write at once neither miss nor repeat a seq", async () => {
  const at = await site({ model: "log" });
  const stores = memoryStores();
  const tabs = [
    await at.open({ stores }),
    await at.open({ stores }),
    await at.open<unknown[]>({ stores }),
  ] as const;
  const durable = Array.from(
    { length: 300 },
    (_, n) => tabs[n % 3]?.session.append([update("note", n)]).durable,
  );
  const ids = (await Promise.all(durable)).flatMap((done) => done?.ids ?? []);
  expect(new Set(ids.map(({ author }) => author)).size).toBe(1);
  expect(ids.map(({ seq }) => seq).sort((x, y) => x - y)).toEqual(ids.map((_, n) => n + 1));
  for (const tab of tabs) await tab.session.refresh();
  expect(tabs[0].session.folded.stateText() === tabs[1].session.folded.stateText()).toBe(true);
  expect(tabs[2].session.state).toHaveLength(300);
  await tabs[1].synced();
  await tabs[0].session.refresh();
  expect(tabs[0].session.status.unsent).toBe(0);
  expect(tabs[0].session.folded.stateText() === tabs[1].session.folded.stateText()).toBe(true);
});

test("an update is part of the state at once, and gone where the device cannot keep it", async () => {
  const at = await site();
  const inner = memoryStores();
  let isFull = false;
  const stores = {
    ...inner,
    open: async (...args: Parameters<typeof inner.open>) => {
      const store = await inner.open(...args);
      const write: typeof store.write = (tables, durability, body) =>
        isFull
          ? Promise.reject(Object.assign(new Error("quota")))
          : store.write(tables, durability, body);
      return { ...store, write };
    },
  };
  const a = await at.open({ stores });
  await a.merge({ kept: 1 });
  isFull = true;
  const { durable } = a.session.append([update("merge", { lost: 2 })]);
  expect(a.session.state).toEqual({ kept: 1, lost: 2 });
  await expect(durable).rejects.toMatchObject({ name: "IcecoreError" });
  expect(a.session.state).toEqual({ kept: 1 });
  isFull = false;
  expect(await a.merge({ next: 3 })).toEqual([expect.objectContaining({ seq: 2 })]);
});

test("a name stands for one update, whatever tab calls", async () => {
  const at = await site({ model: "log" });
  const stores = memoryStores();
  const [a, b] = [await at.open<unknown[]>({ stores }), await at.open({ stores })];
  const first = await a.session.append([update("note", 1)], "call-7").durable;
  const second = await b.session.append([update("note", 1, "2026-01-01T00:00:00.000Z")], "call-7")
    .durable;
  expect([first.isNew, second.isNew]).toEqual([true, false]);
  expect(second.ids).toEqual(first.ids);
  await expect(b.session.append([update("note", 2)], "call-7").durable).rejects.toMatchObject({
    kind: "conflict",
    code: "name-taken",
  });
  expect(() => a.session.append([update("note", 1)], "")).toThrow(
    expect.objectContaining({ code: "name-invalid" }),
  );
  await a.synced();
  expect(a.session.state).toHaveLength(1);
});

test("what waits survives the page, with its ids", async () => {
  const at = await site();
  const stores = memoryStores();
  const a = await at.open({ stores });
  const ids = await a.merge({ milk: 1 });
  a.session.close();
  const again = await at.open({ stores });
  expect(again.session.pending.map(({ author, seq }) => ({ author, seq }))).toEqual(ids);
  expect(again.session.state).toEqual({ milk: 1 });
  await again.synced();
  await again.merge({ bread: 2 });
  again.session.close();
  const offline = await at.open({ stores });
  expect(offline.session.state).toEqual({ milk: 1, bread: 2 });
  expect(offline.session.status.unsent).toBe(1);
});

test("a slot that ended is asked for anew, under the same key", async () => {
  const at = await site({ model: "log" });
  const a = await at.open<unknown[]>();
  await a.synced();
  await a.session.append([update("note", 1)]).durable;
  let puts = 0;
  a.page.faults = ({ method, path }) => {
    if (method !== "PUT" || !path.includes("/updates/")) return undefined;
    puts += 1;
    return puts === 1 ? { status: 403 } : undefined;
  };
  await a.synced();
  expect(updatePaths(at)).toHaveLength(1);
  expect(puts).toBe(2);
});

test("the author of the token is taken before anything is sent", async () => {
  const at = await site();
  const author = "019aa122-be00-7000-8000-0000000000aa" as Author;
  const a = await at.open({ author });
  await a.merge({ a: 1 });
  const { newAuthor, confirmed } = await a.synced();
  expect(newAuthor).toBe(author);
  expect(confirmed).toEqual([
    expect.objectContaining({ author, seq: 1, was: expect.objectContaining({ seq: 1 }) }),
  ]);
  expect(a.session.status.author).toBe(author);
});
