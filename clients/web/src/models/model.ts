/**
 * How updates change a state: the port that the built-in models and those of apps fill.
 *
 * @module
 */

import type { Author, Key, Seq } from "../core/ids.ts";
import { type Json, parseJson } from "../core/json.ts";
import type { Reason, Rejected } from "../core/reason.ts";
import type { Update } from "../core/update.ts";
import { IcecoreError } from "../errors.ts";

/** What is known of an update besides its content. */
export interface Place {
  /** Who wrote it. */
  readonly author: Author;
  /** The author's counter. */
  readonly seq: Seq;
  /** The key of the object that carries it. */
  readonly key: Key;
}

/** A rule that a state breaks. */
export interface Violation {
  /** The rule's name, e.g. `unique:/notes/*\/title`. */
  readonly rule: string;
  /** The JSON pointers of the values that break it together, sorted. */
  readonly paths: readonly string[];
  /** How they break it. */
  readonly reason: Reason;
}

/** Objects and lists of a state that nobody else has seen: they may be changed in place. */
export type Own = Set<object>;

/**
 * The fold of a space: which state it starts from, and how an update changes it. Pure: no clock, no chance, nothing but what it
 * is given; the same updates in the same order give the same state on every device.
 */
export interface Model<S> {
  /** The name that `space.json` gives. */
  readonly name: string;
  /** The version of the state's form; counts up when the form, or the effect of an update, changes. */
  readonly version: number;
  /** The state before the first update. */
  initial(): S;
  /**
   * The state after an update, or why it does not allow it. A state that was handed out never changes: the new one shares with it
   * what stays as it was. What is in `own` was made since, and may be changed in place; what is made is put into it. A model that
   * knows nothing of `own` copies what it changes. What it throws counts as `panicked`.
   */
  apply(state: S, update: Update, place: Place, own: Own): S | Rejected;
  /** Why an update would be rejected whatever the state: asked before one is written. `undefined` where nothing is wrong with it. */
  judge(kind: string, data: Json): Rejected | undefined;
  /** The JSON pointers that an update sets, of those that a rule watches. Absent where nothing is watched. */
  readonly touches?: (update: Update) => readonly string[];
  /** The rules that the state breaks. */
  check(state: S): readonly Violation[];
  /**
   * The state as canonical JSON.
   *
   * @throws IcecoreError `invalid` with code `state-not-json` where an app's state is none.
   */
  write(state: S): string;
  /**
   * The state of a JSON text that this version of the model wrote, or an older one; `undefined` where it must be folded anew.
   *
   * @throws IcecoreError `corrupt` with code `misfit` where the text does not fit the model; `invalid` with code `newer-model`.
   */
  read(version: number, text: string): S | undefined;
}

/** The error of whoever meets what a newer version of a model wrote: nothing was changed, and nothing is lost. */
export function newerModel(model: string, needed: number, known: number): IcecoreError {
  return new IcecoreError("invalid", "newer-model", "a newer version of the model wrote this", {
    object: model,
    hint: "update this program; what is queued is sent then",
    params: { needed, known },
  });
}

/** The error of a state that the version of the model which it names does not read. */
export function misfit(model: string, cause?: unknown): IcecoreError {
  return new IcecoreError("corrupt", "misfit", "the state does not fit the model", {
    object: model,
    hint: "was the model changed without a new `version`? Raise it, and give it an `upgrade`",
    cause,
  });
}

/** How a model reads stored states. */
export interface StateReader<S> {
  /** The model's name. */
  readonly name: string;
  /** The model's version. */
  readonly version: number;
  /** Whether a state has the form of this version. */
  readonly isState?: ((state: Json) => boolean) | undefined;
  /** Brings a state of an older version to this one. */
  readonly upgrade?: ((fromVersion: number, state: Json) => S | undefined) | undefined;
}

/**
 * The state of a text; see {@link Model.read}. One whose upgrade throws is as good as none.
 *
 * @throws IcecoreError `corrupt` with code `misfit`; `invalid` with code `newer-model`.
 */
export function readState<S>(model: StateReader<S>, from: number, text: string): S | undefined {
  const { name, version, isState, upgrade } = model;
  if (from > version) throw newerModel(name, from, version);
  let state: unknown;
  try {
    state = parseJson(text);
  } catch (error) {
    throw misfit(name, error);
  }
  if (from < version) {
    try {
      state = upgrade?.(from, state as Json);
    } catch {
      state = undefined;
    }
  }
  if (state !== undefined && isState?.(state as Json) === false) throw misfit(name);
  return state as S | undefined;
}
