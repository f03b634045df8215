/**
 * What a program must know to read a store or a space, or to write to it, by names that later versions of the format give out.
 * This program knows none of them yet.
 *
 * @module
 */

import { canonical, type Json, type JsonObject, member } from "../core/json.ts";
import { newer, type Source } from "./faults.ts";
import { isText } from "./members.ts";
import { maybeListOf, must, nameOf, readShape, type Shape } from "./shape.ts";

/** What a program must know. */
export interface Needs {
  /** To read it, and so to do anything with it. */
  readonly read: readonly string[];
  /** To write to it: who does not know one of these reads, and holds what it would write. */
  readonly write: readonly string[];
  /** Members that this program does not know, kept when it writes the object again. */
  readonly rest: Others;
}

/** Members that this program does not know, with their values. */
export type Others = readonly (readonly [string, Json])[];

const NEEDS: Shape<Needs> = {
  read: maybeListOf(must(isText)),
  write: maybeListOf(must(isText)),
  rest: (_, __, around) => othersIn(around, ["read", "write"]),
};

/** Reads the member `needs`, which may be missing. */
export function readNeeds(value: unknown, name: string): Needs {
  return readShape(NEEDS, value ?? {}, name);
}

/** The members of an object but for these, which are named as a shape names them. */
export function othersIn(object: JsonObject, known: readonly string[]): Others {
  const names = known.map(nameOf);
  const others = Object.keys(object).filter((name) => name !== "v" && !names.includes(name));
  return others.map((name) => [name, member(object, name) ?? null]);
}

/** Whatever a parser gave. */
export function isJson(value: unknown): value is Json {
  return value !== undefined;
}

/** These as further members: each with a comma before it. */
export function writeOthers(rest: Others): string {
  return rest.map(([name, value]) => `,${canonical(name)}:${canonical(value)}`).join("");
}

/** The member `needs` with a comma before it; nothing where nothing is needed. */
export function writeNeeds({ read, write, rest }: Needs): string {
  const list = (name: string, names: readonly string[]): string =>
    names.length === 0 ? "" : `,"${name}":${canonical(names)}`;
  const members = list("read", read) + list("write", write) + writeOthers(rest);
  return members === "" ? "" : `,"needs":{${members.slice(1)}}`;
}

/**
 * Whether this program knows all that is needed.
 *
 * @throws IcecoreError `invalid` with code `needs`, and the first name that it does not know.
 */
export function checkNeeds(names: readonly string[], source: Source): void {
  const [name] = names;
  if (name !== undefined) throw newer("needs", source, { name });
}
