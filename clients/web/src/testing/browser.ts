/**
 * A browser in memory: what its tabs share.
 *
 * @module
 */

import { IcecoreError } from "../errors.ts";
import type { Platform } from "../platform.ts";
import type { Chance, Channels, Clock, Fetch, Locks, Page, StorageManager } from "../ports.ts";
import { loadEngine } from "../space/load.ts";
import { memoryStores } from "../store/memory.ts";
import type { Stores } from "../store/port.ts";
import type { Witness } from "../store/witness.ts";

/** A browser whose tabs share a local store, locks and messages. */
export interface MemoryBrowser {
  /** The local stores of its tabs. */
  readonly stores: Stores;
  /** The marker beside them. */
  readonly witness: Witness;
  /** A tab, with the parts of the platform that `open()` takes. */
  tab(options: { readonly fetch: Fetch; readonly chance: Chance }): MemoryTab;
}

/** A tab of a browser in memory. */
export interface MemoryTab {
  /** For the option `platform` of `open()`. */
  readonly platform: Platform;
  /** Whether people see it. */
  show(isVisible: boolean): void;
  /** Whether the device says that it has no network. */
  cut(isOffline: boolean): void;
  /** Ends it, as when it is closed or crashes: its locks are let go, and it hears nothing any more. */
  close(): void;
}

interface Waiting {
  readonly owner: object;
  readonly start: () => void;
}

interface Lock {
  holder: { readonly owner: object; readonly lose: () => void } | undefined;
  readonly queue: Waiting[];
}

/** What was asked for and given up, as the browser's own locks say it. */
function stolen(): IcecoreError {
  return new IcecoreError("unavailable", "aborted", "the lock was taken away or given up");
}

/** Locks among tabs, with the rules of the Web Locks API. */
function locksOf(all: Map<string, Lock>, owner: object, closed: AbortSignal): Locks {
  return {
    hold: (name, { signal, steal = false }, work) =>
      new Promise((resolve, reject) => {
        const lock = all.get(name) ?? { holder: undefined, queue: [] };
        all.set(name, lock);
        const next = (): void => lock.queue.shift()?.start();
        const start = (): void => {
          const lost = new AbortController();
          const lose = (): void => {
            lost.abort();
            reject(stolen());
          };
          const held = { owner, lose };
          lock.holder = held;
          const end = (): void => {
            if (lock.holder !== held) return;
            lock.holder = undefined;
            next();
          };
          closed.addEventListener("abort", end, { once: true });
          work(lost.signal).finally(end).then(resolve, reject);
        };
        if (closed.aborted || signal.aborted) return reject(stolen());
        if (steal) {
          lock.holder?.lose();
          return start();
        }
        if (lock.holder === undefined) return start();
        const waiting = { owner, start };
        lock.queue.push(waiting);
        const leave = (): void => {
          const place = lock.queue.indexOf(waiting);
          if (place >= 0) lock.queue.splice(place, 1);
          reject(stolen());
        };
        signal.addEventListener("abort", leave, { once: true });
        closed.addEventListener("abort", leave, { once: true });
      }),
  };
}

type Heard = (message: unknown) => void;

function channelsOf(all: Map<string, Set<Heard>>, closed: AbortSignal): Channels {
  return {
    join(name, heard, signal) {
      const members = all.get(name) ?? new Set<Heard>();
      all.set(name, members);
      members.add(heard);
      const leave = (): void => void members.delete(heard);
      signal.addEventListener("abort", leave, { once: true });
      closed.addEventListener("abort", leave, { once: true });
      return (message) => {
        if (closed.aborted) return;
        const copy: unknown = structuredClone(message);
        for (const member of members) {
          if (member !== heard) queueMicrotask(() => members.has(member) && member(copy));
        }
      };
    },
  };
}

function pageOf(): Page & { readonly set: (isVisible: boolean, isOffline: boolean) => void } {
  const listeners = new Set<() => void>();
  let [isVisible, isOffline] = [true, false];
  return {
    isVisible: () => isVisible,
    isOffline: () => isOffline,
    onChange(heard, signal) {
      listeners.add(heard);
      signal.addEventListener("abort", () => listeners.delete(heard), { once: true });
    },
    set(visible, offline) {
      [isVisible, isOffline] = [visible, offline];
      for (const heard of listeners) heard();
    },
  };
}

/** A browser that keeps what it promised, and never runs short of space. */
const storage: StorageManager = {
  persisted: async () => true,
  persist: async () => true,
  estimate: async () => ({ used: 0, quota: 2 ** 30 }),
};

/**
 * A browser in memory, for tests of apps.
 *
 * @example
 * ```ts
 * const clock = manualClock();
 * const gateway = memoryGateway({ clock, chance: seededChance(1) });
 * const browser = memoryBrowser(clock);
 * const { platform } = browser.tab({ fetch: gateway.page().fetch, chance: seededChance(2) });
 * ```
 */
export function memoryBrowser(clock: Clock): MemoryBrowser {
  const stores = memoryStores();
  const locks = new Map<string, Lock>();
  const channels = new Map<string, Set<Heard>>();
  const notes = new Map<string, string>();
  const witness: Witness = {
    recall: (name) => notes.get(name),
    note(name, text) {
      if (text === undefined) notes.delete(name);
      else notes.set(name, text);
    },
  };
  return {
    stores,
    witness,
    tab({ fetch, chance }) {
      const closing = new AbortController();
      const page = pageOf();
      return {
        platform: {
          clock,
          chance,
          fetch,
          locks: locksOf(locks, closing, closing.signal),
          channels: channelsOf(channels, closing.signal),
          page,
          storage,
          witness,
          stores,
          engine: loadEngine,
        },
        show: (isVisible) => page.set(isVisible, page.isOffline()),
        cut: (isOffline) => page.set(page.isVisible(), isOffline),
        close: () => closing.abort(),
      };
    },
  };
}
