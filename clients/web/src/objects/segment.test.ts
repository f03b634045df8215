import { gunzipSync, gzipSync } from "node:zlib";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { cases } from "../../test/vectors.ts";
import { Covered } from "../core/covered.ts";
import type { Author, Epoch } from "../core/ids.ts";
import { sha256Hex } from "../core/sha256.ts";
import { toBytes } from "../core/utf8.ts";
import { isIcecoreError } from "../errors.ts";
import { documentModel } from "../models/document.ts";
import { chainAfterSnapshot } from "./chain.ts";
import { plainContent } from "./content.ts";
import type { Bytes } from "./layer.ts";
import { platformOf } from "./platform.ts";
import { readSegment, type Segment } from "./segment.ts";
import { readSnapshot } from "./snapshot.ts";
import { readSpace } from "./space.ts";
import { writeSegment } from "./write-segment.ts";
import { writeSnapshot, writeSnapshotHeader } from "./write-snapshot.ts";

interface Stored {
  readonly name: string;
  readonly lines?: readonly string[];
  readonly text?: string;
  readonly gzip?: string;
}

interface ValidLayer extends Stored {
  readonly lines: readonly string[];
  readonly gzip: string;
  readonly header: Readonly<Record<string, unknown>>;
  readonly exact: boolean;
  readonly digest: string;
}

interface ValidSegment extends ValidLayer {
  readonly base_state?: string;
  readonly entries: readonly {
    readonly author: string;
    readonly seq: number;
    readonly key: number;
    readonly update: string;
  }[];
}

interface ValidSnapshot extends ValidLayer {
  readonly state: string;
  readonly recent_keys: readonly number[];
  readonly canonical: string;
}

interface Invalid extends Stored {
  readonly error: string;
  readonly model?: string;
}

const platform = platformOf(globalThis.crypto.subtle);
const reading = { platform, path: "a/path" };

function storedBytes({ lines, text, gzip }: Stored): Bytes {
  if (gzip !== undefined) return Uint8Array.from(Buffer.from(gzip, "base64"));
  return toBytes(text ?? lines?.map((line) => `${line}\n`).join("") ?? "");
}

const linesOf = (packed: Uint8Array): string[] =>
  gunzipSync(packed).toString("utf8").split("\n").slice(0, -1);

async function kindOf(run: Promise<unknown>): Promise<string> {
  try {
    await run;
  } catch (error) {
    if (isIcecoreError(error)) return error.kind;
    throw error;
  }
  return "none";
}

describe("segment.json", () => {
  test.each(cases<ValidSegment>("segment", "valid"))("$name", async (valid) => {
    const segment = await readSegment(storedBytes(valid), reading);
    const unpacked = storedBytes({ name: valid.name, lines: valid.lines });
    expect(await readSegment(unpacked, reading)).toEqual(segment);
    expect(segment.digest).toBe(valid.digest);
    expect(segment.baseState).toBe(valid.base_state);
    expect(segment.entries).toEqual(valid.entries);
    const packed = await writeSegment(segment, platform);
    const written = linesOf(packed.bytes);
    expect(JSON.parse(written[0] ?? "")).toEqual(valid.header);
    if (valid.exact) {
      expect(written).toEqual(valid.lines);
      expect(packed.digest).toBe(valid.digest);
    }
  });

  test.each(cases<Invalid>("segment", "invalid"))("$name", async (invalid) => {
    expect(await kindOf(readSegment(storedBytes(invalid), reading))).toBe(invalid.error);
  });
});

const SPACE = (model: string) =>
  readSpace(
    `{"v":1,"store":"019aa122-be00-7000-8000-000000000001","space":"notes","epoch":"0001-9f3c1e7a2b4d5c60","model":{"name":"${model}"},"order":"timestamp","created_at":""}`,
  );

/** As a reader of a space whose model is `document`, or named so. */
async function openSnapshot(stored: Bytes, name = "document"): Promise<void> {
  const snapshot = await readSnapshot(stored, reading);
  chainAfterSnapshot(snapshot, SPACE(name));
  const { modelVersion, sealed } = snapshot.header;
  const model = documentModel();
  const { state } = await plainContent.openState(
    snapshot.stateLine,
    sealed,
    snapshot.headerLine,
    1,
  );
  model.read(modelVersion, state);
}

describe("snapshot.json", () => {
  test.each(cases<ValidSnapshot>("snapshot", "valid"))("$name", async (valid) => {
    const snapshot = await readSnapshot(storedBytes(valid), reading);
    expect(snapshot.digest).toBe(valid.digest);
    expect(snapshot.stateLine).toBe(valid.state);
    expect(snapshot.headerLine).toBe(valid.lines[0]);
    expect(snapshot.header.recent).toEqual(valid.recent_keys);
    const header = writeSnapshotHeader(snapshot.header);
    expect(JSON.parse(header)).toEqual(valid.header);
    const packed = await writeSnapshot(header, valid.canonical, platform);
    if (valid.exact) {
      expect(linesOf(packed.bytes)).toEqual(valid.lines);
      expect(packed.digest).toBe(valid.digest);
    }
  });

  test.each(cases<Invalid>("snapshot", "invalid"))("$name", async (invalid) => {
    expect(await kindOf(openSnapshot(storedBytes(invalid), invalid.model))).toBe(invalid.error);
  });
});

