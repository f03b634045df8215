/**
 * The innermost part of Argon2: how two blocks become a third. Written so that engines keep its values in registers: the default
 * cost calls it 200,000 times.
 *
 * @module
 */

const WORDS = 256;

/** The higher 32 bits of the product of two numbers without sign. */
function high(x: number, y: number): number {
  const lowX = x & 0xffff;
  const highX = x >>> 16;
  const lowY = y & 0xffff;
  const highY = y >>> 16;
  const one = (Math.imul(highX, lowY) + (Math.imul(lowX, lowY) >>> 16)) | 0;
  const two = (Math.imul(lowX, highY) + (one & 0xffff)) | 0;
  return (Math.imul(highX, highY) + (one >>> 16) + (two >>> 16)) | 0;
}

/** What is carried from the sum `s` of the 32 bits of `x` and `y`. */
function carry(x: number, y: number, s: number): number {
  return ((x & y) | ((x | y) & ~s)) >>> 31;
}

/** Mixes the four values at these places. */
type Mix = (a: number, b: number, c: number, d: number) => void;

/** The mixing of BLAKE2b with a product in each sum: a + b + 2 · low(a) · low(b), and so on. */
function mixOf(v: Int32Array): Mix {
  return (a, b, c, d) => {
    let al = v[a] ?? 0;
    let ah = v[a + 1] ?? 0;
    let bl = v[b] ?? 0;
    let bh = v[b + 1] ?? 0;
    let cl = v[c] ?? 0;
    let ch = v[c + 1] ?? 0;
    let dl = v[d] ?? 0;
    let dh = v[d + 1] ?? 0;
    let p = Math.imul(al, bl);
    let q = (high(al, bl) << 1) | (p >>> 31);
    p <<= 1;
    let s = (al + bl) | 0;
    ah = (ah + bh + q + carry(al, bl, s)) | 0;
    al = (s + p) | 0;
    ah = (ah + carry(s, p, al)) | 0;
    q = dl ^ al;
    dl = dh ^ ah;
    dh = q;
    p = Math.imul(cl, dl);
    q = (high(cl, dl) << 1) | (p >>> 31);
    p <<= 1;
    s = (cl + dl) | 0;
    ch = (ch + dh + q + carry(cl, dl, s)) | 0;
    cl = (s + p) | 0;
    ch = (ch + carry(s, p, cl)) | 0;
    p = bl ^ cl;
    q = bh ^ ch;
    bl = (p >>> 24) | (q << 8);
    bh = (q >>> 24) | (p << 8);
    p = Math.imul(al, bl);
    q = (high(al, bl) << 1) | (p >>> 31);
    p <<= 1;
    s = (al + bl) | 0;
    ah = (ah + bh + q + carry(al, bl, s)) | 0;
    al = (s + p) | 0;
    ah = (ah + carry(s, p, al)) | 0;
    p = dl ^ al;
    q = dh ^ ah;
    dl = (p >>> 16) | (q << 16);
    dh = (q >>> 16) | (p << 16);
    p = Math.imul(cl, dl);
    q = (high(cl, dl) << 1) | (p >>> 31);
    p <<= 1;
    s = (cl + dl) | 0;
    ch = (ch + dh + q + carry(cl, dl, s)) | 0;
    cl = (s + p) | 0;
    ch = (ch + carry(s, p, cl)) | 0;
    p = bl ^ cl;
    q = bh ^ ch;
    v[b] = (q >>> 31) | (p << 1);
    v[b + 1] = (p >>> 31) | (q << 1);
    v[a] = al;
    v[a + 1] = ah;
    v[c] = cl;
    v[c + 1] = ch;
    v[d] = dl;
    v[d + 1] = dh;
  };
}

/** The permutation of 16 values, two and two beside each other from place `a` on, the pairs `step` words apart. */
function permutationOf(mix: Mix): (a: number, step: number) => void {
  return (a, step) => {
    const c = a + step;
    const e = c + step;
    const g = e + step;
    const i = g + step;
    const k = i + step;
    const m = k + step;
    const o = m + step;
    mix(a, e, i, m);
    mix(a + 2, e + 2, i + 2, m + 2);
    mix(c, g, k, o);
    mix(c + 2, g + 2, k + 2, o + 2);
    mix(a, e + 2, k, o + 2);
    mix(a + 2, g, k + 2, m);
    mix(c, g + 2, i, m + 2);
    mix(c + 2, e, i + 2, o);
  };
}

/** What fills blocks of a memory. */
export interface Mixer {
  /** Block `at` becomes what blocks `one` and `other` make; itself is mixed in where it `stays`. */
  readonly fill: (at: number, one: number, other: number, stays: boolean) => void;
  /** The higher 32 bits of the product of two numbers without sign. */
  readonly high: (x: number, y: number) => number;
}

/** A mixer of this memory, whose blocks have 256 words. */
export function mixer(memory: Int32Array): Mixer {
  const before = new Int32Array(WORDS);
  const v = new Int32Array(WORDS);
  const permute = permutationOf(mixOf(v));
  const fill: Mixer["fill"] = (at, one, other, stays) => {
    const to = at * WORDS;
    for (let i = 0; i < WORDS; i += 1) {
      const word = (memory[one * WORDS + i] ?? 0) ^ (memory[other * WORDS + i] ?? 0);
      before[i] = word;
      v[i] = word;
    }
    for (let row = 0; row < WORDS; row += 32) permute(row, 4);
    for (let column = 0; column < 32; column += 4) permute(column, 32);
    for (let i = 0; i < WORDS; i += 1) {
      const word = (before[i] ?? 0) ^ (v[i] ?? 0);
      memory[to + i] = stays ? (memory[to + i] ?? 0) ^ word : word;
    }
  };
  return { fill, high };
}
