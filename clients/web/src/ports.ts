/**
 * What the client needs of the world around it. A page gives none of it: the defaults are the browser's. Tests give their own, so
 * that clock and chance are theirs.
 *
 * @module
 */

/** Time. */
export interface Clock {
  /** Milliseconds since 1970 UTC by the device's clock, which may be wrong and may jump. */
  now(): number;
  /** Milliseconds since some moment; never goes back, and stands still while the device sleeps in some browsers. */
  monotonic(): number;
  /** Runs `task` once after `ms`, unless the function that it returns was called before. */
  after(ms: number, task: () => void): () => void;
}

/** Chance. */
export interface Chance {
  /** An integer from 0 to `count` − 1, each as likely. */
  below(count: number): number;
  /** So many random bytes, fit for keys. */
  bytes(length: number): Uint8Array<ArrayBuffer>;
}

/** How requests are made: `fetch` of the platform, or one that a test stands in for. */
export type Fetch = (url: string, init: RequestInit) => Promise<Response>;

/** A lock among all tabs of one origin, let go when the tab ends, however it ends. */
export interface Locks {
  /**
   * Waits for the lock, holds it while `work` runs, and then lets go. `work` gets a signal that is aborted when the lock was taken
   * away meanwhile. With `steal` it is taken from whoever holds it.
   */
  hold(
    name: string,
    options: { readonly signal: AbortSignal; readonly steal?: boolean },
    work: (lost: AbortSignal) => Promise<void>,
  ): Promise<void>;
}

/** What tabs of one origin tell each other. */
export interface Channels {
  /** Joins a channel; `heard` runs for each message of another tab, as it was sent and not checked. Ends with the signal. */
  join(
    name: string,
    heard: (message: unknown) => void,
    signal: AbortSignal,
  ): (message: unknown) => void;
}

/** What the page knows of itself. */
export interface Page {
  /** Whether people can see it. */
  isVisible(): boolean;
  /** Whether the device says that it has no network at all. `false` proves nothing. */
  isOffline(): boolean;
  /** Runs `heard` when the page comes to the foreground, goes to the background, or the network comes or goes. */
  onChange(heard: () => void, signal: AbortSignal): void;
}

/** What the browser says of its storage. */
export interface StorageManager {
  /** Whether what is stored is kept when space runs short; `undefined` where the browser does not say. */
  persisted(): Promise<boolean | undefined>;
  /** Asks for that. */
  persist(): Promise<boolean | undefined>;
  /** Bytes in use and bytes allowed; `undefined` where the browser does not say. */
  estimate(): Promise<{ readonly used: number; readonly quota: number } | undefined>;
}
