/**
 * What an update of a document changed, and the updates that take it back.
 *
 * ```text
 *  update ── applied to the state before ──▶ parts: what stood at each path, what stands there
 *                                              │ held against the state of the moment
 *                                              ▼
 *                                            inverse updates, and the paths that others changed since: these stay
 * ```
 *
 * @module
 */

import {
  canonical,
  isNumber,
  isObject,
  type Json,
  type JsonObject,
  member,
  parseJson,
  put,
} from "../core/json.ts";
import { Rejected } from "../core/reason.ts";
import { applyChange } from "../models/document/change.ts";
import { keysOf, pointerOf } from "../models/document/pointer.ts";
import { setOf } from "../models/document/value.ts";
import type { DocumentState } from "../models/document.ts";
import type { Place } from "../models/model.ts";

/** An instruction to a document. */
export interface Change {
  /** Which one. */
  readonly kind: string;
  /** Its argument. */
  readonly data: Json;
}

/** A value that was set or deleted. */
interface SetPart {
  readonly is: "set";
  readonly keys: readonly string[];
  readonly before: Json | undefined;
  readonly after: Json | undefined;
}

/** A number that was counted up. */
interface CountPart {
  readonly is: "count";
  readonly keys: readonly string[];
  readonly by: number | bigint;
}

/** Items that were put into a list, or taken out of it. */
interface ItemsPart {
  readonly is: "put in" | "taken out";
  readonly keys: readonly string[];
  readonly items: readonly Json[];
  /** Whether the list is kept as a set: sorted, each value once. */
  readonly isSet: boolean;
}

/** What an update did at one place. */
export type Part = SetPart | CountPart | ItemsPart;

/** What takes parts back. */
export interface Inverse {
  /** The updates; none where nothing can be taken back. */
  readonly updates: readonly Change[];
  /** The paths at which others changed something since: there it stays. */
  readonly kept: readonly string[];
}

/** Who makes an update, and when, is nothing to a document. */
const NOBODY = {} as Place;

/** The state after an update; `undefined` where the document does not allow it. */
export function applied(state: DocumentState, { kind, data }: Change): DocumentState | undefined {
  const own = parseJson(canonical(data));
  const update = { at: "", kind, data: own, dataText: "", modelVersion: 1 };
  const after = applyChange(state, update, NOBODY, new Set());
  return after instanceof Rejected ? undefined : after;
}

/** What an update changes in a state. `undoes` are the parts that it takes back, where it does. */
export function partsOf(
  before: DocumentState,
  { kind, data }: Change,
  undoes: readonly Part[] = [],
): readonly Part[] {
  const after = applied(before, { kind, data });
  if (after === undefined) return [];
  if (kind === "merge") return isObject(data) ? setsOf(before, after, data, []) : [];
  const pointers = Array.isArray(data) ? data : Object.keys(data ?? {});
  return pointers.flatMap((pointer): Part[] => {
    const keys = keysOf(String(pointer));
    const operand = member(data, String(pointer));
    const [old, now] = [valueAt(before, keys), valueAt(after, keys)];
    if (kind === "increment") {
      return isNumber(operand) && operand !== 0 ? [{ is: "count", keys, by: operand }] : [];
    }
    if (Array.isArray(operand)) {
      const wasSet = undoes.some(
        (part) => "isSet" in part && part.isSet && sameKeys(part.keys, keys),
      );
      const isSet = kind === "add" || (kind === "remove" && (wasSet || isSorted(old)));
      // What an undo takes out of a list that is no set goes to its end again.
      return itemsOf(keys, old, { kind, operand, isSet: undoes.length > 0 ? wasSet : isSet });
    }
    return isSame(old, now) ? [] : [setAt(before, after, keys)];
  });
}

/** What was set: the outermost thing that was made on the way there, too. */
function setAt(before: DocumentState, after: DocumentState, keys: readonly string[]): SetPart {
  const isThere = (end: number): boolean => isObject(valueAt(before, keys.slice(0, end)));
  let end = 1;
  while (end < keys.length && isThere(end)) end += 1;
  const way = keys.slice(0, end);
  return { is: "set", keys: way, before: valueAt(before, way), after: valueAt(after, way) };
}

/** The outermost places that a patch sets: as far as objects stand on both sides it only leads on. */
function setsOf(
  before: Json | undefined,
  after: Json | undefined,
  patch: JsonObject,
  way: readonly string[],
): Part[] {
  return Object.keys(patch).flatMap((name): Part[] => {
    const keys = [...way, name];
    const inner = patch[name];
    const [old, now] = [member(before, name), member(after, name)];
    if (isObject(inner) && isObject(old) && isObject(now)) return setsOf(old, now, inner, keys);
    return isSame(old, now) ? [] : [{ is: "set", keys, before: old, after: now }];
  });
}

