/**
 * Making updates: part of the state at once, on the device soon after.
 *
 * @module
 */

import type { UpdateId } from "../core/ids.ts";
import { readUpdate, type Update, writeUpdate } from "../core/update.ts";
import { byteLength } from "../core/utf8.ts";
import { asError, IcecoreError } from "../errors.ts";
import { UPDATE_BYTES_MAX } from "../objects/update-object.ts";
import { enqueue } from "./enqueue.ts";
import { addQueued, type Local } from "./local.ts";
import { sequenceEnd } from "./reader.ts";
import { type Queued, rowOf } from "./rows.ts";

/** An update to be made. */
export interface NewUpdate {
  /** When it happened, by the device's clock: RFC 3339. */
  readonly at: string;
  /** Which instruction. */
  readonly kind: string;
  /** JSON text: its argument. */
  readonly data: string;
  /** What it settles: the id of a conflict, or `AUTHOR:SEQ` of a rejected update. */
  readonly resolves?: string | undefined;
}

/** Updates that were made just now: part of the state at once. */
export interface Appended {
  /** Their ids, as far as they are known before the device has stored them; another tab may have taken them meanwhile. */
  readonly ids: readonly UpdateId[];
  /**
   * Resolves once they are stored on the device, with their ids; rejects with an `IcecoreError` where they could not be (`quota`), and then
   * they are part of the state no more. `isNew` is false where an update was made under this name before: then nothing was made, and the ids are its.
   */
  readonly durable: Promise<{ readonly ids: readonly UpdateId[]; readonly isNew: boolean }>;
  /** Their texts, as they wait. */
  readonly texts: readonly string[];
}

/** An update that waits to be acknowledged. */
export interface Pending extends UpdateId {
  /** The text as its author wrote it. */
  readonly update: string;
  /** When it was made, by the device's clock. */
  readonly at: number;
  /** Whether the device has stored it. */
  readonly durable: boolean;
  /** The id that it had first, where it goes on under another one. */
  readonly was?: UpdateId | undefined;
}

/** The longest name, in bytes. */
const NAME_BYTES_MAX = 200;

/** What is on its way into the queue, and in it. */
export interface Queueing {
  /** As {@link OpenCopy.append}. */
  append(updates: readonly NewUpdate[], name?: string): Appended;
  /** What waits to be acknowledged, that which the device has not stored yet at the end. */
  pending(): readonly Pending[];
  /** Shows what was read, and all of this on top. */
  show(): void;
}

const stored = ({ author, seq, update, at, was }: Queued): Pending => ({
  author,
  seq,
  update,
  at,
  durable: true,
  was,
});

/** Queues the updates of a session. */
export function queueingOf<S>(local: Local<S>): Queueing {
  const { store, view, clock } = local;
  // Not stored yet, under the ids that they will have unless another tab is faster.
  const made = new Set<Pending>();
  let last: UpdateId | undefined;
  const nextId = (): UpdateId => {
    const { author, nextSeq } = local.writer;
    const isAfter = made.size > 0 && last?.author === author;
    last = { author, seq: isAfter && last ? Math.max(nextSeq, last.seq + 1) : nextSeq };
    return last;
  };
  const pending = (): readonly Pending[] => [...local.queue.map(stored), ...made];
  const show = () => view.show(local.reader, pending());

  async function keep(
    rows: readonly Pending[],
    name: string | undefined,
  ): Promise<{ ids: readonly UpdateId[]; isNew: boolean }> {
    const { reader } = local;
    const after = reader?.base.order === "sequence" ? sequenceEnd(reader) : undefined;
    const updates = rows.map(({ update }) => update);
    const at = rows[0]?.at ?? 0;
    try {
      const kept = await store.write(["meta", "queue"], "strict", (tx) =>
        enqueue(tx, { updates, at, after, name }),
      );
      for (const row of rows) made.delete(row);
      for (const row of kept.rows) {
        local.fresh.push(row);
        addQueued(local, row);
      }
      const { writer } = local;
      const end = kept.rows.at(-1);
      if (end?.author === writer.author)
        local.writer = { ...writer, nextSeq: Math.max(writer.nextSeq, end.seq + 1) };
      // Another tab was faster, or the name was known.
      if (
        kept.rows.length < rows.length ||
        kept.rows.some((row, n) => rowOf(row) !== rowOf(rows[n] ?? row))
      )
        show();
      const ids = kept.known ? [kept.known] : kept.rows.map(({ author, seq }) => ({ author, seq }));
      return { ids, isNew: !kept.known };
    } catch (error) {
      for (const row of rows) made.delete(row);
      show();
      throw asError(error);
    }
  }

  return {
    pending,
    show,
    append(updates, name) {
      if (name !== undefined) checkName(name, updates.length);
      const at = clock.now();
      const reads = updates.map((update) => readNew(local, update));
      const texts = reads.map(([text]) => text);
      const rows = texts.map((update): Pending => {
        const row = { ...nextId(), update, at, durable: false };
        made.add(row);
        return row;
      });
      view.push(reads.map(([update, read], n) => ({ ...(rows[n] as Pending), update, read })));
      const ids = rows.map(({ author, seq }) => ({ author, seq }));
      return { ids, durable: keep(rows, name), texts };
    },
  };
}

/** The text of an update, as it will be stored or sealed, and what it says. */
function readNew<S>(
  { view, reader }: Local<S>,
  { at, kind, data, resolves }: NewUpdate,
): readonly [text: string, read: Update] {
  const { version } = view.folded.model;
  const text = writeUpdate({ at, kind, dataText: data, resolves, modelVersion: version });
  const read = readUpdate(text);
  if (read?.dataText !== data || /[\n\r]/.test(data)) {
    throw new IcecoreError(
      "invalid",
      "update-invalid",
      "the data of an update is no JSON text on one line",
      { object: kind },
    );
  }
  const bytes = byteLength(text);
  // Base64 of the text, a salt and a tag, and the members around it.
  const stored = reader?.way.content.sealed ? Math.ceil(((bytes + 32) * 4) / 3) + 80 : bytes;
  if (stored <= UPDATE_BYTES_MAX) return [text, read];
  throw new IcecoreError("invalid", "update-too-large", "the update is too large", {
    object: kind,
    hint: "split it; what is large belongs elsewhere, with a reference to it",
    params: { bytes: stored, most: UPDATE_BYTES_MAX },
  });
}

function checkName(name: string, count: number): void {
  const bytes = byteLength(name);
  if (bytes >= 1 && bytes <= NAME_BYTES_MAX && !/\p{Cc}/u.test(name) && count === 1) return;
  throw new IcecoreError("invalid", "name-invalid", "this name cannot be kept", {
    object: name,
    hint: "it has 1 to 200 bytes and no control characters, and stands for one update",
  });
}
