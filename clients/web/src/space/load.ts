/**
 * Loading what a page needs once it has shown its state.
 *
 * @module
 */

import { IcecoreError } from "../errors.ts";
import type { Engine } from "./engine.ts";

let loading: Promise<Engine> | undefined;

/** Loads it, once for all spaces of the page. One that failed is tried again by the next call. */
export function loadEngine(): Promise<Engine> {
  loading ??= import("./engine.ts").then(
    ({ engine }) => engine,
    (error: unknown) => {
      loading = undefined;
      throw error;
    },
  );
  return loading;
}

/** What is being loaded, or is there. */
export function engineLoading(): Promise<Engine> | undefined {
  return loading;
}

/** The error of a part that did not come. */
export function notLoaded(cause: unknown): IcecoreError {
  return new IcecoreError("unavailable", "code-missing", "a part of this app could not be loaded", {
    hint: "it is tried again; if it stays so, load the page anew: what was made is kept on this device",
    cause,
  });
}
