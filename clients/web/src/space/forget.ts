/**
 * Leaving: what was not sent goes out, into a file, or is dropped, and never by accident.
 *
 * @module
 */

import { IcecoreError } from "../errors.ts";
import type { Pending } from "../sync/append.ts";
import type { OpenCopy } from "../sync/open.ts";
import type { Forget } from "./types.ts";

/** Updates as lines of JSON that `icecore import` takes. */
export function linesOf(pending: readonly Pending[]): string {
  return pending.map(({ update }) => `${update}\n`).join("");
}

/** What forgetting needs. */
export interface Forgetting {
  /** The local copy. */
  readonly session: OpenCopy<unknown>;
  /** Sends all that waits; rejects with what stopped it. */
  readonly send: () => Promise<void>;
  /** Closes the local copy and removes it. */
  readonly remove: () => Promise<void>;
}

/**
 * Removes the local copy. What was not sent is dealt with first, and looked at once more just before the end.
 *
 * @throws IcecoreError `conflict` with code `unsent` where something waits and nothing was chosen, or came in between.
 */
export async function forget(
  { session, send, remove }: Forgetting,
  choice: Forget | undefined,
): Promise<string | undefined> {
  await session.refresh();
  if (choice === "send" && session.pending.length > 0) await send();
  const left = session.pending;
  if (left.length > 0 && choice !== "export" && choice !== "drop") {
    throw new IcecoreError("conflict", "unsent", "updates were not sent", {
      hint: "send them, or choose to export or to drop them: nothing was removed",
      params: { unsent: left.length },
    });
  }
  const lines = choice === "export" ? linesOf(left) : undefined;
  await remove();
  return lines;
}
