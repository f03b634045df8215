/**
 * Whether the store still holds the history that was folded: a bucket may be put back to an older state.
 *
 * @module
 */

import { isKind } from "../errors.ts";
import type { Base } from "./base.ts";
import { isSameTag } from "./gone.ts";
import { segmentAt, snapshotAt } from "./layers.ts";
import type { LayerList, Looking } from "./look.ts";
import type { Stamp, Way } from "./reader.ts";

/**
 * Whether the store still holds the segment that a base ends with, and what listings say of it. `listed` are those from this one on; `known` is
 * what they said of it before. A copied bucket gives other tags to the same bytes, so where they differ the segment is read: what counts is its
 * digest. One that cannot be read is damaged, and no other history.
 */
export async function isContinued<S>(
  look: Looking<S>,
  way: Way<S>,
  base: Base<S>,
  { listed, known }: { readonly listed: LayerList; readonly known: Stamp | undefined },
): Promise<{ isSame: boolean; stamp: Stamp | undefined }> {
  const own = base.generation;
  const stamp = listed.stamps.get(own);
  const isOf = async (reading: Promise<string>): Promise<boolean> => {
    try {
      return (await reading) === base.digest;
    } catch (error) {
      if (isKind(error, "unavailable", "denied")) throw error;
      return true;
    }
  };
  if (own === 0) return { isSame: true, stamp: known };
  if (!stamp) {
    // The newest segment is never removed; earlier ones may be, where a snapshot stands for them.
    const isSame = listed.snapshots.has(own)
      ? await isOf(snapshotAt(look, way, own).then(({ layer }) => layer.header.segment))
      : listed.segments.size > 0;
    return { isSame, stamp: known };
  }
  if (known?.bytes === stamp.bytes && isSameTag(known.tag, stamp.tag))
    return { isSame: true, stamp };
  const isSame = await isOf(segmentAt(look, way, own).then(({ layer }) => layer.digest));
  return { isSame, stamp: isSame ? stamp : known };
}
