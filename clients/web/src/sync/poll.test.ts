import { expect, test } from "vitest";
import { type Device, SPACE, site, update } from "../../test/site.ts";
import type { Author } from "../core/ids.ts";
import { toBytes } from "../core/utf8.ts";
import { memoryStores } from "../store/memory.ts";

const OTHER = "019aa122-be00-7000-8000-0000000000bb" as Author;

const note = (n: number | string) => ({ kind: "note", data: n });
const said = (device: Device<unknown>) =>
  (device.session.state as { data: unknown }[]).map(({ data }) => data);
type Log = { data: unknown }[];

test("an idle poll is one GET and no OPTIONS; a hint wakes nobody who wrote it", async () => {
  const at = await site();
  const a = await at.open();
  await a.synced();
  await a.merge({ a: 1 });
  await a.synced();
  a.page.resetTraffic();
  for (let n = 0; n < 5; n += 1) {
    await at.clock.advance(5_000);
    expect((await a.synced()).changed).toBe(false);
  }
  // The first brings the own hint into the browser's cache; to the engine it is no news.
  expect(a.page.traffic).toMatchObject({
    gets: 5,
    notModified: 4,
    lists: 0,
    calls: 0,
    puts: 0,
    options: 0,
  });
});

test("a flush is one PUT for each object, and one for the hint", async () => {
  const at = await site();
  const a = await at.open();
  await a.synced();
  for (let n = 0; n < 4; n += 1) {
    await at.clock.advance(1_000);
    a.page.resetTraffic();
    await a.merge({ n });
    await a.synced();
    // The poll; then the slots and the update; then the hint and its signature.
    expect(a.page.traffic).toMatchObject({ gets: 1, puts: 2, lists: 0, calls: 2 });
  }
});

test("after a minute updates are listed, after ten everything is looked at", async () => {
  const at = await site();
  const a = await at.open();
  await a.synced();
  await at.clock.advance(60_000);
  a.page.resetTraffic();
  await a.synced();
  expect(a.page.traffic).toMatchObject({ gets: 2, lists: 1, calls: 0 });
  await at.clock.advance(600_000);
  a.page.resetTraffic();
  await a.synced();
  expect(a.page.traffic).toMatchObject({ gets: 2, lists: 3, calls: 0 });
});

test("a change costs one call, which brings it along", async () => {
  const at = await site({ model: "log" });
  const a = await at.open();
  await a.synced();
  await at.clock.advance(5_000);
  at.gateway.write(SPACE, { author: OTHER, seq: 1, updates: [note(1)] });
  a.page.resetTraffic();
  const { arrived, changed } = await a.synced();
  expect(changed).toBe(true);
  expect(arrived).toEqual([expect.objectContaining({ author: OTHER, seq: 1 })]);
  expect(a.page.traffic).toMatchObject({ gets: 1, calls: 1, lists: 0 });
});

test("who opens reads the snapshot and the segments after it", async () => {
  const at = await site({ model: "log" });
  for (let seq = 1; seq <= 6; seq += 1) {
    at.gateway.write(SPACE, { author: OTHER, seq, updates: [note(seq)] });
    await at.clock.advance(20_000);
    await at.gateway.rollUp(SPACE, { snapshot: seq === 3 });
  }
  at.gateway.write(SPACE, { author: OTHER, seq: 7, updates: [note(7)] });
  const a = await at.open();
  await a.synced();
  expect(said(a)).toEqual([1, 2, 3, 4, 5, 6, 7]);
  expect(a.session.folded.stateText()).not.toBe("[]");
  const stores = a.stores;
  a.session.close();
  const again = await at.open({ stores });
  expect(said(again)).toEqual([1, 2, 3, 4, 5, 6, 7]);
});

