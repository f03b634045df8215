/**
 * BLAKE2b (RFC 7693) without a key, on pairs of 32-bit words, the lower one first. Argon2id needs it for a few blocks only.
 *
 * @module
 */

const BLOCK = 128;

/** The initial state, which is that of SHA-512. */
const INITIAL: readonly number[] = [
  0xf3bcc908, 0x6a09e667, 0x84caa73b, 0xbb67ae85, 0xfe94f82b, 0x3c6ef372, 0x5f1d36f1, 0xa54ff53a,
  0xade682d1, 0x510e527f, 0x2b3e6c1f, 0x9b05688c, 0xfb41bd6b, 0x1f83d9ab, 0x137e2179, 0x5be0cd19,
];

/** Which words of a block are mixed in, round by round. After the last come the first two again. */
const ORDER: readonly Uint8Array[] = [
  "0123456789abcdef",
  "ea489fd61c02b753",
  "b8c052fdae367194",
  "7931dcbe265a40f8",
  "905724afe1bc683d",
  "2c6a0b834d75fe19",
  "c51fed4a0763928b",
  "db7ec13950f4862a",
  "6fe9b308c2d714a5",
  "a2847615fb9e3cd0",
].map(placesOf);

/** The words of each mixing, four by four: columns, then diagonals. */
const LANES = placesOf("048c159d26ae37bf05af16bc278d349e");

/** The places of words in memory, of their numbers as hexadecimal digits. */
function placesOf(digits: string): Uint8Array {
  return Uint8Array.from(digits, (digit) => 2 * Number.parseInt(digit, 16));
}

/** One value of 64 bits at a place of `v` becomes the sum of itself and another. */
function add(v: Int32Array, at: number, other: Int32Array, from: number): void {
  const low = ((v[at] ?? 0) >>> 0) + ((other[from] ?? 0) >>> 0);
  v[at] = low;
  v[at + 1] = (v[at + 1] ?? 0) + (other[from + 1] ?? 0) + (low > 0xffffffff ? 1 : 0);
}

/** One value becomes itself or another, but not both, turned right by so many bits, 1 to 63. */
function turn(v: Int32Array, at: number, from: number, bits: number): void {
  const swapped = bits >> 5;
  const low = (v[at + swapped] ?? 0) ^ (v[from + swapped] ?? 0);
  const high = (v[at + 1 - swapped] ?? 0) ^ (v[from + 1 - swapped] ?? 0);
  const rest = bits % 32;
  v[at] = rest === 0 ? low : (low >>> rest) | (high << (32 - rest));
  v[at + 1] = rest === 0 ? high : (high >>> rest) | (low << (32 - rest));
}

/** Takes a block into the state; `end` is how many bytes there were up to its end. */
function compress(state: Int32Array, block: Int32Array, end: number, isLast: boolean): void {
  const v = new Int32Array(32);
  v.set(state);
  v.set(INITIAL, 16);
  v[24] = (v[24] ?? 0) ^ end;
  if (isLast) {
    v[28] = ~(v[28] ?? 0);
    v[29] = ~(v[29] ?? 0);
  }
  for (let round = 0; round < 12; round += 1) {
    const order = ORDER[round % 10] ?? LANES;
    for (let i = 0; i < 16; i += 1) {
      // Each lane is mixed twice: first with one word of the block, then with the next.
      const lane = (i >> 1) << 2;
      const a = LANES[lane] ?? 0;
      const b = LANES[lane + 1] ?? 0;
      const c = LANES[lane + 2] ?? 0;
      const d = LANES[lane + 3] ?? 0;
      add(v, a, v, b);
      add(v, a, block, order[i] ?? 0);
      turn(v, d, a, i % 2 === 0 ? 32 : 16);
      add(v, c, v, d);
      turn(v, b, c, i % 2 === 0 ? 24 : 63);
    }
  }
  for (let i = 0; i < 16; i += 1) state[i] = (state[i] ?? 0) ^ (v[i] ?? 0) ^ (v[i + 16] ?? 0);
}

/** The BLAKE2b of so many bytes, 1 to 64, of an input below 4 GiB. */
export function blake2b(input: Uint8Array, length: number): Uint8Array<ArrayBuffer> {
  const state = Int32Array.from(INITIAL);
  state[0] = (state[0] ?? 0) ^ 0x01010000 ^ length;
  const blocks = Math.max(1, Math.ceil(input.length / BLOCK));
  // All engines that run pages are little-endian, as BLAKE2b is: words and bytes share the memory.
  const padded = new Uint8Array(blocks * BLOCK);
  padded.set(input);
  const words = new Int32Array(padded.buffer);
  for (let n = 1; n <= blocks; n += 1) {
    const isLast = n === blocks;
    const block = words.subarray(((n - 1) * BLOCK) / 4, (n * BLOCK) / 4);
    compress(state, block, isLast ? input.length : n * BLOCK, isLast);
  }
  return new Uint8Array(state.buffer).slice(0, length);
}
