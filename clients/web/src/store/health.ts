/**
 * How safe what is stored on this device is.
 *
 * @module
 */

import type { StorageManager } from "../ports.ts";

/**
 * What threatens what is stored here, the worst first.
 *
 * - `page-only`: it ends with the page
 * - `nearly-full`: less than a tenth of what the browser allows is left
 * - `evictable`: the browser may delete it when the device runs short of space, or after weeks without a visit
 * - `unknown`: the browser does not say
 * - `none`: it is kept until a person deletes it
 */
export type StorageRisk = "page-only" | "nearly-full" | "evictable" | "unknown" | "none";

/** What is known of the device's storage. */
export interface StorageHealth {
  /** Whether the browser promised to keep it; `undefined` where it does not say. */
  readonly kept: boolean | undefined;
  /** Bytes that this origin uses. */
  readonly used: number | undefined;
  /** Bytes that it may use. */
  readonly quota: number | undefined;
  /** What threatens it most. */
  readonly risk: StorageRisk;
}

/** Asks the browser. Never rejects; takes as long as the browser takes, so nothing should wait for it. */
export async function storageHealth(
  manager: StorageManager,
  isDurable: boolean,
): Promise<StorageHealth> {
  const [kept, estimate] = await Promise.all([manager.persisted(), manager.estimate()]);
  const isFull = estimate !== undefined && estimate.used > estimate.quota * 0.9;
  return {
    kept,
    used: estimate?.used,
    quota: estimate?.quota,
    risk: isDurable ? (isFull ? "nearly-full" : riskOf(kept)) : "page-only",
  };
}

function riskOf(kept: boolean | undefined): StorageRisk {
  if (kept === undefined) return "unknown";
  return kept ? "none" : "evictable";
}
