/**
 * Locks among tabs, by the platform's Web Locks.
 *
 * @module
 */

import type { Locks } from "../ports.ts";

/** Locks of the platform's manager. */
export function webLocks(manager: LockManager): Locks {
  return {
    async hold(name, options, work) {
      const lost = new AbortController();
      const begun: Promise<void>[] = [];
      try {
        // The platform refuses a signal together with a steal; a steal never waits.
        await manager.request(
          name,
          options.steal === true ? { steal: true } : { signal: options.signal },
          () => {
            const running = work(lost.signal);
            begun.push(running);
            return running;
          },
        );
      } catch (error) {
        // A rejection while the work runs is either the work's own or says that the lock was stolen.
        lost.abort();
        if (begun.length === 0) throw error;
        await Promise.all(begun);
      }
    },
  };
}
