/**
 * Which watched places an update sets.
 *
 * @module
 */

import { isObject, type Json, type JsonObject } from "../../core/json.ts";
import type { Update } from "../../core/update.ts";
import { leads, relates } from "./pattern.ts";
import { keysOf, pointerOf } from "./pointer.ts";
import type { Rule } from "./rule.ts";

/** The pointers that an applied update sets, of those that are, or stand above or below, a match of a rule's path. */
export function touchedPaths(rules: readonly Rule[], { kind, data }: Update): readonly string[] {
  if (kind !== "merge") {
    const pointers: readonly unknown[] = Array.isArray(data) ? data : Object.keys(data ?? {});
    const texts = pointers.filter((pointer) => typeof pointer === "string");
    return texts.filter((pointer) => {
      const keys = keysOf(pointer);
      return rules.some(({ steps }) => relates(steps, keys));
    });
  }
  const touched: string[] = [];
  const way: string[] = [];
  // A patch sets what stands at its leaves; an object in it only leads there, unless it is empty.
  const visit = (patch: JsonObject, watching: readonly Rule[]): void => {
    for (const name of Object.keys(patch)) {
      const still = watching.filter(({ steps }) => leads(steps, way.length, name));
      if (still.length === 0) continue;
      const value: Json | undefined = patch[name];
      way.push(name);
      if (isObject(value) && Object.keys(value).length > 0) visit(value, still);
      else touched.push(pointerOf(way));
      way.pop();
    }
  };
  if (isObject(data)) visit(data, rules);
  return touched;
}
