/**
 * JSON as the format has it: integers keep all their digits, and a value has one text.
 *
 * @module
 */

import { IcecoreError } from "../errors.ts";
import { elementTexts, memberTexts, textEnd } from "./text.ts";

/**
 * A JSON value. Integers from 2^53 on are `bigint`, up to 2^64 − 1 and down to −2^63; every other number is a double, and never −0. Objects
 * are plain ones; `__proto__` is a name like any other, so a name from outside is read by {@link member} and set by {@link put}.
 */
export type Json = null | boolean | number | bigint | string | readonly Json[] | JsonObject;

/** A JSON object. */
export interface JsonObject {
  readonly [name: string]: Json;
}

/** Why a text cannot be read; words of the format. */
export type JsonFault = "too-deep" | "half-surrogate" | "number-too-large" | "unreadable";

/** How deep parsers follow: the others of this project stop there. */
const DEPTH_MAX = 127;

const LEAST = -(2n ** 63n);
const GREATEST = 2n ** 64n - 1n;

function fault(code: JsonFault): IcecoreError {
  return new IcecoreError("corrupt", code, "the JSON cannot be read", { hint: "write it anew" });
}

/** The error of stored JSON that has not the form that it must have. */
export function malformed(object: string): IcecoreError {
  return new IcecoreError("corrupt", "malformed", "it is not what it must be", {
    object,
    hint: "run `icecore verify`",
  });
}

/** Whether a value is an object, and no list. */
export function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** The member of this name, where there is one. */
export function member(value: Json | undefined, name: string): Json | undefined {
  return isObject(value) && Object.hasOwn(value, name) ? value[name] : undefined;
}

/** Sets a member, whatever its name. */
export function put(object: Record<string, Json>, name: string, value: Json): void {
  if (name === "__proto__") {
    const own = { value, writable: true, enumerable: true, configurable: true };
    Object.defineProperty(object, name, own);
  } else {
    object[name] = value;
  }
}

/** Whether a value is a number. */
export function isNumber(value: unknown): value is number | bigint {
  return typeof value === "number" || typeof value === "bigint";
}

/** Whether a number counts as an integer: those beyond 64 bits do not. */
export function isInteger(value: number | bigint): boolean {
  return typeof value === "bigint" || Number.isSafeInteger(value);
}

/** The one form of a number: see {@link Json}. */
export function normal(value: number | bigint): number | bigint {
  const small = Number(value);
  if (typeof value === "number" && !Number.isInteger(value)) return value;
  if (Number.isSafeInteger(small)) return small + 0; // never −0
  const great = BigInt(value);
  if (great >= LEAST && great <= GREATEST) return great;
  // The double that a longer integer is rounded to may be one again.
  return typeof value === "bigint" ? normal(small) : value;
}

/**
 * Reads a JSON text.
 *
 * @throws IcecoreError `corrupt`; its code is a {@link JsonFault}: nested deeper than `depthMax`, or else the first thing in it that cannot be read.
 */
export function parseJson(text: string, depthMax: number = DEPTH_MAX): Json {
  // To look at each character takes half as long as `JSON.parse` does: few texts need it.
  const found = isPlainText(text, depthMax) ? undefined : look(text);
  if (found && found.depth > depthMax) throw fault("too-deep");
  let value: Json;
  try {
    value = JSON.parse(text);
  } catch {
    throw fault((found ?? look(text)).depth > depthMax ? "too-deep" : "unreadable");
  }
  return found?.isOdd ? readExactly(text.trim()) : value;
}

/** Whether `JSON.parse` says of a text, if it is JSON, all that there is to say. `false` of some of which it does. */
function isPlainText(text: string, depthMax: number): boolean {
  return (
    text.length < SHORT &&
    (text.charCodeAt(0) | 0x20) === 0x7b &&
    // Each level has two brackets.
    (text.length < 2 * depthMax + 2 || isShallow(text, depthMax)) &&
    !text.includes("\\u") &&
    text.isWellFormed() &&
    !ODD_NUMBER.test(text)
  );
}

/** Whether there are no more opening brackets than that, those in texts included. */
function isShallow(text: string, most: number): boolean {
  let left = most;
  for (let at = text.indexOf("{"); at >= 0; at = text.indexOf("{", at + 1)) left -= 1;
  for (let at = text.indexOf("["); at >= 0; at = text.indexOf("[", at + 1)) left -= 1;
  return left >= 0;
}

/** In longer ones are longer texts, which are passed over at once. */
const SHORT = 1_000;