test("who is open folds the new segments, and what was late changes its place", async () => {
  const at = await site({ model: "log" });
  const a = await at.open<Log>();
  await a.session.append([update("note", "mine")]).durable;
  await a.synced();
  at.gateway.write(SPACE, {
    author: OTHER,
    seq: 1,
    updates: [note("late")],
    key: at.clock.now() - 30_000,
  });
  const { arrived } = await a.synced(true);
  expect(arrived).toHaveLength(1);
  expect(said(a)).toEqual(["late", "mine"]);
  await at.clock.advance(30_000);
  await at.gateway.rollUp(SPACE);
  at.gateway.write(SPACE, {
    author: OTHER,
    seq: 2,
    updates: [note("later still")],
    key: at.clock.now() - 90_000,
  });
  await at.gateway.rollUp(SPACE);
  await a.synced();
  expect(a.session.status.generation).toBe(2);
  expect(said(a)).toEqual(["late", "mine", "later still"]);
  expect(at.gateway.bucket.paths(`spaces/${SPACE}/`).length).toBeGreaterThan(4);
  expect(await at.gateway.state(SPACE)).toBe(a.session.folded.stateText());
});

test("a gap is looked for, told, and stops nobody", async () => {
  const at = await site({ model: "log" });
  const a = await at.open<Log>();
  await a.synced();
  await at.clock.advance(3_600_000);
  await a.synced();
  // The first one is too old for a regular listing.
  at.gateway.write(SPACE, {
    author: OTHER,
    seq: 1,
    updates: [note(1)],
    key: at.clock.now() - 3_000_000,
  });
  at.gateway.write(SPACE, { author: OTHER, seq: 2, updates: [note(2)] });
  await a.synced();
  expect(said(a)).toEqual([1, 2]);
  at.gateway.write(SPACE, { author: OTHER, seq: 4, updates: [note(4)] });
  await a.synced();
  expect(a.session.status.gaps).toEqual([{ author: OTHER, seq: 3 }]);
  expect(said(a)).toEqual([1, 2, 4]);
});

test("what cannot be read is passed over, and told", async () => {
  const at = await site({ model: "log" });
  const { epoch } = at.gateway.space(SPACE);
  const put = (key: number, text: string) =>
    at.gateway.bucket.put(
      `spaces/${SPACE}/${epoch}/updates/${String(key).padStart(13, "0")}`,
      toBytes(text),
    );
  const now = at.clock.now();
  put(now, "no JSON");
  put(now + 1, '{"v":2,"whatever":1}');
  at.gateway.write(SPACE, { author: OTHER, seq: 1, updates: [note(1)] });
  const a = await at.open<Log>();
  await a.synced();
  expect(said(a)).toEqual([1]);
  expect(a.session.status.unreadable).toEqual([
    { key: now, code: "malformed" },
    { key: now + 1, code: "newer-format" },
  ]);
  a.session.close();
  const again = await at.open<Log>({ stores: a.stores });
  expect(again.session.status.unreadable).toHaveLength(2);
});

test("a new epoch is entered, and what it lacks of ours is queued again", async () => {
  const at = await site({ model: "log" });
  const a = await at.open<Log>();
  await a.session.append([update("note", 1)]).durable;
  await a.synced();
  await at.gateway.compress(SPACE);
  await a.session.append([update("note", 2)]).durable;
  const { newEpoch, confirmed } = await a.synced(true);
  expect(newEpoch).toBe(true);
  expect(confirmed).toHaveLength(1);
  expect(said(a)).toEqual([1, 2]);
  expect(a.session.info?.epoch).toBe(at.gateway.space(SPACE).epoch);
  await at.gateway.reset(SPACE);
  await a.synced(true);
  // What was seen by the reset is covered; nothing is queued again.
  expect(a.session.status.unsent).toBe(0);
  expect(said(a)).toEqual([]);
});

