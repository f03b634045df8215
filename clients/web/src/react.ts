/**
 * One hook for React.
 *
 * @example
 * ```tsx
 * import { useSpace } from "icecore/react";
 *
 * function Count({ space }: { space: Space<DocumentState> }) {
 *   const milk = useSpace(space, (state) => state.milk);
 *   return <p>{JSON.stringify(milk)}</p>;
 * }
 * ```
 *
 * @module
 */

import { useCallback, useSyncExternalStore } from "react";
import type { Space, SpaceStatus } from "./space/types.ts";

/**
 * The state of a space, or the part of it that `select` picks: renders again when that is another thing. `select` must give the same thing for
 * the same state. Keeps the space open as long as the component is shown; mounted twice, as in strict mode, it is opened once. On a server it is the
 * model's initial state.
 */
export function useSpace<S>(space: Space<S>): S;
export function useSpace<S, T>(space: Space<S>, select: (state: S) => T): T;
export function useSpace<S, T>(space: Space<S>, select?: (state: S) => T): S | T {
  const subscribe = useCallback((changed: () => void) => space.subscribe(changed), [space]);
  const pick = (state: S): S | T => (select ? select(state) : state);
  return useSyncExternalStore(
    subscribe,
    () => pick(space.state),
    () => pick(space.initial.state),
  );
}

/** The status of a space: renders again when it changes. */
export function useStatus(space: Space<unknown>): SpaceStatus {
  const subscribe = useCallback((changed: () => void) => space.subscribeStatus(changed), [space]);
  return useSyncExternalStore(
    subscribe,
    () => space.status,
    () => space.initial.status,
  );
}
