/**
 * Applying an update to a document: all of its parts, or none.
 *
 * @module
 */

import {
  compareText,
  isNumber,
  isObject,
  type Json,
  type JsonObject,
  put,
} from "../../core/json.ts";
import { Rejected, reason } from "../../core/reason.ts";
import { DATA_DEPTH_MAX, type Update } from "../../core/update.ts";
import type { Own, Place } from "../model.ts";
import { keysOf, pointerFault, prefix } from "./pointer.ts";
import {
  add,
  compareNumbers,
  depthOf,
  ownList,
  setOf,
  typeOf,
  withAll,
  withoutAll,
} from "./value.ts";

/** The kinds of update that a document knows, and what each takes by pointer. */
const FORMS = new Map<string, "patch" | "number" | "list" | "nothing">([
  ["merge", "patch"],
  ["increment", "number"],
  ["max", "number"],
  ["min", "number"],
  ["add", "list"],
  ["remove", "list"],
  ["append", "list"],
  ["delete", "nothing"],
]);

type Members = Record<string, Json>;

/** One part of an update that names places: a pointer, its keys, and what is done there. */
interface Part {
  readonly pointer: string;
  readonly keys: readonly string[];
  readonly value: Json;
}

function no(code: string, kind: string, params: Readonly<Record<string, string>> = {}): Rejected {
  return new Rejected(reason(code, { kind, ...params }));
}

/** The document after an update, or why it does not allow it. */
export function applyChange(
  root: JsonObject,
  update: Update,
  _place: Place,
  own: Own,
): JsonObject | Rejected {
  const { kind, data, fault } = update;
  if (kind === "merge" && isObject(data)) return merge(root, data, own);
  if (!FORMS.has(kind)) return no("unknown-kind", kind);
  if (fault) return no(fault, kind);
  if (kind === "merge") return unfit("data-not-an-object", kind, data);
  const parts = partsOf(kind, data);
  if (parts instanceof Rejected) return parts;
  const found: (Json | undefined)[] = [];
  for (const part of parts) {
    const value = look(root, kind, part);
    if (value instanceof Rejected) return value;
    found.push(value);
  }
  // From here on nothing can fail.
  let after = root;
  for (const [n, { keys, value }] of parts.entries()) {
    let made = found[n];
    if (made === undefined && kind !== "delete" && kind !== "remove") made = value;
    else if (Array.isArray(made) && Array.isArray(value)) made = listAfter(kind, made, value, own);
    after = placed(after, keys, made, own);
  }
  return after;
}

/** Why an update would be rejected whatever the document. */
export function judgeChange(kind: string, data: Json): Rejected | undefined {
  if (!FORMS.has(kind)) return no("unknown-kind", kind);
  if (depthOf(data) > DATA_DEPTH_MAX) return no("too-deep", kind);
  if (kind === "merge") return isObject(data) ? undefined : unfit("data-not-an-object", kind, data);
  const parts = partsOf(kind, data);
  return parts instanceof Rejected ? parts : undefined;
}

function unfit(code: string, kind: string, found: Json, path?: string): Rejected {
  return no(code, kind, { ...(path === undefined ? {} : { path }), found: typeOf(found) });
}

/** Everything that can be wrong with the form of an update, part by part. */
function partsOf(kind: string, data: Json): readonly Part[] | Rejected {
  const form = FORMS.get(kind);
  let pointers: readonly Json[];
  if (form === "nothing") {
    if (!Array.isArray(data)) return unfit("data-not-a-list", kind, data);
    pointers = data;
  } else {
    if (!isObject(data)) return unfit("data-not-an-object", kind, data);
    pointers = Object.keys(data).sort(compareText);
  }
  const parts: Part[] = [];
  for (const pointer of pointers) {
    if (typeof pointer !== "string") return unfit("pointer-not-text", kind, pointer);
    const fault = pointerFault(pointer);
    if (fault) return no(fault, kind, pointer ? { path: pointer } : {});
    const keys = keysOf(pointer);
    let value = isObject(data) ? (data[pointer] ?? null) : null;
    const depth = keys.length + (form === "list" ? depthOf(value) : 0);
    if (depth > DATA_DEPTH_MAX) return no("path-too-deep", kind, { path: pointer });
    if (form === "number" && !isNumber(value)) {
      return unfit("value-not-a-number", kind, value, pointer);
    }
    if (form === "list") {
      if (!Array.isArray(value)) return unfit("value-not-a-list", kind, value, pointer);
      if (kind !== "append") value = setOf(value);
    }
    parts.push({ pointer, keys, value });
  }
  return (kind !== "remove" && form !== "nothing" && nested(kind, parts)) || parts;
}

