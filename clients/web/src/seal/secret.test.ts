/** What apps do with keyrings, and what somebody can try who writes the bucket. */

import { afterEach, describe, expect, test, vi } from "vitest";
import { toBytes } from "../core/utf8.ts";
import { readSpace, type SpaceInfo } from "../objects/space.ts";
import { toBase64 } from "./bytes.ts";
import { nextKeyring } from "./change.ts";
import { checkKeyring } from "./follows.ts";
import { Identity, identity, publicText } from "./identity.ts";
import { checkName, keyringText, readKeyring } from "./keyring.ts";
import { contextOf, SpaceKeys } from "./keys.ts";
import { changeKeyring, encryptedSpace, fingerprintOf, keyringView } from "./manage.ts";
import { openKeyring } from "./open.ts";
import { passphrase } from "./passphrase.ts";
import type { DerivesIdentity, KeyringChange, Making, NewHolder, OpenedKeyring } from "./port.ts";
import { linkOf, macOf } from "./proof.ts";
import { encrypt } from "./secret.ts";
import { wrap } from "./wrap.ts";

const AT = "2026-11-21T12:00:00Z";
const CHEAP = { memoryKib: 8, passes: 1, lanes: 1 };
const PLAIN = readSpace(
  `{"v":1,"store":"019aa122-be00-7000-8000-000000000001","space":"notes","epoch":"0001-0000000000000001","model":{"name":"app","settings":{"big":18446744073709551615}},"order":"timestamp","created_at":"${AT}","more":{"kept":9007199254740993}}`,
);
const CONTEXT = contextOf("keyring", PLAIN);

let count = 0;

/** Bytes that differ each time, and are the same in each run. */
function making(): Making {
  const bytes = (length: number) => {
    count += 1;
    const drawn = new Uint8Array(length).fill(0x5a);
    drawn[0] = count;
    drawn[1] = count >> 8;
    return drawn;
  };
  return { at: AT, chance: { bytes } };
}

const person = (n: number): Promise<Identity> => Identity.of(new Uint8Array(32).fill(n));

async function member(name: string, n: number): Promise<NewHolder> {
  return { name, publicText: (await person(n)).publicText };
}

/** Of ada (1), bob (2) and cleo (3). */
async function space(): Promise<SpaceInfo> {
  const holders = [await member("ada", 1), await member("bob", 2), await member("cleo", 3)];
  return readSpace(await encryptedSpace(PLAIN, holders, making()));
}

async function changed(of: SpaceInfo, change: KeyringChange, by = 1): Promise<SpaceInfo> {
  return readSpace(await changeKeyring(of, encrypt(await person(by)), change, making()));
}

async function made(of: SpaceInfo, by: number): Promise<OpenedKeyring> {
  const keyring = readKeyring(of.keyring ?? "");
  return { keyring, keys: await openKeyring(CONTEXT, keyring, await person(by)) };
}

const opens = async (of: SpaceInfo, by: number): Promise<string> => {
  try {
    return fingerprintOf((await made(of, by)).keys);
  } catch (error) {
    return (error as { code: string }).code;
  }
};

