/**
 * What can go wrong with keys, keyrings and the browser's cryptography.
 *
 * @module
 */

import { type ErrorKind, type ErrorParts, IcecoreError } from "../errors.ts";

/** What to do when somebody tampered with `space.json`. */
export const RESTORE = "nothing was sent: restore space.json from a version of the bucket";

/** An error whose object is the keyring. */
export function fault(
  kind: ErrorKind,
  code: string,
  message: string,
  parts: ErrorParts = {},
): IcecoreError {
  return new IcecoreError(kind, code, message, { object: "keyring", ...parts });
}

/** Somebody who does not hold the newest key changed the keyring, or it is damaged: the part that does not fit. */
export function keyringChanged(what: string): IcecoreError {
  return fault("corrupt", "keyring-changed", "the keyring was changed without its keys", {
    hint: RESTORE,
    params: { what },
  });
}

/** The keyring is older than one that was seen before. */
export function keyringRolledBack(from: number, to: number): IcecoreError {
  return fault("corrupt", "keyring-rolled-back", "the keyring was put back to an older one", {
    hint: RESTORE,
    params: { from, to },
  });
}

/** To try a passphrase would cost more than any keyring may ask for. */
export function tooExpensive(): IcecoreError {
  return fault("corrupt", "keyring-too-expensive", "trying the passphrase would cost too much", {
    hint: RESTORE,
  });
}

/** What was asked for cannot be: what is wrong with it. */
export function keyringInvalid(what: string): IcecoreError {
  return fault("invalid", "keyring-invalid", `the keyring cannot be so: ${what}`, {
    params: { what },
  });
}

/** No holder has this identity, or none has a passphrase. */
export function notAHolder(): IcecoreError {
  return fault("denied", "not-a-holder", "the secret at hand does not open the space", {
    hint: "ask a holder to add you; what is queued stays queued",
  });
}

/** The passphrase is that of no holder. */
export function wrongPassphrase(): IcecoreError {
  return fault("denied", "wrong-passphrase", "the passphrase does not open the space", {
    hint: "check it, it may have been changed; what is queued stays queued",
  });
}
