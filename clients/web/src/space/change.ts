/**
 * Changing `space.json`: by the version that was read, so that of two who change it at once one sees the other's change first.
 *
 * @module
 */

import { toBytes } from "../core/utf8.ts";
import { IcecoreError } from "../errors.ts";
import { spacePath } from "../objects/paths.ts";
import { readSpace, type SpaceInfo } from "../objects/space.ts";
import type { Remote } from "../wire/remote.ts";

/** How often somebody else may be faster. */
const TRIES_MAX = 5;

/**
 * Replaces `space.json` by what `make` makes of it.
 *
 * @throws IcecoreError what `make` throws; `conflict` with code `space-changed` where others were faster five times; `not_found` with `no-space`.
 */
export async function changeInfo(
  remote: Remote,
  make: (info: SpaceInfo) => Promise<string>,
  signal: AbortSignal,
): Promise<void> {
  for (let tries = 0; tries < TRIES_MAX; tries += 1) {
    const { space } = await remote.look(undefined, true, signal);
    const text = await make(readSpace(space.body));
    const condition = { matches: space.tag };
    const { outcome } = await remote.putObject(
      spacePath(remote.space),
      toBytes(text),
      condition,
      signal,
    );
    if (outcome === "stored") return;
  }
  throw new IcecoreError("conflict", "space-changed", "others change the space at the same time", {
    object: remote.space,
    hint: "try again",
  });
}
