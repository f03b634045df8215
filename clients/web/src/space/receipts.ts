/**
 * Receipts: what becomes of updates that were made in this page.
 *
 * @module
 */

import { idText, type UpdateId } from "../core/ids.ts";
import { IcecoreError } from "../errors.ts";
import type { Appended } from "../sync/append.ts";
import type { Kept } from "../sync/report.ts";
import type { Phase, Receipt } from "./types.ts";

/** The receipts of this page that are not settled. */
export interface Receipts {
  /** A receipt for updates that are made when the local copy is open. */
  give(append: Promise<Appended>): Receipt;
  /**
   * Settles what is settled: `pending` waits still, `kept` was set aside. `moved` gives the new id of an update whose author was changed.
   */
  settle(
    pending: readonly UpdateId[],
    kept: readonly Kept[],
    moved?: ReadonlyMap<string, UpdateId>,
  ): void;
  /** What was durable and not confirmed will not be sent from here any more. */
  fail(error: unknown): void;
  /** How many are not settled. */
  readonly open: number;
}

interface Entry {
  id: UpdateId | undefined;
  phase: Phase;
  readonly confirm: () => void;
  readonly fail: (error: unknown) => void;
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
      const entry: Entry = { id: undefined, phase: "making", confirm, fail };
      const durable = append.then(async (appended) => {
        entry.id = appended.ids.at(-1);
        const { ids } = await appended.durable;
        const id = ids.at(-1);
        if (id === undefined) throw new IcecoreError("internal", "bug", "no update was made");
        entry.id = id;
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
    settle(pending, kept, moved) {
      if (open.size === 0) return;
      const waiting = new Set(pending.map(idText));
      const aside = new Map(kept.map((one) => [idText(one.id), one]));
      for (const entry of open) {
        entry.id = (entry.id && moved?.get(idText(entry.id))) ?? entry.id;
        const id = entry.id && idText(entry.id);
        if (id === undefined || waiting.has(id)) continue;
        open.delete(entry);
        const refused = aside.get(id);
        entry.phase = refused ? "failed" : "confirmed";
        if (refused) entry.fail(setAside(refused));
        else entry.confirm();
      }
    },
  };
}

function setAside({ id, reason }: Kept): IcecoreError {
  return new IcecoreError("conflict", "refused", "the update was set aside", {
    object: idText(id),
    hint: "a person decides: it stands in `refused`, with what others wrote meanwhile",
    params: { reason: reason.code },
  });
}
