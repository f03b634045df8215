/**
 * Argon2id (RFC 9106, version 0x13), in TypeScript alone: a strict Content-Security-Policy allows it. It works on pairs of 32-bit
 * words, the lower one first, and pauses often, so that a page stays alive.
 *
 * @module
 */

import { mixer } from "./argon2-mix.ts";
import { blake2b } from "./blake2b.ts";
import { type Bytes, concat } from "./bytes.ts";
import { checkCost } from "./cost.ts";
import { fault } from "./faults.ts";
import type { PassphraseCost } from "./port.ts";

/** Words of 32 bits in a block of 1 KiB. */
const WORDS = 256;
/** Addresses that one block of them holds. */
const ADDRESSES = 128;
/** So many blocks are filled between two pauses: 0.2 ms on a desk, and ten times as long before an engine has compiled this. */
const BLOCKS_AT_ONCE = 32;
/** So many words are wiped between two pauses. */
const WIPED_AT_ONCE = 2 ** 21;

/** What is hashed, and at what cost. */
export interface Argon2Input {
  /** The passphrase. */
  readonly password: Uint8Array;
  /** 8 bytes or more. */
  readonly salt: Uint8Array;
  /** What it costs. */
  readonly cost: PassphraseCost;
  /** A key; keyrings have none. */
  readonly secret?: Uint8Array;
  /** What else it is about; keyrings say nothing. */
  readonly data?: Uint8Array;
}

