/**
 * What stops a replica.
 *
 * @module
 */

import type { Author } from "../core/ids.ts";
import { IcecoreError } from "../errors.ts";
import { spacePath } from "../objects/paths.ts";

/** Nobody writes to this space any more. */
export function spaceErased(space: string, at: string): IcecoreError {
  return new IcecoreError("not_found", "space-erased", "the space was erased", {
    object: spacePath(space),
    hint: "its name stays taken; create a space of another name",
    params: { at },
  });
}

/** It is not there. */
export function noSpace(space: string): IcecoreError {
  return new IcecoreError("not_found", "no-space", "there is no such space", {
    object: spacePath(space),
    hint: "create it, or check its name and the gateway; nothing is lost: what was read and what is queued stays here",
  });
}

/** It is not what this replica belongs to. */
export function anotherStore(space: string, found: string, known: string): IcecoreError {
  return new IcecoreError("conflict", "another-store", "this is another store", {
    object: spacePath(space),
    hint: "use the right gateway, or another local copy for this one; nothing was changed",
    params: { found, known },
  });
}

/** Another replica writes as the only author that the token allows. */
export function authorTaken(author: Author): IcecoreError {
  return new IcecoreError(
    "conflict",
    "author-bound",
    "another replica writes as the author of the token",
    {
      object: author,
      hint: "each replica needs a token of its own; where that replica is lost for good, resumeAuthor() goes on as its author",
    },
  );
}
