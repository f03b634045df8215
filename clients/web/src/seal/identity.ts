/**
 * Identities, the secrets of persons and devices, and the public keys that others know them by.
 *
 * @module
 */

import { sha256 } from "../core/sha256.ts";
import { IcecoreError } from "../errors.ts";
import type { Chance } from "../ports.ts";
import { areEqual, type Bytes, concat, fromBase64, toBase64 } from "./bytes.ts";
import { agreed, publicOf, systemChance } from "./crypto.ts";

const SECRET = "icecore-secret-";
const PUBLIC = "icecore-public-";
/** Characters of base64url for 32 bytes and the first four of their SHA-256. */
const DIGITS = 48;

/** An X25519 secret: it opens what is wrapped for its public key. Nothing of it shows when it is printed. */
export class Identity {
  /** The public key: `icecore-public-…`. No secret: it is what others need to let this identity open a space. */
  readonly publicText: string;
  readonly #public: Bytes;
  readonly #secret: Bytes;

  private constructor(secret: Bytes, publicKey: Bytes) {
    this.#secret = secret;
    this.#public = publicKey;
    this.publicText = textOfKey(PUBLIC, publicKey);
  }

  /** The identity of 32 secret bytes. */
  static async of(secret: Uint8Array): Promise<Identity> {
    const own = concat(secret);
    return new Identity(own, await publicOf(own));
  }

  /** The 32 bytes of the public key. */
  get publicBytes(): Bytes {
    return this.#public;
  }

  /** What it has in common with the owner of a public key; `undefined` where that would be zero, which everybody knows. */
  agree(publicKey: Bytes): Promise<Bytes | undefined> {
    return agreed(this.#secret, publicKey);
  }

  /** The secret as text. */
  secretText(): string {
    return textOfKey(SECRET, this.#secret);
  }
}

/**
 * Makes a new identity. Keep what {@link secretOf} says of it where nobody else reads; what is sealed for it, nothing else
 * opens.
 *
 * @throws IcecoreError `invalid` with code `insecure-context` or `no-x25519`.
 */
export function identity(chance: Pick<Chance, "bytes"> = systemChance): Promise<Identity> {
  return Identity.of(chance.bytes(32));
}

/** The secret of an identity as text, to be kept where nobody else reads: `icecore-secret-…`. {@link readSecret} reads it. */
export function secretOf(of: Identity): string {
  return of.secretText();
}

/**
 * The identity of a text `icecore-secret-…`.
 *
 * @throws IcecoreError `invalid` with code `key-text`, and what is wrong as the parameter `why`: `prefix`, `public-for-secret`, `length`,
 * `character` or `checksum`; or with code `insecure-context` or `no-x25519`.
 */
export async function readSecret(text: string): Promise<Identity> {
  if (text.startsWith(PUBLIC))
    throw noKey("public-for-secret", "this is a public key, not a secret");
  return Identity.of(keyOfText(SECRET, text));
}

/**
 * The public key of an identity, or of a text that somebody typed, once it is checked: `icecore-public-…`.
 *
 * @throws IcecoreError `invalid` with code `key-text`, and what is wrong as the parameter `why`: `prefix`, `secret-for-public`, `length`,
 * `character`, `checksum` or `weak`.
 */
export function publicText(of: Identity | string): string {
  if (typeof of !== "string") return of.publicText;
  publicBytesOf(of);
  return of;
}

/** The 32 bytes of a public key's text; as {@link publicText}. */
export function publicBytesOf(text: string): Bytes {
  if (text.startsWith(SECRET)) {
    throw noKey("secret-for-public", "this is a secret, not a public key: show it to nobody");
  }
  const bytes = keyOfText(PUBLIC, text);
  if (isWeak(bytes)) throw noKey("weak", "this public key protects nothing");
  return bytes;
}

function noKey(why: string, message: string): IcecoreError {
  return new IcecoreError("invalid", "key-text", message, {
    hint: "copy the whole text again, from icecore- to its end",
    params: { why },
  });
}

function textOfKey(prefix: string, bytes: Bytes): string {
  return prefix + toBase64(concat(bytes, sha256(bytes).subarray(0, 4)));
}

function keyOfText(prefix: string, text: string): Bytes {
  if (!text.startsWith(prefix)) throw noKey("prefix", `it does not begin with ${prefix}`);
  const digits = text.slice(prefix.length);
  if (/[^\w-]/.test(digits)) throw noKey("character", "it has a character that does not belong");
  if (digits.length !== DIGITS) throw noKey("length", "characters are missing, or too many");
  const checked = fromBase64(digits) as Bytes;
  const bytes = checked.slice(0, 32);
  if (!areEqual(sha256(bytes).subarray(0, 4), checked.subarray(32))) {
    throw noKey("checksum", "a character is wrong");
  }
  return bytes;
}

/** The two points of order eight. */
const ORDER_EIGHT = [
  "4Ot6fDtBuK4WVuP68Z_EatoJjeucMrH9hmIFFl9JuAA",
  "X5yVvKNQjCSx0LFVnIPvWwREXMRYHI6G2CJO3dCfEVc",
];

/** Whether everybody agrees with it on zero: it is of low order, in one of the forms that 255 bits have. */
function isWeak(bytes: Bytes): boolean {
  const bits = bytes.slice();
  // The highest bit does not count.
  bits[31] = (bits[31] ?? 0) & 0x7f;
  if (ORDER_EIGHT.includes(toBase64(bits))) return true;
  const [first = 0, last = 0] = [bits[0], bits[31]];
  const middle = bits.subarray(1, 31);
  // 0 and 1; and 2^255 − 19, one less and one more.
  return (
    (first < 2 && last === 0 && middle.every((byte) => byte === 0)) ||
    (first >= 0xec && first <= 0xee && last === 0x7f && middle.every((byte) => byte === 0xff))
  );
}
