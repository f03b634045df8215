/**
 * When a tab takes the lead from one that is silent. Two leaders at once are harmless; what counts is that soon somebody leads, and
 * that the lead does not wander.
 *
 * @module
 */

/** How often the leader is heard, and how often the others listen, in milliseconds. */
export const BEAT_MS = 2_000;

/** After how long a silent leader counts as frozen. */
export const SILENCE_MS = 8_000;

/** What a follower knows of its leader; times by the monotonic clock. */
export interface Watch {
  /** When the leader was last heard, or the watch began. */
  readonly heardAt: number;
  /** When the follower last looked. */
  readonly lookedAt: number;
}

/** Begins to watch, or has heard the leader. */
export function heardAt(now: number): Watch {
  return { heardAt: now, lookedAt: now };
}

/**
 * Looks again; to be called every {@link BEAT_MS}. Time in which this tab itself was frozen or asleep does not count: whoever thaws
 * hears the leader first, instead of taking the lead from it.
 */
export function lookAgain(watch: Watch, now: number): Watch {
  const slept = Math.max(now - watch.lookedAt - 2 * BEAT_MS, 0);
  return { heardAt: watch.heardAt + slept, lookedAt: now };
}

/** Whether the leader counts as frozen. `spreadMs` is drawn once by each tab, so that not all take the lead at once. */
export function isFrozen(watch: Watch, now: number, spreadMs: number): boolean {
  return now - watch.heardAt >= SILENCE_MS + spreadMs;
}
