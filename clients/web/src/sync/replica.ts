/**
 * A replica: the local copy of a space, and the store that it syncs with.
 *
 * @module
 */

import { reachedBy } from "../objects/chain-use.ts";
import { KeyClock } from "../plan/key.ts";
import type { Remote } from "../wire/remote.ts";
import { largestKey } from "./draft.ts";
import type { Local } from "./local.ts";
import type { Looking } from "./look.ts";
import { wayOf } from "./way.ts";

/** A replica as one session knows it. */
export interface Replica<S> extends Local<S> {
  readonly remote: Remote;
  readonly keys: KeyClock;
  /** This session has looked at everything. */
  pulled: boolean;
  /** A flush of this session was given up or failed: what it sent may be stored. */
  unsettled: boolean;
}

/** From now on a local copy syncs with this store. It is the same object: what changes in one of them, changes in both. */
export function replicaOf<S>(local: Local<S>, remote: Remote): Replica<S> {
  const keys = new KeyClock();
  const replica = Object.assign(local, { remote, keys, pulled: false, unsettled: false });
  replica.adopted = () => learnKeys(replica);
  learnKeys(replica);
  return replica;
}

/** The next own key is above those that others used. */
function learnKeys<S>({ reader, keys, remote, writer }: Replica<S>): void {
  keys.forAuthor(writer.ownLast);
  if (!reader) return;
  keys.saw(largestKey(reader, remote.now()), remote.now());
  if (reader.base.order === "timestamp") {
    keys.reached(reachedBy(reader.base));
    keys.remember(reader.base.epoch, reader.base.generation, reader.base.recent);
  }
}

/** What a look is taken with. */
export function lookOf<S>({ remote, clock, loading }: Replica<S>, signal: AbortSignal): Looking<S> {
  const { platform, pause, guide } = loading;
  return {
    remote,
    clock,
    platform,
    pause,
    signal,
    wayOf: (info) => wayOf(guide, info),
    answer: undefined,
  };
}