test("a bucket that was put back is noticed: own updates are sent again, those of others are listed", async () => {
  const at = await site({ model: "log" });
  const a = await at.open<Log>();
  await a.session.append([update("note", "old")]).durable;
  await a.synced();
  const putBack = at.gateway.bucket.save();
  await at.clock.advance(20_000);
  await a.session.append([update("note", "mine")]).durable;
  await a.synced();
  at.gateway.write(SPACE, { author: OTHER, seq: 1, updates: [note("theirs")] });
  await a.synced();
  await at.clock.advance(20_000);
  putBack();
  const { restored, requeued, confirmed } = await a.synced(true);
  expect([restored, requeued]).toEqual([2, 1]);
  expect(confirmed).toEqual([expect.objectContaining({ seq: 2 })]);
  expect(said(a)).toEqual(["old", "mine"]);
  expect(a.session.lost).toEqual([expect.objectContaining({ author: OTHER, seq: 1 })]);
  expect(a.session.status.restored?.missing).toBe(1);
  at.gateway.write(SPACE, { author: OTHER, seq: 1, updates: [note("theirs")] });
  await a.synced(true);
  expect(a.session.lost).toEqual([]);
  expect(a.session.status.restored).toBe(undefined);
});

test("the same with segments in between", async () => {
  const at = await site({ model: "log" });
  const a = await at.open<Log>();
  await a.session.append([update("note", "old")]).durable;
  await a.synced();
  await at.clock.advance(20_000);
  await at.gateway.rollUp(SPACE);
  const putBack = at.gateway.bucket.save();
  await a.session.append([update("note", "mine")]).durable;
  await a.synced();
  at.gateway.write(SPACE, { author: OTHER, seq: 1, updates: [note("theirs")] });
  await at.clock.advance(20_000);
  await at.gateway.rollUp(SPACE);
  await a.synced();
  expect(a.session.status.generation).toBe(2);
  putBack();
  await at.clock.advance(20_000);
  at.gateway.write(SPACE, { author: OTHER, seq: 1, updates: [note("another")] });
  await at.clock.advance(20_000);
  await at.gateway.rollUp(SPACE);
  const { restored } = await a.synced(true);
  expect(restored).toBe(1);
  expect(said(a)).toEqual(["old", "another", "mine"]);
});

