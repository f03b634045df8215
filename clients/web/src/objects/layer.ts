/**
 * The envelope of segments and snapshots: gzip around lines of JSON, the last of which is the SHA-256 of all lines before it.
 *
 * The digest is taken of the unpacked bytes: a browser that unpacks on the way sees no others.
 *
 * @module
 */

import { sha256Hex } from "../core/sha256.ts";
import { IcecoreError } from "../errors.ts";
import { corrupt, type Source, tooLarge } from "./faults.ts";
import { textOf } from "./members.ts";
import type { Pipe, Platform } from "./platform.ts";

/** Bytes that do not lie in shared memory. */
export type Bytes = Uint8Array<ArrayBuffer>;

/** The largest segment or snapshot, unpacked: a bound on what hostile gzip can make of a small object. */
export const UNPACKED_BYTES_MAX: number = 2 ** 30;

/** Bytes of the last line: no digest covers it, so that nothing in it may vary. */
const LAST_LINE_BYTES = 78;

/** So much is packed or unpacked at once: an engine may hold all that comes out of it, a thousand times as much. */
const SLICE_BYTES = 8192;

const LINE_FEED = 10;

/** A segment or snapshot, unpacked, its digest checked. */
export interface Layer {
  /** The first line. */
  readonly header: string;
  /** What follows it up to the last line: lines, each with its line feed. */
  readonly rest: Bytes;
  /** The digest in the last line. */
  readonly digest: string;
}

/** A segment or snapshot as it is stored. */
export interface Packed {
  /** The gzip bytes. */
  readonly bytes: Bytes;
  /** The digest in the last line, by which the next segment names this one. */
  readonly digest: string;
}

/** What a layer is read with. */
export interface Reading {
  /** Packing and digests. */
  readonly platform: Platform;
  /** Its path, for errors. */
  readonly path?: string | undefined;
  /**
   * The most bytes that it may unpack to.
   * @default UNPACKED_BYTES_MAX
   */
  readonly bytesMax?: number | undefined;
  /**
   * Its digest was found right before, and it is known to be what it was then.
   * @default false
   */
  readonly isChecked?: boolean | undefined;
}

/** The SHA-256 of some bytes as 64 hexadecimal digits. */
export async function digestOf(bytes: Bytes, platform: Platform): Promise<string> {
  if (platform.digests === undefined) return sha256Hex(bytes);
  const digest = new Uint8Array(await platform.digests.digest("SHA-256", bytes));
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/**
 * Unpacks a stored layer, or takes it as it is where it was unpacked on the way, and checks its digest.
 *
 * @throws IcecoreError `corrupt` with code `malformed`; `invalid` with code `layer-too-large` where it is more than `bytesMax` allows here.
 */
export async function openLayer(stored: Bytes, what: string, reading: Reading): Promise<Layer> {
  const source: Source = { what, path: reading.path };
  const most = reading.bytesMax ?? UNPACKED_BYTES_MAX;
  const bytes =
    stored[0] === 0x1f && stored[1] === 0x8b ? await unpack(stored, source, reading) : stored;
  if (bytes.length > most) throw tooMuch(source, most);
  const end = bytes.length - LAST_LINE_BYTES;
  const last = bytes[end - 1] === LINE_FEED ? textOf(bytes.subarray(end), source) : "";
  const digest = /^\{"sha256":"([0-9a-f]{64})"\}\n$/.exec(last)?.[1];
  if (digest === undefined) throw corrupt(source, "cut short, or no digest");
  if (!reading.isChecked && digest !== (await digestOf(bytes.subarray(0, end), reading.platform))) {
    throw corrupt(source, "digest");
  }
  const start = bytes.indexOf(LINE_FEED);
  return {
    header: textOf(bytes.subarray(0, start), source),
    rest: bytes.subarray(start + 1, end),
    digest,
  };
}

/**
 * Unpacks one gzip member of which nothing follows; `undefined` where more than `most` bytes come out: then it stops.
 *
 * @throws IcecoreError `invalid` with code `no-gzip`; whatever the engine throws for bytes that are no gzip.
 */
export async function gunzip(
  packed: Bytes,
  most: number,
  { inflate }: Platform,
): Promise<Bytes | undefined> {
  const bytes = await through(pipe(inflate), packed, most);
  if (bytes === undefined) return undefined;
  // Some engines take several members, or pass over what follows: its last bytes are not the length of what came out then.
  const size = new DataView(packed.buffer, packed.byteOffset + packed.length - 4).getUint32(
    0,
    true,
  );
  if (size !== bytes.length % 2 ** 32) throw new TypeError("bytes follow the gzip stream");
  return bytes;
}

export function pipe(make: (() => Pipe) | undefined): Pipe {
  if (make) return make();
  throw new IcecoreError("invalid", "no-gzip", "this browser cannot pack and unpack gzip", {
    hint: "use a newer browser",
  });
}

async function unpack(stored: Bytes, source: Source, reading: Reading): Promise<Bytes> {
  const most = reading.bytesMax ?? UNPACKED_BYTES_MAX;
  let bytes: Bytes | undefined;
  try {
    bytes = await gunzip(stored, most, reading.platform);
  } catch (cause) {
    if (cause instanceof IcecoreError) throw cause;
    throw corrupt(source, "gzip", "malformed", cause);
  }
  if (bytes === undefined) throw tooMuch(source, most);
  return bytes;
}

/** What others could read is not broken. */
function tooMuch(source: Source, most: number): IcecoreError {
  return most < UNPACKED_BYTES_MAX
    ? tooLarge("layer-too-large", source.what, most + 1, most)
    : corrupt(source, "size");
}

/** What comes out of a pipe for these bytes; `undefined` as soon as it is more than `most`. */
export async function through(pipe: Pipe, bytes: Bytes, most: number): Promise<Bytes | undefined> {
  const writer = pipe.writable.getWriter();
  const reader = pipe.readable.getReader();
  const feed = async (): Promise<void> => {
    for (let at = 0; at < bytes.length; at += SLICE_BYTES) {
      await writer.write(bytes.subarray(at, at + SLICE_BYTES));
    }
    await writer.close();
  };
  const fed = feed();
  // Whoever reads is told too; that it is told twice must not count as a failure that nobody handles.
  fed.catch(() => undefined);
  const parts: Bytes[] = [];
  let length = 0;
  for (;;) {
    const { done, value } = await reader.read();
    if (done || value === undefined) break;
    length += value.length;
    if (length > most) {
      await reader.cancel().catch(() => undefined);
      return undefined;
    }
    parts.push(value);
  }
  await fed;
  return concat(parts);
}

export function concat(parts: readonly Bytes[]): Bytes {
  const all = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}
