/**
 * Opening a keyring.
 *
 * @module
 */

import { type Bytes, fromBase64 } from "./bytes.ts";
import { checkCost } from "./cost.ts";
import { keyringChanged, notAHolder, tooExpensive, wrongPassphrase } from "./faults.ts";
import type { Identity } from "./identity.ts";
import { costOf, type Keyring, PASSPHRASES_MAX } from "./keyring.ts";
import type { SpaceKeys } from "./keys.ts";
import type { DerivesIdentity, PassphraseCost } from "./port.ts";
import { checkProofs } from "./proof.ts";
import { unwrap } from "./wrap.ts";

/**
 * Unwraps all space keys, and checks that the keyring is as somebody made it who held the newest of them.
 *
 * @throws IcecoreError `denied` with code `not-a-holder`; `corrupt` with code `keyring-changed` when something does not fit, or it is of
 * another context.
 */
export async function openKeyring(
  context: Bytes,
  keyring: Keyring,
  identity: Identity,
): Promise<SpaceKeys> {
  const holder = keyring.holders.find((one) => one.public === identity.publicText);
  if (holder === undefined) throw notAHolder();
  const keys = await unwrap(context, holder, identity);
  checkProofs(context, keyring, keys);
  return keys;
}

/**
 * The identity that a secret stands for in a keyring: itself, or what follows from a passphrase.
 *
 * @throws IcecoreError before anything is derived: `denied` with code `not-a-holder` where no holder has a passphrase, `corrupt` or
 * `invalid` where the keyring asks for too much or for what cannot be done; then `denied` with code `wrong-passphrase`.
 */
export async function identityIn(
  keyring: Keyring,
  secret: Identity | DerivesIdentity,
): Promise<Identity> {
  if (!("derive" in secret)) return secret;
  const tries: { publicText: string; salt: Bytes; cost: PassphraseCost }[] = [];
  for (const { kind, public: publicText } of keyring.holders) {
    const cost = costOf(kind);
    if (kind === "member" || cost === undefined) continue;
    checkCost(cost);
    const salt = fromBase64(kind.passphrase.salt);
    if (salt?.length !== 16) throw keyringChanged("salt");
    tries.push({ publicText, salt, cost });
  }
  if (tries.length === 0) throw notAHolder();
  if (tries.length > PASSPHRASES_MAX) throw tooExpensive();
  for (const { publicText, salt, cost } of tries) {
    const identity = await secret.derive(salt, cost);
    if (identity.publicText === publicText) return identity;
  }
  throw wrongPassphrase();
}
