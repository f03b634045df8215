/**
 * Histories at random, for the client and the oracle: what several authors wrote, in any order of arrival, some of it hostile.
 *
 * @module
 */

import fc from "fast-check";
import { AUTHORS, update } from "./texts.ts";

/** An update object as it is stored. */
export interface StoredText {
  readonly key: number;
  readonly last_modified: number;
  readonly text: string;
}

/** What happens to a history, as the oracle reads it. */
export type Step =
  | { readonly rollup: { readonly now: number; readonly settled: number } }
  | { readonly compress: { readonly now: number; readonly epoch: string } };

/** A question to the oracle about a whole history. */
export interface Story {
  readonly ask: "story";
  readonly space: string;
  readonly secret?: string;
  readonly updates: readonly StoredText[];
  readonly steps: readonly Step[];
  readonly typed: boolean;
}

/** Times and keys are below this one. */
const END = 4_000;
/** The epochs of a story. */
const EPOCHS = ["0001-9f3c1e7a2b4d5c60", "0002-5d0e8a417c2b9f36", "0003-00000000000000ff"] as const;

/** What an author stores at once. */
export interface Put {
  readonly key: number;
  readonly stored: number;
  readonly updates: readonly string[];
  readonly again: readonly [number, number] | null;
  readonly lost: boolean;
}

const put: fc.Arbitrary<Put> = fc.record({
  key: fc.integer({ min: 1, max: 2_000 }),
  stored: fc.nat(END / 2),
  updates: fc.array(update, { minLength: 1, maxLength: 4 }),
  again: fc.option(fc.tuple(fc.integer({ min: 1, max: 2_000 }), fc.nat(END / 2)), { freq: 5 }),
  lost: fc.integer({ min: 0, max: 11 }).map((n) => n === 0),
});

/** Something that is no update object. */
const broken: fc.Arbitrary<string> = fc.constantFrom(
  "",
  "{",
  '{"v":1}',
  '{"v":2,"author":"x"}',
  "[]",
  "null",
  '{"v":1,"author":"X","seq":1,"updates":[1]}',
);

/** An update object before it is stored. */
export interface Written {
  readonly author: string;
  readonly seq: number;
  readonly updates: readonly string[];
}

/** Its text. */
export function textOf({ author, seq, updates }: Written): string {
  return `{"v":1,"author":"${author}","seq":${seq},"updates":[${updates.join(",")}]}`;
}

/** What lies in a space: each object where it was put, or at the next free key. */
export class Objects {
  readonly #stored = new Map<number, StoredText>();

  /** Stores a text. */
  store(key: number, lastModified: number, text: string): void {
    let free = key;
    while (this.#stored.has(free)) free += 1;
    this.#stored.set(free, { key: free, last_modified: lastModified, text });
  }

  /** All that was stored. */
  all(): StoredText[] {
    return [...this.#stored.values()];
  }
}

/** A history before it is stored. */
export interface Plan {
  /** What each author wrote, in the order of the seqs. */
  readonly puts: readonly (readonly Put[])[];
  readonly junk: readonly (readonly [number, string])[];
  readonly steps: readonly Step[];
  readonly model: "document" | "log";
  readonly order: "timestamp" | "sequence";
  readonly typed: boolean;
}

/** What an author stores, with what becomes of it on the way: as it is, if nothing is said. */
export function store(
  objects: Objects,
  plan: Plan,
  through: (object: Written) => Written = (object) => object,
): void {
  const isSequence = plan.order === "sequence";
  let place = 0;
  for (const [n, ofAuthor] of plan.puts.entries()) {
    let seq = 1;
    for (const { key, stored, updates, again, lost } of ofAuthor) {
      const text = textOf(through({ author: AUTHORS[n] ?? "", seq, updates }));
      seq += updates.length;
      place += 1;
      if (!lost) objects.store(isSequence ? place : key, stored, text);
      if (again !== null && !isSequence) objects.store(again[0], again[1], text);
    }
  }
  for (const [key, body] of plan.junk) objects.store(isSequence ? place + 1 : key, key, body);
}

const RULES = JSON.stringify({
  rules: [
    { rule: "unique", path: "/seat/*" },
    { rule: "max", path: "/a", value: 5 },
    { rule: "type", path: "/b", value: "number" },
    { rule: "required", path: "/a/b" },
    { rule: "one-of", path: "/*/10", value: ["x", 1] },
  ],
});

const rollup: fc.Arbitrary<Step> = fc
  .tuple(fc.nat(END), fc.nat(1_000))
  .map(([now, young]) => ({ rollup: { now, settled: Math.max(0, now - young) } }));

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 4, arbitrary: rollup },
  { weight: 1, arbitrary: fc.constant({ compress: { now: END, epoch: "" } }) },
);

/** The store of all spaces. */
export const STORE = "019aa122-be00-7000-8000-000000000001";

/** A `space.json`, with members that not all have. */
export function spaceText(
  { model, order }: Pick<Plan, "model" | "order">,
  name = "s",
  more = "",
): string {
  const settings = model === "document" ? `,"settings":${RULES}` : "";
  return (
    `{"v":1,"store":"${STORE}","space":"${name}","epoch":"${EPOCHS[0]}",` +
    `"model":{"name":"${model}"${settings}},"order":"${order}","created_at":"2025-11-20T12:00:00.000Z"${more}}`
  );
}

/** Steps in the order of their times, epochs numbered in their order. */
function inOrder(steps: readonly Step[]): Step[] {
  const time = (s: Step): number => ("rollup" in s ? s.rollup.now : s.compress.now);
  const sorted = [...steps].sort((a, b) => time(a) - time(b));
  let epoch = 0;
  const kept: Step[] = [];
  for (const s of sorted) {
    if ("rollup" in s) kept.push(s);
    else {
      epoch += 1;
      const named = EPOCHS[epoch];
      if (named !== undefined) kept.push({ compress: { now: s.compress.now, epoch: named } });
    }
  }
  return kept;
}

/** Roll-ups in the order of their times. */
export const rollups: fc.Arbitrary<Step[]> = fc.array(rollup, { maxLength: 3 }).map(inOrder);

/** What several authors wrote, and what happens to it. */
export const plan: fc.Arbitrary<Plan> = fc.record({
  puts: fc.array(fc.array(put, { maxLength: 5 }), { minLength: 1, maxLength: 4 }),
  junk: fc.array(fc.tuple(fc.integer({ min: 1, max: 2_000 }), broken), { maxLength: 1 }),
  steps: fc.array(step, { maxLength: 5 }).map(inOrder),
  model: fc.constantFrom("document", "document", "document", "log"),
  order: fc.constantFrom("timestamp", "timestamp", "timestamp", "sequence"),
  typed: fc.integer({ min: 0, max: 2 }).map((n) => n === 2),
});

/** The history of a plan, in a space that is not encrypted. */
export function storyOf(planned: Plan): Story {
  const objects = new Objects();
  store(objects, planned);
  return {
    ask: "story",
    space: spaceText(planned),
    updates: objects.all(),
    steps: planned.steps,
    typed: planned.typed && planned.model === "document",
  };
}