describe("a keyring", () => {
  test("is seen by all, and its fingerprint by who opens it", async () => {
    const notes = await space();
    const view = await keyringView(notes, encrypt(await person(2)));
    expect(view).toMatchObject({ version: 1, keys: [{ number: 1, madeAt: AT }] });
    expect(view.holders.map(({ name, kind }) => `${name} ${kind}`)).toEqual([
      "ada member",
      "bob member",
      "cleo member",
    ]);
    expect(view.fingerprint).toMatch(/^([0-9A-HJKMNP-TV-Z]{4}-){3}[0-9A-HJKMNP-TV-Z]{4}$/);
    expect((await keyringView(notes, encrypt(await person(9)))).fingerprint).toBeUndefined();
    expect(await keyringView(notes)).toEqual({ ...view, fingerprint: undefined });
  });

  test("changes, and the rest of space.json stays", async () => {
    const first = await space();
    const second = await changed(first, { add: await member("dora", 4) });
    expect({ ...second, keyring: first.keyring }).toEqual(first);
    expect(second.keyring).not.toBe(first.keyring);
    expect(await opens(second, 4)).toBe(await opens(first, 1));
    const third = await changed(second, { remove: "bob" }, 4);
    expect(await opens(third, 2)).toBe("not-a-holder");
    expect(await opens(third, 1)).toBe(await opens(third, 4));
    expect(await opens(third, 1)).not.toBe(await opens(first, 1));
    const fourth = await changed(third, { rotate: true });
    expect(await keyringView(fourth)).toMatchObject({ version: 4, keys: [{}, {}, {}] });
    for (const [older, newer] of [
      [first, second],
      [second, third],
      [first, fourth],
    ] as const) {
      expect(() => checkKeyring(older.keyring, newer.keyring)).not.toThrow();
      expect(() => checkKeyring(newer.keyring, older.keyring)).toThrow("older");
    }
  });

  test("takes no change that cannot be", async () => {
    const notes = await space();
    const ada = await person(1);
    const code = async (change: KeyringChange) => {
      const failed = await changeKeyring(notes, encrypt(ada), change, making()).catch(
        (e: unknown) => e,
      );
      return (failed as { code?: string }).code;
    };
    const secret = passphrase("x");
    expect(await code({ add: await member("ada", 5) })).toBe("name-taken");
    expect(await code({ add: await member("eve", 2) })).toBe("key-taken");
    expect(await code({ add: await member("e\u200bve", 5) })).toBe("keyring-invalid");
    expect(await code({ add: { name: "eve", publicText: "icecore-public-x" } })).toBe("key-text");
    expect(await code({ remove: "eve" })).toBe("no-such-holder");
    expect(await code({ setPassphrase: "eve", passphrase: secret })).toBe("no-such-holder");
    expect(await code({ setPassphrase: "bob", passphrase: secret })).toBe("keyring-invalid");
    const dear = { ...CHEAP, passes: 11 };
    const costly = { add: { name: "eve", passphrase: secret, cost: dear } };
    expect(await code(costly)).toBe("keyring-too-expensive");
    const alone = readSpace(await encryptedSpace(PLAIN, [await member("ada", 1)], making()));
    const last = changeKeyring(alone, encrypt(ada), { remove: "ada" }, making());
    await expect(last).rejects.toMatchObject({ kind: "invalid", code: "last-holder" });
    await expect(encryptedSpace(PLAIN, [], making())).rejects.toThrow("holder");
    const untimely = { ...making(), at: "2026-11-21 12:00" };
    await expect(encryptedSpace(PLAIN, [await member("ada", 1)], untimely)).rejects.toThrow("time");
  });

  test("has at most 16 passphrases and 1,000 holders", async () => {
    const derives: DerivesIdentity = { derive: (salt) => person(100 + (salt[0] ?? 0)) };
    const many = Array.from({ length: 17 }, (_, i) => ({
      name: `n${i}`,
      passphrase: derives,
      cost: CHEAP,
    }));
    const seventeen = encryptedSpace(PLAIN, many, making());
    await expect(seventeen).rejects.toMatchObject({ params: { what: "it has 16 passphrases" } });
    const notes = await space();
    const keyring = readKeyring(notes.keyring ?? "");
    const crowd = { ...keyring, holders: Array.from({ length: 1001 }, () => keyring.holders[0]) };
    expect(() => readKeyring(JSON.stringify(crowd))).toThrow("keyring");
  });
});

describe("passphrases", () => {
  test("open, are set anew, and the old one opens nothing newer", async () => {
    const holder = { name: "us", passphrase: passphrase("correct horse"), cost: CHEAP };
    const first = readSpace(await encryptedSpace(PLAIN, [holder], making()));
    const secret = encrypt(passphrase("correct horse"));
    const change = { setPassphrase: "us", passphrase: passphrase("another"), cost: CHEAP };
    const second = readSpace(await changeKeyring(first, secret, change, making()));
    expect(await keyringView(second)).toMatchObject({ version: 3, keys: [{}, {}] });
    await expect(secret.content(second, making().chance)).rejects.toMatchObject({
      kind: "denied",
      code: "wrong-passphrase",
    });
    expect((await keyringView(second, encrypt(passphrase("another")))).fingerprint).toBeDefined();
    expect((await keyringView(second, secret)).fingerprint).toBeUndefined();
  });

  test("are derived once for each space", async () => {
    let derived = 0;
    const inner = passphrase("correct horse");
    const slow: DerivesIdentity = {
      derive: (salt, cost) => {
        derived += 1;
        return inner.derive(salt, cost);
      },
    };
    const holder = { name: "us", passphrase: inner, cost: CHEAP };
    const first = readSpace(
      await encryptedSpace(PLAIN, [await member("ada", 1), holder], making()),
    );
    const secret = encrypt(slow);
    await Promise.all([1, 2, 3].map(() => secret.content(first, making().chance)));
    const rotated = await changed(first, { rotate: true });
    const content = await secret.content(rotated, making().chance);
    expect(content.newestKey).toBe(2);
    expect(content.fits(rotated.keyring) && !content.fits(first.keyring)).toBe(true);
    expect(content.fits(undefined)).toBe(false);
    expect(derived).toBe(1);
  });

  test("count in Unicode's form NFKC, with every character", async () => {
    const salt = new Uint8Array(16);
    const of = async (text: string) => (await passphrase(text).derive(salt, CHEAP)).publicText;
    expect(await of("Fu\u0308ße ﬁ")).toBe(await of("Füße fi"));
    for (const other of ["a b ", " a b", "A b", "a  b", "a b\n"]) {
      expect(await of(other)).not.toBe(await of("a b"));
    }
    expect(() => passphrase("")).toThrow();
    expect(() => passphrase("\ud83d")).toThrow();
    expect(JSON.stringify(passphrase("hunter2"))).toBe("{}");
  });

  test("let others run while they are tried", async () => {
    const tried = passphrase("x").derive(new Uint8Array(16), {
      memoryKib: 16_384,
      passes: 2,
      lanes: 1,
    });
    let [turns, isDone] = [0, false];
    const done = tried.then(() => {
      isDone = true;
    });
    while (!isDone) {
      await new Promise(setImmediate);
      turns += 1;
    }
    await done;
    expect(turns).toBeGreaterThan(2);
    const ended = passphrase("x", { signal: AbortSignal.abort(new Error("gone")) });
    await expect(ended.derive(new Uint8Array(16), CHEAP)).rejects.toThrow("gone");
  });

  test("are not looked for where no holder has one", async () => {
    await expect(
      encrypt(passphrase("x")).content(await space(), making().chance),
    ).rejects.toMatchObject({
      code: "not-a-holder",
    });
  });
});

