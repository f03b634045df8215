/**
 * What the store says of the updates that wait here.
 *
 * @module
 */

import { type Author, idText, type UpdateId } from "../core/ids.ts";
import { sha256 } from "../core/sha256.ts";
import { toBytes } from "../core/utf8.ts";
import type { Content } from "../objects/content.ts";
import { authorOf, millisOf } from "./author.ts";
import { shownIn, storedIn } from "./draft.ts";
import { segmentAt } from "./layers.ts";
import type { Looking } from "./look.ts";
import type { Reader } from "./reader.ts";
import type { Replica } from "./replica.ts";
import { type Own, type Queued, rowOf } from "./rows.ts";

/**
 * While another tab may have a write under way that it began so short ago, no id is given away: what it sends would count twice. A slot lives half a
 * minute, and a publish goes on for two.
 */
const UNDER_WAY_MS = 240_000;

/** Whether another session of this replica may be sending an update right now. */
export function isUnderWay<S>({ id, clock }: Replica<S>, { by, tried }: Queued): boolean {
  return (
    by !== undefined &&
    by !== id &&
    tried !== undefined &&
    Math.abs(clock.now() - tried) < UNDER_WAY_MS
  );
}

/** What is to become of a queued update. */
export interface Verdict {
  /** The history holds it, with this content. */
  readonly isThere: boolean;
  /** The history holds its id, and nobody can tell with what content. */
  readonly isUnknown: boolean;
  /** Another one is stored under its id. */
  readonly isAnothers: boolean;
  /** The key of the object that carries it; 0 where only a segment holds it. */
  readonly key: number;
}

/** A content may make tokens: 32 bytes that follow from an update, and that nobody can make who holds no key. */
type Tokens = Content & { readonly token?: (id: UpdateId, text: string) => Promise<Uint8Array> };

/**
 * The author under which a queued update goes on alone when its id is taken: the same in whatever copy of the replica it waits, so that it counts
 * once. By its place in the queue it sorts among the others of its author. `undefined` where the keys of an encrypted space are not at hand.
 */
export async function heirOf(content: Tokens, row: Queued): Promise<Author | undefined> {
  const token = content.sealed
    ? await content.token?.(row, row.update)
    : sha256(toBytes(`${idText(row)} ${row.update}`));
  return token && authorOf(millisOf(row.author) + row.seq, token);
}

/**
 * What the history holds under the ids of queued updates that it covers: own writes whose answer was lost with a crash, or those of a copy of
 * this replica. What was compressed is not found.
 */
async function findCovered<S>(
  look: Looking<S>,
  { way, base }: Reader<S>,
  ids: ReadonlySet<string>,
): Promise<Map<string, string>> {
  const found = new Map<string, string>();
  for (let at = base.generation; at > 0 && found.size < ids.size; at -= 1) {
    const { layer } = await segmentAt(look, way, at);
    for (const entry of layer.entries)
      if (ids.has(rowOf(entry))) found.set(rowOf(entry), entry.update);
  }
  return found;
}

/** Looks what is stored under the ids of queued updates. */
export async function judge<S>(
  look: Looking<S>,
  reader: Reader<S>,
  queue: readonly Queued[],
): Promise<Map<string, Verdict>> {
  const { base, way } = reader;
  const isCovered = ({ author, seq }: UpdateId) => base.covered.has(author, seq);
  const covered = await findCovered(look, reader, new Set(queue.filter(isCovered).map(rowOf)));
  const [tail, shown] = [storedIn(reader), shownIn(reader)];
  const verdicts = new Map<string, Verdict>();
  for (const row of queue) {
    const name = rowOf(row);
    const inTail = tail.get(name);
    const [update, key] = [covered.get(name) ?? inTail?.update, inTail?.key ?? 0];
    const isThere = isCovered(row) || shown.has(name);
    const isSame =
      update === undefined
        ? row.tried !== undefined && isCovered(row)
        : update === (row.sealed ?? row.update) ||
          (await opens(way.content, { ...row, key, update }, row.update));
    verdicts.set(name, {
      isThere: isThere && isSame,
      isUnknown: isCovered(row) && !covered.has(name) && !isSame,
      isAnothers: !isSame && (inTail !== undefined || isCovered(row)),
      key,
    });
  }
  return verdicts;
}

/** Sealed by another copy of this replica it has other bytes. */
async function opens(
  content: Content,
  stored: UpdateId & { key: number; update: string },
  clear: string,
): Promise<boolean> {
  if (!content.sealed || content.blind) return false;
  const [opened] = await content.open([stored]);
  return opened?.update === clear;
}

/** Own updates that the store lost, as they are queued again: under their ids, before what was queued. */
export async function again(
  content: Content,
  missing: readonly Own[],
  now: number,
): Promise<readonly Queued[]> {
  const opened = content.sealed && !content.blind ? await content.open(missing) : [];
  return missing.map(({ author, seq, update }, n) => {
    const clear = opened[n]?.update;
    const sealed = content.sealed ? update : undefined;
    return {
      author,
      seq,
      update: typeof clear === "string" ? clear : update,
      sealed,
      at: now,
      tried: 0,
    };
  });
}
