/**
 * How a local copy ends.
 *
 * @module
 */

import { IcecoreError } from "../errors.ts";

/** The error of what a closed space was asked for. */
export function ended(): IcecoreError {
  return new IcecoreError("unavailable", "closed", "the space was closed", {
    hint: "open it again: nothing is lost",
  });
}

/** A newer version of the app has opened the copy. */
export function superseded(): IcecoreError {
  return new IcecoreError("invalid", "storage-superseded", "a newer version of this app waits", {
    hint: "load this page anew; nothing is lost",
  });
}

/** The browser has deleted the copy of this name. */
export function vanished(name: string): IcecoreError {
  return new IcecoreError("unavailable", "evicted", "the browser deleted what was stored here", {
    object: name,
    hint: "what was acknowledged is fetched anew; what was not is in `exportQueue`",
  });
}
