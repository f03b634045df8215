/**
 * Why a space cannot be opened.
 *
 * @module
 */

import { IcecoreError } from "../errors.ts";
import { spacePath } from "../objects/paths.ts";

/** The app's model is not that of the space. */
export function anotherModel(space: string, found: string, known: string): IcecoreError {
  return new IcecoreError("invalid", "another-model", "the space is of another model", {
    object: spacePath(space),
    hint: "open it with its model",
    params: { found, known },
  });
}

/** No secret at hand opens the space. */
export function locked(space: string): IcecoreError {
  return new IcecoreError("denied", "locked", "the space is encrypted, and no key is at hand", {
    object: space,
    hint: "give a secret that opens it; what is queued stays queued",
  });
}
