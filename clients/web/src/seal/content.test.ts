import { describe, expect, test } from "vitest";
import { vectors } from "../../test/vectors.ts";
import { Folded } from "../core/fold.ts";
import { isAuthor, type UpdateId } from "../core/ids.ts";
import { canonical, type Json, parseJson } from "../core/json.ts";
import { rejectedJson } from "../core/summary-text.ts";
import { documentModel } from "../models/document.ts";
import type { Content } from "../objects/content.ts";
import { readSpace, type SpaceInfo } from "../objects/space.ts";
import { Identity } from "./identity.ts";
import { encryptedSpace } from "./manage.ts";
import type { Making } from "./port.ts";
import { encrypt } from "./secret.ts";

interface Case {
  readonly name: string;
  readonly space: string;
  readonly secret?: string;
  readonly id: UpdateId;
  readonly key: number;
  readonly update: string;
  readonly state: string;
  readonly rejected: Json;
}

const { cases } = vectors("rejected.json") as { readonly cases: readonly Case[] };
const AT = "2026-11-21T12:00:00.000Z";

/** Bytes that differ each time, and are the same in each run. */
function counted(): Making["chance"] {
  let count = 0;
  return {
    bytes: (length) => {
      count += 1;
      return new Uint8Array(length).fill(count % 256);
    },
  };
}

async function ada(): Promise<Identity> {
  return Identity.of(new Uint8Array(32).fill(3));
}

async function spaceOf(name: string): Promise<SpaceInfo> {
  const plain = readSpace(
    `{"v":1,"store":"019aa122-be00-7000-8000-000000000001","space":"${name}","epoch":"0001-0000000000000001","model":{"name":"document"},"order":"timestamp","created_at":"${AT}"}`,
  );
  const holders = [{ name: "ada", publicText: (await ada()).publicText }];
  return readSpace(await encryptedSpace(plain, holders, { at: AT, chance: counted() }));
}

async function contentOf(space: SpaceInfo): Promise<Content> {
  return encrypt(await ada()).content(space, counted());
}

function id(author: number, seq: number): UpdateId {
  const text = `019aa122-be00-7000-8000-${String(author).padStart(12, "0")}`;
  if (!isAuthor(text)) throw new Error(text);
  return { author: text, seq };
}

const UPDATE = '{"at":"2026-11-21T12:00:00.000Z","kind":"merge","data":{"secret":"melon"}}';

async function openOne(content: Content, of: UpdateId, update: string) {
  const [opened] = await content.open([{ ...of, key: 7, update }]);
  return opened;
}

describe("what is rejected", () => {
  const sealed = cases.filter(({ secret }) => secret !== undefined);
  test.each(sealed)("$name", async (it) => {
    const secret = await Identity.of(Buffer.from(it.secret ?? "", "base64"));
    const content = await encrypt(secret).content(readSpace(it.space), counted());
    const folded = new Folded(documentModel());
    for (const entry of await content.open([{ ...it.id, key: it.key, update: it.update }])) {
      folded.fold(entry);
    }
    expect(canonical(folded.state)).toBe(it.state);
    const rejected = parseJson(rejectedJson(folded.rejected));
    expect(canonical(rejected)).toBe(canonical(it.rejected));
  });

  test("all of them were tried", () => {
    expect(sealed.length).toBeGreaterThanOrEqual(8);
  });
});

