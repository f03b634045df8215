/**
 * The keys of a space: what is written is sealed under the newest, and all open.
 *
 * @module
 */

import { toBytes } from "../core/utf8.ts";
import { type Bytes, concat, fromBase64, toBase64 } from "./bytes.ts";
import { type Cipher, decrypt, encrypt, hkdf, subkey } from "./crypto.ts";

const SALT = 16;
const TAG = 16;

/** Why a sealed content does not open: under a key that is not at hand; not what was sealed; not the form of a sealed content. */
export type NotOpened = "unknown-key" | "refused" | "malformed";

/** All keys of a space, from the first to the newest. */
export class SpaceKeys {
  /** Key number n at place n − 1. Secret. */
  readonly #keys: readonly Uint8Array[];

  constructor(keys: readonly Uint8Array[]) {
    this.#keys = keys;
  }

  /** The number of the newest key. */
  get newest(): number {
    return this.#keys.length;
  }

  /** The key of this number, from 1; only of numbers that there are. */
  key(number: number): Uint8Array {
    return this.#keys[number - 1] ?? new Uint8Array(32);
  }

  /** The same, and a newer one. */
  with(newest: Uint8Array): SpaceKeys {
    return new SpaceKeys([...this.#keys, newest]);
  }

  /** 32 bytes for a text, which only who holds the keys can make: the same whatever keys were added since the first. */
  token(text: string): Bytes {
    const key = subkey(this.key(1), "icecore token v1");
    return hkdf(key, new Uint8Array(), text, 32);
  }

  /** Seals a content under the newest key; it opens in this context only. A salt of 16 random bytes is used once. */
  async seal(context: Bytes, plain: Bytes, salt: Bytes): Promise<string> {
    const sealed = await encrypt(this.#cipher(this.newest, salt, context), plain);
    return toBase64(concat(salt, sealed));
  }

  /** Opens what was sealed in the same context under the key of this number. */
  async open(context: Bytes, number: number, sealed: string): Promise<Bytes | NotOpened> {
    const bytes = fromBase64(sealed);
    if (bytes === undefined || bytes.length < SALT + TAG) return "malformed";
    if (number > this.newest) return "unknown-key";
    const cipher = this.#cipher(number, bytes.subarray(0, SALT), context);
    return (await decrypt(cipher, bytes.subarray(SALT))) ?? "refused";
  }

  #cipher(number: number, salt: Bytes, about: Bytes): Cipher {
    return { input: this.key(number), salt, info: "icecore seal v1", about };
  }
}

/** What something of a space is bound to: JSON without blanks. */
export function contextOf(
  what: "update" | "state" | "transient" | "keyring",
  place: { readonly store: string; readonly space: string },
  rest = "",
): Bytes {
  return toBytes(`["icecore",1,"${what}","${place.store}","${place.space}"${rest}]`);
}
