/**
 * Values of which the last modification counts, whatever order the modifications arrive in: what `icecore::Latest` is in Rust.
 */

import type { Meta } from "icecore";
import { date } from "icecore/typed";

/** How far ahead of its key an update's own time may be: a day. Phones are wrong by time zones, not by more. */
const AHEAD_MAX = 24 * 60 * 60 * 1_000;

/** When a value was modified. Where two clocks say the same, the author and its counter decide, so that all devices settle on one. */
export type Modified = { readonly at: number; readonly author: string; readonly seq: number };

/** A value with the time of its modification; null as long as nobody has set it. */
export type Latest<T> = { readonly modified: Modified; readonly value: T } | null;

/**
 * When an update happened, by its own `at`; `undefined` where that is no time. One that is too far ahead counts as made when it arrived, by the
 * server's clock: else a device whose clock is a year ahead would set a name that nobody could change for a year.
 */
export function modifiedBy({ at, author, seq, key }: Meta): Modified | undefined {
  let millis: number;
  try {
    millis = date.restore({ $date: at }).getTime();
  } catch {
    return undefined;
  }
  return { at: millis - key > AHEAD_MAX ? key : millis, author, seq };
}

/** The one that was set last. */
export function offer<T>(latest: Latest<T>, value: T, modified: Modified): Latest<T> {
  return latest === null || isBefore(latest.modified, modified) ? { modified, value } : latest;
}

function isBefore(one: Modified, other: Modified): boolean {
  if (one.at !== other.at) return one.at < other.at;
  return one.author === other.author ? one.seq < other.seq : one.author < other.author;
}
