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

import {
  getCurrentInstance,
  getCurrentScope,
  onMounted,
  onScopeDispose,
  type ShallowRef,
  shallowRef,
} from "vue";
import type { Space, SpaceStatus } from "./space/types.ts";

/**
 * The state of a space, or the part of it that `select` picks. Keeps the space open until the scope (a component, mostly) ends. Where there is no
 * `window`, as on a server, it is the model's initial state and nothing is opened; so it is in a
 * page that takes over what a server rendered, until the component is mounted.
 */
export function useSpace<S>(space: Space<S>): Readonly<ShallowRef<S>>;
export function useSpace<S, T>(space: Space<S>, select: (state: S) => T): Readonly<ShallowRef<T>>;
export function useSpace<S, T>(
  space: Space<S>,
  select?: (state: S) => T,
): Readonly<ShallowRef<S | T>> {
  const read = ({ state }: Space<S>["initial"]): S | T => (select ? select(state) : state);
  return refOf(space, read, (changed) => space.subscribe(changed));
}

/** The status of a space. */
export function useStatus(space: Space<unknown>): Readonly<ShallowRef<SpaceStatus>> {
  return refOf(
    space,
    ({ status }) => status,
    (changed) => space.subscribeStatus(changed),
  );
}

function refOf<S, T>(
  space: Space<S>,
  read: (from: Space<S>["initial"]) => T,
  subscribe: (changed: () => void) => () => void,
): Readonly<ShallowRef<T>> {
  if (typeof window === "undefined") return shallowRef(read(space));
  // A component that takes over what a server has rendered has its element before it is set up. What it renders first has to be what is there.
  let isWaiting = Boolean(getCurrentInstance()?.vnode.el);
  const ref = shallowRef(read(isWaiting ? space.initial : space));
  const show = (): void => {
    if (!isWaiting) ref.value = read(space);
  };
  const end = subscribe(show);
  if (getCurrentScope()) onScopeDispose(end);
  if (isWaiting) {
    onMounted(() => {
      isWaiting = false;
      show();
    });
  }
  return ref;
}
