/**
 * Answers of a gateway, read without trust.
 *
 * @module
 */

import { fromBytes } from "../core/utf8.ts";
import { IcecoreError } from "../errors.ts";
import { readShape, type Shape } from "./shape.ts";

/** The error that says that an answer is none: the part of it that is at fault. */
export function badAnswer(part: string, cause?: unknown): IcecoreError {
  return new IcecoreError("corrupt", "bad-answer", `the gateway's answer is none: ${part}`, {
    hint: "is it the address of an icecore gateway, and is the gateway up to date?",
    cause,
  });
}

/**
 * An answer of this shape.
 *
 * @throws IcecoreError `corrupt` with code `bad-answer`.
 */
export function readAnswer<T>(
  shape: Shape<T>,
  body: string | Uint8Array,
  parse: (text: string) => unknown = JSON.parse,
): T {
  try {
    return readShape(shape, parse(typeof body === "string" ? body : fromBytes(body)), "no object");
  } catch (cause) {
    throw badAnswer(cause instanceof TypeError ? cause.message : "no JSON", cause);
  }
}
