/**
 * What the core needs of the entry `icecore/seal`, as types alone: nothing of it is loaded by who does not use it.
 *
 * @module
 */

import type { Content } from "../objects/content.ts";
import type { SpaceInfo } from "../objects/space.ts";
import type { Chance } from "../ports.ts";
import type { Identity } from "./identity.ts";
import type { Keyring } from "./keyring.ts";
import type { SpaceKeys } from "./keys.ts";

/** What everybody may know of a space key. */
export interface KeyView {
  /** Its number: 1, 2, 3 …. */
  readonly number: number;
  /** When it was made, as who made it says. */
  readonly madeAt: string;
}

/** What everybody may know of a holder. */
export interface HolderView {
  /** For people; no two holders have the same. */
  readonly name: string;
  /** Where the holder's secret comes from. */
  readonly kind: "member" | "passphrase";
  /** The public key: `icecore-public-…`. */
  readonly publicText: string;
  /** When the holder was added or got this passphrase, as who did it says. */
  readonly addedAt: string;
}

/** What people are shown of a keyring. */
export interface KeyringView {
  /** How many times it was changed, and one. */
  readonly version: number;
  /** From the first to the newest. */
  readonly keys: readonly KeyView[];
  /** In the order in which they were added. */
  readonly holders: readonly HolderView[];
  /**
   * A short text of the newest key: two people who see the same one hold the same key. `undefined` where no secret at
   * hand opens the keyring.
   */
  readonly fingerprint: string | undefined;
}

/** What it costs to try one passphrase (Argon2id), for us and for who guesses. */
export interface PassphraseCost {
  /** How much memory it takes, in KiB: at most 262,144, and 8 for each lane at least. */
  readonly memoryKib: number;
  /** How often it goes over that memory: 1 to 10. */
  readonly passes: number;
  /** How many processors could share the work: 1 to 8. Here one does it all. */
  readonly lanes: number;
}

/** Somebody who shall be able to open a space. */
export type NewHolder =
  | {
      /** 1 to 64 characters that all show, no blank at the ends. */
      readonly name: string;
      /** The public key of the member's identity: `icecore-public-…`. */
      readonly publicText: string;
    }
  | {
      /** 1 to 64 characters that all show, no blank at the ends. */
      readonly name: string;
      /** What whoever knows it opens the space with. */
      readonly passphrase: DerivesIdentity;
      /**
       * What it shall cost to try one.
       * @default 64 MiB, 3 passes, 1 lane
       */
      readonly cost?: PassphraseCost | undefined;
    };

/** A change of a keyring. */
export type KeyringChange =
  /** Somebody may open the space from now on, all of it. */
  | { readonly add: NewHolder }
  /**
   * The holder of this name may not open what is written from now on: there is a new key. What was written before stays
   * readable to who has kept the old one.
   */
  | { readonly remove: string }
  /** A new key for what is written from now on. */
  | { readonly rotate: true }
  /** Another passphrase for a holder that has one, and a new key for what is written from now on. */
  | {
      readonly setPassphrase: string;
      readonly passphrase: DerivesIdentity;
      readonly cost?: PassphraseCost | undefined;
    };

/** A passphrase, as the entry `icecore/passphrase` makes it. */
export interface DerivesIdentity {
  /** The identity that follows from it with this salt (16 bytes) at this cost. Slow, and meant to be. */
  derive(salt: Uint8Array, cost: PassphraseCost): Promise<Identity>;
}

/** When and with what randomness something is made. */
export interface Making {
  /** The time, as RFC 3339 has it. */
  readonly at: string;
  /** Fresh random bytes, fit for keys. */
  readonly chance: Pick<Chance, "bytes">;
}

/** A keyring and its keys. */
export interface OpenedKeyring {
  /** As it is stored. */
  readonly keyring: Keyring;
  /** Secret. */
  readonly keys: SpaceKeys;
}

/** What opens encrypted spaces: the option `secret` of `open()`. Made by `encrypt` of the entry `icecore/seal`. */
export interface Secret {
  /**
   * The content of an encrypted space.
   *
   * @throws IcecoreError `denied` with code `wrong-passphrase` or `not-a-holder` where no secret at hand opens it; `corrupt` with code
   * `keyring-changed` or `keyring-too-expensive`; `invalid` with code `not-encrypted` where the space has no keyring: somebody may have taken
   * it away, so that all would be written in the clear; `insecure-context` or `no-x25519` where the browser cannot do it.
   */
  content(space: SpaceInfo, chance: Pick<Chance, "bytes">): Promise<Content>;
  /**
   * The keyring of an encrypted space with its keys: for the functions of `icecore/seal` that show and change it.
   *
   * @throws IcecoreError as {@link Secret.content}.
   */
  keyring(space: SpaceInfo): Promise<OpenedKeyring>;
}
