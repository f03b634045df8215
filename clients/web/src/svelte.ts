/**
 * Svelte stores: `$state` in a component is the state of a space.
 *
 * @example
 * ```ts
 * import { stateOf, statusOf } from "icecore/svelte";
 *
 * const todo = stateOf(space); // $todo in a component
 * const status = statusOf(space);
 * ```
 *
 * @module
 */

import type { Space, SpaceStatus } from "./space/types.ts";

/** A store as Svelte's contract has it: what subscribes is run at once, and after each change. */
export interface Readable<T> {
  /** Runs `run` with the value now and after each change, until the function that it returns is called. */
  subscribe(run: (value: T) => void): () => void;
}

/** The state of a space, or the part of it that `select` picks. Keeps the space open as long as somebody subscribes. */
export function stateOf<S>(space: Space<S>): Readable<S>;
export function stateOf<S, T>(space: Space<S>, select: (state: S) => T): Readable<T>;
export function stateOf<S, T>(space: Space<S>, select?: (state: S) => T): Readable<S | T> {
  const read = (): S | T => (select ? select(space.state) : space.state);
  return readable(read, (changed) => space.subscribe(changed));
}

/** The status of a space. */
export function statusOf(space: Space<unknown>): Readable<SpaceStatus> {
  return readable(
    () => space.status,
    (changed) => space.subscribeStatus(changed),
  );
}

function readable<T>(read: () => T, subscribe: (changed: () => void) => () => void): Readable<T> {
  return {
    subscribe(run) {
      let seen = read();
      // A server that renders subscribes, too: it shows the initial state, and nothing is opened.
      if (typeof window === "undefined") {
        run(seen);
        return () => undefined;
      }
      const end = subscribe(() => {
        const now = read();
        if (Object.is(now, seen)) return;
        seen = now;
        run(now);
      });
      run(seen);
      return end;
    },
  };
}
