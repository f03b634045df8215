/**
 * Loading what a page needs once it has shown its state.
 *
 * @module
 */

import { IcecoreError } from "../errors.ts";
import type { Engine } from "./engine.ts";

let loading: Promise<Engine> | undefined;
/** Where it was looked for in vain. */
let missed: string | undefined;
let attempts = 0;

/** Loads it, once for all spaces of the page. One that failed is tried again by the next call. */
export function loadEngine(): Promise<Engine> {
  loading ??= (missed === undefined ? import("./engine.ts") : again(missed))
    .then(engineIn)
    .catch((error: unknown) => {
      loading = undefined;
      missed = addressIn(error) ?? missed;
      throw error;
    });
  return loading;
}

/** What is being loaded, or is there. */
export function engineLoading(): Promise<Engine> | undefined {
  return loading;
}

/**
 * Chromium and Firefox remember a file that did not come for as long as the page lives, and do not ask for it again, unless by an address with
 * another fragment. They tell the address in the error, and nowhere else: bundlers choose it.
 */
function addressIn(error: unknown): string | undefined {
  return error instanceof TypeError ? /https?:[^\s#]+/.exec(error.message)?.[0] : undefined;
}

function again(address: string): Promise<object> {
  attempts += 1;
  return import(/* @vite-ignore */ /* webpackIgnore: true */ `${address}#${attempts}`);
}

/** Bundlers give exports of their parts names of their own. */
function engineIn(part: object): Engine {
  const found = Object.values(part).flatMap((one) => [one, Object(one).engine as unknown]);
  const engine = found.find((one) => Object(one).Syncer !== undefined);
  if (engine === undefined) throw new TypeError("the part that syncs is another one");
  return engine as Engine;
}

/** The error of a part that did not come. */
export function notLoaded(cause: unknown): IcecoreError {
  return new IcecoreError("unavailable", "code-missing", "a part of this app could not be loaded", {
    hint: "it is tried again; if it stays so, load the page anew: what was made is kept on this device",
    cause,
  });
}
