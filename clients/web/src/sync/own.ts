/**
 * Own acknowledged updates: what the store has of them, and what it lost.
 *
 * @module
 */

import { Covered } from "../core/covered.ts";
import { parseJson } from "../core/json.ts";
import type { Bytes } from "../objects/layer.ts";
import type { Platform } from "../objects/platform.ts";
import { readSegment } from "../objects/segment.ts";
import type { Store, Tx } from "../store/port.ts";
import { shownIn, sorted, storedIn } from "./draft.ts";
import { lookAtAll, lookFor } from "./listing.ts";
import type { Looking } from "./look.ts";
import type { Polled } from "./polled.ts";
import { lacking, type Reader } from "./reader.ts";
import { form, lostIn, type Own, ownIn, rowOf } from "./rows.ts";

/** How long own updates are kept after they were acknowledged: a backup of the store that is no older can be put back, and nothing of them is lost. */
const KEPT_MS = 90 * 24 * 60 * 60_000;
/** How many are kept however old they are: a clock that was far ahead once must not make them old. */
const KEPT_MIN = 10_000;

/** An update of somebody else, as it was stored. */
type LostRow = Awaited<ReturnType<typeof lostIn>>[number];

/**
 * The own acknowledged updates that the store no longer holds. What only no listing has shown is looked for by its key, and joins the tail.
 *
 * @throws IcecoreError as {@link Looking.remote}.
 */
export async function missingOwn<S>(
  look: Looking<S>,
  polled: Polled<S>,
  own: readonly Own[],
): Promise<readonly Own[]> {
  const { reader } = polled;
  const absent = (among: readonly Own[]): readonly Own[] => {
    const shown = shownIn(reader);
    return among.filter(
      (row) => !reader.base.covered.has(row.author, row.seq) && !shown.has(rowOf(row)),
    );
  };
  let missing = absent(own);
  const stored = storedIn(reader);
  // A listing that missed what landed meanwhile shows a hole that is none: another one, begun now, does not.
  if (missing.some((row) => stored.has(rowOf(row)))) {
    await lookAtAll(look, reader, polled);
    missing = absent(missing);
  }
  const keys = missing.map(({ key }) => key).filter((key) => key > 0);
  if (keys.length > 0) {
    await lookFor(look, reader, sorted(new Set(keys)), polled);
    missing = absent(missing);
  }
  return missing;
}

/** Marks the own updates that segments hold: they need not be looked at with every poll. `all` where an older history may have come back. */
export async function markCovered<S>(tx: Tx, { base }: Reader<S>, all: boolean): Promise<void> {
  for (const mark of all ? (["o", "c"] as const) : (["o"] as const)) {
    for (const row of await ownIn(tx, mark)) {
      const is = base.covered.has(row.author, row.seq) ? "c" : "o";
      if (is === mark) continue;
      tx.delete("own", mark + rowOf(row));
      tx.put("own", is + rowOf(row), row);
    }
  }
}

/** Forgets old own updates that segments hold, where there are many. */
export async function forgetOwn(tx: Tx, now: number): Promise<void> {
  const covered = await ownIn(tx, "c");
  const beyond = covered
    .sort((a, b) => a.key - b.key)
    .slice(0, Math.max(covered.length - KEPT_MIN, 0));
  for (const row of beyond) if (row.at < now - KEPT_MS) tx.delete("own", `c${rowOf(row)}`);
}

/** The texts of updates of others that the store holds no more, as far as they are here. */
export async function textsOf<S>(
  store: Store,
  platform: Platform,
  before: Reader<S>,
  lost: Covered,
): Promise<readonly LostRow[]> {
  const texts: LostRow[] = [];
  for (const [, { object, key }] of before.tail) {
    object?.updates.forEach((update, n) => {
      texts.push({ author: object.author, seq: object.seq + n, key, update });
    });
  }
  for (const { value } of await store.read(["layers"], (tx) => tx.rows("layers"))) {
    const { isSnapshot, bytes } = form<{ isSnapshot: boolean; bytes: Bytes }>(value, {
      bytes: "object",
    });
    if (!isSnapshot) texts.push(...(await readSegment(bytes, { platform })).entries);
  }
  return texts.filter(({ author, seq }) => lost.has(author, seq));
}

/**
 * Notes what is missing now in a store that was put back; what has come back is no longer listed. `newly` is what was noticed just now. Returns how
 * many updates are missing.
 */
export async function noteMissing<S>(
  tx: Tx,
  reader: Reader<S>,
  newly: Covered | undefined,
  now: number,
): Promise<number | undefined> {
  const before = await tx.get("meta", "restored");
  if (before === undefined && !newly) return undefined;
  const known =
    before === undefined
      ? undefined
      : form<{ at: number; missing: string }>(before, { missing: "string" });
  const all = Covered.parse(parseJson(known?.missing ?? "{}"));
  const missing = lacking(reader, newly ? all.union(newly) : all);
  for (const row of await lostIn(tx)) {
    if (lacking(reader, new Covered([row])).isEmpty) tx.delete("kept", `l${rowOf(row)}`);
  }
  if (missing.isEmpty) tx.delete("meta", "restored");
  else
    tx.put("meta", "restored", { at: newly || !known ? now : known.at, missing: missing.toText() });
  return newly && missing.count;
}
