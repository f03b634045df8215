/**
 * Making a keyring, and making its next version. Random bytes are drawn 32 at a time: for a new key; then, for each holder that
 * is wrapped for, for the salt of a new passphrase, and for the wrapping.
 *
 * @module
 */

import { type Bytes, toBase64 } from "./bytes.ts";
import { COST_DEFAULT, checkCost } from "./cost.ts";
import { fault, keyringInvalid } from "./faults.ts";
import {
  checkName,
  HOLDERS_MAX,
  type Holder,
  KEYS_MAX,
  type KeyInfo,
  type Keyring,
  PASSPHRASES_MAX,
} from "./keyring.ts";
import { SpaceKeys } from "./keys.ts";
import type {
  DerivesIdentity,
  KeyringChange,
  Making,
  NewHolder,
  OpenedKeyring,
  PassphraseCost,
} from "./port.ts";
import { checkProofs, linkOf, macOf } from "./proof.ts";
import { wrap } from "./wrap.ts";

/** What every new part of a keyring needs. */
interface Maker extends Making {
  readonly context: Bytes;
}

/**
 * The first version of a keyring, with one key, for one holder or more.
 *
 * @throws IcecoreError `invalid` with code `keyring-invalid` for holders that cannot be, `conflict` with code `name-taken` or `key-taken`
 * where two are alike, `corrupt` with code `keyring-too-expensive`.
 */
export async function firstKeyring(
  context: Bytes,
  newHolders: readonly NewHolder[],
  making: Making,
): Promise<OpenedKeyring> {
  checkTime(making.at);
  if (newHolders.length === 0) throw keyringInvalid("it needs a holder");
  const maker: Maker = { context, ...making };
  const keys = new SpaceKeys([draw(maker)]);
  const holders: Holder[] = [];
  for (const holder of newHolders) holders.push(await holderOf(maker, keys, holders, holder));
  return finish(maker, keys, { version: 1, keys: [infoOf(maker, keys)], holders });
}

/**
 * The next version of a keyring, by somebody who holds its newest key. Of `setPassphrase` only that: a new key is another change.
 *
 * @throws IcecoreError `corrupt` with code `keyring-changed` where keyring and keys do not fit together; as {@link firstKeyring}; `not_found`
 * with code `no-such-holder`; `invalid` with code `last-holder`.
 */
export async function nextKeyring(
  context: Bytes,
  made: OpenedKeyring,
  change: KeyringChange,
  making: Making,
): Promise<OpenedKeyring> {
  const { keyring, keys } = made;
  checkTime(making.at);
  checkProofs(context, keyring, keys);
  if (keyring.version >= Number.MAX_SAFE_INTEGER) throw keyringInvalid("it has no more versions");
  const maker: Maker = { context, ...making };
  const next = { ...keyring, version: keyring.version + 1 };
  if ("add" in change) {
    const added = await holderOf(maker, keys, keyring.holders, change.add);
    return finish(maker, keys, { ...next, holders: [...keyring.holders, added] });
  }
  if ("setPassphrase" in change) {
    return finish(maker, keys, { ...next, holders: await withPassphrase(maker, made, change) });
  }
  if ("remove" in change) {
    const holders = keyring.holders.filter(({ name }) => name !== change.remove);
    if (holders.length === keyring.holders.length) throw noSuchHolder(change.remove);
    if (holders.length === 0) {
      throw fault("invalid", "last-holder", "the last holder cannot be removed");
    }
    return rotated(maker, keys, { ...next, holders });
  }
  return rotated(maker, keys, next);
}

async function rotated(maker: Maker, before: SpaceKeys, next: Keyring): Promise<OpenedKeyring> {
  if (before.newest >= KEYS_MAX) throw keyringInvalid("it has 1,000 keys");
  const keys = before.with(draw(maker));
  const infos = [...next.keys, infoOf(maker, keys)];
  const holders: Holder[] = [];
  for (const holder of next.holders) {
    const wrapped = await wrap(maker.context, keys, holder, draw(maker));
    holders.push({ ...holder, wrapped });
  }
  return finish(maker, keys, { ...next, keys: infos, holders });
}

/** The holders where one of them has another passphrase, each at its place: only what changed looks changed. */
async function withPassphrase(
  maker: Maker,
  { keyring, keys }: OpenedKeyring,
  change: Extract<KeyringChange, { readonly setPassphrase: string }>,
): Promise<readonly Holder[]> {
  const { setPassphrase: name, passphrase, cost } = change;
  const holder = keyring.holders.find((one) => one.name === name);
  if (holder === undefined) throw noSuchHolder(name);
  if (holder.kind === "member") throw keyringInvalid("the holder has no passphrase");
  const others = keyring.holders.filter((one) => one !== holder);
  const changed = await holderOf(maker, keys, others, { name, passphrase, cost });
  return keyring.holders.map((one) => (one === holder ? changed : one));
}

/** A new holder beside others, after checking that it can be. */
async function holderOf(
  maker: Maker,
  keys: SpaceKeys,
  others: readonly Holder[],
  holder: NewHolder,
): Promise<Holder> {
  const { name } = holder;
  checkName(name);
  if (others.some((other) => other.name === name)) {
    throw fault("conflict", "name-taken", "another holder has this name", { params: { name } });
  }
  if (others.length >= HOLDERS_MAX) throw keyringInvalid("it has 1,000 holders");
  const isMember = "publicText" in holder;
  if (!isMember && others.filter((o) => o.kind !== "member").length >= PASSPHRASES_MAX) {
    throw keyringInvalid("it has 16 passphrases");
  }
  const { kind, public: key } = isMember
    ? { kind: "member" as const, public: holder.publicText }
    : await derived(maker, holder.passphrase, holder.cost ?? COST_DEFAULT);
  const taken = others.find((other) => other.public === key);
  if (taken !== undefined) {
    const params = { name: taken.name };
    throw fault("conflict", "key-taken", "a holder has this public key", { params });
  }
  const wrapped = await wrap(maker.context, keys, { name, public: key }, draw(maker));
  return { name, kind, public: key, added_at: maker.at, wrapped };
}

/** Takes a passphrase in, under a new salt. */
async function derived(
  maker: Maker,
  passphrase: DerivesIdentity,
  cost: PassphraseCost,
): Promise<Pick<Holder, "kind" | "public">> {
  checkCost(cost);
  const salt = draw(maker).subarray(0, 16);
  const { memoryKib, passes, lanes } = cost;
  const kind = { passphrase: { salt: toBase64(salt), memory_kib: memoryKib, passes, lanes } };
  return { kind, public: (await passphrase.derive(salt, cost)).publicText };
}

function infoOf({ context, at }: Maker, keys: SpaceKeys): KeyInfo {
  const number = keys.newest;
  return { number, made_at: at, link: toBase64(linkOf(context, keys, number)) };
}

function finish({ context }: Maker, keys: SpaceKeys, next: Omit<Keyring, "mac">): OpenedKeyring {
  return { keyring: { ...next, mac: toBase64(macOf(context, keys, next)) }, keys };
}

function draw({ chance }: Maker): Bytes {
  return chance.bytes(32);
}

/** That it is a time is the caller's matter; what cannot be shown is not taken. */
function checkTime(at: string): void {
  if (!/^[!-~]{1,40}$/.test(at)) throw keyringInvalid("this is not a time of RFC 3339");
}

function noSuchHolder(name: string): Error {
  return fault("not_found", "no-such-holder", "no holder has this name", { params: { name } });
}
