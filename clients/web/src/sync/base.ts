/**
 * The covered part of a space: the state after a generation, from segments or from a snapshot.
 *
 * @module
 */

import { Folded, restoreFold } from "../core/fold.ts";
import { canonical, parseJson } from "../core/json.ts";
import { readSummary, type Summary } from "../core/summary.ts";
import { modelVersionOf } from "../core/update.ts";
import { misfit, newerModel } from "../models/model.ts";
import {
  type Chain,
  chainAfterSegment,
  chainAfterSnapshot,
  startOfChain,
} from "../objects/chain.ts";
import type { StoredEntry } from "../objects/content.ts";
import { UNPACKED_BYTES_MAX } from "../objects/layer.ts";
import { baseContext, type Segment } from "../objects/segment.ts";
import type { Snapshot } from "../objects/snapshot.ts";
import type { Way } from "./reader.ts";

/** So many updates are folded in one go. */
const FOLDED_AT_ONCE = 1_000;

/** The state after a generation, with all that is needed to go on from there. Never changed: folding makes another one. */
export interface Base<S> extends Chain {
  /** The newest key that an update was sealed under and that the keyring did not have. */
  readonly newerKey: number | undefined;
  /** The state. Nothing is folded where no key is at hand. */
  readonly folded: Folded<S>;
}

/** Before the first segment. */
export function initialBase<S>({ info, model }: Way<S>): Base<S> {
  return { ...startOfChain(info), newerKey: undefined, folded: new Folded(model) };
}

/**
 * From a snapshot; `undefined` where an older version of the model wrote it and the state must be rebuilt from the segments. `isTrusted`: this
 * program has read it before, and need not see whether the model writes it again byte for byte.
 *
 * @throws IcecoreError `corrupt` where it is inconsistent or of another space, epoch or model, with code `misfit` where the state is not what the
 * model writes; `invalid` with code `newer-model`.
 */
export async function baseOf<S>(
  way: Way<S>,
  snapshot: Snapshot,
  isTrusted = false,
): Promise<Base<S> | undefined> {
  const chain = chainAfterSnapshot(snapshot, way.info);
  const { header, headerLine: about, stateLine: line } = snapshot;
  const folded = await stateOf(
    way,
    { ...header, ...header.summary, line, about },
    isTrusted,
    false,
  );
  return folded && { ...chain, newerKey: undefined, folded };
}

/** A state as it is stored, and what is said of it. */
interface Stored extends Pick<Summary, "rejected" | "touched"> {
  readonly line: string;
  /** What it is bound to, where it is sealed. */
  readonly about: string;
  readonly modelVersion: number;
  readonly sealed: number | undefined;
  readonly count: number;
}

async function stateOf<S>(
  { content, model }: Way<S>,
  stored: Stored,
  isTrusted: boolean,
  isFinal: boolean,
): Promise<Folded<S> | undefined> {
  if (content.blind) return new Folded(model);
  const { modelVersion, count } = stored;
  const opened = await content.openState(
    stored.line,
    stored.sealed,
    stored.about,
    UNPACKED_BYTES_MAX,
  );
  const { state } = opened;
  const { rejected, touched } =
    opened.summary === undefined ? stored : readSummary(parseJson(opened.summary));
  const folded = restoreFold(model, { modelVersion, state, count, rejected, touched, isFinal });
  // What the model passes over would be lost with the next snapshot, without a word.
  if (folded && modelVersion >= model.version && !isTrusted) {
    const text = folded.stateText();
    if (text !== state && text !== canonical(parseJson(state))) throw misfit(model.name);
  }
  return folded;
}

/**
 * The base after the next segment.
 *
 * @throws IcecoreError `corrupt` where it is not the next one of this chain; `invalid` with code `newer-model`.
 */
export async function foldSegment<S>(
  way: Way<S>,
  base: Base<S>,
  segment: Segment,
  pause: () => Promise<void>,
): Promise<Base<S>> {
  const { content, model } = way;
  const { header, entries, baseState: line } = segment;
  const chain = chainAfterSegment(base, segment, newestOf(entries));
  if (!content.blind && header.modelVersion > model.version) {
    throw newerModel(model.name, header.modelVersion, model.version);
  }
  let { folded, newerKey } = base;
  if (header.base && line !== undefined) {
    const stored = { ...header.base, line, about: baseContext(header.base) };
    const begun = await stateOf(way, stored, false, true);
    // Its history is gone: there is nothing to fold anew.
    if (!begun) throw misfit(model.name);
    folded = begun;
  }
  if (entries.length > 0 && !content.blind) {
    folded = folded.fork();
    for (let from = 0; from < entries.length; from += FOLDED_AT_ONCE) {
      if (from > 0) await pause();
      for (const entry of await content.open(entries.slice(from, from + FOLDED_AT_ONCE))) {
        if (entry.newerKey !== undefined) newerKey = Math.max(newerKey ?? 0, entry.newerKey);
        folded.fold(entry);
      }
    }
  }
  return { ...chain, newerKey, folded };
}

/** The newest version of the model that wrote these. */
function newestOf(entries: readonly StoredEntry[]): number {
  return entries.reduce((newest, { update }) => Math.max(newest, modelVersionOf(update)), 0);
}
