/**
 * Writing snapshots.
 *
 * @module
 */

import { canonical } from "../core/json.ts";
import { conflictsJson, rejectedJson, touchedJson } from "../core/summary-text.ts";
import type { Packed } from "./layer.ts";
import { FORMAT_VERSION } from "./members.ts";
import { packLayer } from "./pack.ts";
import type { Platform } from "./platform.ts";
import type { SnapshotHeader } from "./snapshot.ts";

/** The text of a header without `sealed`, or with it: what a sealed state is bound to. */
export function writeSnapshotHeader(header: SnapshotHeader): string {
  const { rejected, conflicts, touched } = header.summary;
  let before = 0;
  const differences = header.recent.map((key) => {
    const difference = key - before;
    before = key;
    return difference;
  });
  let text = `{"v":${FORMAT_VERSION},"snapshot":${header.snapshot},"space":"${header.space}","epoch":"${header.epoch}"`;
  text += `,"segment":"${header.segment}","through":${header.through},"full_at":${header.fullAt}`;
  text += `,"model":${canonical(header.model)},"model_version":${header.modelVersion}`;
  text += `,"count":${header.count},"covered":${header.covered.toText()},"recent":[${differences.join(",")}]`;
  text += `,"rejected":${rejectedJson(rejected)},"conflicts":${conflictsJson(conflicts)}`;
  if (touched.size > 0) text += `,"touched":${touchedJson(touched)}`;
  return `${text}${header.sealed === undefined ? "" : `,"sealed":${header.sealed}`}}`;
}

/**
 * Packs a snapshot: the text of its header, and the line of its state.
 *
 * @throws IcecoreError as {@link packLayer}.
 */
export function writeSnapshot(
  headerLine: string,
  stateLine: string,
  platform: Platform,
): Promise<Packed> {
  return packLayer([headerLine, stateLine], platform);
}