/** Wraps `keys` for all holders and makes all proofs anew that who holds them can make, but for the links before `from`. */
async function forged(of: SpaceInfo, keys: SpaceKeys, from: number): Promise<SpaceInfo> {
  const keyring = readKeyring(of.keyring ?? "");
  const infos = Array.from({ length: keys.newest }, (_, i) => {
    const info = keyring.keys[i] ?? { number: i + 1, made_at: AT, link: "" };
    return i < from ? info : { ...info, link: toBase64(linkOf(CONTEXT, keys, i + 1)) };
  });
  const holders = [];
  for (const holder of keyring.holders) {
    const wrapped = await wrap(CONTEXT, keys, holder, new Uint8Array(32).fill(77));
    holders.push({ ...holder, wrapped });
  }
  const next = { version: keyring.version + 1, keys: infos, holders };
  const mac = toBase64(macOf(CONTEXT, keys, next));
  return { ...of, keyring: keyringText({ ...next, mac }) };
}

describe("who writes the bucket", () => {
  const theirs = new Uint8Array(32).fill(0x66);

  test("appends no key", async () => {
    const honest = await space();
    const made_up = new SpaceKeys([theirs, theirs]);
    const appended = await forged(honest, made_up, 1);
    expect(() => checkKeyring(honest.keyring, appended.keyring)).not.toThrow();
    expect(await opens(appended, 1)).toBe("keyring-changed");
    // With the first link changed to fit, it opens for who has never seen the honest one, and follows it no more.
    const all = await forged(honest, made_up, 0);
    expect(await opens(all, 1)).toBe(fingerprintOf(made_up));
    expect(() => checkKeyring(honest.keyring, all.keyring)).toThrow();
    // Who held the key before can append one: that is what a rotation is.
    const right = await forged(honest, (await made(honest, 1)).keys.with(theirs), 1);
    expect(await opens(right, 1)).toBe(fingerprintOf(new SpaceKeys([theirs])));
  });

  test("puts no other first key in", async () => {
    const honest = await space();
    const copied = await forged(honest, new SpaceKeys([theirs]), 1);
    expect(() => checkKeyring(honest.keyring, copied.keyring)).not.toThrow();
    expect(await opens(copied, 1)).toBe("keyring-changed");
    const own = await forged(honest, new SpaceKeys([theirs]), 0);
    expect(() => checkKeyring(honest.keyring, own.keyring)).toThrow();
  });

  test("was removed, and makes nothing that comes next", async () => {
    const first = await space();
    const second = await changed(first, { remove: "bob" });
    const back = await forged(first, (await made(first, 2)).keys.with(theirs), 1);
    expect(() => checkKeyring(second.keyring, back.keyring)).toThrow();
    const [one, two] = [readKeyring(first.keyring ?? ""), readKeyring(second.keyring ?? "")];
    const among = { ...two, holders: [...two.holders, ...one.holders.slice(1, 2)] };
    const joined = { ...second, keyring: keyringText(among) };
    expect(await opens(joined, 1)).toBe("keyring-changed");
    expect(await opens(joined, 2)).toBe("keyring-changed");
    const stale = nextKeyring(
      CONTEXT,
      { keyring: two, keys: (await made(first, 1)).keys },
      { rotate: true },
      making(),
    );
    await expect(stale).rejects.toMatchObject({ code: "keyring-changed" });
    const elsewhere = nextKeyring(toBytes("[]"), await made(first, 1), { rotate: true }, making());
    await expect(elsewhere).rejects.toMatchObject({ code: "keyring-changed" });
  });

  test("takes the keyring away, or brings one", async () => {
    const { keyring } = await space();
    expect(() => checkKeyring(keyring, undefined)).toThrow("changed");
    expect(() => checkKeyring(undefined, keyring)).toThrow("changed");
    expect(() => checkKeyring(undefined, undefined)).not.toThrow();
    await expect(encrypt(await person(1)).content(PLAIN, making().chance)).rejects.toMatchObject({
      kind: "invalid",
      code: "not-encrypted",
    });
  });

  test("writes what is no keyring", async () => {
    const notes = await space();
    const text = notes.keyring ?? "";
    const wrong = [
      "",
      "null",
      "[]",
      "{}",
      "7",
      "{",
      text.replace('"version":1', '"version":0'),
      text.replace('"version":1', '"version":1.5'),
      text.replace('"version":1', '"version":9007199254740992'),
      text.replace('"number":1', '"number":2'),
      text.replace('"number":1', '"number":"1"'),
      text.replace(/"keys":\[.*?\]/, '"keys":[]'),
      text.replace(/"holders":\[.*\]/, '"holders":[]'),
      text.replace('"bob"', '"ada"'),
      text.replace('"bob"', '"b\\u200bob"'),
      text.replace('"bob"', '"\\ud83d"'),
      text.replace('"member"', '"admin"'),
      text.replace('"member"', '{"passphrase":{"salt":"x","memory_kib":-1,"passes":1,"lanes":1}}'),
      text.replace("icecore-public-", "icecore-secret-"),
      text.replace(/"mac":".*?"/, '"mac":null'),
    ];
    for (const keyring of wrong) {
      expect(keyring).not.toBe(text);
      expect(() => readKeyring(keyring), keyring).toThrow("keyring");
      await expect(
        keyringView({ ...notes, keyring }, encrypt(await person(1))),
      ).rejects.toMatchObject({
        kind: "corrupt",
      });
    }
    const more = text.replace("{", '{"more":[1],').replaceAll('"name"', '"x":1,"name"');
    expect(await opens({ ...notes, keyring: more }, 1)).toBe(await opens(notes, 1));
  });
});

