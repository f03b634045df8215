/**
 * The path of a rule: a pointer in which `*` stands for every member. A member whose name really is `*` cannot be named alone.
 *
 * @module
 */

import { isObject, type Json, type JsonObject, sortedNames } from "../../core/json.ts";

/** The names and places on the way to a match. */
export type Way = readonly (string | number)[];

/** Called with each match, and with `undefined` for each place where the named rest of the path is missing. */
type Found = (way: Way, value: Json | undefined) => void;

/** Whether a place is a match of these steps, above one, or below one. */
export function relates(steps: readonly string[], keys: readonly string[]): boolean {
  return keys.every((key, n) => leads(steps, n, key));
}

/** Whether a key at this depth leads on to such a place. */
export function leads(steps: readonly string[], depth: number, key: string): boolean {
  const step = steps[depth] ?? "*";
  return step === "*" || step === key;
}

/** Visits every match; members in the order of their names where `isSorted`. */
export function visit(
  root: JsonObject,
  steps: readonly string[],
  isSorted: boolean,
  found: Found,
): void {
  const way: (string | number)[] = [];
  const below = (key: string | number, value: Json | undefined): void => {
    way.push(key);
    if (way.length === steps.length) found(way, value);
    else if (typeof value === "object" && value !== null) within(value);
    else missing();
    way.pop();
  };
  const within = (value: readonly Json[] | JsonObject): void => {
    const step = steps[way.length] ?? "";
    if (step !== "*") {
      below(step, at(value, step));
    } else if (isObject(value)) {
      const names = isSorted ? sortedNames(value) : Object.keys(value);
      for (const name of names) below(name, value[name]);
    } else {
      for (const [n, item] of value.entries()) below(n, item);
    }
  };
  // Nothing is here; a `*` further on has no member, so nothing is missing either.
  const missing = (): void => {
    const rest = steps.slice(way.length);
    if (!rest.includes("*")) found([...way, ...rest], undefined);
  };
  within(root);
}

/** The member of this name; of a list the item at this place, without a sign and without a zero in front. */
function at(value: readonly Json[] | JsonObject, step: string): Json | undefined {
  if (isObject(value)) return Object.hasOwn(value, step) ? value[step] : undefined;
  return /^(0|[1-9]\d*)$/.test(step) ? value[Number(step)] : undefined;
}
