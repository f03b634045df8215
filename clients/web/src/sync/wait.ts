/**
 * Waiting, and what is worth waiting for.
 *
 * @module
 */

import { IcecoreError } from "../errors.ts";
import type { Clock } from "../ports.ts";

/** The error of what was given up on purpose. */
export function aborted(signal: AbortSignal): IcecoreError {
  return new IcecoreError("unavailable", "aborted", "it was given up", { cause: signal.reason });
}

/**
 * Resolves after so many milliseconds.
 *
 * @throws IcecoreError `unavailable` with code `aborted`, as soon as the signal says so.
 */
export function sleep(clock: Clock, ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(aborted(signal));
    const stop = () => {
      cancel();
      reject(aborted(signal));
    };
    const cancel = clock.after(ms, () => {
      signal.removeEventListener("abort", stop);
      resolve();
    });
    signal.addEventListener("abort", stop, { once: true });
  });
}