/** In a list or an object, or in a text: −0, 16 digits, an exponent. */
const ODD_NUMBER = /[:,[\s](?:-0(?:\.0+)?(?![.\d])|-?(?:\d{16}|\d+(?:\.\d*)?[eE]))/;

const NEGATIVE_ZERO = /-0(\.0+)?(?![.\d])/y;

/** How deep a text is nested, and whether `JSON.parse` may make something else of it than it says. */
function look(text: string): { readonly depth: number; readonly isOdd: boolean } {
  let isOdd = /\\u[dD]/.test(text) || !text.isWellFormed();
  let open = 0;
  let depth = 0;
  // Of the whole part of a number; what stands behind a point may be as long as it likes.
  let digits = 0;
  for (let at = 0; at < text.length; at += 1) {
    const unit = text.charCodeAt(at);
    if (unit > 0x2f && unit < 0x3a) {
      digits += 1;
      if (digits > 15) isOdd = true;
    } else if (unit === 0x2e) {
      digits = Number.NEGATIVE_INFINITY;
    } else {
      // An exponent.
      if (digits !== 0 && (unit | 0x20) === 0x65) isOdd = true;
      digits = 0;
      if (unit === 0x22) {
        at = textEnd(text, at) - 1;
      } else if ((unit | 0x20) === 0x7b) {
        open += 1;
        if (open > depth) depth = open;
      } else if ((unit | 0x20) === 0x7d) {
        open -= 1;
      } else if (unit === 0x2d) {
        NEGATIVE_ZERO.lastIndex = at;
        if (NEGATIVE_ZERO.test(text)) isOdd = true;
      }
    }
  }
  return { depth, isOdd };
}

/** Reads a text that is known to be JSON: each number and each text as it says, in the order of the text. */
function readExactly(text: string): Json {
  if (text.startsWith("[")) return elementTexts(text).map(readExactly);
  if (text.startsWith("{")) {
    const object: Record<string, Json> = {};
    for (const { name, text: value } of memberTexts(text)) {
      if (!name.isWellFormed()) throw fault("half-surrogate");
      put(object, name, readExactly(value));
    }
    return object;
  }
  const value: Json = JSON.parse(text);
  if (typeof value === "string" && !value.isWellFormed()) throw fault("half-surrogate");
  if (typeof value !== "number") return value;
  if (!Number.isFinite(value)) throw fault("number-too-large");
  // A longer one is beyond 64 bits.
  return normal(/^-?\d{1,20}$/.test(text) ? BigInt(text) : value);
}

/** By code points; the same as by UTF-8 bytes. `<` compares UTF-16 units, and puts surrogates before the end of the plane. */
export function compareText(left: string, right: string): number {
  if (left === right) return 0;
  let at = 0;
  while (at < left.length && left.charCodeAt(at) === right.charCodeAt(at)) at += 1;
  return rank(left.charCodeAt(at)) - rank(right.charCodeAt(at));
}

/** The end of a text has no unit, and comes first. */
function rank(unit: number): number {
  if (unit < 0xd800 || unit > 0xdfff) return unit;
  return unit > 0 ? unit + 0x10000 : -1;
}

/** The names of an object's members, sorted by code points. */
export function sortedNames(object: JsonObject): string[] {
  const names = Object.keys(object).sort();
  return names.every((name) => PLAIN.test(name)) ? names : names.sort(compareText);
}

/** Texts of which nothing is escaped, and whose units sort as their characters do. */
const PLAIN = /^[ !#-[\]-\ud7ff]*$/;

/**
 * The one text of a value. Members that are `undefined` are left out.
 *
 * @throws IcecoreError `invalid` with code `not-json` for what is no {@link Json}: NaN, half of a surrogate pair, a function, a cycle.
 */
export function canonical(value: Json): string {
  return write(value, 0);
}

function write(value: Json, depth: number): string {
  if (typeof value === "string") {
    if (PLAIN.test(value)) return `"${value}"`;
    if (value.isWellFormed()) return JSON.stringify(value);
  }
  if (value === null || typeof value === "boolean") return String(value);
  if (isNumber(value)) {
    const number = normal(value);
    if (typeof number === "bigint" || Number.isFinite(number)) return String(number);
  }
  if (Array.isArray(value) && depth < DEPTH_MAX) {
    return `[${value.map((item) => write(item, depth + 1)).join()}]`;
  }
  if (isObject(value) && depth < DEPTH_MAX && isPlain(value)) {
    let members = "";
    for (const name of sortedNames(value)) {
      const of = value[name];
      if (of !== undefined) members += `${members && ","}${write(name, 0)}:${write(of, depth + 1)}`;
    }
    return `{${members}}`;
  }
  throw new IcecoreError("invalid", "not-json", "the value has no JSON form", {
    hint: "use null, booleans, finite numbers, text, lists and plain objects",
  });
}

/** Not of a class; whatever realm it is from. */
function isPlain(object: object): boolean {
  const above: unknown = Object.getPrototypeOf(object);
  return !above || Object.getPrototypeOf(above) === null;
}
