/**
 * Why updates were rejected, and how rules are broken, in words. An entry of its own: apps that word reasons themselves do not load it.
 *
 * @module
 */

import { canonical, type Json } from "../core/json.ts";
import { cut, type Reason } from "../core/reason.ts";
import type { Conflict } from "../core/summary.ts";

/**
 * The codes of the format, each with one sentence without its full stop. `{name}` stands for the parameter of that name, and `{at}` for the
 * place of the value that breaks a rule.
 */
export const WORDS: ReadonlyMap<string, string> = new Map([
  ["not-sealed", "the update is not encrypted: whoever wrote it holds no key of this space"],
  [
    "not-opened",
    "the update cannot be decrypted: it was changed, moved, or not made with a key of this space",
  ],
  ["no-parts", "the update is no object with the members at, kind and data"],
  ["panicked", "the model panicked on this update"],
  [
    "unknown-kind",
    "unknown kind `{kind}`; a document knows add, append, delete, increment, max, merge, min, remove",
  ],
  ["too-deep", "{kind}: the data is nested more than 64 levels deep"],
  ["half-surrogate", "{kind}: the data has a text with half of a surrogate pair"],
  ["number-too-large", "{kind}: the data has a number that is too large"],
  ["unreadable", "{kind}: the data cannot be read"],
  ["data-not-an-object", "{kind}: the data is {found}, not an object"],
  ["data-not-a-list", "{kind}: the data is {found}, not a list of pointers"],
  ["pointer-not-text", "{kind}: the data holds {found} where a pointer should be"],
  ["pointer-empty", "{kind}: an empty pointer names the root, which cannot be addressed"],
  ["pointer-without-slash", "{kind}: the pointer `{path}` does not begin with `/`"],
  ["pointer-escape", "{kind}: the pointer `{path}` has a `~` that is not `~0` or `~1`"],
  ["path-too-deep", "{kind}: `{path}` would be nested more than 64 levels deep"],
  ["value-not-a-number", "{kind}: the value for `{path}` is {found}, not a number"],
  ["value-not-a-list", "{kind}: the value for `{path}` is {found}, not a list"],
  ["paths-exclude-each-other", "{kind}: `{outer}` and `{path}` exclude each other"],
  ["through-no-object", "{kind}: `{path}` passes through `{upto}`, which is {found}"],
  ["not-a-number", "{kind}: the field `{path}` is {found}, not a number"],
  ["not-a-list", "{kind}: the field `{path}` is {found}, not a list"],
  ["overflow", "{kind}: overflow of `{path}`: the sum is outside -2^63 to 2^64-1"],
  ["not-finite", "{kind}: overflow of `{path}`: the sum is not a finite number"],
  ["check-panicked", "the model panicked when it was to check the state"],
  ["unique", "{count} values are `{value}`"],
  ["required", "`{at}` is missing"],
  ["max", "`{at}` is {value}, more than {limit}"],
  ["min", "`{at}` is {value}, less than {limit}"],
  ["type", "`{at}` is {found}, not {expected}"],
  ["one-of", "`{at}` is `{value}`, none of the values allowed"],
  ["app", "{message}"],
]);

const TYPES: ReadonlyMap<string, string> = new Map([
  ["boolean", "a boolean"],
  ["number", "a number"],
  ["integer", "a 64-bit integer"],
  ["string", "text"],
  ["array", "a list"],
  ["object", "an object"],
]);

const CHARS_MAX = 1_000;

/** A value in a sentence: a text as it is. */
function shown(value: Json): string {
  return cut(typeof value === "string" ? value : canonical(value), CHARS_MAX);
}

function parameter(params: Reason["params"], name: string): string | undefined {
  const value = Object.hasOwn(params, name) ? params[name] : undefined;
  if (value === undefined) return undefined;
  const text = shown(value);
  return name === "found" || name === "expected" ? (TYPES.get(text) ?? text) : text;
}

/**
 * A reason for a person, about the value at the JSON pointer `at` where there is one: one sentence without its full stop. A code that is not
 * known is shown as it is, with its parameters.
 */
export function worded({ code, params }: Reason, at?: string): string {
  const wording = WORDS.get(code);
  if (wording !== undefined) {
    return wording.replace(/\{(.*?)\}/g, (_place, name: string) => {
      const text = name === "at" && at !== undefined ? cut(at) : parameter(params, name);
      return text ?? "?";
    });
  }
  const isOwn = code.startsWith("app:");
  const message = isOwn ? parameter(params, "message") : undefined;
  if (message !== undefined) return message;
  const known = isOwn
    ? cut(code.slice(4))
    : `\`${cut(code)}\`, a reason that this program does not know`;
  const names = Object.keys(params).sort();
  const more = names.map((name) => `${name}: ${shown(params[name] ?? null)}`);
  return more.length > 0 ? `${known} (${more.join(", ")})` : known;
}

/** A broken rule for a person: one sentence without its full stop. */
export function conflictWorded({ reason, paths }: Conflict): string {
  return worded(reason, paths[0]);
}
