/**
 * SHA-256 without waiting: for short texts, and where the platform has no `crypto.subtle`.
 *
 * @module
 */

import { toBytes } from "./utf8.ts";

/** The first 32 bits behind the point of a root. A double holds more of them than are taken. */
function fraction(root: number): number {
  return (root * 2 ** 32) | 0;
}

/** What the roots of the first primes give: where sums begin, and what each round adds. Made when they are needed. */
const start: number[] = [];
const rounds = new Int32Array(64);
/** What a block is spread to. */
const words = new Int32Array(64);

function prepare(): void {
  for (let n = 2, prime = 0; prime < 64; n += 1) {
    if (Array.from({ length: n }, (_, d) => d).some((d) => d > 1 && n % d === 0)) continue;
    if (prime < 8) start.push(fraction(Math.sqrt(n)));
    rounds[prime] = fraction(Math.cbrt(n));
    prime += 1;
  }
}

/** Where short ones are padded: to make an array takes as long as a block. */
const short = new DataView(new ArrayBuffer(256));

/** The digest: 32 bytes. Of several parts that of one after the other. */
export function sha256(...parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  if (start.length === 0) prepare();
  let length = 0;
  for (const part of parts) length += part.length;
  const size = (((length + 8) >> 6) + 1) << 6;
  const view = size > short.byteLength ? new DataView(new ArrayBuffer(size)) : short;
  const padded = new Uint8Array(view.buffer);
  let at = 0;
  for (const part of parts) {
    padded.set(part, at);
    at += part.length;
  }
  padded.fill(0, length, size);
  padded[length] = 0x80;
  view.setUint32(size - 8, length / 2 ** 29);
  view.setUint32(size - 4, length << 3);
  const sums = new Int32Array(start);
  for (let offset = 0; offset < size; offset += 64) addBlock(sums, view, offset);
  const digest = new Uint8Array(32);
  for (let n = 0; n < 32; n += 1) digest[n] = (sums[n >> 2] as number) >> (24 - 8 * (n & 3));
  return digest;
}

function turned(word: number, by: number): number {
  return (word >>> by) | (word << (32 - by));
}

/** Plain loops over integers that are known to be there: an engine makes of them what it makes of C. */
function addBlock(sums: Int32Array, view: DataView, offset: number): void {
  const w = words;
  const k = rounds;
  for (let n = 0; n < 16; n += 1) w[n] = view.getInt32(offset + 4 * n);
  for (let n = 16; n < 64; n += 1) {
    const x = w[n - 15] as number;
    const y = w[n - 2] as number;
    const early = turned(x, 7) ^ turned(x, 18) ^ (x >>> 3);
    const late = turned(y, 17) ^ turned(y, 19) ^ (y >>> 10);
    w[n] = (w[n - 16] as number) + early + (w[n - 7] as number) + late;
  }
  // One by one from the typed array: so it is seen that they are integers.
  let a = sums[0] as number;
  let b = sums[1] as number;
  let c = sums[2] as number;
  let d = sums[3] as number;
  let e = sums[4] as number;
  let f = sums[5] as number;
  let g = sums[6] as number;
  let h = sums[7] as number;
  for (let n = 0; n < 64; n += 1) {
    const ofE = turned(e, 6) ^ turned(e, 11) ^ turned(e, 25);
    const ofA = turned(a, 2) ^ turned(a, 13) ^ turned(a, 22);
    const one = (h + ofE + (g ^ (e & (f ^ g))) + (k[n] as number) + (w[n] as number)) | 0;
    const two = (ofA + ((a & b) | (c & (a | b)))) | 0;
    h = g;
    g = f;
    f = e;
    e = (d + one) | 0;
    d = c;
    c = b;
    b = a;
    a = (one + two) | 0;
  }
  const last = [a, b, c, d, e, f, g, h];
  for (let n = 0; n < 8; n += 1) sums[n] = (sums[n] as number) + (last[n] as number);
}

/** The digest as 64 hexadecimal digits; of a text that of its UTF-8 bytes. */
export function sha256Hex(content: Uint8Array | string): string {
  const digest = sha256(typeof content === "string" ? toBytes(content) : content);
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
