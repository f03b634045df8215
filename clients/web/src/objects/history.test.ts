import { gunzipSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import { cases } from "../../test/vectors.ts";
import { Folded, restoreFold } from "../core/fold.ts";
import { gaps } from "../core/gaps.ts";
import { idText } from "../core/ids.ts";
import type { Json } from "../core/json.ts";
import { sortTail, type Visible } from "../core/order.ts";
import { modelVersionOf } from "../core/update.ts";
import { toBytes } from "../core/utf8.ts";
import { documentModel } from "../models/document.ts";
import { logModel } from "../models/log.ts";
import type { Model } from "../models/model.ts";
import { type Chain, chainAfterSegment, chainAfterSnapshot, startOfChain } from "./chain.ts";
import { checkSnapshot, snapshotHeader } from "./chain-use.ts";
import { plainContent } from "./content.ts";
import { readHead, writeHead } from "./head.ts";
import { layerPath, updatePath } from "./paths.ts";
import { platformOf } from "./platform.ts";
import { readSegment, type Segment } from "./segment.ts";
import { readSnapshot } from "./snapshot.ts";
import { readSpace, type SpaceInfo } from "./space.ts";
import { readUpdateObject, type UpdateObject } from "./update-object.ts";
import { writeSegment } from "./write-segment.ts";
import { writeSnapshot, writeSnapshotHeader } from "./write-snapshot.ts";

interface Story {
  readonly name: string;
  readonly space: string;
  readonly updates: readonly {
    readonly key: number;
    readonly path: string;
    readonly last_modified: number;
    readonly text: string;
  }[];
  readonly rollups: readonly {
    readonly path: string;
    readonly segment: readonly string[];
    readonly digest: string;
    readonly snapshot_path: string;
    readonly snapshot: readonly string[];
  }[];
  readonly head: string;
  readonly tail: readonly string[];
  readonly state: string;
}

const platform = platformOf(globalThis.crypto.subtle);

const stored = (lines: readonly string[]) => toBytes(lines.map((line) => `${line}\n`).join(""));

const linesOf = (packed: Uint8Array): string[] =>
  gunzipSync(packed).toString("utf8").split("\n").slice(0, -1);

/** Of a text that begins an epoch: JSON values of both models are read and written alike here. */
function modelOf({ model }: SpaceInfo): Model<Json> {
  const made: unknown = model.name === "log" ? logModel : documentModel(model.settings);
  return made as Model<Json>;
}

async function foldSegment(before: Folded<Json>, segment: Segment): Promise<Folded<Json>> {
  const { base } = segment.header;
  let folded = before;
  if (base && segment.baseState !== undefined) {
    const state = await plainContent.openState(segment.baseState, base.sealed, "", 2 ** 20);
    const restored = restoreFold(before.model, { ...base, ...state, isFinal: true });
    if (!restored) throw new Error("the base state is not restored");
    folded = restored;
  }
  for (const entry of await plainContent.open(segment.entries)) folded.fold(entry);
  return folded;
}

const versionOf = (segment: Segment): number =>
  Math.max(0, ...segment.entries.map(({ update }) => modelVersionOf(update)));

describe.each(cases<Story>("history", "stories"))("$name", (story) => {
  const info = readSpace(story.space);
  const model = modelOf(info);

  async function play(): Promise<{ readonly chain: Chain; readonly folded: Folded<Json> }> {
    let chain = startOfChain(info);
    let folded = new Folded<Json>(model);
    for (const rollup of story.rollups) {
      const segment = await readSegment(stored(rollup.segment), { platform });
      chain = chainAfterSegment(chain, segment, versionOf(segment));
      folded = await foldSegment(folded, segment);
      if (rollup.snapshot.length === 0) continue;
      const header = snapshotHeader(chain, {
        model: model.name,
        modelVersion: model.version,
        summary: folded.summary(),
        sealed: undefined,
      });
      if (!header) throw new Error("no segment, no snapshot");
      const packed = await writeSnapshot(writeSnapshotHeader(header), folded.stateText(), platform);
      expect(linesOf(packed.bytes)).toEqual(rollup.snapshot);
    }
    return { chain, folded };
  }

  test("segments are read, folded and followed; snapshots have these very bytes", async () => {
    const { chain, folded } = await play();
    expect(chain.generation).toBe(story.rollups.length);
    expect(chain.count).toBe(folded.count);
  });

  test("segments are written again as they stand, under these paths", async () => {
    for (const [n, { path, segment, digest }] of story.rollups.entries()) {
      const read = await readSegment(stored(segment), { platform });
      const packed = await writeSegment(read, platform);
      expect(linesOf(packed.bytes)).toEqual(segment);
      expect(packed.digest).toBe(digest);
      expect(layerPath(info.space, info.epoch, "segments", n + 1)).toBe(path);
    }
  });

  test("who begins with a snapshot comes to the same", async () => {
    const { chain, folded } = await play();
    const last = story.rollups.at(-1);
    if (!last || last.snapshot.length === 0) return;
    expect(layerPath(info.space, info.epoch, "snapshots", chain.generation)).toBe(
      last.snapshot_path,
    );
    const snapshot = await readSnapshot(stored(last.snapshot), { platform });
    checkSnapshot(chain, snapshot.header);
    const after = chainAfterSnapshot(snapshot, info);
    expect({ ...after, covered: after.covered.toText() }).toEqual({
      ...chain,
      covered: chain.covered.toText(),
    });
    const { modelVersion, count, summary } = snapshot.header;
    const { rejected, touched } = summary;
    const state = snapshot.stateLine;
    const restored = restoreFold(model, {
      modelVersion,
      state,
      count,
      rejected,
      touched,
      isFinal: false,
    });
    expect(restored?.stateText()).toBe(folded.stateText());
    expect(restored?.summary()).toEqual(folded.summary());
  });

  test("the tail comes last", async () => {
    const { chain, folded } = await play();
    const objects = new Map<number, UpdateObject>();
    for (const { key, path, text } of story.updates) {
      expect(updatePath(info.space, info.epoch, key)).toBe(path);
      objects.set(key, readUpdateObject(text, path));
    }
    const visible: Visible[] = [...objects].map(([key, { author, seq, updates }]) => ({
      key,
      author,
      seq,
      count: updates.length,
    }));
    const places = sortTail(info.order, visible, chain.covered, { through: chain.through });
    expect(places.map(idText)).toEqual(story.tail);
    expect(gaps(visible, chain.covered)).toEqual([]);
    for (const { author, seq, key } of places) {
      const object = objects.get(key);
      folded.fold({ author, seq, key, update: object?.updates[seq - object.seq] ?? "" });
    }
    expect(folded.stateText()).toBe(story.state);
  });

  test("the head is written as it stands", () => {
    if (story.head !== "") expect(writeHead(readHead(story.head))).toBe(story.head);
  });
});
