/**
 * How far a local is, and why it is stuck.
 *
 * @module
 */

import { Covered } from "../core/covered.ts";
import type { Folded } from "../core/fold.ts";
import { parseJson } from "../core/json.ts";
import type { Pending } from "./append.ts";
import type { Local } from "./local.ts";
import { lacking } from "./reader.ts";
import type { SessionStatus } from "./report.ts";

/** Looking at all rules takes time: how many are broken after so many updates. */
const known = new WeakMap<object, { readonly after: number; readonly conflicts: number }>();

function conflictsOf<S>(folded: Folded<S>): number {
  const after = folded.count;
  const before = known.get(folded);
  if (before?.after === after) return before.conflicts;
  const conflicts = folded.conflicts().length;
  known.set(folded, { after, conflicts });
  return conflicts;
}

/** The status of a local, as it is known without any request. */
export function statusOf<S>(local: Local<S>, pending: readonly Pending[]): SessionStatus {
  const { reader, view, restored, writer } = local;
  const { folded } = view;
  const unreadable = [...(reader?.tail.values() ?? [])].flatMap(({ key, fault }) =>
    fault ? [{ key, code: fault }] : [],
  );
  // What was published again since the last look is not missing any more.
  const missing =
    restored && reader ? lacking(reader, Covered.parse(parseJson(restored.missing))).count : 0;
  const times = pending.map(({ at }) => at);
  return {
    author: writer.author,
    unsent: pending.length,
    oldestUnsentAt: times.length > 0 ? Math.min(...times) : undefined,
    refused: local.kept.length,
    lost: local.lost.length,
    rejected: folded.rejected.count,
    conflicts: conflictsOf(folded),
    gaps: reader?.gaps ?? [],
    unreadable,
    restored: restored && missing > 0 ? { noticedAt: restored.at, missing } : undefined,
    needsVersion: view.needsVersion ?? local.needs,
    locked: reader?.way.content.blind ?? false,
    barred: local.barred,
    epoch: reader?.base.epoch,
    generation: reader?.base.generation ?? 0,
    modelVersion: folded.model.version,
    syncedAt: local.syncedAt,
    listedAt: reader?.listedAt,
  };
}
