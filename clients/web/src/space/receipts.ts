/**
 * Receipts: what becomes of updates that were made in this page.
 *
 * @module
 */

import { idText, type UpdateId } from "../core/ids.ts";
import { IcecoreError } from "../errors.ts";
import type { Appended, Pending } from "../sync/append.ts";
import type { Confirmed, Kept } from "../sync/report.ts";
import type { Phase, Receipt } from "./types.ts";

/** The receipts of this page that are not settled. */
export interface Receipts {
  /** A receipt for updates that are made when the local copy is open. */
  give(append: Promise<Appended>): Receipt;
  /**
   * Settles what is settled: `pending` waits still, `kept` was set aside, and what is neither is stored. `confirmed` says under which ids, where it
   * is known: an update may get another one and be stored within one sync.
   */
  settle(
    pending: readonly Pending[],
    kept: readonly Kept[],
    confirmed?: readonly Confirmed[],
  ): void;
  /** What was durable and not confirmed will not be sent from here any more. */
  fail(error: unknown): void;
  /** How many are not settled. */
  readonly open: number;
}

interface Entry {
  /** The id as it is now, as far as it is known. */
  id: UpdateId | undefined;
  /** Which update it is, whatever id it goes on under. */
  name: string;
  phase: Phase;
  readonly confirm: () => void;
  readonly fail: (error: unknown) => void;
}

/**
 * What an update is known by: its first id, which it keeps when it goes on under another one. Another update may get that id afterwards, so its
 * text tells them apart.
 */
function nameOf(first: UpdateId, text: string): string {
  return `${idText(first)} ${text}`;
}

/** None yet. */
export function receipts(): Receipts {
  const open = new Set<Entry>();
  return {
    get open() {
      return open.size;
    },
    give(append) {
      let confirm: () => void = () => undefined;
      let fail: (error: unknown) => void = () => undefined;
      const confirmed = new Promise<void>((resolve, reject) => {
        confirm = resolve;
        fail = reject;
      });
      const entry: Entry = { id: undefined, name: "", phase: "making", confirm, fail };
      const durable = append.then(async (appended) => {
        entry.id = appended.ids.at(-1);
        const { ids, isNew } = await appended.durable;
        const id = ids.at(-1);
        if (id === undefined) throw new IcecoreError("internal", "bug", "no update was made");
        entry.id = id;
        // One that was made before under the same name has the text that it had then.
        entry.name = isNew ? nameOf(id, appended.texts.at(-1) ?? "") : idText(id);
        entry.phase = "durable";
        open.add(entry);
        return idText(id);
      });
      durable.catch((error: unknown) => {
        entry.phase = "failed";
        fail(error);
      });
      // Who does not look at a receipt learns of it by the status.
      confirmed.catch(() => undefined);
      return {
        get id() {
          return entry.id && idText(entry.id);
        },
        get phase() {
          return entry.phase;
        },
        durable,
        confirmed,
      };
    },
    fail(error) {
      for (const entry of open) {
        entry.phase = "failed";
        entry.fail(error);
      }
      open.clear();
    },
    settle(pending, kept, confirmed = []) {
      if (open.size === 0) return;
      const waiting = named(pending.map((row) => [row.was ?? row, row]));
      const stored = named(confirmed.map((one) => [one.was ?? one, one]));
      const aside = named(kept.map((one) => [one.was ?? one.id, one]));
      for (const entry of open) {
        const row = waiting.get(entry.name);
        if (row) {
          entry.id = row;
          continue;
        }
        open.delete(entry);
        entry.id = stored.get(entry.name) ?? entry.id;
        const refused = aside.get(entry.name);
        entry.phase = refused ? "failed" : "confirmed";
        if (refused) entry.fail(setAside(refused));
        else entry.confirm();
      }
    },
  };
}

/** Updates by their names, and by their first ids alone. */
function named<T extends { readonly update: string }>(
  all: readonly (readonly [first: UpdateId, one: T])[],
): ReadonlyMap<string, T> {
  return new Map(
    all.flatMap(([first, one]) => [
      [idText(first), one],
      [nameOf(first, one.update), one],
    ]),
  );
}

function setAside({ id, reason }: Kept): IcecoreError {
  return new IcecoreError("conflict", "refused", "the update was set aside", {
    object: idText(id),
    hint: "a person decides: it stands in `refused`, with what others wrote meanwhile",
    params: { reason: reason.code },
  });
}