const AUTHORS = ["a", "b", "c"].map(
  (digit) => `019aa122-be00-7000-8000-00000000000${digit}` as Author,
);

const entries = fc
  .uniqueArray(
    fc.record({
      author: fc.constantFrom(...AUTHORS),
      seq: fc.integer({ min: 1, max: 30 }),
      key: fc.integer({ min: 0, max: 9_999_999_999_999 }),
      update: fc.json().map((json) => json.replaceAll(/[\n\r]/g, " ").trim()),
    }),
    { selector: ({ author, seq }) => `${author}${seq}`, maxLength: 40 },
  )
  .map(segmentOf);

function segmentOf(of: Segment["entries"]): Omit<Segment, "digest"> {
  return {
    header: {
      segment: 1,
      space: "notes",
      epoch: "0001-9f3c1e7a2b4d5c60" as Epoch,
      through: 5,
      rolledAt: -1,
      fullAt: 0,
      modelVersion: 1,
      blind: true,
      previous: undefined,
      count: of.length,
      covered: new Covered(of),
      carried: new Covered(),
      base: undefined,
    },
    baseState: undefined,
    entries: of,
  };
}

test("what is written is read", async () => {
  await fc.assert(
    fc.asyncProperty(entries, async (segment) => {
      const { bytes, digest } = await writeSegment(segment, platform);
      const read = await readSegment(bytes, reading);
      expect(read.entries).toEqual(segment.entries);
      expect(read.digest).toBe(digest);
      expect(linesOf((await writeSegment(read, platform)).bytes)).toEqual(linesOf(bytes));
    }),
    { numRuns: 50 },
  );
});

test("a header that does not fit its entries is not written", async () => {
  const segment = segmentOf([{ author: AUTHORS[0] as Author, seq: 1, key: 1, update: "{}" }]);
  const wrong = [
    { ...segment, entries: [] },
    { ...segment, baseState: "{}" },
    { ...segment, header: { ...segment.header, count: 2 } },
    { ...segment, entries: [...segment.entries, ...segment.entries] },
  ];
  for (const bad of wrong) expect(await kindOf(writeSegment(bad, platform))).toBe("internal");
});

test("what is changed under a digest that fits is read, or refused by an error of this package", async () => {
  const bodies = [
    ...cases<ValidLayer>("segment", "valid"),
    ...cases<ValidLayer>("snapshot", "valid"),
  ];
  const texts = bodies.map(({ lines }) =>
    lines
      .slice(0, -1)
      .map((line) => `${line}\n`)
      .join(""),
  );
  const change = fc.record({
    text: fc.constantFrom(...texts),
    at: fc.nat(700),
    less: fc.nat(4),
    put: fc.oneof(
      fc.string({ maxLength: 3 }),
      fc.constantFrom("\n", "}", '"', "-", "0", ",", "null"),
    ),
    isGzip: fc.boolean(),
  });
  await fc.assert(
    fc.asyncProperty(change, async ({ text, at, less, put, isGzip }) => {
      const changed = toBytes(text.slice(0, at) + put + text.slice(at + less));
      const body = Buffer.concat([changed, toBytes(`{"sha256":"${sha256Hex(changed)}"}\n`)]);
      const stored = new Uint8Array(isGzip ? gzipSync(body) : body);
      expect(["none", "corrupt", "invalid"]).toContain(await kindOf(readSegment(stored, reading)));
      expect(["none", "corrupt", "invalid"]).toContain(await kindOf(openSnapshot(stored)));
    }),
    { numRuns: 500 },
  );
});

test("entries of any spelling are read, and the text of the update stays as it is", async () => {
  const header = `{"v":1,"segment":1,"space":"notes","epoch":"0001-9f3c1e7a2b4d5c60","through":0,"rolled_at":0,"full_at":0,"model_version":0,"count":1,"covered":{"${AUTHORS[0]}":[[1,1]]}}`;
  const read = (line: string) => {
    const body = `${header}\n${line}\n`;
    return readSegment(toBytes(`${body}{"sha256":"${sha256Hex(body)}"}\n`), reading);
  };
  const deep = "[".repeat(100_000) + "]".repeat(100_000);
  for (const update of ['{ "a" : "\\ud83d" }', "12345678901234567890", deep]) {
    for (const line of [
      `{"author":0,"seq":1,"key":7,"update":${update}}`,
      `{"author":0,"seq":1,"key":7,"update":${update} , "later":1}`,
      ` {"update":${update},"seq":1,"author":0,"key":7}`,
    ]) {
      expect((await read(line)).entries).toEqual([{ author: AUTHORS[0], seq: 1, key: 7, update }]);
    }
  }
  for (const line of [
    '{"author":0,"seq":1,"key":7,"update":1,"update":2}',
    '{"author":1,"seq":1,"key":7,"update":1}',
    '{"author":-1,"seq":1,"key":7,"update":1}',
    '{"author":"0","seq":1,"key":7,"update":1}',
    '{"author":0,"seq":1,"key":7}',
    '{"author":0,"seq":1,"key":10000000000000,"update":1}',
    '{"author":0,"seq":1,"key":7,"update":}',
    '{"author":0,"seq":1,"key":7,"update":1}}',
    "",
  ]) {
    expect([line, await kindOf(read(line))]).toEqual([line, "corrupt"]);
  }
});
