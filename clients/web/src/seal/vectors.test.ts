/** The vectors of encrypted spaces, `tests/vectors/seal.json`. */

import { describe, expect, test } from "vitest";
import { vectors } from "../../test/vectors.ts";
import { toBytes } from "../core/utf8.ts";
import { isIcecoreError } from "../errors.ts";
import { fromBase64, toBase64 } from "./bytes.ts";
import { firstKeyring, nextKeyring } from "./change.ts";
import { hkdf, subkey } from "./crypto.ts";
import { checkKeyring } from "./follows.ts";
import { Identity, publicText, readSecret, secretOf } from "./identity.ts";
import { keyringText, readKeyring } from "./keyring.ts";
import { SpaceKeys } from "./keys.ts";
import { fingerprintOf } from "./manage.ts";
import { identityIn, openKeyring } from "./open.ts";
import { passphrase } from "./passphrase.ts";
import type { DerivesIdentity, KeyringChange, Making, NewHolder, OpenedKeyring } from "./port.ts";
import { wrap } from "./wrap.ts";

interface Cost {
  readonly memory_kib: number;
  readonly passes: number;
  readonly lanes: number;
}
interface HolderCase {
  readonly name: string;
  readonly public?: string;
  readonly passphrase?: string;
  readonly cost?: Cost;
}
interface Step {
  readonly do: string;
  readonly at: string;
  readonly holders?: readonly HolderCase[];
  readonly random: readonly string[];
  readonly opens: readonly string[];
  readonly refuses: readonly string[];
  readonly keyring: string;
  readonly fingerprint: string;
  readonly link_key: string;
  readonly commitment: string;
  readonly mac_key: string;
}
type Texts<K extends string> = Readonly<Record<K, string>>;
interface Vectors {
  readonly key_texts: readonly Texts<
    "name" | "secret" | "public" | "secret_text" | "public_text"
  >[];
  readonly key_texts_invalid: readonly Texts<"name" | "text" | "as_secret" | "as_public">[];
  readonly sealed: readonly (Texts<
    "name" | "plain" | "space_key" | "salt" | "context" | "sealed"
  > & { readonly derived: Texts<"key" | "nonce"> })[];
  readonly refused: readonly Texts<"name" | "space_key" | "context" | "sealed" | "error">[];
  readonly passphrases: readonly (Texts<"name" | "passphrase" | "salt" | "secret" | "public"> & {
    readonly cost: Cost;
  })[];
  readonly wraps: readonly (Texts<
    | "name"
    | "space_key"
    | "context"
    | "holder"
    | "holder_secret"
    | "ephemeral_secret"
    | "shared"
    | "wrapped"
  > & { readonly derived: Texts<"key" | "nonce"> })[];
  readonly keyrings: readonly {
    readonly name: string;
    readonly context: string;
    readonly steps: readonly Step[];
  }[];
  readonly keyrings_refused: readonly (Texts<
    "name" | "context" | "secret" | "keyring" | "error"
  > & { readonly older?: string })[];
}

const cases = vectors("seal.json") as Vectors;

function bytes(text: string): Uint8Array<ArrayBuffer> {
  const found = fromBase64(text);
  if (found === undefined) throw new Error(`no base64url: ${text}`);
  return found;
}

function costOf({ memory_kib, passes, lanes }: Cost) {
  return { memoryKib: memory_kib, passes, lanes };
}

/** Of an identity, or else of a passphrase. */
async function secretOfText(text: string): Promise<Identity | DerivesIdentity> {
  return text.startsWith("icecore-secret-") ? readSecret(text) : passphrase(text);
}

async function openedWith(context: string, keyring: string, secret: string): Promise<SpaceKeys> {
  const read = readKeyring(keyring);
  const identity = await identityIn(read, await secretOfText(secret));
  return openKeyring(toBytes(context), read, identity);
}

/** The word of the vectors for an error. */
function wordOf(error: unknown): string {
  if (!isIcecoreError(error)) throw error;
  return String(error.params["why"] ?? error.code.replace(/^keyring-/, "")).replaceAll("-", "_");
}

async function wordFor(work: () => unknown): Promise<string> {
  try {
    await work();
    return "";
  } catch (error) {
    return wordOf(error);
  }
}

describe("texts of keys", () => {
  test.each(cases.key_texts)("$name", async (it) => {
    const identity = await Identity.of(bytes(it.secret));
    expect(secretOf(identity)).toBe(it.secret_text);
    expect(identity.publicText).toBe(it.public_text);
    expect(toBase64(identity.publicBytes)).toBe(it.public);
    expect(secretOf(await readSecret(it.secret_text))).toBe(it.secret_text);
    expect(publicText(it.public_text)).toBe(it.public_text);
    expect(JSON.stringify(identity)).not.toContain(it.secret.slice(0, 8));
  });

  test.each(cases.key_texts_invalid)("invalid: $name", async (it) => {
    expect(await wordFor(() => readSecret(it.text))).toBe(it.as_secret);
    expect(await wordFor(() => publicText(it.text))).toBe(it.as_public);
  });
});

