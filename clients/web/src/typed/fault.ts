/**
 * What is wrong with a typed value, and where.
 *
 * @module
 */

import { IcecoreError } from "../errors.ts";

/** A failure deep inside a value: each value that holds it adds its key on the way out. */
class Fault extends Error {
  /** From the innermost key to the outermost. */
  readonly keys: (string | number)[] = [];
}

/** The failure that something else was found than expected; `message` is a sentence. */
export function fault(message: string): Error {
  return new Fault(message);
}

/** Runs `work` on the value under `key`, which is part of the place of its failures. */
export function under<T>(key: string | number, work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (error instanceof Fault) error.keys.push(key);
    throw error;
  }
}

/**
 * Runs `work` on a whole value.
 *
 * @throws IcecoreError `invalid` with code `typed`; its object is the JSON pointer of the place.
 */
export function whole<T>(work: () => T): T {
  try {
    return work();
  } catch (error) {
    // A value in a value in a value …, or one that holds itself.
    const deep = error instanceof RangeError ? new Fault("nested too deep") : error;
    if (!(deep instanceof Fault)) throw error;
    const keys = deep.keys.reverse().map(String);
    const pointer = keys.map((key) => `/${key.replace(/~/g, "~0").replace(/\//g, "~1")}`);
    throw new IcecoreError("invalid", "typed", deep.message, {
      object: pointer.join(""),
      hint: "compare it with the types that it was written with",
    });
  }
}
