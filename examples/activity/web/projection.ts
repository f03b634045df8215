/**
 * What an attempt's events amount to. Devices were offline and their clocks differ, so any sequence can come. Each has one outcome, the same as
 * in the Rust program (`src/projection.rs`, which has the table).
 */

import { type Event, POINTS_MAX, textIn, WAITING, wholeIn } from "./event.ts";

export type Status = "created" | "running" | "paused" | "completed" | "abandoned";

/** Why an event has no effect, or not its full one. */
export type Oddity =
  | "alreadyRunning"
  | "notRunning"
  | "alreadyOver"
  | "alreadyCreated"
  | "endsBeforeItBegan"
  | "unknownType"
  | "noPoints";

/** What an attempt is, by the names that apps know. */
export interface Attempt {
  readonly attemptId: string;
  /** How many of its events wait on this device. */
  waiting: number;
  /** Whether a `CREATE` has arrived. */
  created: boolean;
  title: string | null;
  status: Status;
  /** When it first ran. */
  startedAt: number | null;
  /** When it was over. */
  endedAt: number | null;
  /** Milliseconds of the stretches that have ended. */
  duration: number;
  /** When the stretch that has not ended began. */
  runningSince: number | null;
  pointsEarned: number;
  /** How many events there are, of known types or not. */
  events: number;
  /** Those that are odd where they stand. */
  readonly odd: { readonly id: string; readonly type: string; readonly why: Oddity }[];
}

/** What events in their merged order amount to. Pure: the same events give the same attempt on every device. */
export function project(attemptId: string, events: readonly Event[]): Attempt {
  const attempt: Attempt = {
    attemptId,
    waiting: events.filter(({ serverTime }) => serverTime === WAITING).length,
    created: false,
    title: null,
    status: "created",
    startedAt: null,
    endedAt: null,
    duration: 0,
    runningSince: null,
    pointsEarned: 0,
    events: events.length,
    odd: [],
  };
  for (const event of events) {
    const why = take(attempt, event);
    if (why !== undefined) attempt.odd.push({ id: event.id, type: event.type, why });
  }
  return attempt;
}

/** The duration up to a time: what depends on the present is no part of the projection. */
export function durationAt({ duration, runningSince }: Attempt, now: number): number {
  return duration + (runningSince === null ? 0 : Math.max(0, now - runningSince));
}

export function isOver({ status }: Attempt): boolean {
  return status === "completed" || status === "abandoned";
}

function take(attempt: Attempt, event: Event): Oddity | undefined {
  switch (event.type) {
    case "CREATE":
      return create(attempt, textIn(event, "title"));
    case "SCORE":
      return score(attempt, wholeIn(event, "points"));
    case "START":
    case "RESUME":
      return run(attempt, event.occurredAt);
    case "PAUSE":
      return pause(attempt, event.occurredAt);
    case "COMPLETE":
      return end(attempt, event.occurredAt, "completed");
    case "ABANDON":
      return end(attempt, event.occurredAt, "abandoned");
    default:
      return "unknownType";
  }
}

function create(attempt: Attempt, title: string | undefined): Oddity | undefined {
  if (attempt.created) return "alreadyCreated";
  attempt.created = true;
  attempt.title = title ?? null;
  return undefined;
}

function score(attempt: Attempt, points: number | undefined): Oddity | undefined {
  if (points === undefined || Math.abs(points) > POINTS_MAX) return "noPoints";
  attempt.pointsEarned += points;
  return undefined;
}

function run(attempt: Attempt, at: number): Oddity | undefined {
  if (isOver(attempt)) return "alreadyOver";
  if (attempt.status === "running") return "alreadyRunning";
  attempt.status = "running";
  attempt.startedAt ??= at;
  attempt.runningSince = at;
  return undefined;
}

function pause(attempt: Attempt, at: number): Oddity | undefined {
  if (isOver(attempt)) return "alreadyOver";
  if (attempt.status !== "running") return "notRunning";
  attempt.status = "paused";
  return stopCounting(attempt, at);
}

function end(attempt: Attempt, at: number, status: Status): Oddity | undefined {
  if (isOver(attempt)) return "alreadyOver";
  attempt.status = status;
  attempt.endedAt = at;
  return stopCounting(attempt, at);
}

function stopCounting(attempt: Attempt, at: number): Oddity | undefined {
  const since = attempt.runningSince;
  attempt.runningSince = null;
  if (since === null) return undefined;
  // Two clocks differ: no time is counted.
  if (at < since) return "endsBeforeItBegan";
  attempt.duration += at - since;
  return undefined;
}
