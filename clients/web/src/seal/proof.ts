/**
 * What shows that a keyring was made by somebody who held its keys.
 *
 * @module
 */

import { toBytes } from "../core/utf8.ts";
import { areEqual, type Bytes, fromBase64 } from "./bytes.ts";
import { hmac, subkey } from "./crypto.ts";
import { keyringChanged } from "./faults.ts";
import { type Keyring, keyringText, type Unproved } from "./keyring.ts";
import type { SpaceKeys } from "./keys.ts";

/** A key's number as four bytes, the most significant first. */
export function numberBytes(number: number): Uint8Array {
  return Uint8Array.of(number >>> 24, number >>> 16, number >>> 8, number);
}

/** The link of a key: made with the key before, the first with itself. */
export function linkOf(context: Bytes, keys: SpaceKeys, number: number): Bytes {
  const commitment = subkey(keys.key(number), "icecore commitment v1");
  const before = subkey(keys.key(Math.max(1, number - 1)), "icecore link v1");
  return hmac(before, context, numberBytes(number), commitment);
}

/** The mac of a keyring. */
export function macOf(context: Bytes, keys: SpaceKeys, keyring: Unproved): Bytes {
  const { version, keys: infos, holders } = keyring;
  const covered = toBytes(keyringText({ version, keys: infos, holders }));
  return hmac(subkey(keys.key(keys.newest), "icecore keyring v1"), context, covered);
}

/**
 * Whether these are the keys of this keyring, and who made it held them.
 *
 * @throws IcecoreError `corrupt` with code `keyring-changed`.
 */
export function checkProofs(context: Bytes, keyring: Keyring, keys: SpaceKeys): void {
  if (keys.newest !== keyring.keys.length) throw keyringChanged("keys");
  for (const { number, link } of keyring.keys) {
    if (!is(linkOf(context, keys, number), link)) throw keyringChanged("link");
  }
  if (!is(macOf(context, keys, keyring), keyring.mac)) throw keyringChanged("mac");
}

function is(proof: Bytes, text: string): boolean {
  const bytes = fromBase64(text);
  return bytes !== undefined && areEqual(proof, bytes);
}
