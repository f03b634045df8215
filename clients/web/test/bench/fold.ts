/** Folding, beside `JSON.parse` of the same texts. */

import { Folded } from "../../src/core/fold.ts";
import type { Author } from "../../src/core/ids.ts";
import { canonical } from "../../src/core/json.ts";
import { documentModel } from "../../src/models/document.ts";
import { logModel } from "../../src/models/log.ts";
import type { Model } from "../../src/models/model.ts";
import { defineModel } from "../../src/models/reducer.ts";
import { sealedContent } from "../../src/seal/content.ts";
import { SpaceKeys } from "../../src/seal/keys.ts";

const author = "019aa122-be00-7000-8000-00000000000a" as Author;

/** Updates as an app makes them: records that are made, changed and counted, tags, a log. */
function updates(count: number): string[] {
  let seed = 1;
  const below = (limit: number): number => {
    seed = (seed * 48_271) % 2_147_483_647;
    return seed % limit;
  };
  return Array.from({ length: count }, (_, n) => {
    const id = `task-${below(5_000)}`;
    const at = new Date(1_763_640_000_000 + n * 1_000).toISOString();
    const [kind, data] = one(id, n, below(10));
    return JSON.stringify({ at, kind, data });
  });
}

function one(id: string, n: number, which: number): readonly [string, unknown] {
  if (which < 4) {
    const task = { title: `Buy ${n} pounds of apples`, done: n % 3 === 0, slot: n % 97, by: "ada" };
    return ["merge", { tasks: { [id]: task } }];
  }
  if (which < 7) return ["merge", { tasks: { [id]: { done: true, note: null } } }];
  if (which < 8) return ["increment", { [`/counts/${id}`]: 1 }];
  if (which < 9) return ["add", { "/tags": [`tag-${n % 40}`] }];
  return ["append", { "/log": [{ id, n }] }];
}

/** Names with the least of several runs of each, in milliseconds, in turns: others may be at work beside. */
function least(runs: Readonly<Record<string, () => unknown>>, rounds: number): [string, number][] {
  const best = new Map<string, number>();
  for (let round = 0; round < rounds; round += 1) {
    for (const [name, run] of Object.entries(runs)) {
      const start = performance.now();
      run();
      const ms = performance.now() - start;
      best.set(name, Math.min(best.get(name) ?? ms, ms));
    }
  }
  return [...best];
}

function fold<S>(model: Model<S>, texts: readonly string[]): Folded<S> {
  const folded = new Folded(model);
  for (const [n, update] of texts.entries()) folded.fold({ author, seq: n + 1, key: n, update });
  return folded;
}

/** `JSON.parse` of so many updates first, then what folding them takes, by model. */
export function foldTimes(count: number): [string, number][] {
  const texts = updates(count);
  const counting = defineModel({
    name: "bench",
    version: 1,
    initial: { n: 0 },
    apply: (state: { readonly n: number }) => ({ n: state.n + 1 }),
  });
  const rules = { rules: [{ rule: "unique", path: "/tasks/*/slot" }] };
  const runs = {
    "JSON.parse": () => {
      for (const text of texts) JSON.parse(text);
    },
    document: () => fold(documentModel(), texts),
    "document with a rule": () => fold(documentModel(rules), texts),
    log: () => fold(logModel, texts),
    "an app's reducer": () => fold(counting, texts),
  };
  const shown = fold(documentModel(), texts);
  const text = shown.stateText();
  const beside = {
    "JSON.parse of the state": () => JSON.parse(text) as unknown,
    "state read": () => documentModel().read(1, text),
    "state written": () => canonical(shown.state),
  };
  return [...least(runs, 5), ...least(beside, 5)];
}

const AT_ONCE = 64;

/** For so many sealed updates: `JSON.parse` of their plain texts, Web Crypto alone, and opening and folding them. */
export async function sealedTimes(count: number): Promise<[string, number][]> {
  const texts = updates(count);
  const content = sealedContent({
    store: "019aa122-be00-7000-8000-000000000001",
    space: "bench",
    keys: new SpaceKeys([crypto.getRandomValues(new Uint8Array(32))]),
    version: 1,
    chance: { bytes: (length) => crypto.getRandomValues(new Uint8Array(length)) },
  });
  const sealed = await inBatches(texts, (update, n) =>
    content.seal({ author, seq: n + 1 }, update, 1),
  );
  const began = performance.now();
  for (const text of texts) JSON.parse(text);
  const parsed = performance.now();
  const floor = await decrypted(texts);
  const from = performance.now();
  const stored = sealed.map((update, n) => ({ author, seq: n + 1, key: n, update }));
  const opened = await content.open(stored);
  const isOpen = performance.now();
  const folded = new Folded(documentModel());
  for (const entry of opened) folded.fold(entry);
  const end = performance.now();
  if (folded.rejected.count > 0) throw new Error("some did not open");
  return [
    ["JSON.parse", parsed - began],
    ["Web Crypto alone", floor],
    ["opened", isOpen - from],
    ["opened and folded", end - from],
  ];
}

/** How long the browser itself takes for as many messages of these lengths, each under a key of its own. */
async function decrypted(texts: readonly string[]): Promise<number> {
  const iv = new Uint8Array(12);
  const raw = crypto.getRandomValues(new Uint8Array(32));
  const key = (): Promise<CryptoKey> =>
    crypto.subtle.importKey("raw", raw, "AES-GCM", false, ["encrypt", "decrypt"]);
  const sealing = await key();
  const bytes = await inBatches(texts, (text) =>
    crypto.subtle.encrypt({ name: "AES-GCM", iv }, sealing, new TextEncoder().encode(text)),
  );
  const from = performance.now();
  await inBatches(bytes, async (one) =>
    crypto.subtle.decrypt({ name: "AES-GCM", iv }, await key(), one),
  );
  return performance.now() - from;
}

async function inBatches<T, U>(
  all: readonly T[],
  work: (one: T, n: number) => Promise<U>,
): Promise<U[]> {
  const done: U[] = [];
  for (let from = 0; from < all.length; from += AT_ONCE) {
    const some = all.slice(from, from + AT_ONCE);
    done.push(...(await Promise.all(some.map((one, n) => work(one, from + n)))));
  }
  return done;
}
