/**
 * Vue: a space as a shallow ref.
 *
 * @example
 * ```ts
 * import { useSpace } from "icecore/vue";
 *
 * const milk = useSpace(space, (state) => state.milk); // milk.value in a script, milk in a template
 * ```
 *
 * @module
 */

import { getCurrentScope, onScopeDispose, type ShallowRef, shallowRef } from "vue";
import type { Space, SpaceStatus } from "./space/types.ts";

/**
 * The state of a space, or the part of it that `select` picks. Keeps the space open until the scope (a component, mostly) ends. Where there is no
 * `window`, as on a server, it is the model's initial state and nothing is opened.
 */
export function useSpace<S>(space: Space<S>): Readonly<ShallowRef<S>>;
export function useSpace<S, T>(space: Space<S>, select: (state: S) => T): Readonly<ShallowRef<T>>;
export function useSpace<S, T>(
  space: Space<S>,
  select?: (state: S) => T,
): Readonly<ShallowRef<S | T>> {
  const read = (): S | T => (select ? select(space.state) : space.state);
  return refOf(read, (changed) => space.subscribe(changed));
}

/** The status of a space. */
export function useStatus(space: Space<unknown>): Readonly<ShallowRef<SpaceStatus>> {
  return refOf(
    () => space.status,
    (changed) => space.subscribeStatus(changed),
  );
}

function refOf<T>(
  read: () => T,
  subscribe: (changed: () => void) => () => void,
): Readonly<ShallowRef<T>> {
  const ref = shallowRef(read());
  if (typeof window === "undefined") return ref;
  const end = subscribe(() => {
    ref.value = read();
  });
  if (getCurrentScope()) onScopeDispose(end);
  return ref;
}
