/**
 * Which of the forms of typed JSON an object has.
 *
 * @module
 */

import { canonical, compareText, isObject, type Json, type JsonObject } from "../core/json.ts";
import { fault, under } from "./fault.ts";

/** An object of typed JSON, seen from outside. */
export type Form =
  | { readonly is: "map" }
  | { readonly is: "date"; readonly text: string }
  | {
      readonly is: "enum";
      readonly type: string;
      readonly name: string;
      /** Absent where the member carries none. */
      readonly value?: Json;
    }
  | { readonly is: "object"; readonly type: string }
  | { readonly is: "other"; readonly tag: string };

/** The names of an object's members, in the order in which they are looked at. */
export function namesOf(object: JsonObject): string[] {
  return Object.keys(object).sort(compareText);
}

/** The form of an object. Throws a fault where a tag is used wrongly. */
export function formOf(object: JsonObject): Form {
  const names = namesOf(object);
  const [tag, second] = names.filter((name) => /^\$(?!\$)/.test(name));
  if (tag === undefined) return { is: "map" };
  if (second !== undefined) {
    throw fault(`expected one tag at most, found \`${tag}\` and \`${second}\``);
  }
  const only = (...known: readonly string[]): void => {
    const other = names.find((name) => !known.includes(name));
    if (other === undefined) return;
    throw fault(`expected nothing but \`${known.join("`, `")}\`, found \`${other}\``);
  };
  const text = (name: string): string => {
    const found = Object.hasOwn(object, name) ? object[name] : undefined;
    if (typeof found === "string") return found;
    if (found === undefined) throw fault(`expected a member \`${name}\``);
    return under(name, () => mismatch("text", found));
  };
  if (tag === "$date") {
    only(tag);
    return { is: "date", text: text(tag) };
  }
  if (tag === "$enum") {
    only(tag, "name", "value");
    const form = { is: "enum", type: text(tag), name: text("name") } as const;
    const value = Object.hasOwn(object, "value") ? object["value"] : undefined;
    return value === undefined ? form : { ...form, value };
  }
  return tag === "$type" ? { is: "object", type: text(tag) } : { is: "other", tag };
}

/** Throws the fault that something else was found. */
export function mismatch(expected: string, found: Json): never {
  throw fault(`expected ${expected}, found ${describe(found)}`);
}

/** What a value is, in a sentence. */
function describe(value: Json): string {
  if (typeof value === "string") return "text";
  if (typeof value === "number" || typeof value === "bigint")
    return `the number ${canonical(value)}`;
  if (Array.isArray(value)) return "a list";
  if (!isObject(value)) return String(value);
  let form: Form;
  try {
    form = formOf(value);
  } catch (error) {
    return `an object that is not well-formed: ${error instanceof Error ? error.message : error}`;
  }
  if (form.is === "enum") return `the member \`${form.name}\` of the enum \`${form.type}\``;
  if (form.is === "object") return `an object of type \`${form.type}\``;
  return form.is === "other" ? `a value of the unknown form \`${form.tag}\`` : `a ${form.is}`;
}

/** A key of an app as it is written: no content is mistaken for a tag. */
export function escaped(name: string): string {
  return name.startsWith("$") ? `$${name}` : name;
}

/** A written key as the app has it. */
export function unescaped(name: string): string {
  return name.startsWith("$$") ? name.slice(1) : name;
}
