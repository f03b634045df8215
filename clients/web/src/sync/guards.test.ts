/**
 * What keeps two senders of one queue from doing harm. These guards were taken away by hand, one after the other; what failed then:
 *
 * | guard | found by |
 * | --- | --- |
 * | `publish` sends nothing where the claim fails | the first test here |
 * | `claim` marks nothing where it fails, and all where it does not | the second one here |
 * | `claim` compares the texts | `queue.test.ts`: closed up; sealed twice |
 * | `rowsIn` acknowledges only what has the text that is stored | `queue.test.ts`: closed up; sealed twice |
 * | `keepSealed` keeps the first sealing | `queue.test.ts`: sealed twice |
 * | `refuse` sets nothing aside that another tab may be sending | `sequence.test.ts`: may be sending |
 * | `requeue` leaves what is queued | `queue.test.ts`: queued already |
 * | `settle` saves nothing where another tab has saved | `two-tabs.test.ts`: a look at an epoch |
 * | `record` leaves the queue where another tab has entered an epoch | there: what lands in an epoch |
 * | `nextAuthor` waits for what another tab may be sending | there: keeps its id |
 * | `nextAuthor` waits for what was tried | there: as another author |
 *
 * That `refuse` compares the texts is found by none.
 */

import { expect, test } from "vitest";
import { type Author, isEpoch } from "../core/ids.ts";
import { writeUpdate } from "../core/update.ts";
import { KeyClock } from "../plan/key.ts";
import { memoryStores } from "../store/memory.ts";
import type { Tx } from "../store/port.ts";
import { seededChance } from "../testing/chance.ts";
import { manualClock } from "../testing/clock.ts";
import type { Remote, Slot } from "../wire/remote.ts";
import { enqueue } from "./enqueue.ts";
import { publish } from "./publish.ts";
import { claim } from "./queue.ts";
import { ALL, queueIn } from "./rows.ts";

const A = "019aa122-be00-7000-8000-00000000000a" as Author;
const text = (n: number) => writeUpdate({ at: "", kind: "note", dataText: String(n) });

/** A publish whose claims are answered so, one after the other; its first request is lost. */
async function published(claims: boolean[]): Promise<{ puts: number; isStored: boolean }> {
  const [clock, chance] = [manualClock(), seededChance(1)];
  let puts = 0;
  const remote = {
    space: "todo",
    now: clock.now,
    slots: async () => [[{ key: 1_000 } as Slot]],
    put: async () => {
      puts += 1;
      if (puts === 1) throw Object.assign(new Error("lost"), LOST);
      return { outcome: "stored", tag: "x" };
    },
  } as unknown as Remote;
  const epoch = "0001-9f3c1e7a2b4d5c60";
  if (!isEpoch(epoch)) throw new Error(epoch);
  const done = publish({
    remote,
    clock,
    chance,
    keys: new KeyClock({ seen: 0, reached: 0, stride: 1 }),
    epoch,
    object: { author: A, seq: 1, updates: [text(1)] },
    place: undefined,
    claim: async () => claims.shift() ?? false,
    signal: new AbortController().signal,
  });
  let isStored: boolean | undefined;
  void done.then((found) => {
    isStored = found !== undefined;
  });
  for (let n = 0; n < 100 && isStored === undefined; n += 1) await clock.advance(1_000);
  return { puts, isStored: isStored ?? false };
}
const LOST = { name: "IcecoreError", kind: "unavailable", code: "no-answer" };

test("what another tab has sent, or renamed, is not sent: not at first, nor when it is tried again", async () => {
  expect(await published([false])).toEqual({ puts: 0, isStored: false });
  expect(await published([true, false])).toEqual({ puts: 1, isStored: false });
  expect(await published([true, true])).toEqual({ puts: 2, isStored: true });
});

test("a claim that fails marks nothing: the rows may be those of another tab's write under way", async () => {
  const store = await memoryStores().open("replica", { superseded() {}, gone() {} });
  const write = <T>(body: (tx: Tx) => Promise<T>) => store.write(ALL, "strict", body);
  await write(async (tx) => {
    tx.put("meta", "writer", { author: A, nextSeq: 1, ownLast: undefined });
    await enqueue(tx, { updates: [text(1), text(2)], at: 5, after: undefined, name: undefined });
  });
  const rows = await write((tx) => queueIn(tx));
  expect(await write((tx) => claim(tx, rows, "one", 7))).toBe(true);
  const stale = rows.map((row) => ({ ...row, update: text(9) }));
  expect(await write((tx) => claim(tx, stale, "two", 8))).toBe(false);
  const marks = (await write((tx) => queueIn(tx))).map(({ by, tried }) => [by, tried]);
  expect(marks).toEqual([
    ["one", 7],
    ["one", 7],
  ]);
});
