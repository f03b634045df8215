import { gunzipSync, gzipSync } from "node:zlib";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { toBytes } from "../core/utf8.ts";
import { isIcecoreError } from "../errors.ts";
import { type Bytes, gunzip, openLayer, UNPACKED_BYTES_MAX } from "./layer.ts";
import { gzip, packLayer } from "./pack.ts";
import { type Platform, platformOf } from "./platform.ts";

const platform = platformOf(globalThis.crypto.subtle);
const plain = { ...platform, digests: undefined };

const bytes = (of: Uint8Array): Bytes => new Uint8Array(of);

async function fault(run: Promise<unknown>): Promise<string> {
  try {
    await run;
  } catch (error) {
    if (isIcecoreError(error)) return `${error.kind} ${error.code}`;
    throw error;
  }
  return "none";
}

const CORRUPT = "corrupt malformed";
const open = (stored: Bytes, bytesMax?: number) =>
  openLayer(stored, "segment", { platform, bytesMax });

test("lines go both ways, packed or not, with the engine's digests or without", async () => {
  const packed = await packLayer(['"header"', "1", '"é"'], platform);
  expect((await packLayer(['"header"', "1", '"é"'], plain)).digest).toBe(packed.digest);
  for (const stored of [packed.bytes, bytes(gunzipSync(packed.bytes))]) {
    for (const with_ of [platform, plain]) {
      const layer = await openLayer(stored, "segment", { platform: with_ });
      expect(layer.header).toBe('"header"');
      expect(new TextDecoder().decode(layer.rest)).toBe('1\n"é"\n');
      expect(layer.digest).toBe(packed.digest);
    }
  }
});

test("any cut and any changed byte is noticed", async () => {
  const { bytes: packed } = await packLayer(['"header"', "1", "2"], platform);
  const unpacked = bytes(gunzipSync(packed));
  for (const stored of [packed, unpacked]) {
    for (let cut = 0; cut < stored.length; cut += 1) {
      expect([cut, await fault(open(stored.subarray(0, cut)))]).toEqual([cut, CORRUPT]);
    }
  }
  for (let at = 0; at < unpacked.length; at += 1) {
    const changed = bytes(unpacked);
    changed[at] = (changed[at] ?? 0) ^ 1;
    expect([at, await fault(open(changed))]).toEqual([at, CORRUPT]);
  }
});

test("what follows the gzip member is noticed", async () => {
  const { bytes: packed } = await packLayer(['"header"', "1"], platform);
  for (const more of [bytes(new Uint8Array([0])), bytes(new Uint8Array([7, 7])), packed]) {
    expect(await fault(open(bytes(Buffer.concat([packed, more]))))).toBe(CORRUPT);
  }
});

test("the last line has one spelling", async () => {
  const text = gunzipSync((await packLayer(['"header"', "1"], platform)).bytes).toString();
  const at = text.lastIndexOf('{"sha256"');
  const digest = text.slice(at + 11, at + 75);
  for (const line of [
    `{"sha256": "${digest}"}`,
    `{"sha256":"${digest}","more":1}`,
    `["${digest}"]`,
    `{"sha256":"${digest.toUpperCase()}"}`,
    `{"sha256":"${digest}"} `,
  ]) {
    expect([line, await fault(open(toBytes(`${text.slice(0, at)}${line}\n`)))]).toEqual([
      line,
      CORRUPT,
    ]);
  }
  expect(await fault(open(toBytes(text.trimEnd())))).toBe(CORRUPT);
  expect(await fault(open(toBytes(text.slice(at))))).toBe(CORRUPT);
});

describe("a gzip bomb", () => {
  // Of 64 KiB.
  const bomb = bytes(gzipSync(Buffer.alloc(64 * 1024 * 1024, 32), { level: 9 }));

  /** The engine's streams, and how many bytes of what they unpack were alive at once at most. */
  function counting(): { readonly counted: Platform; readonly taken: () => number } {
    let taken = 0;
    const inflate = () => {
      const pipe = new DecompressionStream("gzip");
      const count = new TransformStream<Uint8Array<ArrayBuffer>, Uint8Array<ArrayBuffer>>({
        transform(chunk, controller) {
          taken += chunk.length;
          controller.enqueue(chunk);
        },
      });
      return { writable: pipe.writable, readable: pipe.readable.pipeThrough(count) };
    };
    return { counted: { ...platform, inflate }, taken: () => taken };
  }

  test("ends at the limit, before more is unpacked", async () => {
    const { counted, taken } = counting();
    const limit = 4 * 1024 * 1024;
    expect(await gunzip(bomb, limit, counted)).toBeUndefined();
    expect(taken()).toBeLessThan(4 * limit);
    const reading = { platform: counted, bytesMax: limit };
    expect(await fault(openLayer(bomb, "segment", reading))).toBe("invalid layer-too-large");
  });

  test("is not believed what it says of its size", async () => {
    const lies = bytes(bomb);
    lies.set([1, 0, 0, 0], lies.length - 4);
    expect(await fault(open(lies, 1_000_000))).toBe("invalid layer-too-large");
    expect(await fault(open(lies))).toBe(CORRUPT);
  });

  test("of more than anybody reads is corrupt", async () => {
    const endless = {
      ...platform,
      inflate: () => {
        const readable = new ReadableStream<Uint8Array<ArrayBuffer>>({
          pull: (controller) => controller.enqueue(small),
        });
        return { readable, writable: new WritableStream<Uint8Array<ArrayBuffer>>() };
      },
    };
    // Always the same bytes, so that the test needs no gigabyte.
    const small = new Uint8Array(2 ** 24);
    expect(await fault(openLayer(bomb, "segment", { platform: endless }))).toBe(CORRUPT);
    expect(UNPACKED_BYTES_MAX).toBe(1_073_741_824);
  });

  test("that came unpacked is measured too", async () => {
    expect(await fault(open(toBytes(" ".repeat(200)), 100))).toBe("invalid layer-too-large");
  });
});

test("bytes that look like gzip are taken for gzip, and never throw anything else", async () => {
  await fc.assert(
    fc.asyncProperty(fc.uint8Array({ maxLength: 200 }), fc.boolean(), async (random, isGzip) => {
      const stored = isGzip ? Buffer.concat([Uint8Array.from([0x1f, 0x8b, 8]), random]) : random;
      expect(await fault(open(bytes(stored)))).toBe(CORRUPT);
    }),
  );
});

test("where the engine cannot unpack, that is said", async () => {
  const without = { inflate: undefined, deflate: undefined, digests: undefined };
  const { bytes: packed } = await packLayer(['"header"', "1"], platform);
  expect(await fault(openLayer(packed, "segment", { platform: without }))).toBe("invalid no-gzip");
  expect(await fault(packLayer(["1"], without))).toBe("invalid no-gzip");
  const unpacked = bytes(gunzipSync(packed));
  expect((await openLayer(unpacked, "segment", { platform: without })).header).toBe('"header"');
});

test("gzip and gunzip are each other's reverse", async () => {
  await fc.assert(
    fc.asyncProperty(fc.uint8Array({ maxLength: 30_000, size: "max" }), async (random) => {
      const packed = await gzip(bytes(random), platform);
      expect(packed.subarray(0, 2)).toEqual(Uint8Array.from([0x1f, 0x8b]));
      expect(await gunzip(packed, random.length, platform)).toEqual(bytes(random));
    }),
    { numRuns: 20 },
  );
});
