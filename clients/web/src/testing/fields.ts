/**
 * Fields of a request's body, as strictly as the real gateway looks at them: one that it does not know it refuses.
 *
 * @module
 */

import { fromBytes } from "../core/utf8.ts";
import { IcecoreError } from "../errors.ts";
import { answerText, type ServerAnswer, type ServerRequest } from "./s3.ts";

/** The fields of one object. */
export interface Fields {
  /** Refuses fields of other names. */
  only(...names: readonly string[]): void;
  /** A field that must be there. */
  need<T>(name: string, is: (value: unknown) => value is T): T;
  /** A field that may be missing or null. */
  maybe<T>(name: string, read: (value: unknown) => T): T | undefined;
  /** The items of a field that may be missing. */
  list(name: string): readonly unknown[];
  /** The fields of a field. */
  within(name: string): Fields;
}

/** The error of a body that is wrong. */
export function wrong(why: string, object?: string): IcecoreError {
  return new IcecoreError("invalid", "refused", `the request's body is wrong: ${why}`, { object });
}

/** The fields of a value that must be an object. */
export function fieldsOf(value: unknown, at: string): Fields {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw wrong(`${at} is no object`);
  }
  const all = new Map<string, unknown>(Object.entries(value));
  return {
    only(...names) {
      for (const name of all.keys()) {
        if (!names.includes(name)) {
          throw wrong(`unknown field \`${name}\``);
        }
      }
    },
    need(name, is) {
      const field = all.get(name);
      if (!is(field)) {
        throw wrong(`${at}: \`${name}\` is missing or wrong`);
      }
      return field;
    },
    maybe(name, read) {
      const field = all.get(name);
      return field === undefined || field === null ? undefined : read(field);
    },
    list(name) {
      const field = all.get(name) ?? [];
      if (!Array.isArray(field)) {
        throw wrong(`${at}: \`${name}\` is no list`);
      }
      return field;
    },
    within: (name) => fieldsOf(all.get(name), `${at}.${name}`),
  };
}

/** Takes a value as it is. */
export function asIs(value: unknown): unknown {
  return value;
}

/** Whether a value is text. */
export function isWord(value: unknown): value is string {
  return typeof value === "string";
}

/** Whether a value is an integer, 0 or more. */
export function isInt(value: unknown): value is number {
  return Number.isSafeInteger(value) && Number(value) >= 0;
}

/** An answer with JSON. */
export function json(status: number, value: unknown): ServerAnswer {
  return answerText(status, JSON.stringify(value), { "content-type": "application/json" });
}

/** The fields of a request's body. */
export function bodyOf(request: ServerRequest): Fields {
  let value: unknown;
  try {
    value = JSON.parse(fromBytes(request.bytes));
  } catch {
    throw wrong("it is no JSON");
  }
  return fieldsOf(value, "body");
}
