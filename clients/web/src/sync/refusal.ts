/**
 * What a sequenced space refused, and what happened in between.
 *
 * @module
 */

import { idText, type Key, type UpdateId } from "../core/ids.ts";
import type { Reason } from "../core/reason.ts";
import { IcecoreError } from "../errors.ts";
import { segmentAt } from "./layers.ts";
import { adopt, smallIn, writeAll } from "./local.ts";
import type { Looking } from "./look.ts";
import type { Told } from "./pull.ts";
import { closeUp, setAside, storedText } from "./queue.ts";
import { placesOf, type Reader } from "./reader.ts";
import type { Replica } from "./replica.ts";
import { type Queued, queueIn, rowOf } from "./rows.ts";
import { countSave } from "./save.ts";
import { isUnderWay } from "./verdict.ts";

/** The most updates that a refusal names: the newest. */
const SINCE_MAX = 1_000;

/**
 * Takes the first queued update out of the queue of a sequenced space whose state refuses it, keeps it for a person with what others wrote since
 * it was made, and closes the gap in the seqs.
 *
 * @throws IcecoreError `conflict` with code `refused`, in any case; `unavailable` with code `busy` while another tab may be sending it.
 */
export async function refuse<S>(
  replica: Replica<S>,
  look: Looking<S>,
  told: Told,
  { row, reason }: { readonly row: Queued; readonly reason: Reason },
): Promise<never> {
  const { reader } = replica;
  const since = reader ? await sinceIn(look, reader, row) : [];
  const at = replica.clock.now();
  replica.fresh = [];
  const done = await writeAll(replica, "strict", async (tx) => {
    const [now] = await queueIn(tx, rowOf(row), rowOf(row));
    if (!now || storedText(now) !== storedText(row) || isUnderWay(replica, now)) return undefined;
    const number = await setAside(tx, now, { reason, at, since });
    await closeUp(tx, now);
    return { number, saves: await countSave(tx), small: await smallIn(tx) };
  });
  if (!done) {
    throw new IcecoreError("unavailable", "busy", "another tab may be sending this update", {
      hint: "it is tried again",
    });
  }
  replica.saves = replica.saves === done.saves - 1 ? done.saves : -1;
  adopt(replica, done.small);
  const { author, seq, update, was } = row;
  const id = { author, seq };
  told.refused = { number: done.number, id, was, update, reason, at, since };
  throw new IcecoreError("conflict", "refused", "the new state refuses an update", {
    object: idText(row),
    hint: "it was set aside and not sent; settle it, or drop it",
    params: { reason: reason.code },
  });
}

/** What others wrote after the last place that an update's maker had seen, as far as it is known. */
async function sinceIn<S>(
  look: Looking<S>,
  reader: Reader<S>,
  row: Queued,
): Promise<readonly UpdateId[]> {
  const after: Key = row.after ?? reader.base.through;
  const wanted = ({ key, author }: UpdateId & { readonly key: Key }) =>
    key > after && author !== row.author;
  let found: UpdateId[] = placesOf(reader).filter(wanted);
  let { through } = reader.base;
  for (
    let at = reader.base.generation;
    at > 0 && through > after && found.length < SINCE_MAX;
    at -= 1
  ) {
    const { header, entries } = (await segmentAt(look, reader.way, at)).layer;
    through = entries[0] ? entries[0].key - 1 : header.through;
    found = [...entries.filter(wanted), ...found];
  }
  return found.slice(-SINCE_MAX).map(({ author, seq }) => ({ author, seq }));
}
