/**
 * Packing the state after a generation.
 *
 * @module
 */

import type { Summary } from "../core/summary.ts";
import { summaryJson } from "../core/summary-text.ts";
import { snapshotHeader } from "../objects/chain-use.ts";
import type { Packed } from "../objects/layer.ts";
import type { Platform } from "../objects/platform.ts";
import { writeSnapshot, writeSnapshotHeader } from "../objects/write-snapshot.ts";
import type { Base } from "./base.ts";
import type { Way } from "./reader.ts";

/**
 * Packs the snapshot of a base; `undefined` before the first segment.
 *
 * @throws IcecoreError `denied` with code `locked`; `corrupt` with code `inconsistent`.
 */
export async function packSnapshot<S>(
  { content, model }: Way<S>,
  base: Base<S>,
  platform: Platform,
): Promise<Packed | undefined> {
  base.folded.ensureConsistent();
  const said = base.folded.summary();
  const nothing: Summary = { rejected: { count: 0, list: [] }, conflicts: [], touched: new Map() };
  const header = snapshotHeader(base, {
    model: model.name,
    modelVersion: model.version,
    summary: content.sealed ? nothing : said,
    sealed: content.newestKey,
  });
  if (!header) return undefined;
  const line = writeSnapshotHeader(header);
  const state = base.folded.stateText();
  const sealed = content.sealed ? content.sealState(state, summaryJson(said), line) : state;
  return writeSnapshot(line, await sealed, platform);
}
