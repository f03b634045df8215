/**
 * Encrypted histories at random: a keyring that changes, updates sealed under any of its keys, and what somebody did to them.
 *
 * @module
 */

import fc from "fast-check";
import type { Author } from "../../src/core/ids.ts";
import { onOneLine } from "../../src/core/text.ts";
import { modelVersionOf } from "../../src/core/update.ts";
import { isIcecoreError } from "../../src/errors.ts";
import type { Content } from "../../src/objects/content.ts";
import { readSpace } from "../../src/objects/space.ts";
import { firstKeyring, nextKeyring } from "../../src/seal/change.ts";
import { sealedContent } from "../../src/seal/content.ts";
import { Identity } from "../../src/seal/identity.ts";
import { keyringText } from "../../src/seal/keyring.ts";
import { contextOf } from "../../src/seal/keys.ts";
import { fingerprintOf } from "../../src/seal/manage.ts";
import type { KeyringChange, Making, OpenedKeyring } from "../../src/seal/port.ts";
import { encrypt } from "../../src/seal/secret.ts";
import { Objects, type Plan, plan, STORE, type Story, spaceText, store } from "./histories.ts";
import { ask } from "./oracle.ts";

const SPACE = "s";
const AT = "2026-11-21T12:00:00.000Z";
const PLACE = { store: STORE, space: SPACE };

type Change = { readonly add: number } | { readonly remove: number } | "rotate";

/** What somebody without a key does to an update that is sealed, or in its place. */
const MISCHIEF = [
  "none",
  "clear",
  "moved",
  "bit",
  "cut",
  "another key",
  "no such key",
  "twice",
  "blanks",
  "more",
  "padded",
  "version",
] as const;
type Mischief = (typeof MISCHIEF)[number];

/** How an update is sealed. */
interface Sealing {
  /** Under the keyring after so many changes, as far as there are so many. */
  readonly after: number;
  readonly mischief: Mischief;
  readonly at: number;
}

/** An encrypted history before it is sealed. */
export interface SealedPlan {
  readonly plan: Plan;
  readonly changes: readonly Change[];
  /** Whoever reads has seen so many changes at least. */
  readonly read: number;
  readonly sealing: readonly Sealing[];
}

/** Holders by the bytes of their secrets: the first one is never removed, and reads. */
const READER = 100;

const changes: fc.Arbitrary<readonly Change[]> = fc
  .array(fc.constantFrom("rotate", "rotate", "101", "102"), { maxLength: 3 })
  .map((wanted) => {
    const holders = new Set<number>();
    return wanted.map((what): Change => {
      if (what === "rotate") return what;
      const holder = Number(what);
      if (holders.delete(holder)) return { remove: holder };
      holders.add(holder);
      return { add: holder };
    });
  });

const sealing: fc.Arbitrary<Sealing> = fc.record({
  after: fc.nat(3),
  mischief: fc.oneof(
    { weight: 3, arbitrary: fc.constant<Mischief>("none") },
    { weight: 2, arbitrary: fc.constantFrom(...MISCHIEF) },
  ),
  at: fc.nat(500),
});

/** Encrypted histories. */
export const sealedPlan: fc.Arbitrary<SealedPlan> = fc.record({
  plan,
  changes,
  read: fc.nat(3),
  sealing: fc.array(sealing, { minLength: 1, maxLength: 6 }),
});

/** The n-th bytes drawn are all n. */
function counted(): Making["chance"] {
  let drawn = 0;
  return {
    bytes: (length) => {
      drawn = (drawn + 1) % 256;
      return new Uint8Array(length).fill(drawn);
    },
  };
}

const identities = new Map<number, Promise<Identity>>();

function identityOf(byte: number): Promise<Identity> {
  const found = identities.get(byte) ?? Identity.of(new Uint8Array(32).fill(byte));
  identities.set(byte, found);
  return found;
}

async function holderOf(byte: number): Promise<{ name: string; publicText: string }> {
  return { name: `holder ${byte}`, publicText: (await identityOf(byte)).publicText };
}

async function changeOf(change: Change): Promise<KeyringChange> {
  if (change === "rotate") return { rotate: true };
  if ("remove" in change) return { remove: `holder ${change.remove}` };
  return { add: await holderOf(change.add) };
}

async function keyringsOf(wanted: readonly Change[]): Promise<OpenedKeyring[]> {
  const context = contextOf("keyring", PLACE);
  const making: Making = { at: AT, chance: counted() };
  let made = await firstKeyring(context, [await holderOf(READER)], making);
  const all = [made];
  for (const change of wanted) {
    made = await nextKeyring(context, made, await changeOf(change), making);
    all.push(made);
  }
  return all;
}

/** How the reader reads a story. */
export async function contentOf({ space }: Story): Promise<Content> {
  return encrypt(await identityOf(READER)).content(readSpace(space), counted());
}

/** What is made of the keyring of a story: its fingerprint, or the kind of the error. */
export async function opened({ space }: Story): Promise<unknown> {
  try {
    const { keys } = await encrypt(await identityOf(READER)).keyring(readSpace(space));
    return { ok: fingerprintOf(keys) };
  } catch (error) {
    if (!isIcecoreError(error)) throw error;
    return { error: error.kind };
  }
}

/** The same story, where somebody put other characters into its keyring. */
export function meddled(
  story: Story,
  [place, gone, put]: readonly [number, number, string],
): Story {
  const start = story.space.indexOf('"keyring":') + '"keyring":'.length;
  const at = start + (place % (story.space.length - start - 1));
  const space = story.space.slice(0, at) + put + story.space.slice(at + gone);
  return { ...story, space };
}

