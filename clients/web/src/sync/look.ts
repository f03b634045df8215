/**
 * One look at a space: its listings and objects, as far as one answer of the gateway brought them, else one by one.
 *
 * @module
 */

import type { Epoch, Generation, Key } from "../core/ids.ts";
import {
  folderPath,
  generationName,
  generationOfName,
  keyName,
  keyOfName,
} from "../objects/paths.ts";
import type { Platform } from "../objects/platform.ts";
import { readSpace, type SpaceInfo } from "../objects/space.ts";
import type { LayerAnswer, UpdateAnswer } from "../objects/wire.ts";
import type { Clock } from "../ports.ts";
import type { Found, Remote } from "../wire/remote.ts";
import { spaceErased } from "./faults.ts";
import type { Stamp, Way } from "./reader.ts";

/** What a look is taken with. */
export interface Looking<S> {
  readonly remote: Remote;
  readonly clock: Clock;
  readonly platform: Platform;
  readonly signal: AbortSignal;
  /** How the space is read that this `space.json` describes. */
  readonly wayOf: (info: SpaceInfo) => Promise<Way<S>>;
  /** Lets the page do something else between two stretches of long work. */
  readonly pause: () => Promise<void>;
  /** What the gateway told of this look. Each listing is used once: another one has to be newer. */
  answer: { epoch: Epoch; layers: Found["layers"]; updates: Found["updates"] } | undefined;
}

/** The segments and snapshots of an epoch, as listed: the bytes of each. */
export interface LayerList {
  readonly segments: Map<Generation, number>;
  readonly snapshots: Map<Generation, number>;
  readonly stamps: Map<Generation, Stamp>;
}

/**
 * What `space.json` says.
 *
 * @throws IcecoreError as {@link readSpace}; `not_found` with code `space-erased`.
 */
export function infoIn(text: string, space: string): SpaceInfo {
  const info = readSpace(text, space);
  if (info.erasedAt !== undefined) throw spaceErased(space, info.erasedAt);
  return info;
}

/** Keeps the listings of an answer for this look. */
export function prepare<S>(look: Looking<S>, found: Found, epoch: Epoch): void {
  look.answer = { epoch, layers: found.layers, updates: found.updates };
}

/** Lists the segments and snapshots after a generation. */
export async function listLayers<S>(
  look: Looking<S>,
  epoch: Epoch,
  after: Generation,
): Promise<LayerList> {
  const told = look.answer?.epoch === epoch ? look.answer.layers : undefined;
  if (look.answer) look.answer.layers = undefined;
  const list = async (folder: "segments" | "snapshots"): Promise<readonly LayerAnswer[]> => {
    if (told && told.after <= after)
      return told[folder].filter(({ generation }) => generation > after);
    const from = after > 0 ? generationName(after) : undefined;
    const listed = await look.remote.list(
      folderPath(look.remote.space, epoch, folder),
      from,
      look.signal,
    );
    return listed.flatMap((item) => {
      const generation = generationOfName(item.name);
      return generation === undefined ? [] : [{ ...item, generation }];
    });
  };
  const [snapshots, segments] = await Promise.all([list("snapshots"), list("segments")]);
  const sizes = (items: readonly LayerAnswer[]) =>
    new Map(items.map(({ generation, bytes }) => [generation, bytes]));
  return {
    segments: sizes(segments),
    snapshots: sizes(snapshots),
    stamps: new Map(segments.map(({ generation, bytes, tag }) => [generation, { bytes, tag }])),
  };
}

/** Lists the update objects after a key, by key. */
export async function listUpdates<S>(
  look: Looking<S>,
  epoch: Epoch,
  after: Key | undefined,
): Promise<readonly UpdateAnswer[]> {
  const told = look.answer?.epoch === epoch ? look.answer.updates : undefined;
  if (look.answer) look.answer.updates = undefined;
  if (told && (told.after ?? -1) <= (after ?? -1))
    return told.objects.filter(({ key }) => key > (after ?? -1));
  const from = after === undefined ? undefined : keyName(after);
  const listed = await look.remote.list(
    folderPath(look.remote.space, epoch, "updates"),
    from,
    look.signal,
  );
  return listed.flatMap((item) => {
    const key = keyOfName(item.name);
    return key === undefined ? [] : [{ ...item, key, body: undefined, author: undefined }];
  });
}
