/**
 * The browser's cryptography, and what follows from SHA-256 at once: HMAC and HKDF of so few bytes take less time here than a
 * call of Web Crypto takes to begin.
 *
 * @module
 */

import { sha256 } from "../core/sha256.ts";
import { toBytes } from "../core/utf8.ts";
import { IcecoreError } from "../errors.ts";
import type { Chance } from "../ports.ts";
import { areEqual, type Bytes, concat } from "./bytes.ts";

/** The randomness of the platform. */
export const systemChance: Pick<Chance, "bytes"> = {
  bytes: (length) => crypto.getRandomValues(new Uint8Array(length)),
};

function subtle(): SubtleCrypto {
  // Pages that did not come by https, nor from this device, have none.
  const found = (globalThis.crypto as Crypto | undefined)?.subtle as SubtleCrypto | undefined;
  if (found !== undefined) return found;
  throw new IcecoreError("invalid", "insecure-context", "this page may not use encryption", {
    hint: "serve it by https, or from localhost",
  });
}

/** The key of an HMAC with each byte changed, and zeros behind it up to a block of SHA-256. */
function padded(key: Uint8Array, change: number): Uint8Array {
  const block = new Uint8Array(64).fill(change);
  for (let i = 0; i < key.length; i += 1) block[i] = (key[i] as number) ^ change;
  return block;
}

/** HMAC-SHA-256 with a key of 64 bytes at most. */
export function hmac(key: Uint8Array, ...parts: readonly Uint8Array[]): Bytes {
  return sha256(padded(key, 0x5c), sha256(padded(key, 0x36), ...parts));
}

/** HKDF-SHA-256 (RFC 5869), at most 64 bytes. */
export function hkdf(input: Uint8Array, salt: Uint8Array, info: string, length: number): Bytes {
  const key = hmac(salt, input);
  const about = toBytes(info);
  const first = hmac(key, about, Uint8Array.of(1));
  if (length <= 32) return first.slice(0, length);
  return concat(first, hmac(key, first, about, Uint8Array.of(2))).slice(0, length);
}

/** A key for one purpose: 32 bytes. */
export function subkey(key: Uint8Array, info: string): Bytes {
  return hkdf(key, new Uint8Array(), info, 32);
}

/** What one message is encrypted with. */
export interface Cipher {
  /** The input of HKDF. */
  readonly input: Uint8Array;
  /** Its salt. */
  readonly salt: Uint8Array;
  /** Its info. */
  readonly info: string;
  /** The associated data. */
  readonly about: Bytes;
}

async function aes(cipher: Cipher, use: "encrypt" | "decrypt", bytes: Bytes): Promise<Bytes> {
  const derived = hkdf(cipher.input, cipher.salt, cipher.info, 44);
  const engine = subtle();
  const key = await engine.importKey("raw", derived.subarray(0, 32), "AES-GCM", false, [use]);
  const how = { name: "AES-GCM", iv: derived.subarray(32), additionalData: cipher.about };
  return new Uint8Array(await engine[use](how, key, bytes));
}

/** The ciphertext and its tag: AES-256-GCM under a key and a nonce derived for this message. */
export function encrypt(cipher: Cipher, plain: Bytes): Promise<Bytes> {
  return aes(cipher, "encrypt", plain);
}

/** The plain bytes; `undefined` where ciphertext, tag or associated data are not what was encrypted. */
export async function decrypt(cipher: Cipher, bytes: Bytes): Promise<Bytes | undefined> {
  if (bytes.length < 16) return undefined;
  try {
    return await aes(cipher, "decrypt", bytes);
  } catch (error) {
    if (error instanceof IcecoreError) throw error;
    return undefined;
  }
}

/** What stands before the 32 bytes of an X25519 secret in the form PKCS #8, the only one that takes them alone. */
const PKCS8 = Uint8Array.of(48, 46, 2, 1, 0, 48, 5, 6, 3, 43, 101, 110, 4, 34, 4, 32);
const X25519 = "X25519";

/** What the owners of a secret and a public key have in common; `undefined` where that is zero, which everybody knows. */
export async function agreed(secret: Uint8Array, publicKey: Bytes): Promise<Bytes | undefined> {
  const engine = subtle();
  let keys: [CryptoKey, CryptoKey];
  try {
    keys = await Promise.all([
      engine.importKey("pkcs8", concat(PKCS8, secret), X25519, false, ["deriveBits"]),
      engine.importKey("raw", publicKey, X25519, false, []),
    ]);
  } catch (cause) {
    throw new IcecoreError("invalid", "no-x25519", "this browser lacks X25519", {
      hint: "update it: all current ones have it",
      cause,
    });
  }
  try {
    const [own, theirs] = keys;
    const shared = await engine.deriveBits({ name: X25519, public: theirs }, own, 256);
    const bytes = new Uint8Array(shared);
    return areEqual(bytes, new Uint8Array(32)) ? undefined : bytes;
  } catch {
    // An engine refuses to agree on zero.
    return undefined;
  }
}

/** The public key of a secret: what it has in common with the base point. */
export async function publicOf(secret: Uint8Array): Promise<Bytes> {
  const base = new Uint8Array(32);
  base[0] = 9;
  const found = await agreed(secret, base);
  if (found !== undefined) return found;
  throw new IcecoreError("internal", "x25519-failed", "the browser's X25519 does not work");
}