/** How the work is parted. */
export interface Pauses {
  /** Called every few hundred microseconds: lets others run where it is time for that, and is awaited then. */
  readonly pause: () => Promise<void> | undefined;
  /** Ends the work. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * The 32 bytes that follow from a passphrase. It takes its time.
 *
 * @throws IcecoreError `corrupt` or `invalid` for a cost that is not taken, before anything is done; `unavailable` with code `no-memory` where
 * there is not enough of it; the reason of the signal when that ends it.
 */
export async function argon2id(input: Argon2Input, { pause, signal }: Pauses): Promise<Bytes> {
  const { cost } = input;
  checkCost(cost);
  const { lanes, passes } = cost;
  const segment = Math.floor(cost.memoryKib / (4 * lanes));
  const memory = memoryOf(4 * segment * lanes);
  try {
    const beginning = beginningOf(memory, input, 4 * segment);
    for (let block = 0; block < 2 * lanes; block += 1) {
      beginning(block);
      await pause();
    }
    const filler = fillerOf({ memory, lanes, passes, segment });
    for (let step = 0; step < passes * 4 * lanes; step += 1) {
      const place = { pass: Math.floor(step / (4 * lanes)), slice: Math.floor(step / lanes) % 4 };
      const fill = filler(place.pass, place.slice, step % lanes);
      for (let from = 0; from < segment; from += BLOCKS_AT_ONCE) {
        signal?.throwIfAborted();
        fill(from, Math.min(segment, from + BLOCKS_AT_ONCE));
        await pause();
      }
    }
    return end(memory, 4 * segment, lanes);
  } finally {
    for (let from = 0; from < memory.length; from += WIPED_AT_ONCE) {
      memory.fill(0, from, from + WIPED_AT_ONCE);
      await pause();
    }
  }
}

function memoryOf(blocks: number): Int32Array<ArrayBuffer> {
  try {
    return new Int32Array(blocks * WORDS);
  } catch (cause) {
    throw fault("unavailable", "no-memory", "there is not enough memory for the passphrase", {
      hint: "close other pages and try again",
      cause,
    });
  }
}

function words(...numbers: readonly number[]): Uint8Array {
  return new Uint8Array(Int32Array.from(numbers).buffer);
}

/** What fills the first two blocks of each lane, one block at each call. */
function beginningOf(
  memory: Int32Array<ArrayBuffer>,
  input: Argon2Input,
  laneBlocks: number,
): (place: number) => void {
  const { password, salt, cost, secret = new Uint8Array(), data = new Uint8Array() } = input;
  const head = words(cost.lanes, 32, cost.memoryKib, cost.passes, 0x13, 2);
  const parts = [password, salt, secret, data].flatMap((part) => [words(part.length), part]);
  const seed = blake2b(concat(head, ...parts), 64);
  const bytes = new Uint8Array(memory.buffer);
  return (place) => {
    const [lane, block] = [place >> 1, place & 1];
    const filled = longHash(concat(seed, words(block, lane)), 4 * WORDS);
    bytes.set(filled, (lane * laneBlocks + block) * 4 * WORDS);
  };
}

/** What the last blocks of all lanes make. */
function end(memory: Int32Array, laneBlocks: number, lanes: number): Bytes {
  const last = new Int32Array(WORDS);
  for (let lane = 1; lane <= lanes; lane += 1) {
    const from = (lane * laneBlocks - 1) * WORDS;
    for (let i = 0; i < WORDS; i += 1) last[i] = (last[i] ?? 0) ^ (memory[from + i] ?? 0);
  }
  return longHash(new Uint8Array(last.buffer), 32);
}

/** BLAKE2b of any length (RFC 9106, section 3.3). */
function longHash(input: Uint8Array, length: number): Bytes {
  const seed = concat(words(length), input);
  if (length <= 64) return blake2b(seed, length);
  let hash = blake2b(seed, 64);
  const parts = [hash.subarray(0, 32)];
  let left = length - 32;
  for (; left > 64; left -= 32) {
    hash = blake2b(hash, 64);
    parts.push(hash.subarray(0, 32));
  }
  return concat(...parts, blake2b(hash, left));
}

/** The memory, and how it is parted. */
interface Layout {
  readonly memory: Int32Array;
  readonly lanes: number;
  readonly passes: number;
  /** Blocks of a segment: a lane has four. */
  readonly segment: number;
}

/** A function that, for a segment, gives another that fills its blocks from one place up to another, in order. */
function fillerOf(layout: Layout) {
  const { memory, lanes, passes, segment } = layout;
  const laneBlocks = 4 * segment;
  const { fill, high } = mixer(memory);
  return (pass: number, slice: number, lane: number) => {
    // Which blocks are read depends on the passphrase only after half of the first pass.
    const addresses =
      pass === 0 && slice < 2
        ? addressesOf([pass, lane, slice, laneBlocks * lanes, passes, 2])
        : undefined;
    const reference = (index: number, [random, laneRandom]: readonly [number, number]): number => {
      const from = pass === 0 && slice === 0 ? lane : (laneRandom >>> 0) % lanes;
      const isOwn = from === lane;
      const whole = pass === 0 ? slice * segment : laneBlocks - segment;
      const area = whole + (isOwn ? index - 1 : index === 0 ? -1 : 0);
      const back = high(area, high(random, random)) >>> 0;
      const start = pass === 0 || slice === 3 ? 0 : (slice + 1) * segment;
      return from * laneBlocks + ((start + area - 1 - back) % laneBlocks);
    };
    return (begin: number, end: number): void => {
      for (let i = pass + slice === 0 ? Math.max(2, begin) : begin; i < end; i += 1) {
        const at = lane * laneBlocks + slice * segment + i;
        const before = slice + i === 0 ? at + laneBlocks - 1 : at - 1;
        const random = addresses?.(i) ?? [
          memory[before * WORDS] ?? 0,
          memory[before * WORDS + 1] ?? 0,
        ];
        fill(at, before, reference(i, random), pass > 0);
      }
    };
  };
}

/** The pseudo-random values of a segment that do not depend on the passphrase, by the index of the block. */
function addressesOf(about: readonly number[]): (index: number) => readonly [number, number] {
  // A block of zeros, what the addresses are of, an intermediate block, and the addresses.
  const blocks = new Int32Array(4 * WORDS);
  const { fill } = mixer(blocks);
  about.forEach((value, i) => {
    blocks[WORDS + 2 * i] = value;
  });
  let known = 0;
  return (index) => {
    const needed = Math.floor(index / ADDRESSES) + 1;
    if (needed !== known) {
      known = needed;
      blocks[WORDS + 12] = known;
      fill(2, 0, 1, false);
      fill(3, 0, 2, false);
    }
    const at = 3 * WORDS + 2 * (index % ADDRESSES);
    return [blocks[at] ?? 0, blocks[at + 1] ?? 0];
  };
}
