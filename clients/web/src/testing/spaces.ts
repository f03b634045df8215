/**
 * What is done to spaces in memory without their clients: making, writing, rolling up, linking.
 *
 * @module
 */

import type { Epoch, Key } from "../core/ids.ts";
import { canonical } from "../core/json.ts";
import { writeUpdate } from "../core/update.ts";
import { toBytes } from "../core/utf8.ts";
import { IcecoreError } from "../errors.ts";
import { isJson } from "../objects/needs.ts";
import { isSpaceName, spacePath } from "../objects/paths.ts";
import type { SpaceInfo } from "../objects/space.ts";
import { writeSpace } from "../objects/write-space.ts";
import type { Chance, Clock } from "../ports.ts";
import { foldSpace, loadUpdates, type ModelOf } from "./base.ts";
import type { MemoryBucket } from "./bucket.ts";
import {
  beginEpoch,
  epochName,
  forward,
  linkSpaces,
  pruneSpace,
  storedSpace,
  sweep,
  timeText,
} from "./epochs.ts";
import type { MemoryGateway, NewSpace, OthersUpdates, RollUp } from "./gateway.ts";
import { hint, publish } from "./publish.ts";
import { rollUpSpace } from "./rollup.ts";
import { type Access, check } from "./tokens.ts";
import type { RolledUp } from "./types.ts";

const DAY_MS = 86_400_000;
const JSON_HEADERS = { "content-type": "application/json" };

/** Bytes as hexadecimal digits. */
export function hex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** What is done to spaces behind their clients' backs. */
export function upkeep(
  bucket: MemoryBucket,
  {
    clock,
    chance,
    modelOf,
  }: { readonly clock: Clock; readonly chance: Chance; readonly modelOf: ModelOf },
): Pick<MemoryGateway, "rollUp" | "compress" | "reset" | "prune" | "state"> {
  const rollUp = async (name: string, how: RollUp = {}): Promise<RolledUp> => {
    const info = openSpace(bucket, name);
    await sweep(bucket, info, clock.now());
    const { settleMs = 0, snapshot = false } = how;
    const at = { modelOf, now: clock.now(), settleMs, snapshot };
    const rolled = await rollUpSpace(bucket, info, at);
    await forward(bucket, info, clock.now());
    return rolled;
  };
  const newEpoch = async (name: string, reset: boolean): Promise<Epoch> => {
    await rollUp(name);
    const at = { modelOf, now: clock.now(), chance, reset };
    const info = await beginEpoch(bucket, openSpace(bucket, name), at);
    return info.epoch;
  };
  return {
    rollUp,
    compress: (name) => newEpoch(name, false),
    reset: (name) => newEpoch(name, true),
    prune: (name, retentionMs = DAY_MS) =>
      pruneSpace(bucket, openSpace(bucket, name), { now: clock.now(), retentionMs }),
    state: async (name) => {
      const { folded } = await foldSpace(bucket, openSpace(bucket, name), modelOf);
      return folded?.model.write(folded.state);
    },
  };
}

/** Links a guest's space to another, which is made if there is none. */
export async function link(
  bucket: MemoryBucket,
  at: {
    readonly from: string;
    readonly into: string;
    readonly access: Access;
    readonly now: number;
    readonly createSpace: (name: string, space: NewSpace) => SpaceInfo;
  },
): Promise<object> {
  const { from, into } = at;
  const source = openSpace(bucket, from);
  if (bucket.get(spacePath(into)) === undefined) {
    check(at.access, "admin", into);
    const { model, order } = source;
    at.createSpace(into, { model: model.name, settings: model.settings, order });
  }
  const linked = await linkSpaces(bucket, source, openSpace(bucket, into), at.now);
  return { from, into, updates: linked.updates, complete: true, linked_at: linked.at };
}

/** What the `space.json` of a space says that was not erased. */
export function openSpace(bucket: MemoryBucket, name: string): SpaceInfo {
  const info = storedSpace(bucket, name);
  if (info.erasedAt !== undefined) {
    throw new IcecoreError("not_found", "no-space", `the space was erased at ${info.erasedAt}`, {
      object: name,
    });
  }
  return info;
}

/** Makes a space. */
export function putNewSpace(
  bucket: MemoryBucket,
  at: {
    readonly store: string;
    readonly name: string;
    readonly space: NewSpace;
    readonly now: number;
    readonly chance: Chance;
  },
): SpaceInfo {
  const { model = "document", settings = null, order = "timestamp", keyring } = at.space;
  const info: SpaceInfo = {
    store: at.store,
    space: at.name,
    epoch: epochName(1, at.chance),
    model: { name: model, settings },
    order,
    createdAt: timeText(at.now),
    oldEpochs: [],
    linked: undefined,
    keyring,
    erasedAt: undefined,
    needs: { read: [], write: [], rest: [] },
    rest: [],
  };
  const isName = isSpaceName(at.name);
  const body = toBytes(writeSpace(info));
  if (!isName || bucket.put(spacePath(at.name), body, "absent", JSON_HEADERS) !== 200) {
    throw new IcecoreError("conflict", "changed", "there is such a space, or it cannot be", {
      object: at.name,
    });
  }
  return info;
}

/** Makes a guest with a space. */
export function newGuest(
  wish: { readonly model: string; readonly settings: unknown; readonly order: string },
  at: {
    readonly chance: Chance;
    readonly now: number;
    readonly createSpace: (name: string, space: NewSpace) => SpaceInfo;
    readonly token: (access: Access) => string;
  },
): object {
  const name = `guest-${hex(at.chance.bytes(16))}`;
  at.createSpace(name, {
    model: wish.model,
    settings: isJson(wish.settings) ? wish.settings : null,
    order: wish.order === "sequence" ? "sequence" : "timestamp",
  });
  const expiresAt = at.now + 365 * DAY_MS;
  const rights = ["read", "write"] as const;
  const access = { spaces: [name], rights, author: undefined, guest: true, expiresAt };
  return { user: name, space: name, token: at.token(access), expires_at: expiresAt };
}

/** Writes updates as another replica does. */
export function writeAsAnother(
  bucket: MemoryBucket,
  info: SpaceInfo,
  { author, seq, updates, key }: OthersUpdates,
  clock: Clock,
): Key {
  const texts = updates.map(({ kind, data, at = timeText(clock.now()) }) =>
    writeUpdate({ at, kind, dataText: canonical(data) }),
  );
  const places = loadUpdates(bucket, info).map((loaded) => loaded.key);
  const next = info.order === "sequence" ? Math.max(0, ...places) + 1 : clock.now();
  const written = publish(bucket, info, { author, seq, updates: texts }, key ?? next);
  hint(bucket, info, written);
  return written;
}
