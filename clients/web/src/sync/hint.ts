/**
 * Telling others that something changed.
 *
 * @module
 */

import { type Head, headIn, headOver, writeHead } from "../objects/head.ts";
import type { Condition } from "../wire/remote.ts";
import { noSpace } from "./faults.ts";
import { infoIn, type Looking } from "./look.ts";

/** How often a hint is tried on the condition of the head that was read, before it is written whatever is there. */
const TRIES_MAX = 3;

/**
 * Writes the head on the condition of the version that is known. Returns its new version where nobody else has written it since.
 *
 * Whoever loses the race writes once more, over the head that is there now, and so do all: an update counts as hinted only when a head was stored
 * after it. Only the version that was looked at is worth remembering: one that was read here was not.
 *
 * @throws IcecoreError what the gateway reports; then the hint may not be written, which is harmless.
 */
export async function writeHint<S>(
  { remote, signal }: Looking<S>,
  head: Head,
  known: string | undefined,
): Promise<string | undefined> {
  const put = (hint: Head, condition: Condition) =>
    remote.putHead(writeHead(hint), condition, signal);
  const first = await put(head, known === undefined ? "absent" : { matches: known });
  if (first.outcome === "stored") return first.tag;
  for (let tries = 0; tries < TRIES_MAX; tries += 1) {
    const stored = await remote.head(undefined, signal);
    const isThere = stored !== undefined && stored !== "unchanged";
    if (!isThere && known !== undefined) {
      // It was deleted. In an erased space nothing is written any more.
      const space = await remote.info(undefined, signal);
      if (space === undefined) throw noSpace(remote.space);
      if (space !== "unchanged") infoIn(space.body, remote.space);
    }
    const theirs = isThere ? headIn(stored.body) : undefined;
    const over = theirs ? headOver(head, theirs) : head;
    const again = await put(over, isThere ? { matches: stored.tag } : "absent");
    if (again.outcome === "stored") return undefined;
  }
  await put(head, "any");
  return undefined;
}
