/**
 * Which updates set what breaks a rule.
 *
 * @module
 */

import type { UpdateId } from "./ids.ts";

/** By path, the updates that set it, something above it or something below it. */
export function touchedAt(
  touched: ReadonlyMap<string, UpdateId>,
  violations: readonly { readonly paths: readonly string[] }[],
): ReadonlyMap<string, UpdateId[]> {
  const found = new Map<string, UpdateId[]>();
  if (violations.length === 0) return found;
  for (const path of violations.flatMap(({ paths }) => paths)) {
    const above = prefixes(path).slice(0, -1);
    found.set(
      path,
      above.flatMap((prefix) => touched.get(prefix) ?? []),
    );
  }
  for (const [path, id] of touched) {
    for (const prefix of prefixes(path)) found.get(prefix)?.push(id);
  }
  return found;
}

/** The pointers above a pointer, from the root on, and itself. */
function prefixes(path: string): string[] {
  const keys = path.split("/");
  return keys.map((_key, n) => keys.slice(0, n + 1).join("/"));
}
