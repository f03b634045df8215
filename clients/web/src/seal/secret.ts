/**
 * The secrets of a program, and the keys that they gave so far.
 *
 * @module
 */

import { IcecoreError } from "../errors.ts";
import type { SpaceInfo } from "../objects/space.ts";
import { sealedContent } from "./content.ts";
import { fault } from "./faults.ts";
import type { Identity } from "./identity.ts";
import { readKeyring } from "./keyring.ts";
import { contextOf } from "./keys.ts";
import { identityIn, openKeyring } from "./open.ts";
import type { DerivesIdentity, OpenedKeyring, Secret } from "./port.ts";

/** A keyring that was opened. */
interface Opened extends OpenedKeyring {
  /** Its text. */
  readonly text: string;
  /** Of a passphrase what Argon2id made of it: that takes long. */
  readonly identity: Identity;
}

/**
 * The option `secret` of `open()`: what opens encrypted spaces. The likeliest secret comes first. What a passphrase becomes in a space is
 * kept for as long as what this returns.
 */
export function encrypt(...secrets: readonly (Identity | DerivesIdentity)[]): Secret {
  const known = new Map<string, Promise<Opened | undefined>>();
  const opened = (space: SpaceInfo): Promise<Opened> => {
    const name = `${space.store} ${space.space}`;
    const before = known.get(name) ?? Promise.resolve(undefined);
    // One after the other: a passphrase is tried once, however many ask at once. What fails leaves what was known before.
    const opening = before.then((last) => openBySome(space, secrets, last));
    known.set(
      name,
      opening.catch(() => before),
    );
    return opening;
  };
  return {
    content: async (space, chance) => {
      const { keys, keyring } = await opened(space);
      const { store, space: name } = space;
      return sealedContent({ store, space: name, keys, version: keyring.version, chance });
    },
    keyring: opened,
  };
}

async function openBySome(
  space: SpaceInfo,
  secrets: readonly (Identity | DerivesIdentity)[],
  before: Opened | undefined,
): Promise<Opened> {
  const text = keyringOf(space);
  if (before?.text === text) return before;
  const keyring = readKeyring(text);
  const context = contextOf("keyring", space);
  let failed: unknown = fault("denied", "locked", "no secret is at hand");
  // The one that opened it last is likely to do it again, without asking Argon2id.
  for (const secret of before === undefined ? secrets : [before.identity, ...secrets]) {
    try {
      const identity = await identityIn(keyring, secret);
      return { text, identity, keyring, keys: await openKeyring(context, keyring, identity) };
    } catch (error) {
      failed = error;
    }
  }
  throw failed;
}

/** The text of a space's keyring. */
export function keyringOf({ keyring, space }: SpaceInfo): string {
  if (keyring !== undefined) return keyring;
  throw new IcecoreError("invalid", "not-encrypted", "the space is not encrypted", {
    object: space,
    hint: "open it without a secret, or find out who took its keyring away",
  });
}
