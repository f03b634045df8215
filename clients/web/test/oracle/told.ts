/**
 * What this client makes of a story, from the segments that the oracle wrote and the update objects alone.
 *
 * @module
 */

import { gunzipSync } from "node:zlib";
import { type Entry, Folded, restoreFold } from "../../src/core/fold.ts";
import { gaps } from "../../src/core/gaps.ts";
import { canonical, type Json, parseJson } from "../../src/core/json.ts";
import { sortTail, type Visible } from "../../src/core/order.ts";
import { readSummary, type Summary } from "../../src/core/summary.ts";
import { summaryJson } from "../../src/core/summary-text.ts";
import { modelVersionOf } from "../../src/core/update.ts";
import { documentModel } from "../../src/models/document.ts";
import { logModel } from "../../src/models/log.ts";
import type { Model } from "../../src/models/model.ts";
import { type Chain, chainAfterSegment, startOfChain } from "../../src/objects/chain.ts";
import { snapshotHeader } from "../../src/objects/chain-use.ts";
import type { Content } from "../../src/objects/content.ts";
import { type Platform, platformOf } from "../../src/objects/platform.ts";
import { readSegment, type Segment } from "../../src/objects/segment.ts";
import { readSnapshot } from "../../src/objects/snapshot.ts";
import { readSpace, type SpaceInfo } from "../../src/objects/space.ts";
import { readUpdateObject, type UpdateObject } from "../../src/objects/update-object.ts";
import { writeSnapshot, writeSnapshotHeader } from "../../src/objects/write-snapshot.ts";
import { writeSpace } from "../../src/objects/write-space.ts";
import type { StoredText, Story } from "./histories.ts";
import { ask } from "./oracle.ts";
import { typedMembers } from "./typed.ts";

/** A step as the oracle tells of it. */
export interface ToldStep {
  readonly nothing?: true;
  readonly epoch: string;
  readonly digest: string;
  readonly segment: string;
  readonly snapshot: string;
  readonly snapshot_digest: string;
}

/** The form that both answers have. */
export interface Told {
  readonly steps: readonly ToldStep[];
  readonly base: string;
  readonly covered: unknown;
  readonly tail: readonly unknown[];
  readonly gaps: readonly unknown[];
  readonly state: string;
  readonly rejected: unknown;
  readonly conflicts: unknown;
  readonly touched: unknown;
  readonly typed: unknown;
}

/** Where a story is, step by step. */
interface Reader {
  info: SpaceInfo;
  chain: Chain;
  folded: Folded<Json>;
}

/** For stored bytes that are unpacked already: so many gzip streams take most of the time else. */
export const platform: Platform = platformOf(undefined);

/** The bytes of a base64 text, unpacked. */
export function unpacked(base64: string): Uint8Array<ArrayBuffer> {
  return new Uint8Array(gunzipSync(Buffer.from(base64, "base64")));
}

function modelOf({ model }: SpaceInfo): Model<Json> {
  const made: unknown = model.name === "log" ? logModel : documentModel(model.settings);
  return made as Model<Json>;
}

function start(info: SpaceInfo): Reader {
  return { info, chain: startOfChain(info), folded: new Folded<Json>(modelOf(info)) };
}

async function foldSegment(reader: Reader, segment: Segment, content: Content): Promise<void> {
  const { base } = segment.header;
  if (base && segment.baseState !== undefined) {
    const about = baseAbout(segment);
    const state = await content.openState(segment.baseState, base.sealed, about, 2 ** 30);
    const { rejected, touched } =
      state.summary === undefined ? base : readSummary(parseJson(state.summary));
    const restored = restoreFold(reader.folded.model, {
      ...base,
      ...state,
      rejected,
      touched,
      isFinal: true,
    });
    if (!restored) throw new Error("the base state is not restored");
    reader.folded = restored;
  }
  for (const entry of await content.open(segment.entries)) reader.folded.fold(entry);
}

function baseAbout({ header: { base } }: Segment): string {
  return base ? `["base","${base.epoch}",${base.count},${base.modelVersion}]` : "";
}

/** The snapshot after the segments so far must have the digest that the oracle's has, and open to the same. */
async function checkSnapshotOf(reader: Reader, step: ToldStep): Promise<void> {
  const { chain, folded } = reader;
  const header = snapshotHeader(chain, {
    model: folded.model.name,
    modelVersion: folded.model.version,
    summary: folded.summary(),
    sealed: undefined,
  });
  if (!header) throw new Error("no segment, no snapshot");
  const packed = await writeSnapshot(writeSnapshotHeader(header), folded.stateText(), platform);
  if (packed.digest !== step.snapshot_digest) {
    const theirs = new TextDecoder().decode(unpacked(step.snapshot));
    const ours = gunzipSync(packed.bytes).toString("utf8");
    throw new Error(`another snapshot:\n${ours}\n${theirs}`);
  }
  const snapshot = await readSnapshot(unpacked(step.snapshot), { platform });
  const { modelVersion, count, summary } = snapshot.header;
  const opened = restoreFold(folded.model, {
    modelVersion,
    state: snapshot.stateLine,
    count,
    rejected: summary.rejected,
    touched: summary.touched,
    isFinal: false,
  });
  if (opened?.stateText() !== folded.stateText())
    throw new Error("the snapshot opens to another state");
}

