/**
 * Why an update was rejected, and how a rule is broken: a code with parameters. Snapshots store these, so no wording is part of
 * the format; it stands in an entry of its own.
 *
 * @module
 */

import { canonical, isInteger, isNumber, type Json } from "./json.ts";

/** A code with its parameters. */
export interface Reason {
  /** Which reason: a word of the format, `app` for a text that an app's model gives, or a code of an app's own behind `app:`. */
  readonly code: string;
  /** What it is about, by name. Names come from outside: read them by `Object.hasOwn`. */
  readonly params: Readonly<Record<string, Json>>;
}

/** The most characters of a parameter that comes out of an update or a state. */
const PARAMETER_CHARS_MAX = 100;

/** The most characters of a parameter that an app's model gives. */
const MESSAGE_CHARS_MAX = 1_000;

/** Members that stand beside a reason where it is stored. */
const BESIDE_REASONS = /^(code|id|key|paths|rule|updates)$/;

/** At most so many characters, and an ellipsis where some are missing. */
export function cut(text: string, charsMax: number = PARAMETER_CHARS_MAX): string {
  if (text.length <= charsMax) return text;
  // A character has at most two units: this is enough to see whether there are more.
  const chars = Array.from(text.slice(0, 2 * charsMax + 2));
  return chars.length > charsMax ? `${chars.slice(0, charsMax).join("")}…` : text;
}

/** A reason of the format. Texts among the parameters are cut after 100 characters. */
export function reason(
  code: string,
  params: Readonly<Record<string, string | number>> = {},
): Reason {
  const entries = Object.entries(params).map(([name, value]) => [
    name,
    typeof value === "string" ? cut(value) : value,
  ]);
  return { code, params: Object.fromEntries(entries) };
}

/**
 * A reason of an app's model with a code of its own, stored as `app:` and this code. A parameter `message` is what programs show
 * that do not know the app. A parameter is a text (cut after 1,000 characters), an integer or a boolean; anything else becomes
 * the text of its JSON. A name that is taken where reasons are stored gets a `_` at its end.
 */
export function appReason(code: string, params: Readonly<Record<string, Json>> = {}): Reason {
  return { code: `app:${code}`, params: appParams(params) };
}

function appParams(params: Readonly<Record<string, Json>>): Readonly<Record<string, Json>> {
  const entries = Object.entries(params).map(([name, value]) => {
    const isKept = typeof value === "boolean" || (isNumber(value) && isInteger(value));
    const text = typeof value === "string" ? value : canonical(value);
    return [
      BESIDE_REASONS.test(name) ? `${name}_` : name,
      isKept ? value : cut(text, MESSAGE_CHARS_MAX),
    ];
  });
  return Object.fromEntries(entries);
}

/** That a model did not apply an update. The update stays in the history, and is listed. */
export class Rejected {
  /** Why: stored with the snapshot, so it must be the same on every replica. */
  readonly reason: Reason;
  /** Nothing after this update means anything: reading stops here, and a person decides what to do. */
  readonly isImpossible: boolean;

  constructor(why: Reason, isImpossible = false) {
    this.reason = why;
    this.isImpossible = isImpossible;
  }
}

function given(why: string | Reason): Reason {
  return typeof why === "string" ? { code: "app", params: appParams({ message: why }) } : why;
}

/** A rejection by an app's model: one sentence for a person, or an {@link appReason} that the app words itself. */
export function reject(why: string | Reason): Rejected {
  return new Rejected(given(why));
}

/**
 * An update that cannot be part of any history of this model. For models of sequenced spaces, where each writer saw the state
 * that its update was made for. Nothing after it is applied, and whoever asks for the state is told.
 */
export function impossible(why: string | Reason): Rejected {
  return new Rejected(given(why), true);
}
