/**
 * How far the segments and snapshots of a space were followed: everything of a base but its state. It knows which segment comes
 * next, and what stands in the header of the snapshot after it.
 *
 * @module
 */

import { Covered } from "../core/covered.ts";
import type { Epoch, Generation, Key } from "../core/ids.ts";
import { KEY_MAX } from "../core/ids.ts";
import type { Order } from "../core/order.ts";
import type { IcecoreError } from "../errors.ts";
import { corrupt } from "./faults.ts";
import { layerPath } from "./paths.ts";
import type { Segment, SegmentHeader } from "./segment.ts";
import type { Snapshot } from "./snapshot.ts";
import type { SpaceInfo } from "./space.ts";

/** How far below and above `through` keys are remembered as covered: as deep as regular listings look back. */
export const RECENT_WINDOW_MS = 600_000;

/** How many keys are remembered; of more the newest are kept. */
export const RECENT_KEYS_MAX = 20_000;

/** Where the segments and snapshots that were read end. Nothing changes one: each step makes a new one. */
export interface Chain {
  /** The space. */
  readonly space: string;
  /** The epoch. */
  readonly epoch: Epoch;
  /** What decides the order of its updates. */
  readonly order: Order;
  /** The newest segment; 0 before the first. */
  readonly generation: Generation;
  /** How far that segment reaches. */
  readonly through: Key;
  /** When all of `updates/` was last listed; 0 for never. */
  readonly fullAt: number;
  /** The digest of that segment; none before the first. */
  readonly digest: string | undefined;
  /** The ids that are covered. Not to be changed. */
  readonly covered: Covered;
  /** How many updates the state stands for. */
  readonly count: number;
  /** Keys of covered objects that a listing may still show. */
  readonly recent: ReadonlySet<Key>;
  /** Whether a segment since the snapshot was rolled up by who could not fold it. */
  readonly blind: boolean;
  /** The newest version of the model that segments and snapshots name. */
  readonly modelVersion: number;
}

/** Before the first segment. */
export function startOfChain(info: SpaceInfo): Chain {
  return {
    space: info.space,
    epoch: info.epoch,
    order: info.order,
    generation: 0,
    through: 0,
    fullAt: 0,
    digest: undefined,
    covered: new Covered(),
    count: 0,
    recent: new Set(),
    blind: false,
    modelVersion: 0,
  };
}

/**
 * After a snapshot.
 *
 * @throws IcecoreError `corrupt` with code `chain` where it is of another space, epoch or model.
 */
export function chainAfterSnapshot({ header }: Snapshot, info: SpaceInfo): Chain {
  const { space, epoch } = info;
  if (header.space !== space || header.epoch !== epoch || header.model !== info.model.name) {
    throw broken("snapshot", startOfChain(info), header.snapshot, "space, epoch or model");
  }
  return {
    space,
    epoch,
    order: info.order,
    generation: header.snapshot,
    through: header.through,
    fullAt: header.fullAt,
    digest: header.segment,
    covered: header.covered,
    count: header.count,
    recent: new Set(header.recent),
    blind: false,
    modelVersion: header.modelVersion,
  };
}

/**
 * After the next segment. `entryVersion` is the newest version of the model that its entries name.
 *
 * @throws IcecoreError `corrupt` with code `chain` where it is not the next one of this chain (I1 to I4, I15).
 */
export function chainAfterSegment(chain: Chain, segment: Segment, entryVersion: number): Chain {
  const { header, entries, digest } = segment;
  checkNext(chain, header, entryVersion);
  const covered = chain.covered.union(header.carried).union(header.covered);
  return {
    ...chain,
    generation: header.segment,
    through: header.through,
    fullAt: header.fullAt,
    digest,
    covered,
    count: (header.base?.count ?? chain.count) + header.count,
    recent: remember(
      chain,
      header.through,
      entries.map(({ key }) => key),
    ),
    blind: chain.blind || header.blind,
    modelVersion: Math.max(chain.modelVersion, header.modelVersion),
  };
}

function checkNext(chain: Chain, header: SegmentHeader, entryVersion: number): void {
  const { segment, covered, carried } = header;
  // A writer that knows of no version says 0, which is as good as 1.
  const version = Math.max(header.modelVersion, 1);
  const wrong = [
    header.space !== chain.space && "space",
    header.epoch !== chain.epoch && "epoch",
    segment !== chain.generation + 1 && "segment",
    header.previous !== chain.digest && "previous",
    version < Math.max(chain.modelVersion, entryVersion) && "model_version",
    (chain.covered.overlaps(covered) || carried.overlaps(covered)) && "covered",
    segment > 1 && (header.base || !carried.isEmpty) && "base",
    header.count !== covered.count && "count",
  ].find(Boolean);
  if (wrong) throw broken("segment", chain, segment, String(wrong));
}

/** What is remembered after a segment. In a sequenced space `through` says it all. */
function remember(chain: Chain, through: Key, keys: readonly Key[]): ReadonlySet<Key> {
  if (chain.order === "sequence") return chain.recent;
  const from = through - RECENT_WINDOW_MS;
  const to = Math.min(through + RECENT_WINDOW_MS, KEY_MAX);
  // One that only a wrong clock gives would be remembered until its time has come.
  const near = [...new Set([...chain.recent, ...keys])].filter((key) => key >= from && key <= to);
  return new Set(near.sort((a, b) => a - b).slice(-RECENT_KEYS_MAX));
}

export function broken(
  what: "segment" | "snapshot",
  { space, epoch }: Chain,
  generation: Generation,
  fault: string,
): IcecoreError {
  return corrupt({ what, path: layerPath(space, epoch, `${what}s`, generation) }, fault, "chain");
}
