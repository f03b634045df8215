/**
 * What people do with the keyring of a space: look at it, and change it.
 *
 * @module
 */

import { isIcecoreError } from "../errors.ts";
import type { SpaceInfo } from "../objects/space.ts";
import { writeSpace } from "../objects/write-space.ts";
import { firstKeyring, nextKeyring } from "./change.ts";
import { subkey } from "./crypto.ts";
import { keyringText, readKeyring } from "./keyring.ts";
import { contextOf, type SpaceKeys } from "./keys.ts";
import type { KeyringChange, KeyringView, Making, NewHolder, Secret } from "./port.ts";
import { keyringOf } from "./secret.ts";

const CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/** A short text of the newest key, to compare by voice or by eye: `7Q4M-0ZKD-H2W9-XB3E`. It tells nothing of the key. */
export function fingerprintOf(keys: SpaceKeys): string {
  let bits = 0;
  let held = 0;
  let text = "";
  for (const byte of subkey(keys.key(keys.newest), "icecore fingerprint v1").subarray(0, 10)) {
    bits = ((bits & 31) << 8) | byte;
    held += 8;
    for (; held >= 5; held -= 5) text += CROCKFORD[(bits >>> (held - 5)) & 31];
  }
  return text.replace(/.{4}(?=.)/g, "$&-");
}

/**
 * What people are shown of a space's keyring: everybody may see it. Its fingerprint is there where a secret is given that opens it.
 *
 * @throws IcecoreError `invalid` with code `not-encrypted`; `corrupt` with code `keyring-changed` where it was changed without its keys.
 */
export async function keyringView(space: SpaceInfo, secret?: Secret): Promise<KeyringView> {
  const { version, keys, holders } = readKeyring(keyringOf(space));
  return {
    version,
    keys: keys.map(({ number, made_at }) => ({ number, madeAt: made_at })),
    holders: holders.map(({ name, kind, public: publicText, added_at }) => ({
      name,
      kind: kind === "member" ? kind : "passphrase",
      publicText,
      addedAt: added_at,
    })),
    fingerprint: secret && (await fingerprintBy(secret, space)),
  };
}

async function fingerprintBy(secret: Secret, space: SpaceInfo): Promise<string | undefined> {
  try {
    return fingerprintOf((await secret.keyring(space)).keys);
  } catch (error) {
    if (isIcecoreError(error) && error.kind === "denied") return undefined;
    throw error;
  }
}

/**
 * The text of `space.json` after a change of its keyring, to be put by `If-Match` in the place of the one that was read: of two who change it at
 * once, one is told.
 *
 * @throws IcecoreError where the secret does not open it, as {@link Secret.content}; `conflict` with code `name-taken` or `key-taken`, `not_found`
 * with code `no-such-holder`, `invalid` with code `last-holder` or `keyring-invalid` for a change that cannot be, `key-text` for a public key
 * that is none.
 */
export async function changeKeyring(
  space: SpaceInfo,
  secret: Secret,
  change: KeyringChange,
  making: Making,
): Promise<string> {
  const context = contextOf("keyring", space);
  let made = await nextKeyring(context, await secret.keyring(space), change, making);
  if ("setPassphrase" in change) {
    // Who knows the old passphrase has perhaps kept the old keyring.
    made = await nextKeyring(context, made, { rotate: true }, making);
  }
  return writeSpace({ ...space, keyring: keyringText(made.keyring) });
}

/**
 * The text of the `space.json` of a new encrypted space, which these can open.
 *
 * @throws IcecoreError as {@link changeKeyring}.
 */
export async function encryptedSpace(
  space: SpaceInfo,
  holders: readonly NewHolder[],
  making: Making,
): Promise<string> {
  const { keyring } = await firstKeyring(contextOf("keyring", space), holders, making);
  return writeSpace({ ...space, keyring: keyringText(keyring) });
}
