/**
 * The keyring: the keys of a space, wrapped for each of its holders, as it stands in `space.json`.
 *
 * @module
 */

import { keyringChanged, keyringInvalid } from "./faults.ts";
import { publicBytesOf } from "./identity.ts";
import type { PassphraseCost } from "./port.ts";

/** So many space keys a keyring can have. */
export const KEYS_MAX = 1000;
/** So many holders a keyring can have. */
export const HOLDERS_MAX = 1000;
/** So many holders can have a passphrase: all may have to be tried. */
export const PASSPHRASES_MAX = 16;

/** What everybody may know of a space key, as it is stored. */
export interface KeyInfo {
  /** Its number: its place among all, from 1. */
  readonly number: number;
  /** When it was made. */
  readonly made_at: string;
  /** Shows that who made it held the key before. */
  readonly link: string;
}

/** Where the secret of a passphrase's holder comes from, as it is stored. */
export interface PassphraseKind {
  /** What Argon2id is given with the passphrase. */
  readonly passphrase: {
    /** 16 random bytes. */
    readonly salt: string;
    /** {@link PassphraseCost.memoryKib}. */
    readonly memory_kib: number;
    /** {@link PassphraseCost.passes}. */
    readonly passes: number;
    /** {@link PassphraseCost.lanes}. */
    readonly lanes: number;
  };
}

/** One who can open the keyring, as it is stored. */
export interface Holder {
  /** For people; no two holders have the same. */
  readonly name: string;
  /** Where the secret of `public` comes from. */
  readonly kind: "member" | PassphraseKind;
  /** What the keys are wrapped for. */
  readonly public: string;
  /** When the holder was added. */
  readonly added_at: string;
  /** All space keys, for this holder only. */
  readonly wrapped: string;
}

/** All of a keyring but its mac: what the mac covers. */
export interface Unproved {
  /** How many times it was changed, and one. */
  readonly version: number;
  /** From the first key to the newest. */
  readonly keys: readonly KeyInfo[];
  /** In the order in which they were added. */
  readonly holders: readonly Holder[];
}

/** A keyring whose form was checked; of who made it nothing is known before it is opened. */
export interface Keyring extends Unproved {
  /** Shows that who made it held the newest key. */
  readonly mac: string;
}

/** The JSON of a keyring, or of one without its mac: no blanks, members in the order of the format, escapes only where they must be. */
export function keyringText(keyring: Unproved & { readonly mac?: string }): string {
  const { version, keys, holders, mac } = keyring;
  return JSON.stringify({ version, keys, holders, mac });
}

/**
 * Reads the JSON of a keyring. Unknown members are passed over.
 *
 * @throws IcecoreError `corrupt` with code `keyring-changed` where it has not the form of one.
 */
export function readKeyring(text: string): Keyring {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    throw keyringChanged("form");
  }
  const members = membersOf(json);
  const version = integer(members["version"], Number.MAX_SAFE_INTEGER);
  const keys = list(members["keys"], KEYS_MAX).map(readKey);
  const holders = list(members["holders"], HOLDERS_MAX).map(readHolder);
  const alike = (of: (holder: Holder) => string) => new Set(holders.map(of)).size < holders.length;
  if (alike((holder) => holder.name) || alike((holder) => holder.public)) {
    throw keyringChanged("holders");
  }
  return { version, keys, holders, mac: string(members["mac"]) };
}

function readKey(json: unknown, place: number): KeyInfo {
  const { number, made_at, link } = membersOf(json);
  if (number !== place + 1) throw keyringChanged("keys");
  return { number, made_at: string(made_at), link: string(link) };
}

function readHolder(json: unknown): Holder {
  const members = membersOf(json);
  const name = string(members["name"]);
  const key = string(members["public"]);
  try {
    checkName(name);
    publicBytesOf(key);
  } catch {
    throw keyringChanged("holders");
  }
  return {
    name,
    kind: readKind(members["kind"]),
    public: key,
    added_at: string(members["added_at"]),
    wrapped: string(members["wrapped"]),
  };
}

function readKind(json: unknown): "member" | PassphraseKind {
  if (json === "member") return json;
  const { salt, memory_kib, passes, lanes } = membersOf(membersOf(json)["passphrase"]);
  const number = (value: unknown) => integer(value, 2 ** 32 - 1, 0);
  return {
    passphrase: {
      salt: string(salt),
      memory_kib: number(memory_kib),
      passes: number(passes),
      lanes: number(lanes),
    },
  };
}

function membersOf(json: unknown): Readonly<Record<string, unknown>> {
  if (typeof json !== "object" || json === null || Array.isArray(json))
    throw keyringChanged("form");
  return json as Record<string, unknown>;
}

function string(value: unknown): string {
  if (typeof value !== "string" || !value.isWellFormed()) throw keyringChanged("form");
  return value;
}

function integer(value: unknown, most: number, least = 1): number {
  if (Number.isInteger(value) && (value as number) >= least && (value as number) <= most) {
    return value as number;
  }
  throw keyringChanged("form");
}

function list(value: unknown, most: number): unknown[] {
  if (Array.isArray(value) && value.length > 0 && value.length <= most) return value;
  throw keyringChanged("form");
}

/** Characters that do not show; a blank does. */
const INVISIBLE =
  /(?! )[\p{Cc}\p{White_Space}\xad\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\u{e0000}-\u{e007f}]/u;

/**
 * Whether a name can be that of a holder. It is shown to people who decide by it whom to trust: nothing in it is invisible.
 *
 * @throws IcecoreError `invalid` with code `keyring-invalid`.
 */
export function checkName(name: string): void {
  const length = [...name].length;
  const isShown = name.trim() === name && name.isWellFormed() && !INVISIBLE.test(name);
  if (length < 1 || length > 64 || !isShown) {
    throw keyringInvalid("a name has 1 to 64 characters that show, no blank at its ends");
  }
}

/** What it costs to try the passphrase of a holder; `undefined` where there is none. */
export function costOf(kind: Holder["kind"]): PassphraseCost | undefined {
  if (kind === "member") return undefined;
  const { memory_kib, passes, lanes } = kind.passphrase;
  return { memoryKib: memory_kib, passes, lanes };
}
