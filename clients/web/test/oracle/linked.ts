/**
 * Linked histories at random: a guest's space joins that of an author, whose readers find the guest's updates in other objects, under other
 * keys, and some of them more than once.
 *
 * @module
 */

import fc from "fast-check";
import { readSegment } from "../../src/objects/segment.ts";
import {
  Objects,
  type Plan,
  plan,
  rollups,
  type Step,
  type Story,
  spaceText,
  store,
  storyOf,
  textOf,
  type Written,
} from "./histories.ts";
import { AUTHORS, update } from "./texts.ts";
import { platform, type ToldStep, unpacked } from "./told.ts";

/** How a roll-up's updates are forwarded. */
interface Forward {
  readonly key: number;
  readonly stored: number;
  /** An object has at most so many. */
  readonly size: number;
  /** Also what was forwarded before: somebody else did it at the same time. */
  readonly twice: boolean;
  /** Somebody puts another update under the id of the first one. */
  readonly forged: string | null;
}

/** A guest's history, and that which it joins. */
export interface LinkedPlan {
  readonly guest: Plan;
  readonly rollups: readonly Step[];
  readonly target: Plan;
  readonly forwards: readonly Forward[];
  /** What the guest's device writes where it was linked to, while not all is forwarded. */
  readonly after: readonly {
    readonly key: number;
    readonly stored: number;
    readonly text: string;
  }[];
}

const time = fc.integer({ min: 1, max: 2_500 });

const forward: fc.Arbitrary<Forward> = fc.record({
  key: time,
  stored: time,
  size: fc.integer({ min: 1, max: 4 }),
  twice: fc.integer({ min: 0, max: 3 }).map((n) => n === 3),
  forged: fc.option(update, { freq: 8 }),
});

/** Linked histories: a sequence cannot be linked, nor one that was compressed. */
export const linkedPlan: fc.Arbitrary<LinkedPlan> = fc
  .record({
    guest: plan,
    rollups,
    target: plan,
    forwards: fc.array(forward, { minLength: 1, maxLength: 4 }),
    after: fc.array(fc.record({ key: time, stored: time, text: update }), { maxLength: 2 }),
  })
  .map(({ guest, rollups: steps, target, ...rest }) => ({
    ...rest,
    rollups: steps,
    target: { ...target, order: "timestamp" as const },
    guest: {
      ...guest,
      puts: guest.puts.slice(0, 2),
      steps,
      model: target.model,
      order: "timestamp" as const,
      typed: false,
    },
  }));

/** Authors of the space that is joined come first, guests from the other end. */
function guestsOf({ author, ...rest }: Written): Written {
  return { ...rest, author: AUTHORS[AUTHORS.length - 1 - AUTHORS.indexOf(author)] ?? "" };
}

/** The history of the guest's space. */
export function guestStory({ guest }: LinkedPlan): Story {
  const objects = new Objects();
  store(objects, guest, guestsOf);
  const linked = ',"linked":{"into":"s","at":"2025-11-20T12:00:00.000Z"}';
  return {
    ...storyOf(guest),
    space: spaceText(guest, "guest", linked),
    updates: objects.all(),
  };
}

/** The history of the space that it joins, by what this client reads of the guest's segments. */
export async function targetStory(linked: LinkedPlan, told: readonly ToldStep[]): Promise<Story> {
  const { target, forwards, after, guest } = linked;
  const objects = new Objects();
  store(objects, { ...target, puts: target.puts.slice(0, 2) });
  const held = new Map<string, Written>();
  for (const [n, step] of told.entries()) {
    const how = forwards[n % forwards.length];
    if (step.nothing || !how) continue;
    const { entries } = await readSegment(unpacked(step.segment), { platform });
    const found = entries.map(({ author, seq, update }) => ({ author, seq, updates: [update] }));
    put(objects, how, sorted(how.twice ? [...held.values(), ...found] : found));
    for (const one of found) held.set(`${one.author}:${one.seq}`, one);
  }
  const author = guestsOf({ author: AUTHORS[0] ?? "", seq: 1, updates: [] }).author;
  let seq = 1 + (guest.puts[0] ?? []).reduce((sum, { updates }) => sum + updates.length, 0);
  for (const { key, stored, text } of after) {
    objects.store(key, stored, textOf({ author, seq, updates: [text] }));
    seq += 1;
  }
  return { ...storyOf(target), updates: objects.all() };
}

function sorted(found: Written[]): Written[] {
  return found.sort(
    (a, b) => (a.author < b.author ? -1 : Number(a.author > b.author)) || a.seq - b.seq,
  );
}

/** Puts updates one after the other, consecutive ones of an author in one object. */
function put(
  objects: Objects,
  { key, stored, size, forged }: Forward,
  found: readonly Written[],
): void {
  let run: Written | undefined;
  let at = key;
  const end = (): void => {
    if (run) objects.store(at, stored, textOf(run));
    at += 1;
    run = undefined;
  };
  const first = found[0];
  if (forged !== null && first) objects.store(at, stored, textOf({ ...first, updates: [forged] }));
  for (const one of found) {
    const follows = run?.author === one.author && run.seq + run.updates.length === one.seq;
    if (run && (!follows || run.updates.length >= size)) end();
    run = run ? { ...run, updates: [...run.updates, ...one.updates] } : one;
  }
  end();
}
