import { expect, test } from "vitest";
import { SPACE, site, update } from "../../test/site.ts";
import type { Author } from "../core/ids.ts";
import { memoryStores } from "../store/memory.ts";
import type { Stores, Table } from "../store/port.ts";
import { authorOf, laterThan, millisOf } from "./author.ts";

const X = "019aa122-be00-7000-8000-0000000000cc" as Author;
const Y = "019aa122-be00-7000-8000-0000000000dd" as Author;
type Log = { data: unknown; author: string; seq: number }[];
const TABLES: readonly Table[] = ["meta", "queue", "own", "layers", "tail", "kept"];

/** A copy of all that a device has stored. */
async function copied(stores: Stores): Promise<Stores> {
  const events = { superseded() {}, gone() {} };
  const [from, copy] = [await stores.open("replica", events), memoryStores()];
  const to = await copy.open("replica", events);
  for (const table of TABLES) {
    const rows = await from.read([table], (tx) => tx.rows(table));
    await to.write([table], "strict", async (tx) => {
      for (const { key, value } of rows) tx.put(table, key, value);
    });
  }
  return copy;
}

test("authors sort by their time", () => {
  const author = authorOf(0x0123456789ab, new Uint8Array(16).fill(0xff));
  expect(author).toBe("01234567-89ab-7fff-bfff-ffffffffffff");
  expect(millisOf(author)).toBe(0x0123456789ab);
  expect(laterThan(author, 0x01ffffffffff)).toBe("02000000-0000-7fff-bfff-ffffffffffff");
});

test("copies of one device go on under authors of their own; what waited in both counts once", async () => {
  const at = await site({ model: "log" });
  const a = await at.open<Log>();
  await a.session.append([update("note", "both")]).durable;
  const b = await at.open<Log>({ stores: await copied(a.stores) });
  const c = await at.open<Log>({ stores: await copied(a.stores) });
  await a.session.append([update("note", "a")]).durable;
  await b.session.append([update("note", "b")]).durable;
  await c.session.append([update("note", "c")]).durable;
  await a.synced();
  const told = await b.synced();
  expect(told.newAuthor).toBeDefined();
  await c.synced();
  for (const device of [a, b, c]) await device.synced(true);
  const notes = a.session.state.map(({ data }) => data);
  expect([...notes].sort()).toEqual(["a", "b", "both", "c"]);
  expect(b.session.state).toEqual(a.session.state);
  expect(c.session.state).toEqual(a.session.state);
  await a.session.append([update("note", "a2")]).durable;
  await b.session.append([update("note", "b2")]).durable;
  await a.synced();
  await b.synced();
  await a.synced();
  expect(a.session.state).toHaveLength(6);
});

test("what a lost life may have sent before the history was compressed is left to a person", async () => {
  const at = await site({ model: "log" });
  const a = await at.open<Log>();
  await a.synced();
  await a.session.append([update("note", "1")]).durable;
  const backup = await copied(a.stores);
  await a.synced();
  await at.gateway.compress(SPACE);
  const b = await at.open<Log>({ stores: backup });
  await b.session.append([update("note", "2")]).durable;
  const { setAside, newAuthor } = await b.synced();
  expect(setAside).toEqual([expect.objectContaining({ seq: 1 })]);
  expect(newAuthor).toBeDefined();
  expect(b.session.kept[0]?.reason.code).toBe("unknown-content");
  expect(b.session.state.map(({ data }) => data)).toEqual(["1", "2"]);
});

test("a bound author whose storage was lost asks for another one before its first write", async () => {
  const at = await site({ model: "log" });
  const first = await at.open<Log>({ author: X });
  await first.session.append([update("note", 1)]).durable;
  await first.synced();
  const asked: string[] = [];
  const token = (why: string) => {
    asked.push(why);
    const author = why === "new-author" ? Y : X;
    return at.gateway.token({ spaces: [SPACE], rights: ["read", "write"], author });
  };
  const again = await at.open<Log>({ token });
  await again.synced();
  expect(again.session.status.barred).toBe(X);
  await again.session.append([update("note", 2)]).durable;
  await again.synced();
  expect(asked).toEqual(["first", "new-author"]);
  expect(again.session.status).toMatchObject({ author: Y, barred: undefined, unsent: 0 });
  expect(again.session.state.map(({ author, seq }) => [author, seq])).toEqual([
    [X, 1],
    [Y, 1],
  ]);
});

test("where there is no other author, it says so, and goes on after the last seq when it is told to", async () => {
  const at = await site({ model: "log" });
  const first = await at.open<Log>({ author: X });
  await first.session.append([update("note", 1), update("note", 2)]).durable;
  await first.synced();
  const again = await at.open<Log>({ author: X });
  await again.session.append([update("note", 3)]).durable;
  expect((await again.sync()).error).toMatchObject({ kind: "conflict", code: "author-bound" });
  expect(again.session.status).toMatchObject({ unsent: 1, barred: X });
  const before = at.clock.now();
  const author = await at.pass(again.session.resumeAuthor(new AbortController().signal));
  expect(author).toBe(X);
  expect(at.clock.now() - before).toBeGreaterThanOrEqual(120_000);
  const { confirmed } = await again.synced();
  expect(confirmed).toEqual([expect.objectContaining({ author: X, seq: 3 })]);
  expect(again.session.state.map(({ data }) => data)).toEqual([1, 2, 3]);
});

test("while the other one lives, nobody takes its author", async () => {
  const at = await site({ model: "log" });
  const first = await at.open<Log>({ author: X });
  await first.session.append([update("note", 0)]).durable;
  await first.synced();
  const again = await at.open<Log>({ author: X });
  await again.session.append([update("note", "mine")]).durable;
  await again.sync();
  const resumed = at
    .pass(again.session.resumeAuthor(new AbortController().signal))
    .catch((error: unknown) => error);
  for (let n = 1; n <= 4; n += 1) {
    at.clock.after(n * 110_000, () => {
      at.gateway.write(SPACE, { author: X, seq: n + 1, updates: [{ kind: "note", data: n }] });
    });
  }
  expect(await resumed).toMatchObject({ kind: "conflict" });
});
