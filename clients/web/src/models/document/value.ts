/**
 * One order of all JSON values, and sums of numbers.
 *
 * @module
 */

import {
  compareText,
  isInteger,
  isNumber,
  isObject,
  type Json,
  type JsonObject,
  normal,
  sortedNames,
} from "../../core/json.ts";
import type { Own } from "../model.ts";

/** The types in the order in which sets keep their members. */
const TYPES = ["null", "boolean", "number", "string", "array", "object"] as const;

/** What a value is, as reasons name it. */
export function typeOf(value: Json): (typeof TYPES)[number] {
  if (value === null) return "null";
  if (Array.isArray(value)) return "array";
  return TYPES.find((type) => type === typeof value) ?? "number";
}

/** How many objects and lists stand in each other. */
export function depthOf(value: Json): number {
  if (typeof value !== "object" || value === null) return 0;
  let most = 0;
  for (const item of Object.values<Json>(value)) most = Math.max(most, depthOf(item));
  return 1 + most;
}

/** Null, false, true, numbers by size, text by code points, lists item by item, objects member by member in the order of names. */
export function compareValues(left: Json, right: Json): number {
  if (typeof left === "string" && typeof right === "string") return compareText(left, right);
  if (isNumber(left) && isNumber(right)) return compareNumbers(left, right);
  if (Array.isArray(left) && Array.isArray(right)) {
    for (const [n, item] of left.slice(0, right.length).entries()) {
      const order = compareValues(item, right[n]);
      if (order !== 0) return order;
    }
    return left.length - right.length;
  }
  if (isObject(left) && isObject(right)) return compareValues(pairs(left), pairs(right));
  const order = TYPES.indexOf(typeOf(left)) - TYPES.indexOf(typeOf(right));
  return order || Number(left) - Number(right);
}

function pairs(object: JsonObject): Json {
  return sortedNames(object).map((name) => [name, object[name] ?? null]);
}

/** Which number is greater, exactly: 2^53 + 1 is greater than 2^53, and 0.5 less than 1. */
export function compareNumbers(left: number | bigint, right: number | bigint): number {
  return Number(left > right) - Number(left < right);
}

/** The sum, or the code of what is wrong with it: integers exactly, everything else as doubles. */
export function add(
  left: number | bigint,
  right: number | bigint,
): number | bigint | "overflow" | "not-finite" {
  if (typeof left === "number" && typeof right === "number") {
    const sum = left + right;
    if (Number.isSafeInteger(sum)) return sum + 0; // never −0
  }
  if (!isInteger(left) || !isInteger(right)) {
    const sum = normal(Number(left) + Number(right));
    return typeof sum === "bigint" || Number.isFinite(sum) ? sum : "not-finite";
  }
  const sum = BigInt(left) + BigInt(right);
  const kept = normal(sum);
  return isInteger(kept) && BigInt(kept) === sum ? kept : "overflow";
}

/** Lists that are known to be sets, as long as they stay as they are. To look through a list anew with each member would take long. */
const SETS = new WeakSet<readonly Json[]>();

/** The values as a set: sorted, each once. Itself, where it is one. */
export function setOf(values: readonly Json[]): readonly Json[] {
  if (values.length < 2 || SETS.has(values)) return values;
  const isSet = values.every(
    (value, n) => n === 0 || compareValues(values[n - 1] ?? null, value) < 0,
  );
  const sorted = isSet ? [] : [...values].sort(compareValues);
  const set = isSet
    ? values
    : sorted.filter((value, n) => n === 0 || compareValues(sorted[n - 1] ?? null, value) !== 0);
  SETS.add(set);
  return set;
}

/** The place of the first value of a set that is not less than this one. */
function placeOf(set: readonly Json[], value: Json): number {
  let low = 0;
  let high = set.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (compareValues(set[middle] ?? null, value) < 0) low = middle + 1;
    else high = middle;
  }
  return low;
}

function has(set: readonly Json[], value: Json): boolean {
  const found = set[placeOf(set, value)];
  return found !== undefined && compareValues(found, value) === 0;
}

/** A list with items at its end: itself, where it may be changed. */
export function ownList(list: readonly Json[], items: readonly Json[], own: Own): readonly Json[] {
  const longer = own.has(list) ? (list as Json[]) : [...list];
  own.add(longer);
  SETS.delete(longer);
  for (const item of items) longer.push(item);
  return longer;
}

/** A list as a set with the members of another set: itself, where it is that. */
export function withAll(list: readonly Json[], members: readonly Json[]): readonly Json[] {
  const set = setOf(list);
  const more = members.filter((member) => !has(set, member));
  if (more.length === 0) return set;
  const longer: Json[] = [];
  let from = 0;
  for (const member of more) {
    const to = placeOf(set, member);
    for (; from < to; from += 1) longer.push(set[from] ?? null);
    longer.push(member);
  }
  for (; from < set.length; from += 1) longer.push(set[from] ?? null);
  SETS.add(longer);
  return longer;
}

/** A list without the members of a set, the others in their order: itself, where it has none of them. */
export function withoutAll(list: readonly Json[], members: readonly Json[]): readonly Json[] {
  const left = list.filter((value) => !has(members, value));
  return left.length < list.length ? left : list;
}
