/**
 * Packing segments and snapshots.
 *
 * @module
 */

import { toBytes } from "../core/utf8.ts";
import { tooLarge } from "./faults.ts";
import {
  type Bytes,
  concat,
  digestOf,
  type Packed,
  pipe,
  through,
  UNPACKED_BYTES_MAX,
} from "./layer.ts";
import type { Platform } from "./platform.ts";

/** More than the last line and its gzip have. */
const LAST_LINE_BYTES_MAX = 1024;

/**
 * Packs lines, each without its line feed.
 *
 * @throws IcecoreError `invalid` with code `layer-too-large`: nobody could read it; `no-gzip` where the engine cannot pack.
 */
export async function packLayer(lines: readonly string[], platform: Platform): Promise<Packed> {
  const body = toBytes(`${lines.join("\n")}\n`);
  const most = UNPACKED_BYTES_MAX - LAST_LINE_BYTES_MAX;
  if (body.length > most) throw tooLarge("layer-too-large", "state", body.length, most);
  const digest = await digestOf(body, platform);
  const all = concat([body, toBytes(`{"sha256":"${digest}"}\n`)]);
  return { bytes: await gzip(all, platform), digest };
}

/**
 * Packs bytes as one gzip member.
 *
 * @throws IcecoreError `invalid` with code `no-gzip`.
 */
export async function gzip(bytes: Bytes, { deflate }: Platform): Promise<Bytes> {
  const packed = await through(pipe(deflate), bytes, Number.POSITIVE_INFINITY);
  return packed ?? bytes;
}
