/**
 * All that a client lacks, in one answer: the look of the gateway in memory.
 *
 * @module
 */

import { isEpoch } from "../core/ids.ts";
import { fromBytes } from "../core/utf8.ts";
import { headIn } from "../objects/head.ts";
import {
  folderPath,
  generationName,
  generationOfName,
  headPath,
  keyName,
  keyOfName,
  spacePath,
} from "../objects/paths.ts";
import type { SpaceInfo } from "../objects/space.ts";
import type { BucketObject, MemoryBucket } from "./bucket.ts";
import { asIs, type Fields, fieldsOf, isInt, isWord } from "./fields.ts";

/** A request that is presigned with the answer. */
export type LookOp =
  | { readonly op: "get"; readonly path: string }
  | { readonly op: "list"; readonly folder: string; readonly after?: string; readonly flat: false };

/** What a client says that it has. */
interface Wish {
  readonly generation: number | undefined;
  readonly after: number | undefined;
  readonly known: ReadonlySet<number>;
  readonly check: boolean;
}

/** A look, but for the requests that are to be presigned. */
export interface Looked {
  /** The member `found` without `urls`. */
  readonly found: object;
  /** What is to be presigned. */
  readonly ops: readonly LookOp[];
}

/** How much a look describes; as the real gateway does. */
const UPDATES_MAX = 2_000;
const LAYERS_MAX = 5_000;
const INLINE_BYTES_MAX = 16_384;
const INLINE_TOTAL_MAX = 1_048_576;
const OPS_MAX = 1_000;
const OVERLAP_MS = 60_000;
const POLL_BACK_MS = 120_000;

function wishOf(look: Fields, info: SpaceInfo): Wish {
  look.only("have", "check");
  const have = look.maybe("have", asIs);
  const check = look.maybe("check", (value) => value === true) ?? false;
  const none: Wish = { generation: undefined, after: undefined, known: new Set(), check };
  if (have === undefined) {
    return none;
  }
  const fields = fieldsOf(have, "look.have");
  fields.only("epoch", "generation", "updates_after", "known");
  const epoch = fields.need("epoch", isWord);
  const known = fields.list("known").filter((key) => typeof key === "number");
  const generation = fields.need("generation", isInt);
  if (!isEpoch(epoch) || epoch !== info.epoch) {
    return { ...none, known: new Set(known) };
  }
  const after = fields.maybe("updates_after", asIs);
  return {
    generation,
    after: typeof after === "number" ? after : undefined,
    known: new Set(known),
    check,
  };
}

function stored(object: BucketObject): Readonly<Record<string, unknown>> {
  return {
    body: fromBytes(object.bytes),
    e_tag: object.tag,
    last_modified: object.lastModified,
  };
}

/** What of a folder comes after `after`, by number. */
function listed(
  bucket: MemoryBucket,
  folder: string,
  after: string | undefined,
  numberOf: (name: string) => number | undefined,
): [number, BucketObject][] {
  const prefix = `${folder}/`;
  const page = bucket.list(prefix, prefix + (after ?? ""), Number.POSITIVE_INFINITY);
  return page.objects.flatMap(([path, object]) => {
    const number = numberOf(path.slice(prefix.length));
    return number === undefined ? [] : [[number, object] as [number, BucketObject]];
  });
}

/** Takes a look at a space whose `space.json` says `info`, at the gateway's time `now`. */
export function takeLook(bucket: MemoryBucket, info: SpaceInfo, look: Fields, now: number): Looked {
  const wish = wishOf(look, info);
  const { space, epoch } = info;
  const folder = (name: "updates" | "segments" | "snapshots"): string =>
    folderPath(space, epoch, name);
  const head = bucket.get(headPath(space));
  const hint = head && headIn(head.bytes);
  const { layersAfter, updatesAfter } = starts(wish, info, hint, now);
  const found: { space?: unknown; head?: unknown; layers?: unknown; updates?: unknown } = {};
  const ops: LookOp[] = [];

  const own = bucket.get(spacePath(space));
  if (own !== undefined) {
    found.space = stored(own);
  }
  if (head !== undefined) {
    found.head = stored(head);
  }
  let newest: number | undefined;
  const reads: string[] = [];
  if (layersAfter !== undefined) {
    const start = layersAfter > 0 ? generationName(layersAfter) : undefined;
    const segments = listed(bucket, folder("segments"), start, generationOfName);
    const snapshots = listed(bucket, folder("snapshots"), start, generationOfName);
    if (Math.max(segments.length, snapshots.length) <= LAYERS_MAX) {
      const items = (all: [number, BucketObject][]): unknown =>
        all.map(([generation, object]) => ({
          generation,
          bytes: object.bytes.length,
          last_modified: object.lastModified,
          e_tag: object.tag,
        }));
      found.layers = {
        after: layersAfter,
        segments: items(segments),
        snapshots: items(snapshots),
      };
      newest = segments.at(-1)?.[0];
      reads.push(...layersToRead(wish, segments, snapshots, folder));
    }
  }
  const startName = updatesAfter === undefined ? undefined : keyName(updatesAfter);
  const updates = listed(bucket, folder("updates"), startName, keyOfName);
  if (updates.length <= UPDATES_MAX) {
    const { objects, unsent } = withBodies(updates, wish.known);
    found.updates = { ...(updatesAfter === undefined ? {} : { after: updatesAfter }), objects };
    reads.push(...unsent.map((key) => `${folder("updates")}/${keyName(key)}`));
  }
  ops.push(...polls(info, { updatesAfter, now, newest: newest ?? wish.generation ?? 0 }));
  ops.push(...reads.map((path): LookOp => ({ op: "get", path })));
  return { found, ops: ops.slice(0, OPS_MAX) };
}

