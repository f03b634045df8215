/**
 * The covered set: which `(author, seq)` the segments so far contain, as ranges per author.
 *
 * @module
 */

import { type Author, isAuthor, isSeq, type Seq, type UpdateId } from "./ids.ts";
import { isObject, type Json, malformed } from "./json.ts";

/** From a seq to another one, both included. */
export type Range = readonly [from: Seq, to: Seq];

const NONE: readonly Range[] = [];

/** The place of the first range that ends at `seq` or after it. */
function firstTo(ranges: readonly Range[], seq: number): number {
  let low = 0;
  let high = ranges.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((ranges[middle]?.[1] ?? 0) < seq) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Puts ranges in order and joins those that touch. */
function joined(ranges: readonly Range[]): readonly Range[] {
  const sorted = [...ranges].sort((left, right) => left[0] - right[0]);
  const least: [Seq, Seq][] = [];
  for (const [from, to] of sorted) {
    const last = least.at(-1);
    if (last && from <= last[1] + 1) last[1] = Math.max(last[1], to);
    else least.push([from, to]);
  }
  return least;
}

/**
 * A set of update ids. Ranges of an author ascend, and neither overlap nor touch, so equal sets have equal texts. Ranges that were handed out
 * never change.
 */
export class Covered {
  readonly #authors: Map<Author, readonly Range[]>;

  /** An empty set, or one with these ids. */
  constructor(ids: Iterable<UpdateId> = []) {
    this.#authors = new Map();
    for (const id of ids) this.insert(id);
  }

  /**
   * The set that a parsed JSON value stands for.
   *
   * @throws IcecoreError `corrupt` with code `malformed`.
   */
  static parse(json: Json | undefined): Covered {
    const covered = new Covered();
    let before = "";
    for (const [author, ranges] of Object.entries(isObject(json) ? json : { "": null })) {
      if (!isAuthor(author) || author <= before) throw malformed("covered");
      covered.#authors.set(author, parseRanges(ranges));
      before = author;
    }
    return covered;
  }

  /** Adds one id; `false` if it was there. */
  insert({ author, seq }: UpdateId): boolean {
    if (this.has(author, seq)) return false;
    this.#authors.set(author, joined([...this.ranges(author), [seq, seq]]));
    return true;
  }

  /** Adds every id of another set. */
  extend(other: Covered): void {
    for (const [author, ranges] of other.#authors) {
      this.#authors.set(author, joined([...this.ranges(author), ...ranges]));
    }
  }

  /** Whether an id is in the set. */
  has(author: Author, seq: Seq): boolean {
    const ranges = this.ranges(author);
    const range = ranges[firstTo(ranges, seq)];
    return range !== undefined && range[0] <= seq;
  }

  /** Whether the two sets share an id. */
  overlaps(other: Covered): boolean {
    return other.without(this).toText() !== other.toText();
  }

  /** The ids that are not in another set. */
  without(other: Covered): Covered {
    const left = new Covered();
    for (const [author, ranges] of this.#authors) {
      const kept = ranges.flatMap((range) => without(range, other.ranges(author)));
      if (kept.length > 0) left.#authors.set(author, kept);
    }
    return left;
  }

  /** The ids of both sets. */
  union(other: Covered): Covered {
    const both = this.clone();
    both.extend(other);
    return both;
  }

  /** A copy that goes its own way. */
  clone(): Covered {
    const copy = new Covered();
    copy.extend(this);
    return copy;
  }

  /** Whether it holds none. */
  get isEmpty(): boolean {
    return this.#authors.size === 0;
  }

  /** How many ids it holds; beyond 2^53 about so many. */
  get count(): number {
    let count = 0;
    for (const ranges of this.#authors.values()) {
      for (const [from, to] of ranges) count += to - from + 1;
    }
    return count;
  }

  /** The authors, sorted. */
  authors(): Author[] {
    return [...this.#authors.keys()].sort();
  }

  /** An author's ranges, ascending. */
  ranges(author: Author): readonly Range[] {
    return this.#authors.get(author) ?? NONE;
  }

  /** The greatest seq of an author. */
  lastOf(author: Author): Seq | undefined {
    return this.ranges(author).at(-1)?.[1];
  }

  /** Every id, by author and seq: as many as {@link Covered.count} says. */
  *ids(): Generator<UpdateId> {
    for (const author of this.authors()) {
      for (const [from, to] of this.ranges(author)) {
        for (let seq = from; seq <= to; seq += 1) yield { author, seq };
      }
    }
  }

  /** The one JSON text of the set. */
  toText(): string {
    const members = this.authors().map((author) => {
      const ranges = this.ranges(author).map(([from, to]) => `[${from},${to}]`);
      return `"${author}":[${ranges.join()}]`;
    });
    return `{${members.join()}}`;
  }
}

/** What is left of a range without others. */
function without([from, to]: Range, others: readonly Range[]): readonly Range[] {
  const kept: Range[] = [];
  let next = from;
  for (let n = firstTo(others, from); next <= to; n += 1) {
    const [start, end] = others[n] ?? [to + 1, to];
    if (start > next) kept.push([next, Math.min(start - 1, to)]);
    next = start > to ? start : end + 1;
  }
  return kept;
}

function parseRanges(json: Json): readonly Range[] {
  let freeFrom = 1;
  const ranges = Array.isArray(json) ? json : [];
  if (ranges.length === 0) throw malformed("covered");
  return ranges.map((range: Json): Range => {
    const [from, to, more]: readonly unknown[] = Array.isArray(range) ? range : [];
    if (!isSeq(from) || !isSeq(to) || from < freeFrom || to < from || more !== undefined) {
      throw malformed("covered");
    }
    freeFrom = to + 2;
    return [from, to];
  });
}
