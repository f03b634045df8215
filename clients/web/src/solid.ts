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

import { type Accessor, createSignal, getOwner, onCleanup, onMount, sharedConfig } from "solid-js";
import type { Space, SpaceStatus } from "./space/types.ts";

/**
 * The state of a space, or the part of it that `select` picks. Keeps the space open until the owner (a component, mostly) ends. Where there is no
 * `window`, as on a server, it is the model's initial state and nothing is opened; so it is in a
 * page that takes over what a server rendered, until the component is mounted.
 */
export function fromSpace<S>(space: Space<S>): Accessor<S>;
export function fromSpace<S, T>(space: Space<S>, select: (state: S) => T): Accessor<T>;
export function fromSpace<S, T>(space: Space<S>, select?: (state: S) => T): Accessor<S | T> {
  const read = ({ state }: Space<S>["initial"]): S | T => (select ? select(state) : state);
  return signalOf(space, read, (changed) => space.subscribe(changed));
}

/** The status of a space. */
export function fromStatus(space: Space<unknown>): Accessor<SpaceStatus> {
  return signalOf(
    space,
    ({ status }) => status,
    (changed) => space.subscribeStatus(changed),
  );
}

function signalOf<S, T>(
  space: Space<S>,
  read: (from: Space<S>["initial"]) => T,
  subscribe: (changed: () => void) => () => void,
): Accessor<T> {
  const isServer = typeof window === "undefined";
  // Solid believes what a server has rendered: what is read first has to be that, or it is not shown before it changes.
  let isWaiting = !isServer && Boolean(sharedConfig.context);
  const [value, set] = createSignal<T>(read(isWaiting ? space.initial : space), {
    equals: Object.is,
  });
  if (isServer) return value;
  const show = (): void => {
    if (!isWaiting) set(() => read(space));
  };
  const end = subscribe(show);
  if (getOwner()) onCleanup(end);
  if (isWaiting) {
    onMount(() => {
      isWaiting = false;
      show();
    });
  }
  return value;
}
