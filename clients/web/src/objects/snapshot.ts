/**
 * Snapshots: the immutable objects that hold a space's state after a generation.
 *
 * @module
 */

import type { Covered } from "../core/covered.ts";
import { type Epoch, type Generation, isEpoch, isKey, type Key } from "../core/ids.ts";
import { member } from "../core/json.ts";
import { readConflicts, readRejected, readTouched, type Summary } from "../core/summary.ts";
import { corrupt } from "./faults.ts";
import { type Bytes, openLayer, type Reading } from "./layer.ts";
import {
  isCount,
  isDigest,
  isGeneration,
  isInteger,
  isText,
  isVersion,
  isVersionOrNone,
  textOf,
} from "./members.ts";
import { isSpaceName } from "./paths.ts";
import { readCovered } from "./segment.ts";
import { listOf, maybe, must, readBody, type Shape } from "./shape.ts";

/** The first line of a snapshot. */
export interface SnapshotHeader {
  /** The generation whose state this is. */
  readonly snapshot: Generation;
  /** The space that it belongs to. */
  readonly space: string;
  /** The epoch that it belongs to. */
  readonly epoch: Epoch;
  /** The digest of the segment of the same generation. */
  readonly segment: string;
  /** How far that segment reaches. */
  readonly through: Key;
  /** When all of `updates/` was last listed; 0 for never. */
  readonly fullAt: number;
  /** The model's name. */
  readonly model: string;
  /** The version of the form of the state. */
  readonly modelVersion: number;
  /** How many updates the state stands for. */
  readonly count: number;
  /** Their ids. */
  readonly covered: Covered;
  /** Keys of covered objects that a listing may still show, ascending. */
  readonly recent: readonly Key[];
  /** What is said of the state; nothing where it is sealed, and that with it. */
  readonly summary: Summary;
  /** The number of the key under which the state is sealed. */
  readonly sealed: number | undefined;
}

/** A snapshot, read and its digest checked. */
export interface Snapshot {
  /** The first line. */
  readonly header: SnapshotHeader;
  /** The same as it is stored: what a sealed state is bound to. */
  readonly headerLine: string;
  /** The line of the state. That it is one is for the model to see. */
  readonly stateLine: string;
  /** The digest in the last line. */
  readonly digest: string;
}

/**
 * Reads a stored snapshot.
 *
 * @throws IcecoreError `corrupt` with code `malformed`; `invalid` with code `newer-format` or `layer-too-large`.
 */
export async function readSnapshot(stored: Bytes, reading: Reading): Promise<Snapshot> {
  const source = { what: "snapshot", path: reading.path };
  const { header: headerLine, rest, digest } = await openLayer(stored, source.what, reading);
  const header = readBody(SNAPSHOT, headerLine, source);
  if (rest.length === 0) throw corrupt(source, "no state");
  const stateLine = textOf(rest.subarray(0, rest.length - 1), source);
  return { header, headerLine, stateLine, digest };
}

const SNAPSHOT: Shape<SnapshotHeader> = {
  snapshot: must(isGeneration),
  space: must(isSpaceName),
  epoch: must(isEpoch),
  segment: must(isDigest),
  through: must(isKey),
  fullAt: must(isInteger),
  model: must(isText),
  modelVersion: must(isVersionOrNone),
  count: must(isCount),
  covered: readCovered,
  recent: readRecent,
  summary: (_, __, around) => ({
    rejected: readRejected(member(around, "rejected")),
    conflicts: readConflicts(member(around, "conflicts")),
    touched: readTouched(member(around, "touched")),
  }),
  sealed: maybe(must(isVersion)),
};

/** The keys that the differences stand for, each once. */
function readRecent(value: unknown, name: string): Key[] {
  let key = 0;
  const keys = listOf((difference) => {
    key += isCount(difference) ? difference : Number.NaN;
    return must(isKey)(key, name, {});
  })(value, name, {});
  return [...new Set(keys)];
}
