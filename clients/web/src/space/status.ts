/**
 * How a space is: made from what the session, the last sync, the tabs and the browser say.
 *
 * @module
 */

import type { Author } from "../core/ids.ts";
import type { IcecoreError } from "../errors.ts";
import type { StorageHealth } from "../store/health.ts";
import type { Marked } from "../store/witness.ts";
import type { SessionStatus } from "../sync/report.ts";
import type { Role } from "../tabs/leader.ts";
import type { SpacePhase, SpaceStatus } from "./types.ts";

/** What is noted of a copy while it is open. */
export interface Facts {
  /** What stopped the opening or the last sync, here or in the tab that sends. */
  error: IcecoreError | undefined;
  /** Whether a sync was complete since the page was opened. */
  hasSynced: boolean;
  /** See {@link SpaceStatus.clockOffMs}. */
  clockOffMs: number | undefined;
  /** See {@link SpaceStatus.storage}. */
  storage: StorageHealth | undefined;
  /** See {@link SpaceStatus.evicted}. */
  evicted: Author | undefined;
}

/** Nothing is known yet. */
export function noFacts(evicted?: Author): Facts {
  return { error: undefined, hasSynced: false, clockOffMs: undefined, storage: undefined, evicted };
}

/** The marker beside the store: it names the author whose copy is missing until all was fetched again. */
export function markOf(author: Author, { evicted, hasSynced }: Readonly<Facts>): Marked {
  return { author, evicted: hasSynced ? undefined : evicted };
}

/** What a status is made of. */
export interface StatusFacts extends Readonly<Facts> {
  /** Whether anybody uses the space. */
  readonly isOpen: boolean;
  /** Whether the device says that there is no network. */
  readonly isOffline: boolean;
  /** What the session says; `undefined` while it opens. */
  readonly replica: SessionStatus | undefined;
  /** Which tab sends. */
  readonly role: Role;
  /** The device's time. */
  readonly now: number;
}

function phaseOf(facts: StatusFacts): SpacePhase {
  const { error, replica } = facts;
  if (!facts.isOpen) return "closed";
  if (replica === undefined) return error ? "stuck" : "opening";
  if (replica.locked) return "locked";
  if (error?.code === "evicted") return "evicted";
  // Another author is asked for only once there is something to send.
  const isBarred = replica.barred !== undefined && replica.unsent > 0;
  if (replica.needsVersion !== undefined || isBarred) return "stuck";
  const isForbidden = error?.code === "forbidden";
  // Who waits for a person fetches nothing again meanwhile: that has to be told first.
  if (error && error.kind !== "unavailable" && !isForbidden) return "stuck";
  if (facts.evicted !== undefined && !facts.hasSynced) return "evicted";
  if (isForbidden) return "read-only";
  return error || facts.isOffline || !facts.hasSynced ? "offline" : "live";
}

/** The status that these facts make. */
export function statusOf(facts: StatusFacts): SpaceStatus {
  const { error, replica, role, clockOffMs, storage, evicted } = facts;
  const oldest = replica?.oldestUnsentAt;
  return {
    phase: phaseOf(facts),
    error,
    unsent: replica?.unsent ?? 0,
    // A clock that was put back must not make an age below zero.
    oldestUnsentMs: oldest === undefined ? undefined : Math.max(0, facts.now - oldest),
    lastSync: replica?.syncedAt,
    role,
    clockOffMs,
    storage,
    evicted,
    replica,
  };
}

/** The status of a space that nobody uses. */
export const CLOSED: SpaceStatus = statusOf({
  ...noFacts(),
  isOpen: false,
  isOffline: false,
  replica: undefined,
  role: "follower",
  now: 0,
});
