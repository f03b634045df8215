/**
 * What it costs to try a passphrase.
 *
 * @module
 */

import { keyringInvalid, tooExpensive } from "./faults.ts";
import type { PassphraseCost } from "./port.ts";

/** 64 MiB, 3 passes: the second of the choices that RFC 9106 recommends, with one lane. */
export const COST_DEFAULT: PassphraseCost = { memoryKib: 65_536, passes: 3, lanes: 1 };

/**
 * Whether a cost is within what Argon2id can do and what a reader does: a hostile bucket could ask for more.
 *
 * @throws IcecoreError `corrupt` with code `keyring-too-expensive`; `invalid` with code `keyring-invalid` below one pass, one lane, or
 * 8 KiB for each lane.
 */
export function checkCost({ memoryKib, passes, lanes }: PassphraseCost): void {
  if (memoryKib > 262_144 || passes > 10 || lanes > 8) throw tooExpensive();
  const areWhole = [memoryKib, passes, lanes].every(Number.isInteger);
  if (!areWhole || passes < 1 || lanes < 1 || memoryKib < 8 * lanes) {
    throw keyringInvalid("a passphrase needs a pass, a lane, and 8 KiB for each lane");
  }
}
