/**
 * Solid: a space as a signal.
 *
 * @example
 * ```ts
 * import { fromSpace } from "icecore/solid";
 *
 * const milk = fromSpace(space, (state) => state.milk); // milk() in a component
 * ```
 *
 * @module
 */

import { type Accessor, createSignal, getOwner, onCleanup } from "solid-js";
import type { Space, SpaceStatus } from "./space/types.ts";

/**
 * The state of a space, or the part of it that `select` picks. Keeps the space open until the owner (a component, mostly) ends. Where there is no
 * `window`, as on a server, it is the model's initial state and nothing is opened.
 */
export function fromSpace<S>(space: Space<S>): Accessor<S>;
export function fromSpace<S, T>(space: Space<S>, select: (state: S) => T): Accessor<T>;
export function fromSpace<S, T>(space: Space<S>, select?: (state: S) => T): Accessor<S | T> {
  const read = (): S | T => (select ? select(space.state) : space.state);
  return signalOf(read, (changed) => space.subscribe(changed));
}

/** The status of a space. */
export function fromStatus(space: Space<unknown>): Accessor<SpaceStatus> {
  return signalOf(
    () => space.status,
    (changed) => space.subscribeStatus(changed),
  );
}

function signalOf<T>(read: () => T, subscribe: (changed: () => void) => () => void): Accessor<T> {
  const [value, set] = createSignal<T>(read(), { equals: Object.is });
  if (typeof window === "undefined") return value;
  const end = subscribe(() => {
    set(() => read());
  });
  if (getOwner()) onCleanup(end);
  return value;
}
