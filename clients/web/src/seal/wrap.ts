/**
 * Space keys, wrapped for one holder.
 *
 * @module
 */

import { toBytes } from "../core/utf8.ts";
import { type Bytes, concat, fromBase64, toBase64 } from "./bytes.ts";
import { type Cipher, decrypt, encrypt } from "./crypto.ts";
import { keyringChanged, keyringInvalid } from "./faults.ts";
import { Identity, publicBytesOf } from "./identity.ts";
import type { Holder } from "./keyring.ts";
import { SpaceKeys } from "./keys.ts";
import { numberBytes } from "./proof.ts";

const PUBLIC = 32;
const ENTRY = 36;

/** Who is wrapped for. */
export type Receiver = Pick<Holder, "name" | "public">;

/** Wraps all keys for a holder, with an identity of 32 random bytes that nobody keeps. */
export async function wrap(
  context: Bytes,
  keys: SpaceKeys,
  holder: Receiver,
  random: Bytes,
): Promise<string> {
  const ephemeral = await Identity.of(random);
  const theirs = publicBytesOf(holder.public);
  const shared = await ephemeral.agree(theirs);
  if (shared === undefined) throw keyringInvalid("the public key protects nothing");
  const entries: Uint8Array[] = [];
  for (let number = 1; number <= keys.newest; number += 1) {
    entries.push(numberBytes(number), keys.key(number));
  }
  const cipher = cipherOf(context, shared, ephemeral.publicBytes, holder);
  return toBase64(concat(ephemeral.publicBytes, await encrypt(cipher, concat(...entries))));
}

/**
 * Unwraps what was wrapped for this holder, whose identity it is.
 *
 * @throws IcecoreError `corrupt` with code `keyring-changed`.
 */
export async function unwrap(
  context: Bytes,
  holder: Holder,
  identity: Identity,
): Promise<SpaceKeys> {
  const bytes = fromBase64(holder.wrapped);
  const ephemeral = bytes?.subarray(0, PUBLIC);
  const shared = ephemeral?.length === PUBLIC ? await identity.agree(ephemeral) : undefined;
  if (bytes === undefined || ephemeral === undefined || shared === undefined) {
    throw keyringChanged("wrapped");
  }
  const cipher = cipherOf(context, shared, ephemeral, holder);
  return keysOf(await decrypt(cipher, bytes.subarray(PUBLIC)));
}

function cipherOf(context: Bytes, input: Bytes, ephemeral: Bytes, holder: Receiver): Cipher {
  const theirs = publicBytesOf(holder.public);
  const about = concat(context, theirs, toBytes(holder.name));
  return { input, salt: concat(ephemeral, theirs), info: "icecore wrap v1", about };
}

/** Reads entries with all numbers from 1. */
function keysOf(entries: Bytes | undefined): SpaceKeys {
  const keys: Uint8Array[] = [];
  const count = (entries?.length ?? 0) / ENTRY;
  for (let number = 1; number <= count; number += 1) {
    const entry = entries?.slice((number - 1) * ENTRY, number * ENTRY) ?? new Uint8Array();
    if (String(entry.subarray(0, 4)) === String(numberBytes(number))) keys.push(entry.subarray(4));
  }
  if (keys.length === 0 || keys.length !== count) throw keyringChanged("wrapped");
  return new SpaceKeys(keys);
}
