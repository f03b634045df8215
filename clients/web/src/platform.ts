/**
 * The browser's defaults of all ports. Importing touches nothing, and each part looks for its global when it is used: on a
 * server, where most of them are missing, a space can be made and rendered.
 *
 * @module
 */

import type { Chance, Channels, Clock, Fetch, Locks, Page, StorageManager } from "./ports.ts";
import type { Engine } from "./space/engine.ts";
import { loadEngine } from "./space/load.ts";
import { indexedDbStores } from "./store/idb.ts";
import type { Stores } from "./store/port.ts";
import type { Witness } from "./store/witness.ts";
import { webLocks } from "./tabs/locks.ts";

/** Everything that the client needs of the world around it. */
export interface Platform {
  /** Time. */
  readonly clock: Clock;
  /** Chance. */
  readonly chance: Chance;
  /** Requests. */
  readonly fetch: Fetch;
  /** Locks among tabs; `undefined` where there are none: pages over plain http, servers. */
  readonly locks: Locks | undefined;
  /** Messages among tabs; where there are none, nobody is told and nobody hears. */
  readonly channels: Channels;
  /** What the page knows of itself. */
  readonly page: Page;
  /** What the browser says of its storage. */
  readonly storage: StorageManager;
  /** Remembers, beside the local stores, that there was one. */
  readonly witness: Witness;
  /** The local stores: IndexedDB. */
  readonly stores: Stores;
  /** Loads the part that syncs, once the page has shown its state. Tried again where it rejects. */
  readonly engine: () => Promise<Engine>;
}

/** The platform as this browser, worker or server offers it. */
export function browserPlatform(): Platform {
  return {
    clock,
    chance,
    fetch: (url, init) => globalThis.fetch(url, init),
    locks: globalThis.navigator?.locks && webLocks(navigator.locks),
    channels: { join },
    page,
    storage,
    witness,
    stores: indexedDbStores({ factory: () => globalThis.indexedDB, clock, chance }),
    engine: loadEngine,
  };
}

const clock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  after(ms, task) {
    const timer = setTimeout(task, ms);
    return () => clearTimeout(timer);
  },
};

const chance: Chance = {
  below(count) {
    // Numbers above the greatest multiple of `count` would make the small ones likelier.
    const usable = 2 ** 32 - (2 ** 32 % count);
    for (;;) {
      const [number = 0] = crypto.getRandomValues(new Uint32Array(1));
      if (number < usable) return number % count;
    }
  },
  bytes: (length) => crypto.getRandomValues(new Uint8Array(length)),
};

function join(
  name: string,
  heard: (message: unknown) => void,
  signal: AbortSignal,
): (message: unknown) => void {
  if (typeof BroadcastChannel === "undefined" || signal.aborted) return () => undefined;
  const channel = new BroadcastChannel(name);
  channel.onmessage = (event: MessageEvent<unknown>) => heard(event.data);
  signal.addEventListener("abort", () => channel.close());
  return (message) => channel.postMessage(message);
}

const page: Page = {
  isVisible: () => globalThis.document?.visibilityState !== "hidden",
  isOffline: () => globalThis.navigator?.onLine === false,
  onChange(heard, signal) {
    globalThis.document?.addEventListener("visibilitychange", heard, { signal });
    for (const name of ["pageshow", "online", "offline"]) {
      globalThis.addEventListener?.(name, heard, { signal });
    }
  },
};

/** What a browser does not offer or forbids is not known. */
async function asked<T>(ask: () => Promise<T> | undefined): Promise<T | undefined> {
  try {
    return await ask();
  } catch {
    return undefined;
  }
}

const storage: StorageManager = {
  persisted: () => asked(() => navigator.storage?.persisted()),
  persist: () => asked(() => navigator.storage?.persist()),
  async estimate() {
    const { usage: used, quota } = (await asked(() => navigator.storage?.estimate())) ?? {};
    return used === undefined || quota === undefined ? undefined : { used, quota };
  },
};

const witness: Witness = {
  recall(name) {
    try {
      return localStorage.getItem(name) ?? undefined;
    } catch {
      return undefined;
    }
  },
  note(name, text) {
    try {
      if (text === undefined) localStorage.removeItem(name);
      else localStorage.setItem(name, text);
    } catch {
      // No marker then: there is a second witness, the author that a token is bound to.
    }
  },
};
