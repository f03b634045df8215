/**
 * Rules that the merged state should satisfy, and what breaks them.
 *
 * @module
 */

import {
  canonical,
  compareText,
  isInteger,
  isNumber,
  isObject,
  type Json,
  type JsonObject,
  parseJson,
} from "../../core/json.ts";
import { type Reason, reason } from "../../core/reason.ts";
import { IcecoreError } from "../../errors.ts";
import type { Violation } from "../model.ts";
import { visit, type Way } from "./pattern.ts";
import { keysOf, pointerFault, pointerOf } from "./pointer.ts";
import { compareNumbers, compareValues, typeOf } from "./value.ts";

/** The most rules of a document: each is checked against the whole state. */
export const RULES_MAX = 100;

/** The most violations of one rule that are listed, the first in the order of the state: they are stored with every snapshot. */
export const VIOLATIONS_MAX = 1_000;

/** A rule: see docs/format.md. */
export interface Rule {
  /** Its name in a list of conflicts: `max:/seats:10`. */
  readonly text: string;
  /** The keys of its path; `*` stands for every member. */
  readonly steps: readonly string[];
  /** What is wrong with a value, or with none being there; absent of `unique`, which is about several. */
  readonly problem: ((value: Json | undefined) => Reason | undefined) | undefined;
}

const TYPES = ["array", "boolean", "integer", "number", "object", "string"];

function bad(object: string): IcecoreError {
  return new IcecoreError("invalid", "settings", "a document does not know these settings", {
    object,
    hint: 'write {"rules":[{"rule":"unique","path":"/notes/*/title"}]}, or update this program',
  });
}

/**
 * The rules of a document's settings: null or nothing, or `{"rules": […]}`. Sorted by their texts, each once.
 *
 * @throws IcecoreError `invalid` with code `settings`, naming the rule at fault: a program that does not know a rule cannot fold the space.
 */
export function readRules(settings: unknown): readonly Rule[] {
  if (!isObject(settings ?? {})) throw bad("/");
  const { rules = [], ...more } = (settings ?? {}) as JsonObject;
  if (!Array.isArray(rules) || rules.length > RULES_MAX || Object.keys(more).length > 0) {
    throw bad("/rules");
  }
  const read = rules.map((rule: Json, n) => readRule(rule, `/rules/${n}`));
  return [...new Map(read.map((rule) => [rule.text, rule])).values()];
}

function readRule(json: Json, object: string): Rule {
  const { rule: name, path, value: given, ...more } = isObject(json) ? json : {};
  const value = given === undefined ? undefined : parseJson(canonical(given));
  const isForm = typeof name === "string" && typeof path === "string" && !pointerFault(path);
  const problem = isForm && Object.keys(more).length === 0 ? problemOf(name, value) : null;
  if (problem === null || !isForm) throw bad(object);
  const shown = typeof value === "string" ? value : value !== undefined && canonical(value);
  const text = `${name}:${path}${shown === false ? "" : `:${shown}`}`;
  return { text, steps: keysOf(path), problem };
}

/** What a rule asks of each value; `undefined` of `unique`, `null` where there is no such rule. */
function problemOf(name: string, limit: Json | undefined): Rule["problem"] | null {
  if (limit === undefined) {
    if (name === "unique") return undefined;
    if (name !== "required") return null;
    return (value) => (value === undefined ? reason(name) : undefined);
  }
  if ((name === "max" || name === "min") && isNumber(limit)) {
    const sign = name === "max" ? 1 : -1;
    return (value) =>
      isNumber(value) && sign * compareNumbers(value, limit) > 0
        ? reason(name, { value: canonical(value), limit: canonical(limit) })
        : undefined;
  }
  if (name === "type" && typeof limit === "string" && TYPES.includes(limit)) {
    return (value) =>
      value === undefined || fits(limit, value)
        ? undefined
        : reason(name, { expected: limit, found: typeOf(value) });
  }
  if (name === "one-of" && Array.isArray(limit) && limit.length > 0) {
    return (value) =>
      value === undefined || limit.some((allowed: Json) => compareValues(allowed, value) === 0)
        ? undefined
        : reason(name, { value: canonical(value) });
  }
  return null;
}

function fits(type: string, value: Json): boolean {
  return type === "integer" ? isNumber(value) && isInteger(value) : typeOf(value) === type;
}

/** What breaks the rules. */
export function checkRules(rules: readonly Rule[], root: JsonObject): readonly Violation[] {
  return rules.flatMap((rule) => (rule.problem ? problems(rule, root) : repetitions(rule, root)));
}

function problems({ text: rule, steps, problem }: Rule, root: JsonObject): Violation[] {
  const find = (isSorted: boolean): Violation[] => {
    const violations: Violation[] = [];
    visit(root, steps, isSorted, (way, value) => {
      const why = violations.length > VIOLATIONS_MAX ? undefined : problem?.(value);
      if (why) violations.push({ rule, paths: [pointerOf(way)], reason: why });
    });
    return violations;
  };
  const found = find(false);
  // Names are sorted only where there are too many to list: then the first of them count.
  return found.length > VIOLATIONS_MAX ? find(true).slice(0, VIOLATIONS_MAX) : found;
}

/** Each value that stands in several places, with these places. */
function repetitions({ text: rule, steps }: Rule, root: JsonObject): Violation[] {
  const places = new Map<string, { readonly value: Json; readonly ways: Way[] }>();
  visit(root, steps, false, (way, value) => {
    if (value === undefined) return;
    // Most values are texts, and of these nothing has to be written.
    const name = typeof value === "string" ? `"${value}` : canonical(value);
    const place = places.get(name);
    if (place) place.ways.push([...way]);
    else places.set(name, { value, ways: [[...way]] });
  });
  return [...places.values()]
    .filter(({ ways }) => ways.length > 1)
    .sort((left, right) => compareValues(left.value, right.value))
    .slice(0, VIOLATIONS_MAX)
    .map(({ value, ways }) => ({
      rule,
      paths: ways.map(pointerOf).sort(compareText),
      reason: reason("unique", { count: ways.length, value: canonical(value) }),
    }));
}
