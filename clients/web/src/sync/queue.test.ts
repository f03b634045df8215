import { expect, test } from "vitest";
import type { Author } from "../core/ids.ts";
import { writeUpdate } from "../core/update.ts";
import { memoryStores } from "../store/memory.ts";
import type { Tx } from "../store/port.ts";
import { enqueue } from "./enqueue.ts";
import {
  acknowledge,
  changeAuthor,
  claim,
  closeUp,
  isOwn,
  keepSealed,
  requeue,
  rowsIn,
  setAside,
} from "./queue.ts";
import { ALL, keptIn, type Queued, queueIn, rowOf, writerIn } from "./rows.ts";

const A = "019aa122-be00-7000-8000-00000000000a" as Author;
const B = "019aa122-be00-7000-8000-00000000000b" as Author;
const C = "019aa123-0000-7000-8000-00000000000c" as Author;
const text = (n: number) => writeUpdate({ at: "", kind: "note", dataText: String(n) });

async function queue(count: number) {
  const store = await memoryStores().open("replica", { superseded() {}, gone() {} });
  const write = <T>(body: (tx: Tx) => Promise<T>) => store.write(ALL, "strict", body);
  await write(async (tx) =>
    tx.put("meta", "writer", { author: A, nextSeq: 1, ownLast: undefined }),
  );
  const updates = Array.from({ length: count }, (_, n) => text(n + 1));
  const { rows } = await write((tx) =>
    enqueue(tx, { updates, at: 5, after: undefined, name: undefined }),
  );
  return { write, rows, all: () => write((tx) => queueIn(tx)) };
}

const seqs = (rows: readonly Queued[]) => rows.map(({ seq, update }) => [seq, update]);

test("what another tab moved, or gave another id, is claimed by nobody", async () => {
  const { write, rows, all } = await queue(3);
  expect(await write((tx) => claim(tx, rows, "tab", 7))).toBe(true);
  expect((await all()).map(({ tried, by }) => [tried, by])).toEqual(rows.map(() => [7, "tab"]));
  const [first] = rows;
  if (!first) throw new Error("none");
  await write((tx) => acknowledge(tx, [first], 9, 8));
  expect(await write((tx) => claim(tx, rows, "tab", 9))).toBe(false);
  expect(await write((tx) => claim(tx, rows.slice(1), "tab", 9))).toBe(true);
  expect(await write((tx) => isOwn(tx, first))).toBe(true);
  expect((await write(writerIn))?.ownLast).toBe(9);
});

test("an update that closed up is claimed and acknowledged by nobody who knew it before", async () => {
  const { write, rows, all } = await queue(3);
  const [first] = rows;
  if (!first) throw new Error("none");
  await write(async (tx) => {
    await setAside(tx, first, { reason: { code: "app", params: {} }, at: 1, since: [] });
    await closeUp(tx, first);
  });
  expect(seqs(await all())).toEqual([
    [1, text(2)],
    [2, text(3)],
  ]);
  expect((await all())[0]?.was).toEqual({ author: A, seq: 2 });
  expect((await write(writerIn))?.nextSeq).toBe(3);
  expect(await write((tx) => claim(tx, rows.slice(0, 2), "tab", 9))).toBe(false);
  const object = { author: A, seq: 1, updates: [text(1), text(2)] };
  expect(await write((tx) => rowsIn(tx, object))).toEqual([]);
  expect((await write(keptIn)).map(([number, { update }]) => [number, update])).toEqual([
    [1, text(1)],
  ]);
});

test("of two texts that were sealed of one update, the first is kept", async () => {
  const { write, rows } = await queue(2);
  const sealed = (by: string) => rows.map((row) => ({ ...row, sealed: `"${by}${row.seq}"` }));
  const first = await write((tx) => keepSealed(tx, sealed("a")));
  const second = await write((tx) => keepSealed(tx, sealed("b")));
  expect(second).toEqual(first);
  expect(await write((tx) => claim(tx, sealed("b"), "tab", 1))).toBe(false);
  const object = { author: A, seq: 1, updates: ['"a1"', '"b2"'] };
  expect((await write((tx) => rowsIn(tx, object))).map(({ seq }) => seq)).toEqual([1]);
});

test("under another author each goes on alone as its heir, or after the others, and keeps its name", async () => {
  const { write, rows, all } = await queue(2);
  await write((tx) => enqueue(tx, { updates: [text(3)], at: 5, after: undefined, name: "x" }));
  const heirs = new Map([[rowOf(rows[0] ?? { author: A, seq: 1 }), C]]);
  const author = await write((tx) => changeAuthor(tx, A, { author: B, nextSeq: 1 }, heirs));
  // It comes after the heirs.
  expect(author > C).toBe(true);
  expect((await all()).map((row) => [row.author, row.seq, row.update, row.tried])).toEqual([
    [C, 1, text(1), 0],
    [author, 1, text(2), undefined],
    [author, 2, text(3), undefined],
  ]);
  const again = await write((tx) =>
    enqueue(tx, { updates: [text(3)], at: 6, after: undefined, name: "x" }),
  );
  expect(again).toEqual({ rows: [], known: { author, seq: 2 } });
  expect((await write(writerIn))?.nextSeq).toBe(3);
});

test("what is queued already is not queued again", async () => {
  const { write, rows, all } = await queue(1);
  const [first] = rows;
  if (!first) throw new Error("none");
  expect(await write((tx) => requeue(tx, { ...first, update: "another" }))).toBe(false);
  expect(await write((tx) => requeue(tx, { ...first, seq: 7 }))).toBe(true);
  expect((await all()).map(({ seq }) => seq)).toEqual([1, 7]);
});
