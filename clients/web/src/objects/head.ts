/**
 * The head: a hint that something changed. It may be stale, wrong or missing; it saves requests and decides nothing.
 *
 * @module
 */

import { type Epoch, type Generation, isEpoch, isKey, KEY_MAX, type Key } from "../core/ids.ts";
import { FORMAT_VERSION, isGeneration } from "./members.ts";
import { must, readBody, type Shape } from "./shape.ts";

/** What a head says: what its writer knew. */
export interface Head {
  /** The epoch. */
  readonly epoch: Epoch;
  /** The newest segment. */
  readonly generation: Generation;
  /** The newest snapshot. */
  readonly snapshot: Generation;
  /** How far that segment reaches. */
  readonly through: Key;
  /** The last key written or seen. */
  readonly key: Key;
}

const HEAD: Shape<Head> = {
  epoch: must(isEpoch),
  generation: must(isGeneration),
  snapshot: must(isGeneration),
  through: must(isKey),
  key: must(isKey),
};

/**
 * What a head says.
 *
 * @throws IcecoreError `corrupt` with code `malformed`, `invalid` with code `newer-format`. Whoever follows it takes both for a
 * missing head: {@link headIn}.
 */
export function readHead(body: string | Uint8Array): Head {
  return readBody(HEAD, body, { what: "head" });
}

/** What a head says; `undefined` where it is no head, or one of a newer format: it counts as missing. */
export function headIn(body: string | Uint8Array): Head | undefined {
  try {
    return readHead(body);
  } catch {
    return undefined;
  }
}

/** Its body. */
export function writeHead({ epoch, generation, snapshot, through, key }: Head): string {
  return `{"v":${FORMAT_VERSION},"epoch":"${epoch}","generation":${generation},"snapshot":${snapshot},"through":${through},"key":${key}}`;
}

/** The hint of somebody who knows nothing yet. */
export function firstHead(epoch: Epoch): Head {
  return { epoch, generation: 0, snapshot: 0, through: 0, key: 0 };
}

/**
 * An own hint where somebody else has left another one meanwhile: it hides nothing that the other one tells. Its key stays beyond
 * what is rolled up, for it stands for something that may not be.
 */
export function headOver(own: Head, other: Head): Head {
  // Epochs sort by their numbers.
  const further = own.epoch > other.epoch ? own : other;
  const max = (member: "generation" | "snapshot" | "through"): number =>
    own.epoch === other.epoch ? Math.max(own[member], other[member]) : further[member];
  const through = max("through");
  return {
    epoch: further.epoch,
    generation: max("generation"),
    snapshot: max("snapshot"),
    through,
    key: Math.max(own.key, Math.min(through + 1, KEY_MAX)),
  };
}
