/**
 * Reading a space from nothing: the first look, another epoch, another history.
 *
 * @module
 */

import type { Key } from "../core/ids.ts";
import { type Head, headIn } from "../objects/head.ts";
import { listAfter } from "../plan/poll.ts";
import { checkKeyring } from "../seal/follows.ts";
import type { StoredText } from "../wire/remote.ts";
import { initialBase } from "./base.ts";
import { anotherStore, noSpace } from "./faults.ts";
import { fromNothing, listByHint } from "./layers.ts";
import { takeListing } from "./listing.ts";
import { infoIn, type Looking, listUpdates, prepare } from "./look.ts";
import { type Polled, polledOf } from "./polled.ts";
import { idsOf, lacking, type Reader, type Way } from "./reader.ts";
import { NOTHING_SAVED } from "./saved.ts";

/** Reads the newest state from nothing. `known` is the `space.json` that was seen before, if any. */
export async function firstLook<S>(
  look: Looking<S>,
  known: Way<S>["info"] | undefined,
): Promise<Polled<S>> {
  const found = await look.remote.look(undefined, false, look.signal);
  const info = infoIn(found.space.body, look.remote.space);
  if (known) checkSame(known, info);
  prepare(look, found, info.epoch);
  const way = await look.wayOf(info);
  const head = found.head && headIn(found.head.body);
  const polled = await enter(look, emptyOf(way, found.space), head);
  const { reader } = polled;
  [reader.headTag, reader.headKey] = [found.head?.tag, head?.key ?? 0];
  if (reader.base.newerKey === undefined || !(await checkSpace(look, reader, undefined)))
    return polled;
  return enter(look, reader, head);
}

function emptyOf<S>(way: Way<S>, { body, tag }: Pick<StoredText, "body" | "tag">): Reader<S> {
  return {
    way,
    infoText: body,
    infoTag: tag,
    base: initialBase(way),
    tail: new Map(),
    known: new Set(),
    listedAt: undefined,
    gaps: [],
    headTag: undefined,
    headKey: 0,
    stamp: undefined,
    snapshot: 0,
    lastList: undefined,
    lastCheck: undefined,
    savedBytes: NOTHING_SAVED,
  };
}

/** After which key updates are listed. */
export function startOf<S>(
  { remote }: Looking<S>,
  { base, listedAt }: Reader<S>,
  check: boolean,
): Key | undefined {
  const { order, through } = base;
  return listAfter({ order, through, listedAt, now: remote.now(), check });
}

/** Whether a replica that has seen a space may go on with it as it is now. */
function checkSame(before: Way<unknown>["info"], now: Way<unknown>["info"]): void {
  if (before.store !== now.store) throw anotherStore(now.space, now.store, before.store);
  checkKeyring(before.keyring, now.keyring);
}

/**
 * Looks whether `space.json` is as it was; `true` where all must be read anew: the space has entered another epoch, or can be read now and could
 * not before.
 */
export async function checkSpace<S>(
  look: Looking<S>,
  reader: Reader<S>,
  told: StoredText | undefined,
): Promise<boolean> {
  const got = told ?? (await look.remote.info(reader.infoTag, look.signal));
  if (got === "unchanged" || (got?.tag === reader.infoTag && got?.body === reader.infoText))
    return false;
  if (!got) throw noSpace(look.remote.space);
  const info = infoIn(got.body, look.remote.space);
  checkSame(reader.way.info, info);
  const { content } = reader.way;
  const way = await look.wayOf(info);
  const isUnlocked = content.blind && !way.content.blind;
  const isRekeyed = !content.fits(info.keyring);
  // What was sealed under a key that was not known yet was folded as unreadable.
  const isReadableNow = isRekeyed && reader.base.newerKey !== undefined;
  // By the base: a new epoch that could not be entered must be found again next time.
  const isAnother = isUnlocked || isReadableNow || info.epoch !== reader.base.epoch;
  [reader.way, reader.infoText, reader.infoTag] = [way, got.body, isAnother ? undefined : got.tag];
  return isAnother;
}

/** Drops the base and the tail and reads what is there from nothing: a new epoch, or another history. */
export async function enter<S>(
  look: Looking<S>,
  before: Reader<S>,
  head: Head | undefined,
): Promise<Polled<S>> {
  const { way, infoText: body, infoTag } = before;
  const { info } = way;
  const reader = {
    ...emptyOf(way, { body, tag: infoTag ?? "" }),
    infoTag,
    headTag: before.headTag,
    headKey: before.headKey,
  };
  const polled = polledOf(reader, {
    isNew: true,
    checked: true,
    newEpoch: before.base.epoch !== info.epoch,
  });
  const began = look.remote.now();
  const hint = head?.epoch === info.epoch && head.snapshot > 0 ? head : undefined;
  const from = (through: Key) =>
    listAfter({
      order: info.order,
      through,
      listedAt: undefined,
      now: look.remote.now(),
      check: false,
    });
  const after = hint && from(hint.through);
  const [layers, first] = await Promise.all([
    listByHint(look, way, hint?.snapshot ?? 0),
    listUpdates(look, info.epoch, after),
  ]);
  const caught = await fromNothing(look, way, layers);
  reader.base = caught.base;
  polled.layers.push(...caught.read);
  const { generation, through } = caught.base;
  reader.stamp = layers.stamps.get(generation);
  reader.snapshot = Math.max(0, ...[...layers.snapshots.keys()].filter((one) => one <= generation));
  // A hint beyond the chain would have hidden updates: list again from what the chain says.
  const least = from(through);
  const listed = (after ?? -1) > (least ?? -1) ? await listUpdates(look, info.epoch, least) : first;
  await takeListing(look, reader, { listed, began }, polled);
  reader.lastCheck = look.clock.monotonic();
  // From one epoch to the next all that was covered is carried over; what a late roll-up has still added to an epoch that is named as an old one
  // is swept.
  const isNext = info.oldEpochs.some(({ epoch }) => epoch === before.base.epoch);
  const lost = lacking(reader, before.base.covered);
  if (!isNext && !lost.isEmpty) polled.lost = lost;
  return polled;
}

/** The store holds another history: it is read from nothing. */
export async function enterRestored<S>(
  look: Looking<S>,
  before: Reader<S>,
  head: Head | undefined,
): Promise<Polled<S>> {
  const polled = await enter(look, before, head);
  const gone = lacking(polled.reader, idsOf(before.tail.values()));
  polled.lost = gone.union(polled.lost ?? gone);
  return polled;
}
