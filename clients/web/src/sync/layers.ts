/**
 * Segments and snapshots: from what one has to the newest generation, and whether the store still holds what was folded.
 *
 * @module
 */

import type { Generation } from "../core/ids.ts";
import { asError, IcecoreError, isKind } from "../errors.ts";
import type { Bytes } from "../objects/layer.ts";
import { layerPath } from "../objects/paths.ts";
import { readSegment, type Segment } from "../objects/segment.ts";
import { readSnapshot, type Snapshot, type SnapshotHeader } from "../objects/snapshot.ts";
import { type CatchUp, planCatchUp } from "../plan/catch-up.ts";
import { type Base, baseOf, foldSegment, initialBase } from "./base.ts";
import { infoIn, type LayerList, type Looking, listLayers } from "./look.ts";
import type { Way } from "./reader.ts";

/** How often everything is listed again when a listing does not fit what is found: the two listings of one look are not of one moment. */
const RELISTS_MAX = 3;

/** Segments that are read ahead while one is folded. */
const SEGMENTS_AHEAD = 8;

/** A segment or snapshot that was read, as it is stored: a replica keeps it. */
export interface LayerBytes {
  readonly generation: Generation;
  readonly isSnapshot: boolean;
  readonly bytes: Bytes;
  /** Of a segment, what it holds. */
  readonly segment: Segment | undefined;
}

/** What catching up came to. */
export interface Caught<S> {
  readonly base: Base<S>;
  /** What was read, in the order in which it was folded. */
  readonly read: readonly LayerBytes[];
}

type Folder = "segments" | "snapshots";

/** Reads an object that was listed. */
async function readLayer<S, T>(
  look: Looking<S>,
  { info }: Way<S>,
  [folder, generation]: readonly [Folder, Generation],
  parse: (bytes: Bytes, path: string) => Promise<T>,
): Promise<{ layer: T; bytes: Bytes }> {
  const path = layerPath(info.space, info.epoch, folder, generation);
  const got = await look.remote.get(path, look.signal);
  if (!got) {
    throw new IcecoreError("not_found", "layer-gone", "a listed object is gone", { object: path });
  }
  return { layer: await parse(got.bytes, path), bytes: got.bytes };
}

/** Whether an object says that it is of another generation than its path. */
function misplaced(path: string): IcecoreError {
  return new IcecoreError("corrupt", "chain", "an object says that it is of another generation", {
    object: path,
    hint: "run `icecore verify`",
  });
}

/**
 * Reads a segment, and checks it in itself.
 *
 * @throws IcecoreError `not_found`, `corrupt`; as {@link Looking.remote}.
 */
export async function segmentAt<S>(
  look: Looking<S>,
  way: Way<S>,
  generation: Generation,
): Promise<{ layer: Segment; bytes: Bytes }> {
  return readLayer(look, way, ["segments", generation], async (bytes, path) => {
    const segment = await readSegment(bytes, { platform: look.platform, path });
    if (segment.header.segment !== generation) throw misplaced(path);
    return segment;
  });
}

export async function snapshotAt<S>(
  look: Looking<S>,
  way: Way<S>,
  generation: Generation,
): Promise<{ layer: Snapshot; bytes: Bytes }> {
  return readLayer(look, way, ["snapshots", generation], async (bytes, path) => {
    const snapshot = await readSnapshot(bytes, { platform: look.platform, path });
    if (snapshot.header.snapshot !== generation) throw misplaced(path);
    return snapshot;
  });
}

/** Why a plan was not followed to its end. */
class Detour {
  /** This snapshot is of no use: another way may lead there. */
  readonly unusable: Generation | undefined;
  /** Of a state that does not fit the model: what it said. */
  readonly misfit: SnapshotHeader | undefined;
  readonly error: IcecoreError;

  constructor(error: IcecoreError, unusable?: Generation, misfit?: SnapshotHeader) {
    this.error = error;
    this.unusable = unusable;
    this.misfit = misfit;
  }
}

/**
 * Brings a base to the newest listed generation by the cheaper way. A snapshot that cannot be read is passed over for an older one, or for the
 * segments; one that a newer program wrote is not: folding on without it would show another state.
 *
 * @throws IcecoreError `corrupt`, `invalid` with code `newer-model` or `newer-format`; as {@link Looking.remote}.
 */
export async function catchUp<S>(
  look: Looking<S>,
  way: Way<S>,
  from: Base<S>,
  list: LayerList,
): Promise<Caught<S>> {
  let listed = list;
  let progress: { base: Base<S>; read: LayerBytes[] } = { base: from, read: [] };
  const unusable = new Set<Generation>();
  let misfit: Detour | undefined;
  let mayRestart = from.generation === 0;
  for (let looks = 0; ; looks += 1) {
    try {
      await follow(look, way, planned(progress.base, listed), progress);
      if (misfit?.misfit && rejectsMore(progress.base, misfit.misfit)) throw misfit.error;
      return progress;
    } catch (thrown) {
      if (thrown instanceof Detour) {
        if (thrown.misfit) misfit = thrown;
        if (thrown.unusable !== undefined) unusable.add(thrown.unusable);
        else if (looks >= RELISTS_MAX) throw await whyGone(look, way, thrown.error);
      } else if (isKind(thrown, "corrupt") && mayRestart) {
        // Read in part before the store was put back, and in part after? Once more from nothing tells.
        mayRestart = false;
        progress = { base: from, read: [] };
      } else {
        throw thrown;
      }
    }
    const newest = looks < RELISTS_MAX ? await listLayers(look, way.info.epoch, 0) : listed;
    const snapshots = new Map(
      [...newest.snapshots].filter(([generation]) => !unusable.has(generation)),
    );
    listed = { ...newest, snapshots };
  }
}

