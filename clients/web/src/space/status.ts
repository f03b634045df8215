/**
 * How a space is: made from what the session, the last sync, the tabs and the browser say.
 *
 * @module
 */

import type { Author } from "../core/ids.ts";
import { IcecoreError, isErrorKind } from "../errors.ts";
import type { StorageHealth } from "../store/health.ts";
import type { SessionStatus } from "../sync/report.ts";
import type { Role } from "../tabs/leader.ts";
import type { SpacePhase, SpaceStatus } from "./types.ts";

/** What a status is made of. */
export interface StatusFacts {
  /** Whether anybody uses the space. */
  readonly isOpen: boolean;
  /** Whether the device says that there is no network. */
  readonly isOffline: boolean;
  /** What stopped the opening or the last sync, here or in the tab that sends. */
  readonly error: IcecoreError | undefined;
  /** What the session says; `undefined` while it opens. */
  readonly replica: SessionStatus | undefined;
  /** Whether a sync was complete since the page was opened. */
  readonly hasSynced: boolean;
  /** Which tab sends. */
  readonly role: Role;
  /** See {@link SpaceStatus.clockOffMs}. */
  readonly clockOffMs: number | undefined;
  /** See {@link SpaceStatus.storage}. */
  readonly storage: StorageHealth | undefined;
  /** See {@link SpaceStatus.evicted}. */
  readonly evicted: Author | undefined;
  /** The device's time. */
  readonly now: number;
}

function phaseOf(facts: StatusFacts): SpacePhase {
  const { error, replica } = facts;
  if (!facts.isOpen) return "closed";
  if (replica === undefined) return error ? "stuck" : "opening";
  if (replica.locked) return "locked";
  if (error?.code === "evicted" || (facts.evicted !== undefined && !facts.hasSynced)) {
    return "evicted";
  }
  // Another author is asked for only once there is something to send.
  const isBarred = replica.barred !== undefined && replica.unsent > 0;
  if (replica.needsVersion !== undefined || isBarred) return "stuck";
  if (error) {
    if (error.code === "forbidden") return "read-only";
    return error.kind === "unavailable" ? "offline" : "stuck";
  }
  return facts.isOffline || !facts.hasSynced ? "offline" : "live";
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
  isOpen: false,
  isOffline: false,
  error: undefined,
  replica: undefined,
  hasSynced: false,
  role: "follower",
  clockOffMs: undefined,
  storage: undefined,
  evicted: undefined,
  now: 0,
});

/** What the tab that sends tells the others of itself. */
export interface Told {
  /** What stopped its last sync. */
  readonly error: IcecoreError | undefined;
  /** Whether one was complete. */
  readonly hasSynced: boolean;
  /** See {@link SpaceStatus.clockOffMs}. */
  readonly clockOffMs: number | undefined;
}

/** The form in which that is told: errors lose their class on the way. */
export function tell({ error, hasSynced, clockOffMs }: Told): unknown {
  const parts = error && {
    kind: error.kind,
    code: error.code,
    message: error.message,
    object: error.object,
    hint: error.hint,
    params: error.params,
  };
  return { error: parts, hasSynced, clockOffMs };
}

/** What another tab told, or `undefined` where it is not of that form. */
export function heard(value: unknown): Told | undefined {
  if (typeof value !== "object" || value === null) return undefined;
  const { error, hasSynced, clockOffMs } = value as Partial<Record<string, unknown>>;
  return {
    error: errorOf(error),
    hasSynced: hasSynced === true,
    clockOffMs: typeof clockOffMs === "number" ? clockOffMs : undefined,
  };
}

function errorOf(value: unknown): IcecoreError | undefined {
  if (typeof value !== "object" || value === null) return undefined;
  const { kind, code, message, object, hint, params } = value as Partial<Record<string, unknown>>;
  if (!isErrorKind(kind) || typeof code !== "string") return undefined;
  return new IcecoreError(kind, code, String(message), {
    object: typeof object === "string" ? object : undefined,
    hint: typeof hint === "string" ? hint : undefined,
    params: typeof params === "object" && params !== null ? (params as IcecoreError["params"]) : {},
  });
}