/** An update on its way into an object. */
interface Plain {
  readonly author: string;
  readonly seq: number;
  readonly text: string;
  readonly sealing: Sealing;
  /** What it becomes. */
  stored: string;
}

/** A history that was sealed, and what the Rust core says to the sealing. */
export interface Sealed {
  readonly story: Story;
  readonly ours: unknown;
  readonly theirs: unknown;
}

/** Seals a history, and lets the oracle seal the same. */
export async function sealed({
  plan: planned,
  changes,
  read,
  sealing,
}: SealedPlan): Promise<Sealed> {
  const made = await keyringsOf(changes);
  const plains: Plain[] = [];
  store(new Objects(), planned, (object) => {
    for (const [n, text] of object.updates.entries()) {
      const how = sealing[plains.length % sealing.length] as Sealing;
      const { author, seq } = object;
      plains.push({ author, seq: seq + n, text, sealing: how, stored: "" });
    }
    return object;
  });
  const updates = plains.map(({ author, seq, text, sealing: { after, at } }) => ({
    id: { author, seq },
    after: Math.min(after, changes.length),
    text,
    salt: at % 256,
  }));
  const theirs = ask({
    ask: "sealing",
    ...PLACE,
    holders: [READER],
    changes: changes,
    updates,
  }) as { readonly updates: readonly (string | null)[] };
  const texts = await Promise.all(
    updates.map((update) => seal(made, { ...update, text: onOneLine(update.text) })),
  );
  for (const [n, plain] of plains.entries()) {
    // Other writers may have sealed line feeds.
    const isRaw = plain.sealing.at % 3 === 0 && plain.text.includes("\n");
    const own = isRaw ? await seal(made, updates[n] as ToSeal) : texts[n];
    const other = texts[(n + 1) % texts.length] ?? "";
    plain.stored = spoiled(plain, own ?? "", other, made.length);
  }
  const objects = new Objects();
  const byId = new Map(plains.map((plain) => [`${plain.author}:${plain.seq}`, plain.stored]));
  store(objects, planned, (object) => ({
    ...object,
    updates: object.updates.map((_, n) => byId.get(`${object.author}:${object.seq + n}`) ?? "0"),
  }));
  const seen = made[Math.min(read, changes.length)] as OpenedKeyring;
  return {
    story: {
      ask: "story",
      space: spaceText(planned, SPACE, `,"keyring":${keyringText(seen.keyring)}`),
      secret: Buffer.from(new Uint8Array(32).fill(READER)).toString("base64"),
      updates: objects.all(),
      steps: planned.steps,
      typed: planned.typed && planned.model === "document",
    },
    ours: {
      keyrings: made.map(({ keyring, keys }) => [keyringText(keyring), fingerprintOf(keys)]),
      // What is no JSON the Rust core does not seal; that it does not read it either is shown by the history.
      updates: texts.map((text, n) => (theirs.updates[n] === null ? null : text)),
    },
    theirs,
  };
}

interface ToSeal {
  readonly id: { readonly author: string; readonly seq: number };
  readonly after: number;
  readonly text: string;
  readonly salt: number;
}

function seal(made: readonly OpenedKeyring[], { id, after, text, salt }: ToSeal): Promise<string> {
  const { keys, keyring } = made[after] as OpenedKeyring;
  const chance = { bytes: (length: number) => new Uint8Array(length).fill(salt) };
  const content = sealedContent({ ...PLACE, keys, version: keyring.version, chance });
  return content.seal({ author: id.author as Author, seq: id.seq }, text, modelVersionOf(text));
}

/** What is stored in the end. */
function spoiled(plain: Plain, sealed: string, other: string, keys: number): string {
  const { mischief, at } = plain.sealing;
  const said = JSON.parse(sealed) as { key: number; sealed: string };
  const { key, sealed: secret } = said;
  const changed = (more: object): string => JSON.stringify({ ...said, ...more });
  const place = at % secret.length;
  switch (mischief) {
    case "none":
      return sealed;
    case "clear":
      return plain.text;
    case "moved":
      return other;
    case "bit": {
      const digit = secret[place] === "A" ? "B" : "A";
      return changed({ sealed: secret.slice(0, place) + digit + secret.slice(place + 1) });
    }
    case "cut":
      return changed({ sealed: secret.slice(0, place) });
    case "another key":
      return changed({ key: (key % keys) + 1 });
    case "no such key":
      return sealed.replace(/"key":\d+/, `"key":${KEYS[at % KEYS.length]}`);
    case "twice":
      return at % 2 === 0
        ? sealed.replace('{"key"', `{"key":${key},"key"`)
        : sealed.replace(/}$/, ',"s\\u0065aled":"x"}');
    case "blanks":
      return sealed.replace(/[{:,]/g, at % 2 === 0 ? "$& " : "$&\n");
    case "more":
      return sealed.replace(/}$/, `,${MORE[at % MORE.length]}}`);
    case "padded":
      return changed({ sealed: `${secret}${"=+/ é"[at % 5]}` });
    case "version":
      return sealed.replace(
        /(,"model_version":\d+)?}$/,
        `,"model_version":${VERSIONS[at % VERSIONS.length]}}`,
      );
  }
}

const KEYS = [
  "0",
  "1001",
  "4294967295",
  "4294967296",
  "-1",
  "1.0",
  "1e0",
  '"1"',
  "null",
  "18446744073709551616",
];
const MORE = [
  '"x":1e400',
  '"x":[{"key":1}]',
  '"\\ud83d":1',
  '"__proto__":{"key":2}',
  '"key ":1',
  '"x":"\\ud800"',
];
const VERSIONS = ["1", "0", "null", "1.0", '"1"', "4294967296", "-1"];