test("names are short and can be seen", () => {
  for (const name of ["a", "Ada Lovelace", "ada@example.org", "名前", '"', "ü".repeat(64)]) {
    expect(() => checkName(name), name).not.toThrow();
  }
  const hidden = ["", " ", "a ", "\ta", "a\nb", "a\u{a0}b", "a\u{200b}", "a\u{202e}b", "\0"];
  for (const name of [...hidden, "a".repeat(65), "a\u{ad}b", "a\u{e0041}", "a\u0085"]) {
    expect(() => checkName(name), JSON.stringify(name)).toThrow();
  }
});

test("public keys of low order are refused in all their forms", async () => {
  const { sha256 } = await import("../core/sha256.ts");
  const text = (bytes: Uint8Array) =>
    `icecore-public-${toBase64(Uint8Array.from([...bytes, ...sha256(bytes).subarray(0, 4)]))}`;
  const p = 2n ** 255n - 19n;
  const eight = [
    325606250916557431795983626356110631294008115727848805560023387167927233504n,
    39382357235489614581723060781553021112529911719440698176882885853963445705823n,
  ];
  for (const value of [0n, 1n, p - 1n, p, p + 1n, ...eight]) {
    for (const high of [0n, 2n ** 255n]) {
      const bytes = Uint8Array.from({ length: 32 }, (_, i) =>
        Number(((value + high) >> BigInt(8 * i)) & 255n),
      );
      expect(() => publicText(text(bytes)), String(value)).toThrow("protects nothing");
    }
  }
  const base = new Uint8Array(32).fill(0);
  base[0] = 9;
  expect(publicText(text(base))).toBe(text(base));
});

describe("a browser that cannot do it", () => {
  afterEach(() => vi.unstubAllGlobals());

  test("says that the context is not secure", async () => {
    const real = globalThis.crypto;
    vi.stubGlobal("crypto", {
      getRandomValues: (bytes: Uint8Array) => real.getRandomValues(bytes),
    });
    await expect(identity()).rejects.toMatchObject({ kind: "invalid", code: "insecure-context" });
  });

  test("says that it lacks X25519", async () => {
    const real = globalThis.crypto;
    const importKey = () => Promise.reject(new DOMException("unknown", "NotSupportedError"));
    vi.stubGlobal("crypto", {
      getRandomValues: (bytes: Uint8Array) => real.getRandomValues(bytes),
      subtle: { importKey },
    });
    await expect(identity()).rejects.toMatchObject({ kind: "invalid", code: "no-x25519" });
  });
});
