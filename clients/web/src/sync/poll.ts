/**
 * One poll: a look at the head, and only when that or the time asks for it, listings.
 *
 * @module
 */

import { Covered } from "../core/covered.ts";
import type { Key, UpdateId } from "../core/ids.ts";
import { isKind } from "../errors.ts";
import { type Head, headIn } from "../objects/head.ts";
import { depthOf, isBack } from "../plan/poll.ts";
import type { Have, StoredText } from "../wire/remote.ts";
import { isContinued } from "./continued.ts";
import { draftOf, sorted } from "./draft.ts";
import { checkSpace, enter, enterRestored, startOf } from "./enter.ts";
import { doubtful, dropGone, goneAmong, notListed } from "./gone.ts";
import { catchUp } from "./layers.ts";
import { dropCovered, takeListing } from "./listing.ts";
import { infoIn, type Looking, listLayers, listUpdates, prepare } from "./look.ts";
import { type Polled, polledOf } from "./polled.ts";
import { lacking, type Reader } from "./reader.ts";

/** More than a minute's worth in most spaces; what is left out is only sent once more. */
const KNOWN_MAX = 1_000;

/**
 * Looks for what is new: one GET while nothing changed and nothing is due. With `isForced` it looks at everything.
 *
 * @throws IcecoreError what stops a reader; then nothing was changed.
 */
export async function poll<S>(
  look: Looking<S>,
  before: Reader<S>,
  isForced: boolean,
): Promise<Polled<S>> {
  const { remote, clock, signal } = look;
  const reader = draftOf(before);
  const ask = async (check: boolean, ahead: boolean) => {
    const found = await remote.look(haveOf(look, reader, check), check || ahead, signal);
    prepare(look, found, infoIn(found.space.body, remote.space).epoch);
    return found;
  };
  let found = isForced ? await ask(true, false) : undefined;
  const seen = found ? found.head : await remote.head(reader.headTag, signal);
  let stored = seen === "unchanged" ? undefined : seen;
  const isChanged = seen !== "unchanged" && stored?.tag !== reader.headTag;
  let head = stored && headIn(stored.body);
  const { lastList, lastCheck, headTag } = reader;
  const isLess = isChanged && isBack(head, reader.base, reader.headKey, headTag !== undefined);
  const { list, check } = depthOf({
    now: clock.monotonic(),
    lastList,
    lastCheck,
    isChanged,
    isBack: isLess,
    isForced,
  });
  if (!list) return polledOf(before, { looked: false });
  if (isChanged && !isForced) {
    found = await ask(check, (head?.generation ?? 0) > reader.base.generation);
    stored = found.head;
    head = stored && headIn(stored.body);
  }
  const polled = await lookFurther(look, reader, { check, head, space: found?.space });
  if (check) polled.reader.lastCheck = clock.monotonic();
  // Only now: a poll that failed half-way must not find the head unchanged next time.
  if (isChanged || isForced) polled.reader.headTag = stored?.tag;
  polled.reader.headKey = Math.max(polled.reader.headKey, head?.key ?? 0);
  return polled;
}

/** What this look will not ask for. */
function haveOf<S>(look: Looking<S>, reader: Reader<S>, check: boolean): Have {
  const { base, tail, known } = reader;
  const updatesAfter = startOf(look, reader, check);
  const all = [...tail.keys(), ...known, ...base.recent].filter(
    (key) => key > (updatesAfter ?? -1),
  );
  return {
    epoch: base.epoch,
    generation: base.generation,
    updatesAfter,
    known: sorted(new Set(all)).slice(0, KNOWN_MAX),
  };
}

