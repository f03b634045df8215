/**
 * What can be wrong with an object of the store.
 *
 * @module
 */

import { IcecoreError } from "../errors.ts";

/** Which object is read, for errors. */
export interface Source {
  /** What it is, in words: `head`, `segment`. */
  readonly what: string;
  /** Its path, where it is known. */
  readonly path?: string | undefined;
}

const UPDATE = "update this program; nothing was changed and nothing is lost";
const RESTORE = "run `icecore verify`; restore the object from a backup or a versioned bucket";

/**
 * The object is not what it must be. `code` says in which way: `malformed`, or `chain` where it does not fit the objects before
 * it; `what` is the member or the part at fault.
 */
export function corrupt(
  { what, path }: Source,
  fault: string,
  code: "malformed" | "chain" | "misfit" = "malformed",
  cause?: unknown,
): IcecoreError {
  return new IcecoreError("corrupt", code, `the ${what} is broken: ${fault}`, {
    object: path,
    hint: RESTORE,
    cause,
  });
}

/** A newer program wrote it, or it needs what this program does not know: it is held, and nothing is changed. */
export function newer(
  code: "newer-format" | "newer-model" | "needs",
  { what, path }: Source,
  params: Readonly<Record<string, string | number>>,
): IcecoreError {
  return new IcecoreError("invalid", code, `the ${what} needs a newer program`, {
    object: path,
    hint: UPDATE,
    params,
  });
}

/** It is more than this program, or this engine, takes. Others may be able to read it: it is not broken. */
export function tooLarge(code: string, what: string, bytes: number, most: number): IcecoreError {
  return new IcecoreError("invalid", code, `the ${what} is too large`, {
    hint: "split it; what is large belongs elsewhere, with a reference to it",
    params: { bytes, most },
  });
}
