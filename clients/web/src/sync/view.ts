/**
 * What a replica shows: base, tail in effective order, and what is queued on top.
 *
 * @module
 */

import { Covered } from "../core/covered.ts";
import { type Entry, Folded } from "../core/fold.ts";
import { KEY_MAX, type UpdateId } from "../core/ids.ts";
import { modelVersionOf, type Update } from "../core/update.ts";
import type { Model } from "../models/model.ts";
import { entriesOf, idsOf, type Reader } from "./reader.ts";

/** An update that is not acknowledged. */
export interface Waiting extends UpdateId {
  readonly update: string;
}

/** One that was made just now. */
export interface Made extends Waiting {
  /** What its text says. */
  readonly read: Update;
}

/** The state, folded as far as it was asked for. An update on top costs itself; only one that sorts before others folds the tail again. */
export interface View<S> {
  /** What is shown. */
  readonly folded: Folded<S>;
  /** The version of the model that the space needs, where this program's is older: nothing that is stored after that update was folded. */
  readonly needsVersion: number | undefined;
  /** The state after what is stored. It is the view's own: fork it. */
  afterTail(reader: Reader<S>): Folded<S>;
  /** Shows updates of this moment on top of the rest. */
  push(rows: readonly Made[]): void;
  /** Shows what was read, with this on top. */
  show(reader: Reader<S> | undefined, waiting: readonly Waiting[]): void;
}

/** How many of the first are the same in both. */
function common(one: readonly Entry[], other: readonly Entry[]): number {
  const end = one.findIndex((entry, n) => {
    const to = other[n];
    return (
      to?.seq !== entry.seq ||
      to.author !== entry.author ||
      to.key !== entry.key ||
      to.update !== entry.update
    );
  });
  return end < 0 ? one.length : end;
}

/** What is queued on top of all that is stored. */
const waits = ({ author, seq, update }: Waiting): Entry => ({ author, seq, key: KEY_MAX, update });

/** Those that are neither covered nor visible: what is queued under the id of another is no update of its own. */
function notStored<S>({ base, tail }: Reader<S>, waiting: readonly Waiting[]): readonly Waiting[] {
  const ids = waiting.length > 0 ? idsOf(tail.values()) : new Covered();
  return waiting.filter(
    ({ author, seq }) => !base.covered.has(author, seq) && !ids.has(author, seq),
  );
}

/** An empty view. */
export function viewOf<S>(model: Model<S>): View<S> {
  let start = new Folded(model);
  let [tail, top] = [start.fork(), start.fork()];
  let entries: readonly Entry[] = [];
  let onTop: Entry[] = [];
  let needs: number | undefined;
  let isStale = false;
  let shown:
    | { readonly of: Reader<S>; readonly size: number; readonly base: Folded<S> }
    | undefined;

  const afterTail = (reader: Reader<S>): Folded<S> => {
    const { size } = reader.tail;
    // A tail that was read is another reader's; own objects only join it.
    if (shown?.of === reader && shown.size === size && shown.base === reader.base.folded)
      return tail;
    shown = { of: reader, size, base: reader.base.folded };
    const now = entriesOf(reader);
    const isRebase = reader.base.folded !== start || common(entries, now) < entries.length;
    if (!isRebase && now.length === entries.length) return tail;
    if (isRebase) {
      start = reader.base.folded;
      [tail, entries, needs] = [start.fork(), [], undefined];
    }
    for (const entry of now.slice(entries.length)) {
      const version = typeof entry.update === "string" ? modelVersionOf(entry.update) : 0;
      if (version > reader.way.model.version) needs = Math.max(needs ?? 0, version);
      if (needs === undefined) tail.fold(entry);
    }
    [entries, isStale] = [now, true];
    return tail;
  };

  return {
    get folded() {
      return top;
    },
    get needsVersion() {
      return needs;
    },
    afterTail,
    push(rows) {
      // Not on a fork: a state that nobody has seen need not be copied before it changes.
      for (const row of rows) {
        top.fold({ ...waits(row), read: row.read });
        onTop.push(waits(row));
      }
    },
    show(reader, waiting) {
      if (reader) afterTail(reader);
      const now = (reader ? notStored(reader, waiting) : waiting).map(waits);
      const same = common(onTop, now);
      if (isStale || same < onTop.length) [top, onTop, isStale] = [tail.fork(), [], false];
      for (const entry of now.slice(onTop.length)) top.fold(entry);
      onTop = now;
    },
  };
}