async function lookFurther<S>(
  look: Looking<S>,
  reader: Reader<S>,
  {
    check,
    head,
    space,
  }: {
    readonly check: boolean;
    readonly head: Head | undefined;
    readonly space: StoredText | undefined;
  },
): Promise<Polled<S>> {
  // With every listing: what another store or epoch holds in the same place is never taken for this one's.
  if (await checkSpace(look, reader, space)) return enter(look, reader, head);
  const polled = polledOf(reader, { checked: check });
  const isAhead = (head?.generation ?? 0) > reader.base.generation;
  if ((check || isAhead) && !(await goOn(look, polled))) return enterRestored(look, reader, head);
  // The segments may be newer than the keyring: then what they hold is read anew.
  if (reader.base.newerKey !== undefined && (await checkSpace(look, reader, undefined)))
    return enter(look, reader, head);
  if (head)
    reader.snapshot = Math.max(reader.snapshot, Math.min(head.snapshot, reader.base.generation));
  const began = look.remote.now();
  const after = startOf(look, reader, check);
  const listed = await listUpdates(look, reader.base.epoch, after);
  let gone: Key[] = [];
  if (check) {
    const unsure = new Set([...doubtful(reader, listed), ...notListed(reader, listed, undefined)]);
    gone = await goneAmong(look, reader, [...unsure], polled);
  } else if (notListed(reader, listed, after).length > 0) {
    // Rolled up and pruned, or the bucket was put back: the next poll looks at everything.
    reader.lastCheck = undefined;
  }
  let ids = new Covered();
  if (gone.length > 0) {
    // What was rolled up and pruned just now is covered by a segment that was there before it went.
    if (!(await goOn(look, polled))) return enterRestored(look, reader, head);
    dropCovered(reader, look.remote.now(), polled);
    ids = dropGone(reader, gone, polled);
  }
  await takeListing(look, reader, { listed, began }, polled);
  dropCovered(reader, look.remote.now(), polled);
  // What another object holds too is not lost.
  const lost = lacking(reader, ids);
  if (!lost.isEmpty) polled.lost = lost.union(polled.lost ?? lost);
  return polled;
}

/** Folds what is new. `false` where the store does not hold what was folded: then nothing was changed. */
async function goOn<S>(look: Looking<S>, polled: Polled<S>): Promise<boolean> {
  const { reader } = polled;
  const { base: own, way } = reader;
  // From one before: that the own segment is still there, and the same, shows that the store was not put back.
  const listed = await listLayers(look, own.epoch, Math.max(own.generation - 1, 0));
  const { isSame, stamp } = await isContinued(look, way, own, { listed, known: reader.stamp });
  if (!isSame) return false;
  reader.stamp = stamp;
  const segments = new Map(
    [...listed.segments].filter(([generation]) => generation !== own.generation),
  );
  const bytes = [...segments.values()].reduce((sum, size) => sum + size, 0);
  const newest = Math.max(...listed.snapshots.keys());
  // Who has read a space already, if only its tail, need not take the first snapshot to see whether the model fits.
  const snapshots =
    own.generation === 0 && bytes <= (listed.snapshots.get(newest) ?? 0)
      ? new Map<number, number>()
      : listed.snapshots;
  try {
    const { base, read } = await catchUp(look, way, own, { ...listed, segments, snapshots });
    reader.base = base;
    polled.layers.push(...read);
    if (base.generation > own.generation) reader.stamp = listed.stamps.get(base.generation);
    const upTo = [...listed.snapshots.keys()].filter((generation) => generation <= base.generation);
    reader.snapshot = Math.max(reader.snapshot, ...upTo);
    const lost = own.covered.without(base.covered);
    if (read.some(({ isSnapshot }) => isSnapshot) && !lost.isEmpty) polled.lost = lost;
    return true;
  } catch (error) {
    // Of another chain? Where no server tells two versions apart, or the store was put back just now, only now it shows.
    if (isKind(error, "corrupt") && (await isPutBack(look, reader))) return false;
    throw error;
  }
}

/** Whether the store does not hold any more what was folded. */
async function isPutBack<S>(look: Looking<S>, { base, way }: Reader<S>): Promise<boolean> {
  const listed = await listLayers(look, base.epoch, Math.max(base.generation - 1, 0));
  return !(await isContinued(look, way, base, { listed, known: undefined })).isSame;
}

/**
 * Whether an own write at `key` of a sequenced space counts: it does unless a roll-up had passed the key before, which only pruning makes look
 * free.
 */
export async function isValidInSequence<S>(
  look: Looking<S>,
  reader: Reader<S>,
  key: Key,
  { author, seq }: UpdateId,
): Promise<boolean> {
  const { base, way } = reader;
  const listed = await listLayers(look, base.epoch, base.generation);
  if (listed.segments.size === 0) return key > base.through;
  try {
    const ahead = await catchUp(look, way, base, listed);
    return ahead.base.covered.has(author, seq) || key > ahead.base.through;
  } catch (error) {
    // The next pull finds what the store holds now, this write among it.
    if (isKind(error, "corrupt") && (await isPutBack(look, reader))) return false;
    throw error;
  }
}