function starts(
  wish: Wish,
  info: SpaceInfo,
  hint: ReturnType<typeof headIn>,
  now: number,
): { layersAfter: number | undefined; updatesAfter: number | undefined } {
  if (wish.generation !== undefined) {
    const ahead = hint !== undefined && hint.generation > wish.generation;
    const layersAfter = wish.check || ahead ? Math.max(0, wish.generation - 1) : undefined;
    return { layersAfter, updatesAfter: wish.after };
  }
  if (hint === undefined || hint.epoch !== info.epoch || hint.snapshot === 0) {
    return { layersAfter: 0, updatesAfter: undefined };
  }
  const layersAfter = hint.snapshot - 1;
  if (info.order === "sequence") {
    return { layersAfter, updatesAfter: hint.through > 0 ? hint.through : undefined };
  }
  // Twice: a client's clock may be a little behind this one.
  const from = Math.min(hint.through, now) - 2 * OVERLAP_MS;
  return { layersAfter, updatesAfter: from > 0 ? from : undefined };
}

/** The layers that a client will read: the newest snapshot and the segments after it, or those after its own where these are smaller. */
function layersToRead(
  wish: Wish,
  segments: [number, BucketObject][],
  snapshots: [number, BucketObject][],
  folder: (name: "segments" | "snapshots") => string,
): string[] {
  const have = wish.generation ?? 0;
  const snapshot = snapshots.at(-1);
  const path = (name: "segments" | "snapshots", generation: number): string =>
    `${folder(name)}/${generationName(generation)}`;
  const after = (generation: number): [number, BucketObject][] =>
    segments.filter(([of]) => of > generation);
  const bytes = (all: [number, BucketObject][]): number =>
    all.reduce((sum, [, object]) => sum + object.bytes.length, 0);
  const paths = (all: [number, BucketObject][]): string[] =>
    all.map(([of]) => path("segments", of));
  if (snapshot === undefined || snapshot[0] <= have) {
    return paths(after(have));
  }
  const rest = after(snapshot[0]);
  const bySnapshot = snapshot[1].bytes.length + bytes(rest);
  return have > 0 && bytes(after(have)) <= bySnapshot
    ? paths(after(have))
    : [path("snapshots", snapshot[0]), ...paths(rest)];
}

function withBodies(
  updates: [number, BucketObject][],
  known: ReadonlySet<number>,
): { objects: unknown[]; unsent: number[] } {
  let total = 0;
  const unsent: number[] = [];
  const objects = updates.map(([key, object]) => {
    const bytes = object.bytes.length;
    const author = object.headers["x-amz-meta-author"];
    const item = { key, bytes, last_modified: object.lastModified, e_tag: object.tag };
    if (known.has(key)) {
      return item;
    }
    total += bytes <= INLINE_BYTES_MAX ? bytes : 0;
    if (bytes <= INLINE_BYTES_MAX && total <= INLINE_TOTAL_MAX) {
      try {
        const body = fromBytes(object.bytes);
        return { ...item, body, ...(author === undefined ? {} : { author }) };
      } catch {
        // One that is no text is the client's matter.
      }
    }
    unsent.push(key);
    return item;
  });
  return { objects, unsent };
}

/** What a client polls until it comes back. */
function polls(
  { space, epoch, order }: SpaceInfo,
  at: {
    readonly updatesAfter: number | undefined;
    readonly now: number;
    readonly newest: number;
  },
): LookOp[] {
  const list = (folder: string, after: string | undefined): LookOp =>
    after === undefined
      ? { op: "list", folder, flat: false }
      : { op: "list", folder, after, flat: false };
  const from = Math.max(0, at.newest - 1);
  const layersAfter = from > 0 ? generationName(from) : undefined;
  const recent = order === "sequence" ? at.updatesAfter : at.now - POLL_BACK_MS;
  const earliest =
    at.updatesAfter === undefined || recent === undefined
      ? undefined
      : Math.min(at.updatesAfter, recent);
  const updates = (after: number | undefined): LookOp =>
    list(folderPath(space, epoch, "updates"), after === undefined ? undefined : keyName(after));
  return [
    { op: "get", path: headPath(space) },
    { op: "get", path: spacePath(space) },
    updates(recent),
    updates(earliest),
    list(folderPath(space, epoch, "segments"), layersAfter),
    list(folderPath(space, epoch, "snapshots"), layersAfter),
  ];
}
