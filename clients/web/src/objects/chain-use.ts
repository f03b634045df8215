/**
 * What a chain is asked once it was followed: the header of its next snapshot, and which keys it covers.
 *
 * @module
 */

import { KEY_MAX, type Key } from "../core/ids.ts";
import type { Summary } from "../core/summary.ts";
import { AHEAD_MS_MAX, clampKey } from "../plan/key.ts";
import { broken, type Chain, RECENT_WINDOW_MS } from "./chain.ts";
import type { SnapshotHeader } from "./snapshot.ts";

/** How a state is described in the header of the snapshot of this chain. */
export interface StateOf {
  /** The model's name. */
  readonly model: string;
  /** The version of the form of the state. */
  readonly modelVersion: number;
  /** What is said of it; nothing where it is sealed. */
  readonly summary: Summary;
  /** The number of the key under which it is sealed. */
  readonly sealed: number | undefined;
}

/** The header of the snapshot here; `undefined` before the first segment. */
export function snapshotHeader(chain: Chain, state: StateOf): SnapshotHeader | undefined {
  const { digest } = chain;
  return digest === undefined
    ? undefined
    : {
        snapshot: chain.generation,
        space: chain.space,
        epoch: chain.epoch,
        segment: digest,
        through: chain.through,
        fullAt: chain.fullAt,
        model: state.model,
        modelVersion: state.modelVersion,
        count: chain.count,
        covered: chain.covered,
        recent: [...chain.recent],
        summary: state.summary,
        sealed: state.sealed,
      };
}

/**
 * Whether a snapshot stands for the segments that this chain stands for (I6).
 *
 * @throws IcecoreError `corrupt` with code `chain`.
 */
export function checkSnapshot(chain: Chain, header: SnapshotHeader): void {
  const fits =
    header.snapshot === chain.generation &&
    header.segment === chain.digest &&
    header.count === chain.count &&
    header.covered.toText() === chain.covered.toText();
  if (!fits) throw broken("snapshot", chain, header.snapshot, "other segments");
}

/**
 * The key above which a writer of a timestamp space goes on, whatever its clock shows: `through`, and what is remembered just above
 * it. A key that is remembered and was pruned looks free, and is read by nobody.
 */
export function reachedBy(chain: Chain): Key {
  let reached = chain.through;
  for (const key of chain.recent) {
    if (key <= chain.through + AHEAD_MS_MAX && key > reached) reached = key;
  }
  return reached;
}

/**
 * Whether the object of this key, stored at `lastModified`, is known to be covered. One that was stored well after the roll-up is
 * another one: its key was pruned, and a writer that had been stalled found it free.
 */
export function isKnownTo(chain: Chain, key: Key, lastModified: number): boolean {
  return chain.order === "sequence"
    ? key <= chain.through
    : chain.recent.has(key) &&
        clampKey(lastModified) <= Math.min(chain.through + RECENT_WINDOW_MS, KEY_MAX);
}
