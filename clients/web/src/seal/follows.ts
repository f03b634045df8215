/**
 * Whether a replica that has seen one keyring of a space may go on with another. Small, for whoever holds no key asks it too.
 *
 * @module
 */

import { fault, keyringChanged, keyringRolledBack, RESTORE } from "./faults.ts";

/** Of a keyring what tells whether it follows. */
interface Seen {
  readonly version: number;
  readonly mac: string;
  /** Each key as text, from the first. */
  readonly keys: readonly string[];
}

function seen(text: string): Seen {
  const { version, mac, keys } = JSON.parse(text) as Record<string, unknown>;
  if (typeof version !== "number" || typeof mac !== "string" || !Array.isArray(keys)) {
    throw keyringChanged("form");
  }
  const keyTexts = keys.map((key: Record<string, unknown> | null) =>
    JSON.stringify([key?.["number"], key?.["made_at"], key?.["link"]]),
  );
  return { version, mac, keys: keyTexts };
}

/**
 * Whether somebody who has seen the keyring `older` of a space may take `newer` in its place, both as the JSON texts in a
 * `space.json`, `undefined` where it has none: it is not older, and has the same keys and perhaps more. It says nothing of
 * who made it: opening it does. A space is encrypted from the beginning, or never.
 *
 * @throws IcecoreError `corrupt` with code `keyring-rolled-back`, `keyring-changed`, `keyring-gone` or `keyring-new`.
 */
export function checkKeyring(older: string | undefined, newer: string | undefined): void {
  if (older === newer) return;
  if (older === undefined || newer === undefined) {
    const code = newer === undefined ? "keyring-gone" : "keyring-new";
    throw fault("corrupt", code, "whether the space is encrypted has changed", { hint: RESTORE });
  }
  const [before, after] = [seen(older), seen(newer)];
  if (after.version < before.version) throw keyringRolledBack(before.version, after.version);
  if (after.version === before.version && after.mac !== before.mac) throw keyringChanged("version");
  if (!before.keys.every((key, i) => key === after.keys[i])) throw keyringChanged("keys");
}
