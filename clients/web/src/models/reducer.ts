/**
 * Models of an app's own: a reducer, with a version.
 *
 * @module
 */

import { canonical, type Json } from "../core/json.ts";
import { appReason, Rejected, reason } from "../core/reason.ts";
import { DATA_DEPTH_MAX, type Update } from "../core/update.ts";
import { depthOf } from "./document/value.ts";
import { type Model, type Place, readState, type Violation } from "./model.ts";

/** An update as an app sees it. Others may have written it with any program: without a validator `data` may be anything. */
export interface AnyUpdate {
  /** Which instruction. */
  readonly kind: string;
  /** Its argument. */
  readonly data: Json;
}

/** What is known of an update besides its content. */
export interface Meta extends Place {
  /** When it happened by its author's clock: RFC 3339, but nobody has checked it. */
  readonly at: string;
  /** The version of the model that wrote it. */
  readonly modelVersion: number;
}

/**
 * A validator, as many libraries offer them: the part of the Standard Schema that is needed. It must answer at once, and say the same whatever
 * the time and place.
 */
export interface Schema<Output> {
  /** The members that the standard names. */
  readonly "~standard": {
    readonly version: 1;
    readonly vendor: string;
    readonly validate: (value: unknown) => unknown;
    readonly types?: { readonly input: unknown; readonly output: Output } | undefined;
  };
}

/** A model of an app's own. `S` is JSON: objects, lists, text, finite numbers, booleans, null. */
export interface ModelDefinition<S, U extends AnyUpdate> {
  /** The name that `space.json` gives. */
  readonly name: string;
  /** Counts up from 1 when the form of the state, or the effect of an update, changes. */
  readonly version: number;
  /** The state before the first update. */
  readonly initial: S;
  /**
   * The state after an update, or `reject(…)`. Pure: no clock, no chance, and the state that it is given stays as it is. An update for which it
   * throws is rejected as `panicked`, and the state stays.
   */
  readonly apply: (state: S, update: U, meta: Meta) => S | Rejected;
  /** The rules that the state breaks. */
  readonly check?: (state: S) => readonly Violation[];
  /** The JSON pointers that an applied update sets, so that a broken rule can name the updates involved. */
  readonly touches?: (update: U) => readonly string[];
  /** Brings a state of an older version to this one; `undefined` where it must be folded anew. */
  readonly upgrade?: (fromVersion: number, state: Json) => S | undefined;
  /** What an update `{kind, data}` must be; one that is not so is rejected with the code `app:invalid`. */
  readonly validate?: Schema<U>;
  /** Whether a stored state has the form of this version. */
  readonly isState?: (state: Json) => boolean;
}

/**
 * Makes a model of an app's own.
 *
 * @throws IcecoreError `invalid` with code `not-json` where the initial state is no JSON.
 */
export function defineModel<S, U extends AnyUpdate = AnyUpdate>(
  definition: ModelDefinition<S, U>,
): Model<S> {
  const { name, version, initial, apply, check, touches, validate } = definition;
  canonical(initial as Json);
  const read = ({ kind, data, fault }: Pick<Update, "kind" | "data" | "fault">): U | Rejected =>
    fault ? new Rejected(reason(fault, { kind })) : validated({ kind, data }, validate);
  return {
    name,
    version,
    initial: () => initial,
    apply: (state, update, place) => {
      const own = read(update);
      if (own instanceof Rejected) return own;
      const { author, seq, key } = place;
      const { at, modelVersion } = update;
      return apply(state, own, { author, seq, key, at, modelVersion });
    },
    judge: (kind, data) => {
      if (depthOf(data) > DATA_DEPTH_MAX) return new Rejected(reason("too-deep", { kind }));
      const own = read({ kind, data });
      return own instanceof Rejected ? own : undefined;
    },
    ...(touches && {
      touches: (update: Update) => {
        const own = read(update);
        return own instanceof Rejected ? [] : touches(own);
      },
    }),
    check: (state) => check?.(state) ?? [],
    write: (state) => canonical(state as Json),
    read: (from, text) => readState(definition, from, text),
  };
}

/** The update as the validator makes it. */
function validated<U extends AnyUpdate>(
  update: AnyUpdate,
  schema: Schema<U> | undefined,
): U | Rejected {
  if (!schema) return update as U;
  const result = schema["~standard"].validate(update) as {
    readonly issues?: unknown;
    readonly value?: U;
  };
  // Not what is wrong: the words of a validator change from one version to the next, and the list of rejected updates must not.
  if (result.issues) return new Rejected(appReason("invalid", { kind: update.kind }));
  // A promise has neither: a fold cannot wait.
  if (!("value" in result)) throw new TypeError("the validator did not answer at once");
  return result.value as U;
}
