/**
 * Which key a new update object gets.
 *
 * @module
 */

import { type Epoch, type Generation, KEY_MAX, type Key } from "../core/ids.ts";

/** A key this far ahead of the server's time counts as unseen: one bad clock does not drag the others along. */
export const AHEAD_MS_MAX = 120_000;

/** A `through` this far ahead still carries a writer along whose clock is behind; one further ahead is a wrong clock's. */
export const CARRIED_MS_MAX = 2_592_000_000;

/** The widest stride of a bump. */
export const STRIDE_MAX = 8192;

/** Draws an integer, both ends included. */
export type Draw = (min: number, max: number) => number;

/** What one author knows of keys, for a gateway that chooses the next one. */
export interface KeyHints {
  /** The last key that it wrote. */
  readonly ownLast?: Key | undefined;
  /** The largest key that it has seen. */
  readonly seen: Key;
  /** How far the segments reach. */
  readonly reached: Key;
  /** How far apart it tries after collisions. */
  readonly stride: number;
}

/**
 * One author's choice of keys in one space. After collisions the stride stays wide for the next update and narrows with every
 * clean write: under contention the writers spread out instead of meeting again at the same millisecond.
 */
export class KeyClock {
  #ownLast: Key | undefined;
  #seen: Key;
  #reached: Key;
  #stride: number;
  #known: ReadonlySet<Key> = new Set();
  #knownOf = "";

  /** Goes on from what is known. */
  constructor(hints: Partial<KeyHints> = {}) {
    this.#ownLast = hints.ownLast;
    this.#seen = hints.seen ?? 0;
    this.#reached = hints.reached ?? 0;
    this.#stride = Math.min(Math.max(hints.stride ?? 1, 1), STRIDE_MAX);
  }

  /** What it has come to. */
  get hints(): KeyHints {
    return {
      ownLast: this.#ownLast,
      seen: this.#seen,
      reached: this.#reached,
      stride: this.#stride,
    };
  }

  /** The first key to try at the server's time `now`; `draw` picks a place in the stride. */
  first(now: number, draw: Draw): Key {
    const time = clampKey(now);
    const after = (key: Key): Key => (key > time + AHEAD_MS_MAX ? 0 : plus(key, 1));
    const carries = this.#reached > 0 && this.#reached <= time + CARRIED_MS_MAX;
    const least = Math.max(
      time,
      after(this.#seen),
      this.#ownLast === undefined ? 0 : after(this.#ownLast),
      carries ? plus(this.#reached, 1) : 0,
    );
    return this.#unknownFrom(this.#stride > 2 ? plus(least, draw(0, this.#stride)) : least);
  }

  /** The key after a collision at `taken`. */
  bump(taken: Key, draw: Draw): Key {
    this.#stride = Math.min(this.#stride * 2, STRIDE_MAX);
    return this.#unknownFrom(plus(taken, draw(1, this.#stride)));
  }

  /** Notes a key of this author that is stored; `isClean` where the first try went through. */
  wrote(key: Key, isClean: boolean): void {
    this.#ownLast = key;
    if (isClean) {
      this.#stride = Math.max(this.#stride - Math.floor(this.#stride / 4) - 1, 1);
    }
  }

  /** Notes a key that was seen. */
  saw(key: Key, now: number): void {
    if (!isAhead(key, now)) this.#seen = Math.max(this.#seen, key);
  }

  /** Notes how far the segments of a timestamp space reach: a clock that is behind is carried up to it. */
  reached(through: Key): void {
    this.#reached = Math.max(this.#reached, through);
  }

  /**
   * Notes the keys that the base of this generation remembers. An object under one of them would count as rolled up, and be read by
   * nobody; in an epoch that continues another one they look free.
   */
  remember(epoch: Epoch, generation: Generation, keys: ReadonlySet<Key>): void {
    const base = `${epoch} ${generation}`;
    if (base === this.#knownOf) return;
    this.#knownOf = base;
    this.#known = keys;
  }

  /** Whether an object under this key would count as rolled up. */
  isKnown(key: Key): boolean {
    return this.#known.has(key);
  }

  /** The greatest key that the base remembers, but for those of wrong clocks. */
  lastKnown(now: number): Key | undefined {
    let last: Key | undefined;
    for (const key of this.#known) {
      if (!isAhead(key, now) && (last === undefined || key > last)) last = key;
    }
    return last;
  }

  /** Forgets the author for another one, and keeps what was seen. */
  forAuthor(ownLast: Key | undefined): void {
    this.#ownLast = ownLast;
  }

  #unknownFrom(key: Key): Key {
    let free = key;
    while (free < KEY_MAX && this.#known.has(free)) free += 1;
    return free;
  }
}

/** Whether a key, or a `through`, is further ahead of the server's time than clocks differ. */
export function isAhead(key: Key, now: number): boolean {
  return key > plus(clampKey(now), AHEAD_MS_MAX);
}

/** How far segments reach that say `through`: one that is ahead of the time says nothing, and everything is looked at. */
export function vouched(through: Key, now: number): Key {
  return isAhead(through, now) ? 0 : through;
}

/** A time as a key; times outside the range of keys count as its ends. */
export function clampKey(time: number): Key {
  return Math.min(Math.max(Math.floor(time), 0), KEY_MAX);
}

function plus(key: Key, more: number): Key {
  return Math.min(key + more, KEY_MAX);
}