describe("sealed contents", () => {
  test.each(cases.sealed)("$name", async (it) => {
    const keys = new SpaceKeys([bytes(it.space_key)]);
    const derived = hkdf(bytes(it.space_key), bytes(it.salt), "icecore seal v1", 44);
    expect(toBase64(derived.subarray(0, 32))).toBe(it.derived.key);
    expect(toBase64(derived.subarray(32))).toBe(it.derived.nonce);
    const [context, plain] = [toBytes(it.context), toBytes(it.plain)];
    const sealed = await keys.seal(context, plain, bytes(it.salt));
    expect(JSON.stringify({ key: 1, sealed })).toBe(it.sealed);
    expect(await keys.open(context, 1, sealed)).toEqual(plain);
  });

  test.each(cases.refused)("refused: $name", async (it) => {
    const keys = new SpaceKeys([bytes(it.space_key)]);
    const { key, sealed } = JSON.parse(it.sealed) as { key: number; sealed: string };
    const opened = await keys.open(toBytes(it.context), key, sealed);
    expect(String(opened).replaceAll("-", "_")).toBe(it.error);
  });
});

describe("passphrases", () => {
  test.each(cases.passphrases)("$name", async (it) => {
    const identity = await passphrase(it.passphrase).derive(bytes(it.salt), costOf(it.cost));
    expect(secretOf(identity)).toBe(secretOf(await Identity.of(bytes(it.secret))));
    expect(identity.publicText).toBe(it.public);
  });
});

describe("wrapped keys", () => {
  test.each(cases.wraps)("$name", async (it) => {
    const holder = await Identity.of(bytes(it.holder_secret));
    const ephemeral = await Identity.of(bytes(it.ephemeral_secret));
    const shared = await ephemeral.agree(holder.publicBytes);
    expect(shared && toBase64(shared)).toBe(it.shared);
    const wrapped = await wrap(
      toBytes(it.context),
      new SpaceKeys([bytes(it.space_key)]),
      { name: it.holder, public: holder.publicText },
      bytes(it.ephemeral_secret),
    );
    expect(wrapped).toBe(it.wrapped);
  });
});

/** What a test gives for chance: these bytes, in order. */
function drawn(random: readonly string[]) {
  const left = [...random];
  const chance: Making["chance"] = {
    bytes: (length) => {
      const next = bytes(left.shift() ?? "");
      expect(next.length).toBe(length);
      return next;
    },
  };
  return { left, chance };
}

function holderOf(it: HolderCase): NewHolder {
  const { name, passphrase: text = "" } = it;
  if (it.public !== undefined) return { name, publicText: it.public };
  return { name, passphrase: passphrase(text), cost: it.cost && costOf(it.cost) };
}

function changeOf(step: Step): KeyringChange {
  const holder = step.holders?.[0] ?? { name: "" };
  if (step.do === "add") return { add: holderOf(holder) };
  if (step.do === "remove") return { remove: holder.name };
  if (step.do === "rotate") return { rotate: true };
  expect(step.do).toBe("set_passphrase");
  const { passphrase: text = "", cost } = holder;
  return { setPassphrase: holder.name, passphrase: passphrase(text), cost: cost && costOf(cost) };
}

describe("keyrings", () => {
  test.each(cases.keyrings)("$name", async ({ context, steps }) => {
    let last: OpenedKeyring | undefined;
    for (const step of steps) {
      const { left, chance } = drawn(step.random);
      const making = { at: step.at, chance };
      const at = toBytes(context);
      const made: OpenedKeyring =
        last === undefined
          ? await firstKeyring(at, (step.holders ?? []).map(holderOf), making)
          : await nextKeyring(at, last, changeOf(step), making);
      expect(left).toEqual([]);
      expect(keyringText(made.keyring)).toBe(step.keyring);
      expect(fingerprintOf(made.keys)).toBe(step.fingerprint);
      const newest = made.keys.newest;
      const before = made.keys.key(Math.max(1, newest - 1));
      expect(toBase64(subkey(before, "icecore link v1"))).toBe(step.link_key);
      const key = made.keys.key(newest);
      expect(toBase64(subkey(key, "icecore commitment v1"))).toBe(step.commitment);
      expect(toBase64(subkey(key, "icecore keyring v1"))).toBe(step.mac_key);
      if (last !== undefined) {
        checkKeyring(keyringText(last.keyring), step.keyring);
        expect(() =>
          checkKeyring(step.keyring, keyringText(last?.keyring ?? made.keyring)),
        ).toThrow();
      }
      for (const secret of step.opens) {
        const opened = await openedWith(context, step.keyring, secret);
        expect(fingerprintOf(opened)).toBe(step.fingerprint);
      }
      for (const secret of step.refuses) {
        await expect(openedWith(context, step.keyring, secret), secret).rejects.toThrow();
      }
      last = made;
    }
  });

  test.each(cases.keyrings_refused)("refused: $name", async (it) => {
    const { context, keyring, secret, older } = it;
    if (older === undefined) {
      expect(await wordFor(() => openedWith(context, keyring, secret))).toBe(it.error);
    } else {
      // It is right in itself, only not what comes next.
      await openedWith(context, keyring, secret);
      expect(await wordFor(() => checkKeyring(older, keyring))).toBe(it.error);
    }
  });
});
