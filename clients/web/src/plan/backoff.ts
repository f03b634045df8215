/**
 * How long to wait after failures.
 *
 * @module
 */

import type { Draw } from "./key.ts";

/** The first back-off after a failed request, in milliseconds. */
export const BACKOFF_MS = 100;

/** The longest one. */
export const BACKOFF_MAX_MS = 10_000;

/**
 * How long to wait before the next attempt, `failures` after the first: it doubles, and is spread by up to a half, so that those that
 * failed together do not come back together. Where the other side said how long to wait (`retryAfterMs`), never less.
 */
export function backoffMs(failures: number, draw: Draw, retryAfterMs = 0): number {
  const half = Math.floor(Math.min(BACKOFF_MS * 2 ** Math.min(failures, 16), BACKOFF_MAX_MS) / 2);
  return Math.max(half + draw(0, half), retryAfterMs);
}
