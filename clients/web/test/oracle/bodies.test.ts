import { createHash } from "node:crypto";
import fc from "fast-check";
import { describe, expect, test, vi } from "vitest";
import { Covered } from "../../src/core/covered.ts";
import { canonical, type Json, parseJson } from "../../src/core/json.ts";
import { isIcecoreError } from "../../src/errors.ts";
import { readHead, writeHead } from "../../src/objects/head.ts";
import { readJoined, writeJoined } from "../../src/objects/joined.ts";
import { writeUpdateObject } from "../../src/objects/own-object.ts";
import { readSegment } from "../../src/objects/segment.ts";
import { readSnapshot } from "../../src/objects/snapshot.ts";
import { readSpace } from "../../src/objects/space.ts";
import { readStore, writeStore } from "../../src/objects/store.ts";
import { readTransient, writeTransient } from "../../src/objects/transient.ts";
import { readUpdateObject } from "../../src/objects/update-object.ts";
import { writeSpace } from "../../src/objects/write-space.ts";
import { type Body, bytesOf, vectors } from "../vectors.ts";
import { ask, hasOracle } from "./oracle.ts";
import { platform } from "./told.ts";

/** A tenth of the histories: one body is quickly broken, and most ways to break it are alike. */
const RUNS = Math.ceil(Number(process.env["ICECORE_ORACLE_RUNS"] ?? 3_000) / 10);

vi.setConfig({ testTimeout: 60_000 + RUNS * 20 });

type Bytes = Uint8Array<ArrayBuffer>;
type Read = (body: Bytes) => unknown;

const READERS: Readonly<Record<string, Read>> = {
  store: (body) => writeStore(readStore(body)),
  space: (body) => writeSpace(readSpace(body)),
  head: (body) => writeHead(readHead(body)),
  joined: (body) => writeJoined(readJoined(body)),
  transient: (body) => writeTransient(readTransient(body)),
  update: (body) => writeUpdateObject(readUpdateObject(body)),
  covered: (body) => Covered.parse(parseJson(new TextDecoder().decode(body))).toText(),
};

/** What stands in the vectors of an object, short ones only. */
function seeds(what: string): string[] {
  const file = vectors(what === "covered" ? "covered" : what) as Readonly<
    Record<string, readonly Record<string, unknown>[]>
  >;
  const found = [...(file["valid"] ?? []), ...(file["invalid"] ?? []), ...(file["sets"] ?? [])];
  return found
    .map((one) => (one["body"] ?? one["text"]) as Body | undefined)
    .filter((body) => body !== undefined)
    .map((body) => Buffer.from(bytesOf(body)).toString("utf8"))
    .filter((text) => text.length < 2_000);
}

const bit = fc.oneof(
  fc.constantFrom(
    "",
    "null",
    "0",
    "-1",
    "1.5",
    '"x"',
    "[]",
    "{}",
    ",",
    ":",
    '"',
    "\\",
    "\n",
    "9007199254740992",
    "true",
    "\u0000",
    '"\\ud800"',
    "é",
  ),
  fc.string({ maxLength: 3 }),
);

/** A text that somebody broke. */
function mutated(texts: readonly string[]): fc.Arbitrary<string> {
  return fc
    .tuple(
      fc.constantFrom(...texts),
      fc.array(fc.tuple(fc.nat(2_000), fc.nat(12), bit), { maxLength: 2 }),
    )
    .map(([text, edits]) =>
      edits.reduce((now, [place, gone, put]) => {
        const at = now.length === 0 ? 0 : place % now.length;
        return now.slice(0, at) + put + now.slice(at + gone);
      }, text),
    );
}

/** What a reader may take although another one does not: see the vectors' page. */
function mayDiffer(text: string): boolean {
  return /[0-9]\.[0-9]*0*(?=[,}\]\s])|[0-9][eE]/.test(text) || hasTwice(text);
}

function hasTwice(text: string): boolean {
  const names = [...text.matchAll(/"((?:[^"\\]|\\.)*)"\s*:/g)].map(([, name]) => name);
  return new Set(names).size < names.length;
}

