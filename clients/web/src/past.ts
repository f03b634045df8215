/**
 * The past of a document: what differs between two moments, and old values brought back.
 *
 * @example
 * ```ts
 * import { diff, restore } from "icecore/past";
 *
 * const yesterday = new Date(Date.now() - 86_400_000);
 * diff(await space.at(yesterday), space.state); // [{ path: "/milk/done", before: false, after: true }]
 * await restore(space, "/milk", yesterday); // as it was, by a new update
 * ```
 *
 * @module
 */

import type { Key } from "./core/ids.ts";
import {
  canonical,
  isObject,
  type Json,
  type JsonObject,
  member,
  put,
  sortedNames,
} from "./core/json.ts";
import { IcecoreError } from "./errors.ts";
import { keysOf, pointerFault, pointerOf } from "./models/document/pointer.ts";
import type { DocumentState } from "./models/document.ts";
import type { Receipt, Space } from "./space/types.ts";

/** What differs at one place. */
export interface Change {
  /** The place, as a JSON pointer: the outermost one that holds the whole difference. `""` where the states are no objects. */
  readonly path: string;
  /** What stood there; `undefined` for nothing. */
  readonly before: Json | undefined;
  /** What stands there; `undefined` for nothing. */
  readonly after: Json | undefined;
}

/** What differs between two states, by path. Objects are compared member by member; a list that differs is one change. */
export function diff(before: Json | undefined, after: Json | undefined): readonly Change[] {
  const changes: Change[] = [];
  const keys: string[] = [];
  const visit = (old: Json | undefined, now: Json | undefined): void => {
    if (old === now) return; // States share what stayed as it was: most of it is passed over here.
    if (isObject(old) && isObject(now)) {
      for (const name of sortedNames({ ...old, ...now })) {
        keys.push(name);
        visit(member(old, name), member(now, name));
        keys.pop();
      }
    } else if (!isSame(old, now)) {
      changes.push({ path: pointerOf(keys), before: old, after: now });
    }
  };
  visit(before, after);
  return changes;
}

/**
 * Brings back what stood at a JSON pointer at a time, or after a key, by a new update: members that came since go, too, and what stands elsewhere
 * stays. `""` stands for the whole document. What was not there at that time is deleted. Where an object on the way has become another value
 * since, it is one again. Of the space three members are enough: an app that undoes gives `update` of its own.
 *
 * @returns the receipt of the update; `undefined` where nothing has to be done.
 * @throws IcecoreError `invalid` with code `pointer` for what is no pointer; as {@link Space.at}.
 */
export async function restore(
  space: Pick<Space<DocumentState>, "at" | "state" | "update">,
  pointer: string,
  time: Date | Key,
  signal?: AbortSignal,
): Promise<Receipt | undefined> {
  const fault = pointerFault(pointer);
  if (fault && fault !== "pointer-empty") {
    throw new IcecoreError("invalid", "pointer", "this is no JSON pointer", {
      object: pointer,
      hint: "write it like /tasks/7/title",
    });
  }
  const keys = fault ? [] : keysOf(pointer);
  const old = await space.at(time, signal);
  // What stands there now, not what stood there when the reading began.
  const patch = patchAt(space.state, old, keys);
  return patch === undefined ? undefined : space.update({ kind: "merge", data: patch });
}

/** The merge that makes of `now` what `old` is, at the end of a way; `undefined` where it is that already. */
function patchAt(
  now: Json | undefined,
  old: Json | undefined,
  keys: readonly string[],
): Json | undefined {
  const [name, ...rest] = keys;
  if (name === undefined) return patchOf(now, old);
  const inner = patchAt(member(now, name), member(old, name), rest);
  return inner === undefined ? undefined : one(name, inner);
}

function patchOf(now: Json | undefined, old: Json | undefined): Json | undefined {
  if (!isObject(now) || !isObject(old)) return isSame(now, old) ? undefined : (old ?? null);
  const patch: Record<string, Json> = {};
  for (const name of sortedNames({ ...now, ...old })) {
    const inner = patchOf(member(now, name), member(old, name));
    if (inner !== undefined) put(patch, name, inner);
  }
  return Object.keys(patch).length > 0 ? patch : undefined;
}

function one(name: string, value: Json): JsonObject {
  const object: Record<string, Json> = {};
  put(object, name, value);
  return object;
}

function isSame(left: Json | undefined, right: Json | undefined): boolean {
  if (left === undefined || right === undefined) return left === right;
  return left === right || canonical(left) === canonical(right);
}