describe("a sealed update", () => {
  test("opens at its own place only", async () => {
    const content = await contentOf(await spaceOf("one"));
    const sealed = await content.seal(id(1, 1), UPDATE, 1);
    expect(sealed).toMatch(/^\{"key":1,"sealed":"[\w-]+"\}$/);
    expect((await openOne(content, id(1, 1), sealed))?.update).toBe(UPDATE);
    const elsewhere = await contentOf(await spaceOf("two"));
    for (const [other, at] of [
      [content, id(1, 2)],
      [content, id(2, 1)],
      [elsewhere, id(1, 1)],
    ] as const) {
      expect(await openOne(other, at, sealed)).toMatchObject({ update: { code: "not-opened" } });
    }
  });

  test("says which version of the model wrote it, and nobody changes that", async () => {
    const content = await contentOf(await spaceOf("one"));
    const text = UPDATE.replace(/\}$/, ',"model_version":3}');
    const sealed = await content.seal(id(1, 1), text, 3);
    expect(sealed).toMatch(/,"model_version":3\}$/);
    expect((await openOne(content, id(1, 1), sealed))?.update).toBe(text);
    for (const other of [sealed.replace(":3}", ":2}"), sealed.replace(/,"model.*/, "}")]) {
      expect(await openOne(content, id(1, 1), other)).toMatchObject({
        update: { code: "not-opened" },
      });
    }
    const lie = await content.seal(id(1, 1), text, 2);
    expect(await openOne(content, id(1, 1), lie)).toMatchObject({ update: { code: "not-opened" } });
  });

  test("may be written by others in any way that JSON allows", async () => {
    const content = await contentOf(await spaceOf("one"));
    const sealed = await content.seal(id(1, 1), UPDATE, 1);
    const text = (JSON.parse(sealed) as { sealed: string }).sealed;
    const codeOf = async (update: string) => {
      const opened = (await openOne(content, id(1, 1), update))?.update;
      return typeof opened === "string" ? "" : opened?.code;
    };
    for (const other of [
      `{ "sealed" : "${text}", "more": [1e400], "key": 1 }`,
      `{"k\\u0065y":1,"sealed":"${text}","model_version":null}`,
      `{"key":1,"sealed":"${text}","model_version":1}`,
    ]) {
      expect(await codeOf(other), other).toBe("");
    }
    for (const other of [
      `{"key":1,"key":1,"sealed":"${text}"}`,
      `{"key":1,"sealed":"${text}","s\\u0065aled":"${text}"}`,
      `{"key":1.0,"sealed":"${text}"}`,
      `{"key":0,"sealed":"${text}"}`,
      `{"key":"1","sealed":"${text}"}`,
      `{"key":4294967296,"sealed":"${text}"}`,
      `{"key":1,"sealed":1}`,
      `{"key":1}`,
      `[1,"${text}"]`,
      `{"key":1,"sealed":"${text}","\\ud83d":1}`,
      UPDATE,
      "7",
    ]) {
      expect(await codeOf(other), other).toBe("not-sealed");
    }
    for (const other of [
      `{"key":1,"sealed":"${text}="}`,
      `{"key":1,"sealed":"\\u00e9"}`,
      `{"key":1,"sealed":""}`,
    ]) {
      expect(await codeOf(other), other).toBe("not-opened");
    }
  });

  test("under a key that is not there yet is told", async () => {
    const content = await contentOf(await spaceOf("one"));
    const sealed = (await content.seal(id(1, 1), UPDATE, 1)).replace('"key":1', '"key":9');
    expect(await openOne(content, id(1, 1), sealed)).toMatchObject({
      newerKey: 9,
      update: { code: "not-opened" },
    });
  });

  test("that fits only in the clear is refused", async () => {
    const content = await contentOf(await spaceOf("one"));
    const most = (1_048_320 / 4) * 3 - 300;
    expect(await content.seal(id(1, 1), `"${"x".repeat(most)}"`, 1)).toContain("sealed");
    const tooLarge = content.seal(id(1, 1), `"${"x".repeat(most + 300)}"`, 1);
    await expect(tooLarge).rejects.toMatchObject({ kind: "invalid", code: "update-too-large" });
  });

  test("is opened among thousands, in their order", async () => {
    const content = await contentOf(await spaceOf("one"));
    const made = Array.from({ length: 1000 }, async (_, i) => ({
      ...id(1, i + 1),
      key: i,
      update: i % 7 === 0 ? UPDATE : await content.seal(id(1, i + 1), UPDATE, 1),
    }));
    const opened = await content.open(await Promise.all(made));
    expect(opened.map(({ seq }) => seq)).toEqual(opened.map((_, i) => i + 1));
    expect(opened.filter(({ update }) => update === UPDATE).length).toBe(857);
  });
});

describe("a sealed state", () => {
  const SUMMARY = '{"rejected":{"count":0,"list":[]},"conflicts":[],"touched":{}}';
  const ABOUT = '{"v":1,"snapshot":1,"sealed":1}';

  test("opens beside its own header only", async () => {
    const content = await contentOf(await spaceOf("one"));
    const state = `{"a":"${"é".repeat(10_000)}"}`;
    const line = await content.sealState(state, SUMMARY, ABOUT);
    expect(line).toMatch(/^"[\w-]+"$/);
    expect(line.length).toBeLessThan(1000);
    const open = (about = ABOUT, key: number | undefined = 1, most = 1e6) =>
      content.openState(line, key, about, most);
    expect(await open()).toEqual({ state, summary: SUMMARY });
    for (const refused of [
      () => open(ABOUT.replace("1}", "2}")),
      () => open(ABOUT, 2),
      () => open(ABOUT, 0),
      () => content.openState(state, 1, ABOUT, 1e6),
      () => content.openState("no json", 1, ABOUT, 1e6),
      () => content.openState(line, undefined, ABOUT, 1e6),
    ]) {
      await expect(refused()).rejects.toMatchObject({ kind: "corrupt", code: "state-not-opened" });
    }
    await expect(open(ABOUT, 1, 5000)).rejects.toMatchObject({ code: "state-too-large" });
  });
});

describe("a sealed transient event", () => {
  test("opens for its author only", async () => {
    const content = await contentOf(await spaceOf("one"));
    const said = { kind: "typing", data: { where: ["title", 1n << 60n] } };
    const [{ author }, other] = [id(1, 1), id(2, 1)];
    const sealed = await content.sealTransient(author, said);
    expect(sealed.kind).toBe("sealed");
    expect(canonical(sealed.data)).not.toContain("title");
    expect(await content.openTransient(author, sealed)).toEqual(said);
    expect(await content.openTransient(other.author, sealed)).toBeUndefined();
    expect(await content.openTransient(author, said)).toBeUndefined();
    for (const data of [
      null,
      "x",
      [],
      {},
      { key: 1 },
      { key: 0, sealed: "" },
      { key: 1, sealed: "" },
    ]) {
      expect(await content.openTransient(author, { kind: "sealed", data })).toBeUndefined();
    }
  });
});
