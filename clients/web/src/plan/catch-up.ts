/**
 * The cheaper way from what a replica has to the newest generation.
 *
 * @module
 */

import type { Generation } from "../core/ids.ts";
import { IcecoreError } from "../errors.ts";

/** What to read, in this order. */
export interface CatchUp {
  /** Start over from this snapshot; `undefined`: go on from the own generation. */
  readonly snapshot: Generation | undefined;
  /** Then fold these segments. */
  readonly segments: readonly Generation[];
}

/** Generations of a listing, with their sizes as stored. */
export type Sizes = ReadonlyMap<Generation, number>;

/**
 * Chooses by the listed sizes: the segments after `have`, or the newest snapshot and the segments after it. A gap in the segments
 * leaves only the snapshot.
 *
 * @throws IcecoreError `corrupt` with code `chain`, and the segment that is missing, where neither way has all that it needs.
 */
export function planCatchUp(have: Generation, snapshots: Sizes, segments: Sizes): CatchUp {
  const last = greatest(0, segments);
  const newest = greatest(have, snapshots);
  const size = newest > have ? snapshots.get(newest) : undefined;
  // Segments that end before the newest snapshot are no way to the newest generation: some are not listed.
  const bySegments = newest > Math.max(have, last) ? undefined : runAfter(have, last, segments);
  const rest = size === undefined ? undefined : runAfter(newest, last, segments);
  // Who has nothing takes the snapshot, cheaper or not: it tells whether the model is the one that wrote it.
  const isCheaper =
    size === undefined ||
    rest === undefined ||
    (have > 0 && bySegments !== undefined && bySegments.bytes <= size + rest.bytes);
  if (bySegments && isCheaper) return { snapshot: undefined, segments: bySegments.segments };
  if (rest) return { snapshot: newest, segments: rest.segments };
  throw missing(newest, segments);
}

function greatest(least: Generation, sizes: Sizes): Generation {
  let greatest = least;
  for (const generation of sizes.keys()) greatest = Math.max(greatest, generation);
  return greatest;
}

/** The segments after `have` up to the last, and their bytes; `undefined` where one is missing. */
function runAfter(
  have: Generation,
  last: Generation,
  sizes: Sizes,
): { readonly segments: Generation[]; readonly bytes: number } | undefined {
  const segments: Generation[] = [];
  let bytes = 0;
  for (let at = have + 1; at <= last; at += 1) {
    const size = sizes.get(at);
    if (size === undefined) return undefined;
    segments.push(at);
    bytes += size;
  }
  return { segments, bytes };
}

function missing(after: Generation, segments: Sizes): IcecoreError {
  let segment = after + 1;
  while (segments.has(segment)) segment += 1;
  return new IcecoreError(
    "corrupt",
    "chain",
    "a segment is missing, and no snapshot stands for it",
    {
      hint: "run `icecore verify`; restore the object from a backup or a versioned bucket",
      params: { segment },
    },
  );
}
