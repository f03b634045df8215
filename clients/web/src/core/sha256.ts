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
const rounds: number[] = [];

function prepare(): void {
  for (let n = 2; rounds.length < 64; n += 1) {
    if (Array.from({ length: n }, (_, d) => d).some((d) => d > 1 && n % d === 0)) continue;
    if (start.length < 8) start.push(fraction(Math.sqrt(n)));
    rounds.push(fraction(Math.cbrt(n)));
  }
}

function turned(word: number, by: number): number {
  return (word >>> by) | (word << (32 - by));
}

/** The digest: 32 bytes. */
export function sha256(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  prepare();
  const { length } = bytes;
  const padded = new Uint8Array((((length + 8) >> 6) + 1) << 6);
  padded.set(bytes);
  padded[length] = 0x80;
  const view = new DataView(padded.buffer);
  view.setUint32(padded.length - 8, length / 2 ** 29);
  view.setUint32(padded.length - 4, length << 3);
  const sums = Int32Array.from(start);
  const words = new Int32Array(64);
  for (let offset = 0; offset < padded.length; offset += 64) {
    for (let n = 0; n < 16; n += 1) words[n] = view.getInt32(offset + 4 * n);
    addBlock(sums, words);
  }
  const digest = new DataView(new ArrayBuffer(32));
  for (const [n, sum] of sums.entries()) digest.setInt32(4 * n, sum);
  return new Uint8Array(digest.buffer);
}

function addBlock(sums: Int32Array, words: Int32Array): void {
  const word = (n: number): number => words[n] ?? 0;
  let [a = 0, b = 0, c = 0, d = 0, e = 0, f = 0, g = 0, h = 0] = sums;
  for (let n = 0; n < 64; n += 1) {
    if (n > 15) {
      const [x, y] = [word(n - 15), word(n - 2)];
      const early = turned(x, 7) ^ turned(x, 18) ^ (x >>> 3);
      const late = turned(y, 17) ^ turned(y, 19) ^ (y >>> 10);
      words[n] = word(n - 16) + early + word(n - 7) + late;
    }
    const ofE = turned(e, 6) ^ turned(e, 11) ^ turned(e, 25);
    const ofA = turned(a, 2) ^ turned(a, 13) ^ turned(a, 22);
    const one = h + ofE + ((e & f) ^ (~e & g)) + (rounds[n] ?? 0) + word(n);
    const two = ofA + ((a & b) ^ (a & c) ^ (b & c));
    h = g;
    g = f;
    f = e;
    e = (d + one) | 0;
    d = c;
    c = b;
    b = a;
    a = (one + two) | 0;
  }
  for (const [n, sum] of [a, b, c, d, e, f, g, h].entries()) sums[n] = (sums[n] ?? 0) + sum;
}

/** The digest as 64 hexadecimal digits; of a text that of its UTF-8 bytes. */
export function sha256Hex(content: Uint8Array | string): string {
  const digest = sha256(typeof content === "string" ? toBytes(content) : content);
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
