/**
 * Objects that somebody else wrote, read member by member without trust.
 *
 * A shape has the members of what comes out, in the order in which they are written; `rolledAt` stands in JSON as `rolled_at`.
 *
 * @module
 */

import { isObject, type JsonObject, parseJson } from "../core/json.ts";
import { IcecoreError } from "../errors.ts";
import { corrupt, newer, type Source } from "./faults.ts";
import { FORMAT_VERSION, isList, isVersion, textOf } from "./members.ts";

/**
 * How one member is read. It gets its value (`undefined` where it is missing), its name, and the object around it.
 *
 * @throws TypeError that names it, where it is not what it must be.
 */
export type Field<T> = (value: unknown, name: string, around: JsonObject) => T;

/** How all members are read. */
export type Shape<T> = { readonly [K in keyof T]-?: Field<T[K]> };

/** A member that must be there and of this type. */
export function must<T>(is: (value: unknown) => value is T): Field<T> {
  return (value, name) => {
    if (is(value)) return value;
    throw new TypeError(name);
  };
}

/** A member that may be missing; null counts as absent. */
export function maybe<T>(field: Field<T>): Field<T | undefined> {
  return (value, name, around) => (value == null ? undefined : field(value, name, around));
}

/** A list of such items. */
export function listOf<T>(field: Field<T>): Field<T[]> {
  return (value, name, around) =>
    must(isList)(value, name, around).map((item) => field(item, name, around));
}

/** A list that may be missing: then it is empty. */
export function maybeListOf<T>(field: Field<T>): Field<T[]> {
  return (value, name, around) => listOf(field)(value ?? [], name, around);
}

/** An object of this shape. */
export function within<T>(shape: Shape<T>): Field<T> {
  return (value, name) => readShape(shape, value, name);
}

/** The name in JSON of a member. */
export function nameOf(member: string): string {
  return member.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

/**
 * A value that must be an object of this shape; `what` names it.
 *
 * @throws TypeError that names the member at fault.
 */
export function readShape<T>(shape: Shape<T>, value: unknown, what: string): T {
  if (!isObject(value)) throw new TypeError(what);
  const read = Object.entries<Field<unknown>>(shape).map(([member, field]) => {
    const name = nameOf(member);
    return [member, field(Object.hasOwn(value, name) ? value[name] : undefined, name, value)];
  });
  return Object.fromEntries(read) as T;
}

/**
 * A stored body of this shape, after a look at `v`: what a newer program wrote is told apart from what is broken, whatever else is in it.
 *
 * @throws IcecoreError `corrupt` with code `malformed`, `invalid` with code `newer-format`.
 */
export function readBody<T>(shape: Shape<T>, body: string | Uint8Array, source: Source): T {
  const text = textOf(body, source);
  return orCorrupt(source, () => {
    checkVersion(JSON.parse(text), source);
    return readShape(shape, parseJson(text), source.what);
  });
}

/**
 * Looks at the member `v` of an object.
 *
 * @throws IcecoreError `invalid` with code `newer-format`; TypeError where there is none.
 */
export function checkVersion(value: unknown, source: Source): void {
  const { v } = readShape({ v: must(isVersion) }, value, source.what);
  if (v > FORMAT_VERSION)
    throw newer("newer-format", source, { version: v, known: FORMAT_VERSION });
}

/** Runs what reads an object: whatever it throws says that the object is corrupt, but that this program is too old for it. */
export function orCorrupt<T>(source: Source, read: () => T): T {
  try {
    return read();
  } catch (cause) {
    if (cause instanceof IcecoreError && cause.kind === "invalid") throw cause;
    throw corrupt(
      source,
      cause instanceof TypeError ? cause.message : "no JSON",
      "malformed",
      cause,
    );
  }
}