/** A number or list at `/a` and something at `/a/b` exclude each other: so the others can be judged by the state before. */
function nested(kind: string, parts: readonly Part[]): Rejected | undefined {
  if (parts.length < 2) return undefined;
  const pointers = new Set(parts.map(({ pointer }) => pointer));
  for (const { pointer, keys } of parts) {
    for (let n = 1; n < keys.length; n += 1) {
      const outer = prefix(pointer, n);
      if (pointers.has(outer))
        return no("paths-exclude-each-other", kind, { outer, path: pointer });
    }
  }
  return undefined;
}

/** Judges a part by the document before: the number that it makes, the list that it is about, `undefined` where there is neither. */
function look(root: JsonObject, kind: string, part: Part): Json | undefined | Rejected {
  const { pointer: path, keys, value } = part;
  let here: Json | undefined = root;
  for (let n = 0; n < keys.length; n += 1) {
    const key = keys[n] ?? "";
    if (!isObject(here)) {
      return no("through-no-object", kind, { path, upto: prefix(path, n), found: typeOf(here) });
    }
    here = Object.hasOwn(here, key) ? here[key] : undefined;
    if (here === undefined) break;
  }
  if (kind === "delete" || here === undefined) return undefined;
  if (isNumber(value)) return numberAfter(kind, here, value, path);
  return Array.isArray(here) ? here : unfit("not-a-list", kind, here, path);
}

function numberAfter(
  kind: string,
  here: Json,
  operand: number | bigint,
  path: string,
): number | bigint | Rejected {
  if (!isNumber(here)) return unfit("not-a-number", kind, here, path);
  if (kind === "increment") {
    const sum = add(here, operand);
    return typeof sum === "string" ? no(sum, kind, { path }) : sum;
  }
  const order = compareNumbers(operand, here);
  return (kind === "max" ? order > 0 : order < 0) ? operand : here;
}

function listAfter(
  kind: string,
  list: readonly Json[],
  members: readonly Json[],
  own: Own,
): readonly Json[] {
  if (kind === "remove") return withoutAll(list, members);
  if (kind === "add") return withAll(list, members);
  return ownList(list, members, own);
}

/** The document with a value in its place, and the objects on the way; without it where the value is `undefined`. */
function placed(
  root: JsonObject,
  keys: readonly string[],
  value: Json | undefined,
  own: Own,
): JsonObject {
  const within = (object: JsonObject, depth: number): JsonObject => {
    const key = keys[depth] ?? "";
    const old = Object.hasOwn(object, key) ? object[key] : undefined;
    if (old === undefined && value === undefined) return object;
    const isLast = depth + 1 === keys.length;
    const next = isLast ? value : within(isObject(old) ? old : {}, depth + 1);
    if (next === old) return object;
    const changed = owned(object, own);
    set(changed, key, next);
    return changed;
  };
  return within(root, 0);
}

/** An object that may be changed: itself, or a copy where somebody else may have it. */
function owned(object: JsonObject, own: Own): Members {
  if (own.has(object)) return object;
  const copy = copyOf(object);
  own.add(copy);
  return copy;
}

/** With more members than that an engine keeps an object as a table. */
const WIDE = 1_000;

function copyOf(object: JsonObject): Members {
  const names = Object.keys(object);
  if (names.length <= WIDE) return { ...object };
  // Such a one engines copy faster member by member.
  const copy: Members = {};
  for (const name of names) put(copy, name, object[name] ?? null);
  return copy;
}

/** Sets a member, or removes it where the value is `undefined`. */
function set(object: Members, name: string, value: Json | undefined): void {
  if (value === undefined) delete object[name];
  else put(object, name, value);
}

/** RFC 7396. The patch itself stays as it is, and its values move into the document. */
function merge(target: JsonObject, patch: JsonObject, own: Own): JsonObject {
  let changed: Members | undefined;
  for (const name of Object.keys(patch)) {
    const old = Object.hasOwn(target, name) ? target[name] : undefined;
    let next: Json | undefined = patch[name] ?? undefined;
    if (isObject(next)) next = isObject(old) ? merge(old, next, own) : withoutNulls(next);
    if (next === old) continue;
    // A name stands once in a patch: what was read of the target before is as good as what is in the copy.
    changed ??= owned(target, own);
    set(changed, name, next);
  }
  return changed ?? target;
}

const isLeftOut = (value: Json): boolean => value === null || isObject(value);

/** What a patch makes where nothing was. Nulls in lists stay: there they are values. */
function withoutNulls(patch: JsonObject): JsonObject {
  if (!Object.values(patch).some(isLeftOut)) return patch;
  const kept: Members = {};
  for (const name of Object.keys(patch)) {
    const value = patch[name] ?? null;
    if (value !== null) put(kept, name, isObject(value) ? withoutNulls(value) : value);
  }
  return kept;
}
