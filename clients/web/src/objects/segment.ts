/**
 * Segments: the immutable objects that hold a space's history, one roll-up each, in order.
 *
 * @module
 */

import { Covered } from "../core/covered.ts";
import {
  type Author,
  type Epoch,
  type Generation,
  isEpoch,
  isKey,
  isSeq,
  type Key,
  type UpdateId,
} from "../core/ids.ts";
import { isObject } from "../core/json.ts";
import { type RejectedList, readRejected, readTouched } from "../core/summary.ts";
import { memberText, standsTwice } from "../core/text.ts";
import type { StoredEntry } from "./content.ts";
import { corrupt } from "./faults.ts";
import { type Bytes, openLayer, type Reading } from "./layer.ts";
import {
  isCount,
  isDigest,
  isFlag,
  isGeneration,
  isInteger,
  isVersion,
  isVersionOrNone,
  textOf,
} from "./members.ts";
import { isJson } from "./needs.ts";
import { isSpaceName } from "./paths.ts";
import { maybe, must, readBody, type Shape, within } from "./shape.ts";

/** What a first segment that continues another epoch says of the state in its second line. */
export interface BaseHeader {
  /** The version of the model that wrote the state. */
  readonly modelVersion: number;
  /** How many updates the state stands for. */
  readonly count: number;
  /** The epoch that was continued. */
  readonly epoch: Epoch;
  /** Rejected updates that stay listed; none where the state is sealed, and they with it. */
  readonly rejected: RejectedList;
  /** Which update last set each watched path; likewise. */
  readonly touched: ReadonlyMap<string, UpdateId>;
  /** The number of the key under which the state is sealed. */
  readonly sealed: number | undefined;
}

/** The first line of a segment. */
export interface SegmentHeader {
  /** Its generation. */
  readonly segment: Generation;
  /** The space that it belongs to. */
  readonly space: string;
  /** The epoch that it belongs to. */
  readonly epoch: Epoch;
  /** How far this roll-up looked. */
  readonly through: Key;
  /** When it was rolled up, milliseconds since 1970 UTC. */
  readonly rolledAt: number;
  /** When all of `updates/` was last listed; 0 for never. */
  readonly fullAt: number;
  /** The newest version of the model up to here: a reader whose model is older holds. */
  readonly modelVersion: number;
  /** Whoever rolled it up could not fold it, and wrote no snapshot. */
  readonly blind: boolean;
  /** The digest of the segment before it; none in the first. */
  readonly previous: string | undefined;
  /** How many entries follow. */
  readonly count: number;
  /** Their ids. */
  readonly covered: Covered;
  /** Ids that count as covered although no entry holds them. */
  readonly carried: Covered;
  /** Only in the first segment of an epoch that continues another. */
  readonly base: BaseHeader | undefined;
}

/** A segment, read and checked in itself. */
export interface Segment {
  /** The first line. */
  readonly header: SegmentHeader;
  /** The state in the second line, where the header has a `base`. */
  readonly baseState: string | undefined;
  /** The updates in the order in which they are folded. */
  readonly entries: readonly StoredEntry[];
  /** The digest in the last line. */
  readonly digest: string;
}

/**
 * Reads a stored segment and checks it in itself.
 *
 * @throws IcecoreError `corrupt` with code `malformed`; `invalid` with code `newer-format` or `layer-too-large`.
 */
export async function readSegment(stored: Bytes, reading: Reading): Promise<Segment> {
  const source = { what: "segment", path: reading.path };
  const { header: first, rest, digest } = await openLayer(stored, source.what, reading);
  const header = readBody(SEGMENT, first, source);
  const text = textOf(rest, source);
  const lines = text === "" ? [] : text.slice(0, -1).split("\n");
  const baseState = header.base && lines.shift();
  const authors = header.covered.authors();
  const entries = lines.flatMap((line) => entryOf(line, authors));
  const ids = new Covered(entries);
  const fits =
    header.segment > 0 &&
    entries.length === lines.length &&
    ids.count === lines.length &&
    header.count === lines.length &&
    ids.toText() === header.covered.toText() &&
    (header.base === undefined) === (baseState === undefined);
  if (!fits) throw corrupt(source, "entries");
  return { header, baseState, entries, digest };
}

/** Reads a member that is a covered set. */
export function readCovered(value: unknown, name: string): Covered {
  return Covered.parse(must(isJson)(value, name, {}));
}

const BASE: Shape<BaseHeader> = {
  modelVersion: must(isVersionOrNone),
  count: must(isCount),
  epoch: must(isEpoch),
  rejected: (value) => readRejected(isJson(value) ? value : undefined),
  touched: (value, name) => readTouched(must(isObject)(value, name, {})),
  sealed: maybe(must(isVersion)),
};

const SEGMENT: Shape<SegmentHeader> = {
  segment: must(isGeneration),
  space: must(isSpaceName),
  epoch: must(isEpoch),
  through: must(isKey),
  rolledAt: must(isInteger),
  fullAt: must(isInteger),
  modelVersion: must(isVersionOrNone),
  blind: (value, name) => must(isFlag)(value ?? false, name, {}),
  previous: maybe(must(isDigest)),
  count: must(isCount),
  covered: readCovered,
  carried: (value, name) => readCovered(value ?? {}, name),
  base: maybe(within(BASE)),
};

/** As writers write an entry: what follows up to the last brace is the update's text. */
const ENTRY = /^\{"author":(0|[1-9]\d*),"seq":([1-9]\d*),"key":(0|[1-9]\d*),"update":/;

/** The entry in a line; nothing where it is none. */
function entryOf(line: string, authors: readonly Author[]): StoredEntry[] {
  const entry = readWritten(line) ?? readEntry(line);
  const author = entry && authors[entry.author];
  if (!author || !isSeq(entry.seq) || !isKey(entry.key)) return [];
  return [{ author, seq: entry.seq, key: entry.key, update: entry.update }];
}

interface EntryLine {
  readonly author: number;
  readonly seq: unknown;
  readonly key: unknown;
  readonly update: string;
}

/** An entry as writers write it; `undefined` for any other line. */
function readWritten(line: string): EntryLine | undefined {
  const start = ENTRY.exec(line);
  if (start === null || !line.endsWith("}")) return undefined;
  const update = line.slice(start[0].length, -1);
  // One value, and so no further member: anything else is read slowly.
  return isOneValue(update)
    ? { author: Number(start[1]), seq: Number(start[2]), key: Number(start[3]), update }
    : undefined;
}

function isOneValue(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

/** An entry of any spelling; `undefined` for a line that is none. */
function readEntry(line: string): EntryLine | undefined {
  let parsed: unknown;
  try {
    parsed = JSON.parse(line);
  } catch {
    return undefined;
  }
  if (!isObject(parsed) || standsTwice(line, ["author", "seq", "key", "update"])) return undefined;
  const { author, seq, key } = parsed;
  const update = memberText(line, "update");
  return isCount(author) && update !== undefined ? { author, seq, key, update } : undefined;
}

/** What the sealed state of a base is bound to. Not to its own epoch: a later one may begin with the same state. */
export function baseContext({ epoch, count, modelVersion }: BaseHeader): string {
  return `["base","${epoch}",${count},${modelVersion}]`;
}
