/**
 * `space.json`: which history of the space counts.
 *
 * @module
 */

import { type Epoch, type Generation, isAuthor, isEpoch } from "../core/ids.ts";
import { isObject, type Json, type JsonObject } from "../core/json.ts";
import type { Order } from "../core/order.ts";
import { memberText } from "../core/text.ts";
import { corrupt } from "./faults.ts";
import { isGeneration, isInteger, isText, textOf } from "./members.ts";
import { checkNeeds, isJson, type Needs, type Others, othersIn, readNeeds } from "./needs.ts";
import { isSpaceName, spacePath } from "./paths.ts";
import { maybe, maybeListOf, must, readBody, type Shape, within } from "./shape.ts";

/** An epoch that the space has left. */
export interface OldEpoch {
  /** Which one. */
  readonly epoch: Epoch;
  /** When the space left it, by the server: milliseconds since 1970 UTC. */
  readonly leftAt: number;
  /** What was stored in it before this time is part of the next one. */
  readonly settledAt: number;
  /** Its newest segment that is part of the next one. */
  readonly generation: Generation;
}

/** Where the history of a space goes too. */
export interface Linked {
  /** The other space. */
  readonly into: string;
  /** When they were linked, RFC 3339. */
  readonly at: string;
}

/** What `space.json` says. */
export interface SpaceInfo {
  /** The store that it belongs to: a client that knows another one stops. */
  readonly store: string;
  /** The name of the space. */
  readonly space: string;
  /** The epoch that counts. */
  readonly epoch: Epoch;
  /** Which model folds it, and what the model is made from; `null` where there is nothing to set. */
  readonly model: { readonly name: string; readonly settings: Json };
  /** What decides the order of its updates. */
  readonly order: Order;
  /** When it was created, RFC 3339. */
  readonly createdAt: string;
  /** Epochs left behind and not yet removed. */
  readonly oldEpochs: readonly OldEpoch[];
  /** The space that it was linked to. */
  readonly linked: Linked | undefined;
  /** In an encrypted space its keyring, as the text that stands there: an object of which nothing else was looked at. */
  readonly keyring: string | undefined;
  /** When it was erased, RFC 3339: nobody writes to it any more. */
  readonly erasedAt: string | undefined;
  /** What a program must know to use it. */
  readonly needs: Needs;
  /** Members that this program does not know, kept when it writes the object again. */
  readonly rest: Others;
}

const MODEL: Shape<SpaceInfo["model"]> = {
  name: must(isText),
  settings: (value) => (isJson(value) ? value : null),
};

const OLD_EPOCH: Shape<OldEpoch> = {
  epoch: must(isEpoch),
  leftAt: must(isInteger),
  settledAt: must(isInteger),
  generation: must(isGeneration),
};

const LINKED: Shape<Linked> = { into: must(isSpaceName), at: must(isText) };

const SPACE: Shape<Omit<SpaceInfo, "keyring"> & { readonly keyring: JsonObject | undefined }> = {
  store: must(isAuthor),
  space: must(isSpaceName),
  epoch: must(isEpoch),
  model: within(MODEL),
  order: must(isOrder),
  createdAt: must(isText),
  oldEpochs: maybeListOf(within(OLD_EPOCH)),
  linked: maybe(within(LINKED)),
  keyring: maybe(must(isObject)),
  erasedAt: maybe(must(isText)),
  needs: readNeeds,
  rest: (_, __, around) => othersIn(around, Object.keys(SPACE)),
};

function isOrder(value: unknown): value is Order {
  return value === "timestamp" || value === "sequence";
}

/**
 * What the `space.json` of a space says. That it is of another store, or a tombstone, is for the caller to look at.
 *
 * @throws IcecoreError `corrupt` with code `malformed`, also where it names another space; `invalid` with code `newer-format` or
 * `needs`.
 */
export function readSpace(body: string | Uint8Array, space?: string): SpaceInfo {
  const source = { what: "space.json", path: space === undefined ? undefined : spacePath(space) };
  const text = textOf(body, source);
  const info = readBody(SPACE, text, source);
  if (space !== undefined && info.space !== space) throw corrupt(source, "space");
  checkNeeds(info.needs.read, source);
  return { ...info, keyring: info.keyring && memberText(text, "keyring") };
}
