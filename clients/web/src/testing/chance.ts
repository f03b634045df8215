/**
 * Chance that is the same in each run of a test.
 *
 * @module
 */

import type { Chance } from "../ports.ts";

/** The state of a generator never becomes a fixed point by this step (Weyl sequence). */
const STEP = 0x6d2b79f5;

/** Numbers that look random and depend on `seed` alone: for tests, never for keys. */
export function seededChance(seed = 1): Chance {
  let state = seed >>> 0;
  const word = (): number => {
    state = (state + STEP) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return (mixed ^ (mixed >>> 14)) >>> 0;
  };
  return {
    below: (count) => Math.floor((word() / 0x1_0000_0000) * count),
    bytes: (length) => Uint8Array.from({ length }, () => word() & 0xff),
  };
}