const NOTHING: Summary = { rejected: { count: 0, list: [] }, conflicts: [], touched: new Map() };

/**
 * No two seals of a state are the same: each opens what the other one sealed, beside the same header. The oracle does so with the last of a story
 * alone, for it takes long.
 */
async function checkSealedSnapshotOf(
  { info, chain, folded }: Reader,
  step: ToldStep,
  content: Content,
  { secret, isLast }: { readonly secret: string; readonly isLast: boolean },
): Promise<void> {
  const { name, version } = folded.model;
  const sealed = content.newestKey;
  const header = snapshotHeader(chain, {
    model: name,
    modelVersion: version,
    summary: NOTHING,
    sealed,
  });
  if (!header) throw new Error("no segment, no snapshot");
  const line = writeSnapshotHeader(header);
  const theirs = new TextDecoder().decode(unpacked(step.snapshot));
  if (!theirs.startsWith(`${line}\n`)) throw new Error(`another header:\n${line}\n${theirs}`);
  const snapshot = await readSnapshot(unpacked(step.snapshot), { platform });
  const summary = summaryJson(folded.summary());
  const opened = await content.openState(snapshot.stateLine, sealed, line, 2 ** 30);
  if (opened.state !== folded.stateText() || opened.summary !== summary)
    throw new Error(`the snapshot opens to another state:\n${opened.summary}\n${summary}`);
  if (!isLast) return;
  const ours = await writeSnapshot(
    line,
    await content.sealState(folded.stateText(), summary, line),
    platform,
  );
  const snapshotText = Buffer.from(ours.bytes).toString("base64");
  const told = ask({ ask: "restoring", space: writeSpace(info), secret, snapshot: snapshotText });
  const { ok, error } = told as { ok?: { state: string } & object; error?: string };
  const { state, ...rest } = ok ?? { state: error };
  if (state !== folded.stateText())
    throw new Error(`our snapshot opens to another state: ${state}`);
  if (canonicalOf(rest) !== canonicalOf({ ...NOTHING_TOLD, ...JSON.parse(summary) }))
    throw new Error(`our snapshot says something else: ${canonicalOf(rest)} ${summary}`);
}

const NOTHING_TOLD = { touched: {} };

function canonicalOf(json: object): string {
  return canonical(json as Json);
}

async function follow(story: Story, steps: readonly ToldStep[], content: Content): Promise<Reader> {
  let reader = start(readSpace(story.space));
  const last = steps.findLastIndex(({ nothing }) => !nothing);
  for (const [n, step] of steps.entries()) {
    if (step.nothing) continue;
    const asked = story.steps[n];
    if (asked !== undefined && "compress" in asked) {
      const info = { ...reader.info, epoch: step.epoch as SpaceInfo["epoch"] };
      reader = start(info);
    }
    const segment = await readSegment(unpacked(step.segment), { platform });
    const version = Math.max(0, ...segment.entries.map(({ update }) => modelVersionOf(update)));
    reader.chain = chainAfterSegment(reader.chain, segment, version);
    await foldSegment(reader, segment, content);
    if (story.secret === undefined) await checkSnapshotOf(reader, step);
    else {
      const how = { secret: story.secret, isLast: n === last };
      await checkSealedSnapshotOf(reader, step, content, how);
    }
  }
  return reader;
}

function objectsOf(updates: readonly StoredText[]): Map<number, UpdateObject> {
  const objects = new Map<number, UpdateObject>();
  for (const { key, text } of updates) {
    try {
      objects.set(key, readUpdateObject(text));
    } catch {
      // Whoever cannot read it passes over it; that both cannot is shown by what comes of it.
    }
  }
  return objects;
}

/**
 * Follows the segments of the oracle's answer, then adds the tail; the answer in the oracle's form.
 *
 * @throws Error where a segment or a snapshot is not what this client makes of the same.
 */
export async function tell(
  story: Story,
  steps: readonly ToldStep[],
  content: Content,
): Promise<Told> {
  const reader = await follow(story, steps, content);
  const { chain, folded, info } = reader;
  const base = folded.stateText();
  const objects = objectsOf(story.updates);
  const visible: Visible[] = [...objects].map(([key, { author, seq, updates }]) => ({
    key,
    author,
    seq,
    count: updates.length,
  }));
  const places = sortTail(info.order, visible, chain.covered);
  const stored = places.map(({ author, seq, key }) => {
    const object = objects.get(key);
    return { author, seq, key, update: object?.updates[seq - object.seq] ?? "" };
  });
  const entries: readonly Entry[] = await content.open(stored);
  for (const entry of entries) folded.fold(entry);
  const summary = JSON.parse(summaryJson(folded.summary())) as Record<string, unknown>;
  return {
    steps,
    base,
    covered: JSON.parse(chain.covered.toText()),
    tail: places.map(({ effective, author, seq, key }) => [effective, author, seq, key]),
    gaps: gaps(visible, chain.covered),
    state: folded.stateText(),
    rejected: summary["rejected"],
    conflicts: summary["conflicts"],
    touched: summary["touched"] ?? {},
    typed: story.typed ? typedMembers(folded.stateText()) : null,
  };
}