function planned<S>(base: Base<S>, { snapshots, segments }: LayerList): CatchUp {
  try {
    return planCatchUp(base.generation, snapshots, segments);
  } catch (error) {
    throw new Detour(asError(error));
  }
}

async function follow<S>(
  look: Looking<S>,
  way: Way<S>,
  { snapshot: first, segments }: CatchUp,
  progress: { base: Base<S>; read: LayerBytes[] },
): Promise<void> {
  const ahead: Promise<{ layer: Segment; bytes: Bytes }>[] = [];
  const readAhead = () => {
    const next = segments[ahead.length];
    if (next === undefined) return;
    const reading = segmentAt(look, way, next);
    // Whoever comes to it is told.
    reading.catch(() => undefined);
    ahead.push(reading);
  };
  for (let n = 0; n < SEGMENTS_AHEAD; n += 1) readAhead();
  if (first !== undefined) {
    const { base, bytes } = await begin(look, way, first);
    progress.base = base;
    progress.read.push({ generation: first, isSnapshot: true, bytes, segment: undefined });
  }
  for (let n = 0; n < segments.length; n += 1) {
    const { layer: segment, bytes } = await (ahead[n] ?? Promise.reject(misplaced(""))).catch(gone);
    readAhead();
    progress.base = await foldSegment(way, progress.base, segment, look.pause);
    progress.read.push({ generation: progress.base.generation, isSnapshot: false, bytes, segment });
  }
}

/** A segment that stays away although later ones are listed breaks the chain. */
function gone(error: unknown): never {
  if (!isKind(error, "not_found")) throw error;
  const { object } = asError(error);
  throw new Detour(
    new IcecoreError("corrupt", "chain", "a segment is missing", {
      object,
      hint: "run `icecore verify`; restore the object from a backup or a versioned bucket",
    }),
  );
}

/** The base of a snapshot. */
async function begin<S>(
  look: Looking<S>,
  way: Way<S>,
  generation: Generation,
): Promise<{ base: Base<S>; bytes: Bytes }> {
  let header: SnapshotHeader | undefined;
  try {
    const { layer, bytes } = await snapshotAt(look, way, generation);
    ({ header } = layer);
    const base = await baseOf(way, layer);
    if (base) return { base, bytes };
  } catch (thrown) {
    const error = asError(thrown);
    if (error.kind === "not_found") throw new Detour(error);
    if (error.kind !== "corrupt" && error.code !== "layer-too-large") throw error;
    throw new Detour(error, generation, error.code === "misfit" ? header : undefined);
  }
  // It cannot be upgraded.
  throw new Detour(misplaced(""), generation);
}

/**
 * Where a snapshot did not fit the model and its history was folded anew: a model that rejects more of it than the one that wrote the snapshot
 * is another one, whatever its version says.
 */
function rejectsMore<S>({ folded }: Base<S>, { covered, summary }: SnapshotHeader): boolean {
  const rejected = folded.rejected.list.filter(({ id }) => covered.has(id.author, id.seq));
  return rejected.length > summary.rejected.count;
}

/** What is not there may have been removed with its epoch, while whoever reads slept: that is no broken history. */
async function whyGone<S>(
  { remote, signal }: Looking<S>,
  { info }: Way<S>,
  error: IcecoreError,
): Promise<IcecoreError> {
  const got = await remote.info(undefined, signal);
  const isSame =
    got === undefined || got === "unchanged" || infoIn(got.body, info.space).epoch === info.epoch;
  return isSame
    ? error
    : new IcecoreError(
        "unavailable",
        "epoch-entered",
        "the space has entered another epoch while it was read",
        {
          object: info.space,
          hint: "try again: it is read in the new one",
        },
      );
}

/** Where to start listing for a reader that has nothing: just before the snapshot that the head names. The hint is not trusted. */
export async function listByHint<S>(
  look: Looking<S>,
  { info }: Way<S>,
  hint: Generation,
): Promise<LayerList> {
  const listed = await listLayers(look, info.epoch, Math.max(hint - 1, 0));
  const isThere = listed.snapshots.has(hint) && listed.segments.has(hint);
  return hint === 0 || isThere ? listed : listLayers(look, info.epoch, 0);
}

/** The base of what a store holds from nothing. */
export function fromNothing<S>(
  look: Looking<S>,
  way: Way<S>,
  listed: LayerList,
): Promise<Caught<S>> {
  return catchUp(look, way, initialBase(way), listed);
}
