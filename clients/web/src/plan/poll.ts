/**
 * When to look whether something changed, and how far to look.
 *
 * @module
 */

import type { Key } from "../core/ids.ts";
import type { Order } from "../core/order.ts";
import type { Chain } from "../objects/chain.ts";
import type { Head } from "../objects/head.ts";
import { clampKey, type Draw, isAhead } from "./key.ts";
import type { Pace } from "./pace.ts";

/** How often updates are listed even where the head did not change, in milliseconds. */
export const SAFETY_MS = 60_000;

/** How often `space.json` and the segments are looked at even where the head did not change. */
export const CHECK_MS = 600_000;

/** How far before the last complete listing the next one starts. */
export const OVERLAP_MS = 60_000;

/** How far below `through` a roll-up lists. */
export const LOOK_BACK_MS = 600_000;

/** The longest pause between two polls, however many have failed. */
export const PAUSE_MAX_MS = 300_000;

/** What the next poll depends on. */
export interface PollFacts {
  /** Whether people can see the page. */
  readonly isVisible: boolean;
  /** Milliseconds since something last came, was written, or a person came back to the page. */
  readonly quietMs: number;
  /** How many polls in a row have failed. */
  readonly failures: number;
  /** How long the other side asked to wait, where it did. */
  readonly retryAfterMs?: number | undefined;
}

/**
 * Milliseconds from one poll to the next, spread by a tenth to both sides, so that pages that were opened together do not poll
 * together. After failures it is longer, and never less than what the other side asked for.
 */
export function pauseMs(facts: PollFacts, pace: Pace, draw: Draw): number {
  const { isVisible, quietMs, failures } = facts;
  const isActive = quietMs < pace.activeForMs;
  const usual = !isVisible ? pace.hiddenMs : isActive ? pace.activeMs : pace.idleMs;
  const slowed = Math.min(usual * 2 ** Math.min(failures, 16), Math.max(usual, PAUSE_MAX_MS));
  const tenth = Math.floor(slowed / 10);
  return Math.max(slowed - tenth + draw(0, 2 * tenth), facts.retryAfterMs ?? 0);
}

/** What a poll has found so far, and when it was last looked further; times by the monotonic clock. */
export interface LookFacts {
  /** Now. */
  readonly now: number;
  /** When updates were last listed; `undefined` for never. */
  readonly lastList: number | undefined;
  /** When segments and `space.json` were last looked at. */
  readonly lastCheck: number | undefined;
  /** Whether the head is another one than before, or is gone. */
  readonly isChanged: boolean;
  /** Whether it says less than before: {@link isBack}. */
  readonly isBack: boolean;
  /** Everything is looked at, due or not. */
  readonly isForced?: boolean;
}

/** How far to look: list the updates; look at `space.json` and the segments first. */
export interface Depth {
  /** List the updates. */
  readonly list: boolean;
  /** Look at `space.json` and the segments, too, even where the head names none that is newer. */
  readonly check: boolean;
}

/** How far a poll looks beyond the head. */
export function depthOf(facts: LookFacts): Depth {
  const { now, isChanged, isForced = false } = facts;
  const waited = (last: number | undefined, every: number): boolean =>
    last === undefined || now - last >= every;
  const check = isForced || (isChanged && facts.isBack) || waited(facts.lastCheck, CHECK_MS);
  return { list: check || isChanged || waited(facts.lastList, SAFETY_MS), check };
}

/**
 * Whether a changed head says less than one before: then the bucket may have been put back to an older state. `headKey` is the greatest
 * key that a head has named; `hadHead` whether there was one.
 */
export function isBack(
  head: Head | undefined,
  chain: Pick<Chain, "generation">,
  headKey: Key,
  hadHead: boolean,
): boolean {
  return head === undefined ? hadHead : head.generation <= chain.generation && head.key < headKey;
}

/** Where the next listing of updates starts. */
export interface ListFacts {
  /** The order of the space. */
  readonly order: Order;
  /** How far its segments reach. */
  readonly through: Key;
  /** The server's time when the last complete listing began; `undefined` where there was none. */
  readonly listedAt: number | undefined;
  /** The server's time. */
  readonly now: number;
  /** Whether the segments are looked at, too. */
  readonly check: boolean;
}

/** The key after which the next listing of updates starts; `undefined`: at the first one. */
export function listAfter({ order, through, listedAt, now, check }: ListFacts): Key | undefined {
  if (order === "sequence") return through > 0 ? through : undefined;
  const before = (time: number): number => clampKey(Math.min(time, now) - OVERLAP_MS);
  // What lies in the future is a wrong clock's, and says nothing.
  const byThrough = isAhead(through, now) ? 0 : before(through);
  const byListing = listedAt === undefined || listedAt > now ? byThrough : before(listedAt);
  const after = check ? Math.min(byThrough, byListing) : byListing;
  return after > 0 ? after : undefined;
}