function itemsOf(
  keys: readonly string[],
  old: Json | undefined,
  { kind, operand, isSet }: { kind: string; operand: readonly Json[]; isSet: boolean },
): Part[] {
  const list: readonly Json[] = Array.isArray(old) ? old : [];
  const named = new Set(operand.map(canonical));
  const had = new Set(list.map(canonical));
  if (kind === "remove") {
    const items = list.filter((item) => named.has(canonical(item)));
    return items.length > 0 ? [{ is: "taken out", keys, items, isSet }] : [];
  }
  const items =
    kind === "add" ? setOf(operand).filter((item) => !had.has(canonical(item))) : operand;
  return items.length > 0 ? [{ is: "put in", keys, items, isSet }] : [];
}

/** What takes parts back, from a state on. */
export function inverseOf(parts: readonly Part[], now: DocumentState): Inverse {
  const kept: string[] = [];
  const patch: Record<string, Json> = {};
  const byKind = new Map<string, Record<string, Json>>();
  const say = (kind: string, keys: readonly string[], value: Json): void => {
    const data = byKind.get(kind) ?? {};
    byKind.set(kind, data);
    put(data, pointerOf(keys), value);
  };
  for (const part of parts) {
    const { keys } = part;
    const here = valueAt(now, keys);
    if (part.is === "set") {
      const old = taken(part, here, kept);
      if (old !== STAYS) putAt(patch, keys, old);
    } else if (part.is === "count") {
      if (isNumber(here)) say("increment", keys, -part.by);
      else kept.push(pointerOf(keys));
    } else if (!Array.isArray(here)) {
      kept.push(pointerOf(keys));
    } else if (part.is === "taken out") {
      say(part.isSet ? "add" : "append", keys, part.items);
    } else if (canRemove(here, part.items)) {
      say("remove", keys, part.items);
    } else {
      kept.push(pointerOf(keys));
    }
  }
  const updates = [...byKind].map(([kind, data]) => ({ kind, data }));
  const merge = Object.keys(patch).length > 0 ? [{ kind: "merge", data: patch }] : [];
  return { updates: [...updates, ...merge], kept };
}

/** Of equal items `remove` takes all: where there are more of them than were put in, somebody else's would go too. */
function canRemove(list: readonly Json[], items: readonly Json[]): boolean {
  const put = new Set(items.map(canonical));
  const found = list.filter((item) => put.has(canonical(item)));
  return found.length > 0 && found.length <= items.length;
}

/** In place of a patch: what stands there stays. */
const STAYS: unique symbol = Symbol("stays");

/**
 * The patch that takes back what was set at one place. What others set below it stays; but an object that was made with values of its own goes as a
 * whole or not at all: a task of which only somebody's mark is left is none.
 */
function taken(
  { keys, before, after }: Omit<SetPart, "is">,
  now: Json | undefined,
  kept: string[],
): Json | typeof STAYS {
  if (isSame(now, after)) return isSame(now, before) ? STAYS : (before ?? null);
  const isMade = before === undefined && isObject(after) && !Object.values(after).every(isObject);
  if (!isObject(now) || !isWay(before) || !isWay(after) || isMade) {
    if (!isSame(now, before)) kept.push(pointerOf(keys));
    return STAYS;
  }
  const patch: Record<string, Json> = {};
  for (const name of Object.keys({ ...before, ...after })) {
    const part = {
      keys: [...keys, name],
      before: member(before, name),
      after: member(after, name),
    };
    const inner = taken(part, member(now, name), kept);
    if (inner !== STAYS) put(patch, name, inner);
  }
  return Object.keys(patch).length > 0 ? patch : STAYS;
}

/** Whether something can stand below it, or nothing is there. */
function isWay(value: Json | undefined): value is JsonObject | undefined {
  return value === undefined || isObject(value);
}

function putAt(patch: Record<string, Json>, keys: readonly string[], value: Json): void {
  const [name = "", ...rest] = keys;
  const there = member(patch, name);
  const inner: Record<string, Json> = isObject(there) ? { ...there } : {};
  if (rest.length > 0) putAt(inner, rest, value);
  put(patch, name, rest.length > 0 ? inner : value);
}

function valueAt(state: Json, keys: readonly string[]): Json | undefined {
  return keys.reduce<Json | undefined>((value, key) => member(value, key), state);
}

function sameKeys(left: readonly string[], right: readonly string[]): boolean {
  return pointerOf(left) === pointerOf(right);
}

function isSorted(list: Json | undefined): boolean {
  return Array.isArray(list) && isSame(list, setOf(list));
}

function isSame(left: Json | undefined, right: Json | undefined): boolean {
  if (left === undefined || right === undefined) return left === right;
  return left === right || canonical(left) === canonical(right);
}