test("another store, an erased space and a newer program stop it, and the queue stays", async () => {
  const at = await site();
  const a = await at.open();
  await a.merge({ a: 1 });
  await a.synced();
  await a.merge({ b: 2 });
  const path = `spaces/${SPACE}/space.json`;
  const space = new TextDecoder().decode(at.gateway.bucket.get(path)?.bytes);
  const put = (text: string) => at.gateway.bucket.put(path, toBytes(text));
  put(space.replace(/"store":"........./, '"store":"00000000-'));
  expect((await a.sync(true)).error).toMatchObject({ kind: "conflict", code: "another-store" });
  put(space.replace('{"v":1', '{"v":2'));
  expect((await a.sync(true)).error).toMatchObject({ kind: "invalid" });
  put(space);
  at.gateway.erase(SPACE);
  expect((await a.sync(true)).error).toMatchObject({ kind: "not_found" });
  expect(a.session.status.unsent).toBe(1);
  expect(a.session.state).toEqual({ a: 1, b: 2 });
  put(space);
  await a.synced(true);
  expect(a.session.status.unsent).toBe(0);
});

test("an update of a newer version of the model makes it hold", async () => {
  const at = await site();
  const a = await at.open();
  await a.merge({ a: 1 });
  await a.synced();
  const { epoch } = at.gateway.space(SPACE);
  const key = String(at.clock.now() + 5).padStart(13, "0");
  const newer = `{"v":1,"author":"${OTHER}","seq":1,"updates":[{"at":"","kind":"merge","data":{"c":3},"model_version":2}]}`;
  at.gateway.bucket.put(`spaces/${SPACE}/${epoch}/updates/${key}`, toBytes(newer));
  await a.merge({ b: 2 });
  const { error } = await a.sync(true);
  expect(error).toMatchObject({
    kind: "invalid",
    code: "newer-model",
    params: { needed: 2, known: 1 },
  });
  expect(a.session.state).toEqual({ a: 1, b: 2 });
  expect(a.session.status).toMatchObject({ needsVersion: 2, unsent: 1 });
});

test("another tab reads what this one has stored", async () => {
  const at = await site({ model: "log" });
  const stores = memoryStores();
  const [a, b] = [await at.open<Log>({ stores }), await at.open<Log>({ stores })];
  at.gateway.write(SPACE, { author: OTHER, seq: 1, updates: [note(1)] });
  await a.synced();
  expect(said(b)).toEqual([]);
  expect(await b.session.refresh()).toBe(true);
  expect(said(b)).toEqual([1]);
  expect(await b.session.refresh()).toBe(false);
  await at.clock.advance(20_000);
  await at.gateway.rollUp(SPACE);
  await a.session.append([update("note", 2)]).durable;
  await b.session.append([update("note", 3)]).durable;
  await a.synced(true);
  await b.session.refresh();
  expect(said(b)).toEqual([1, 2, 3]);
  expect(b.session.status).toMatchObject({ generation: 1, unsent: 0 });
});

test("the past is read from the segments", async () => {
  const at = await site({ model: "log" });
  const a = await at.open<Log>();
  const keys: number[] = [];
  for (let n = 1; n <= 4; n += 1) {
    await a.session.append([update("note", n)]).durable;
    const { confirmed } = await a.synced();
    keys.push(confirmed[0]?.key ?? 0);
    await at.clock.advance(20_000);
    if (n < 4) await at.gateway.rollUp(SPACE);
  }
  await a.synced(true);
  const signal = new AbortController().signal;
  const then = await at.pass(a.session.past.at(keys[1] ?? 0, signal));
  expect(then.state.map(({ data }) => data)).toEqual([1, 2]);
  const log = await at.pass(a.session.past.log({ from: keys[1] ?? 0 }, signal));
  expect(log.map(({ seq }) => seq)).toEqual([2, 3, 4]);
});

test("a transient event is seen by others", async () => {
  const at = await site();
  const [a, b] = [await at.open(), await at.open()];
  await a.synced();
  await b.synced();
  const signal = new AbortController().signal;
  await at.pass(a.session.sendTransient({ kind: "typing", data: { in: "milk" } }, signal));
  const seen = await at.pass(b.session.transients(signal));
  expect(seen).toEqual([expect.objectContaining({ kind: "typing", data: { in: "milk" } })]);
});

test("small segments are packed anew on the device once they hold more than 256 KB, and not before", async () => {
  const at = await site({ model: "log" });
  const a = await at.open<Log>();
  const store = await a.stores.open("replica", { superseded() {}, gone() {} });
  await a.synced();
  const seen: { snapshots: number; segments: number[] }[] = [];
  let seq = 0;
  while (seq < 8 && !seen.some(({ snapshots }) => snapshots > 0)) {
    seq += 1;
    // Not to be packed well.
    const text = Array.from({ length: 30_000 }, (_, n) =>
      ((n * seq * 7_919) % 9_973).toString(36),
    ).join("");
    at.gateway.write(SPACE, { author: OTHER, seq, updates: [note(text)] });
    await at.clock.advance(20_000);
    await at.gateway.rollUp(SPACE);
    await a.synced();
    const rows = await store.read(["layers"], (tx) => tx.rows("layers"));
    const layers = rows.map(({ value }) => value as { isSnapshot: boolean; bytes: Uint8Array });
    const segments = layers.filter(({ isSnapshot }) => !isSnapshot);
    seen.push({
      snapshots: layers.length - segments.length,
      segments: segments.map(({ bytes }) => bytes.length),
    });
  }
  const packed = seen.findIndex(({ snapshots }) => snapshots > 0);
  expect(seen[packed]).toEqual({ snapshots: 1, segments: [] });
  const sizes = seen[packed - 1]?.segments ?? [];
  expect(sizes).toHaveLength(packed);
  const bytes = sizes.reduce((all, size) => all + size, 0);
  expect(bytes).toBeLessThanOrEqual(256 * 1_024);
  expect(bytes + Math.max(...sizes)).toBeGreaterThan(256 * 1_024);
  a.session.close();
  const again = await at.open<Log>({ stores: a.stores });
  expect(again.session.state).toHaveLength(seq);
  expect(again.session.status.generation).toBe(seq);
});
