/**
 * Pull: a poll, saved, and the queue settled with it.
 *
 * @module
 */

import type { Covered } from "../core/covered.ts";
import type { UpdateId } from "../core/ids.ts";
import { IcecoreError } from "../errors.ts";
import { firstLook } from "./enter.ts";
import type { Looking } from "./look.ts";
import { poll } from "./poll.ts";
import { hasChanged, type Polled, polledOf } from "./polled.ts";
import { entriesOf, idsOf, type Reader } from "./reader.ts";
import type { Replica } from "./replica.ts";
import type { Recorded, Synced } from "./report.ts";
import { type Settled, settle } from "./settle.ts";

/** How often it is begun anew because another tab has saved something meanwhile. */
const TRIES_MAX = 8;

/** What a sync tells, while it is under way. */
export type Told = { -readonly [Part in keyof Synced]: Synced[Part] } & {
  arrived: Recorded[];
  confirmed: Synced["confirmed"][number][];
  setAside: UpdateId[];
};

/** Before anything has happened. */
export function nothingTold(): Told {
  return {
    changed: false,
    reread: false,
    arrived: [],
    confirmed: [],
    newEpoch: false,
    requeued: 0,
    restored: undefined,
    setAside: [],
    newAuthor: undefined,
    refused: undefined,
    error: undefined,
  };
}

/**
 * Looks for what is new, everything where it is `forced`. What it finds is saved, and told.
 *
 * @throws IcecoreError what stops a reader, or the local store; then nothing was changed.
 */
export async function pull<S>(
  replica: Replica<S>,
  look: Looking<S>,
  forced: boolean,
  told: Told,
): Promise<void> {
  for (let tries = 0; tries < TRIES_MAX; tries += 1) {
    const { reader } = replica;
    const polled = reader ? await poll(look, reader, forced) : await firstLook(look, replica.known);
    if (!polled.looked) return;
    const settled = await settle(replica, look, polled);
    if (!settled) {
      // What another tab has read is news here too.
      [told.changed, told.reread] = [true, true];
      continue;
    }
    await note(told, polled, reader && idsIn(reader));
    tell(told, settled);
    // What goes on under an author of its own may be stored under that one already, sent by another copy of this replica.
    if (settled.newAuthor && replica.queue.length > 0) await settleAgain(replica, look, told);
    replica.pulled = true;
    return;
  }
  throw new IcecoreError("unavailable", "busy", "other tabs sync this space all the time", {
    hint: "it is tried again",
  });
}

async function settleAgain<S>(replica: Replica<S>, look: Looking<S>, told: Told): Promise<void> {
  const { reader } = replica;
  if (!reader) return;
  const settled = await settle(replica, look, polledOf(reader));
  if (settled) tell(told, settled);
}

function tell(told: Told, settled: Settled): void {
  told.confirmed.push(...settled.confirmed);
  told.setAside.push(...settled.setAside);
  told.requeued += settled.requeued;
  told.restored = settled.restored ?? told.restored;
  told.newAuthor = settled.newAuthor ?? told.newAuthor;
}

const idsIn = <S>({ base, tail }: Reader<S>): Covered => base.covered.union(idsOf(tail.values()));

/** Notes what the reader holds now and did not before; without a before, nothing is known update by update. */
async function note<S>(told: Told, polled: Polled<S>, before: Covered | undefined): Promise<void> {
  const { reader, layers, isNew, newEpoch } = polled;
  told.changed ||= hasChanged(polled);
  told.newEpoch ||= newEpoch && before !== undefined;
  if (!before || isNew || layers.some(({ isSnapshot }) => isSnapshot)) {
    told.reread = true;
    return;
  }
  if (!hasChanged(polled)) return;
  const isNews = ({ author, seq }: UpdateId) => !before.has(author, seq);
  const { content } = reader.way;
  const folded = layers.flatMap(({ segment }) => segment?.entries.filter(isNews) ?? []);
  if (!content.blind) told.arrived.push(...(await content.open(folded)));
  told.arrived.push(...entriesOf(reader).filter(isNews));
}