function outcome(read: () => unknown): unknown {
  try {
    return { ok: read() };
  } catch (error) {
    if (!isIcecoreError(error)) throw error;
    return { error: error.kind };
  }
}

describe.skipIf(!hasOracle)("the Rust core", () => {
  test.each(Object.keys(READERS))("reads a broken %s alike", (what) => {
    const read = READERS[what];
    if (read === undefined) throw new Error(what);
    let taken = 0;
    fc.assert(
      fc.property(mutated(seeds(what)), (text) => {
        const bytes = new TextEncoder().encode(text) as Bytes;
        const body = Buffer.from(bytes).toString("base64");
        const { message: _, ...theirs } = ask({ ask: "read", what, body }) as {
          ok?: unknown;
          error?: string;
          message?: string;
        };
        const ours = outcome(() => read(bytes)) as { ok?: string; error?: string };
        if (theirs.ok !== undefined) taken += 1;
        if (what === "covered" && ours.ok !== undefined) ours.ok = JSON.parse(ours.ok);
        if (mayDiffer(text) && theirs.error === "corrupt") return;
        expect(ours).toEqual(theirs);
      }),
      { numRuns: RUNS },
    );
    expect(taken).toBeGreaterThan(RUNS / 100);
  });

  const LAYERS = {
    segment: async (body: Bytes) => {
      const { header, entries, digest } = await readSegment(body, { platform });
      return {
        digest,
        generation: header.segment,
        through: header.through,
        covered: JSON.parse(header.covered.toText()),
        entries: entries.map(({ author, seq, key, update }) => [author, seq, key, update]),
      };
    },
    snapshot: async (body: Bytes) => {
      const { header, stateLine, digest } = await readSnapshot(body, { platform });
      return {
        digest,
        generation: header.snapshot,
        covered: JSON.parse(header.covered.toText()),
        state: stateLine,
      };
    },
  };

  /** Lines with a digest that fits them, so that what is wrong inside is looked at. */
  const sealed = (lines: string): Bytes => {
    const digest = createHash("sha256").update(lines).digest("hex");
    return new TextEncoder().encode(`${lines}{"sha256":"${digest}"}\n`) as Bytes;
  };

  test.each(["segment", "snapshot"] as const)("reads a broken %s alike", async (what) => {
    const file = vectors(what) as {
      readonly valid: readonly { readonly lines: readonly string[] }[];
    };
    const texts = file.valid
      .map(({ lines }) => `${lines.slice(0, -1).join("\n")}\n`)
      .filter((text) => text.length < 4_000);
    let taken = 0;
    await fc.assert(
      fc.asyncProperty(mutated(texts), async (text) => {
        const bytes = sealed(text);
        const { message: _, ...theirs } = ask({
          ask: "read",
          what,
          body: Buffer.from(bytes).toString("base64"),
        }) as { ok?: unknown; error?: string; message?: string };
        let ours: unknown;
        try {
          ours = { ok: await LAYERS[what](bytes) };
        } catch (error) {
          if (!isIcecoreError(error)) throw error;
          ours = { error: error.kind };
        }
        if (theirs.ok !== undefined) taken += 1;
        if (mayDiffer(text) && theirs.error === "corrupt") return;
        expect(ours).toEqual(theirs);
      }),
      { numRuns: RUNS },
    );
    expect(taken).toBeGreaterThan(RUNS / 100);
  });

  test("writes any JSON alike", () => {
    const json = fc.oneof(
      fc.json(),
      fc.string().map((s) => JSON.stringify(s)),
      bit,
    );
    fc.assert(
      fc.property(json, bit, fc.nat(60), (text, put, at) => {
        const broken = put === "" ? text : text.slice(0, at) + put + text.slice(at);
        const body = Buffer.from(broken).toString("base64");
        const { message: _, ...theirs } = ask({ ask: "read", what: "json", body }) as {
          ok?: string;
          message?: string;
        };
        let ours: unknown;
        try {
          ours = { ok: canonical(parseJson(broken) as Json) };
        } catch {
          ours = { error: "corrupt" };
        }
        expect(ours).toEqual(theirs);
      }),
      { numRuns: RUNS },
    );
  });
});
