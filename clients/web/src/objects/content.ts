/**
 * How the content of a space is read and written: as it is, or sealed where the space is encrypted. A port: encrypted
 * spaces come with an entry of their own, and nothing here imports it.
 *
 * @module
 */

import type { Author, Key, UpdateId } from "../core/ids.ts";
import type { Json } from "../core/json.ts";
import type { Reason } from "../core/reason.ts";
import { corrupt } from "./faults.ts";

/** An update as it is stored: its text, sealed or not, on one line. */
export interface StoredEntry extends UpdateId {
  /** The key of the update object that carried it. */
  readonly key: Key;
  /** The text as it is stored. */
  readonly update: string;
}

/** An update as it can be folded. */
export interface OpenedEntry extends UpdateId {
  /** The key of the update object that carried it. */
  readonly key: Key;
  /** The text as its author wrote it, or why it cannot be read. */
  readonly update: string | Reason;
  /**
   * Set where it is sealed under a key that the space did not have when its keyring was read: read `space.json` again,
   * and fold anew, before it counts as rejected.
   */
  readonly newerKey?: number;
}

/** A state, opened. */
export interface OpenedState {
  /** The state's JSON. */
  readonly state: string;
  /**
   * What is said of the state beside it, as the JSON of `{"rejected","conflicts","touched"}`; absent in a space that is not
   * encrypted: there it stands in the header.
   */
  readonly summary?: string;
}

/** What a transient event says. */
export interface TransientContent {
  /** What it is, e.g. `typing`. */
  readonly kind: string;
  /** What there is to say about it. */
  readonly data: Json;
}

/**
 * How the content of one space is read and written. Made for the `space.json` that was read; {@link Content.fits} says
 * whether it still is of use when another one was read.
 */
export interface Content {
  /** Whether the space is encrypted. */
  readonly sealed: boolean;
  /** Whether nothing can be read: the space is encrypted, and no secret at hand opens it. Nothing is folded then. */
  readonly blind: boolean;
  /** The number of the key under which new contents are sealed; `undefined` where nothing is sealed, or no key is at hand. */
  readonly newestKey: number | undefined;
  /** Whether a space whose `space.json` has this keyring (JSON text; `undefined` for none) is read in this way. */
  fits(keyring: string | undefined): boolean;
  /**
   * Opens updates, in their order. One that does not open comes with the reason; nothing is thrown for it.
   *
   * @throws IcecoreError `denied` with code `locked` where it is {@link Content.blind}.
   */
  open(entries: readonly StoredEntry[]): Promise<readonly OpenedEntry[]>;
  /**
   * The text of an own update as it is to be stored.
   *
   * @throws IcecoreError `invalid` with code `update-too-large` when it does not fit into an object once it is sealed;
   * `denied` with code `locked`.
   */
  seal(id: UpdateId, text: string, modelVersion: number): Promise<string>;
  /**
   * Opens the line of a state. `key` is the member `sealed` of its header; `about` is what it is bound to: the header's
   * line of a snapshot, `["base","EPOCH",COUNT,MODEL_VERSION]` of a base.
   *
   * @throws IcecoreError `corrupt` when it does not open, unpacks to more than `bytesMax`, or is sealed where the space is
   * not (or the other way round); `denied` with code `locked`.
   */
  openState(
    line: string,
    key: number | undefined,
    about: string,
    bytesMax: number,
  ): Promise<OpenedState>;
  /**
   * The line of a state under {@link Content.newestKey}. `about` as in {@link Content.openState}, `summary` as in
   * {@link OpenedState}; only in an encrypted space.
   *
   * @throws IcecoreError `denied` with code `locked`.
   */
  sealState(state: string, summary: string, about: string): Promise<string>;
  /** What a transient event of an author says; `undefined` where it does not open: it is passed over. */
  openTransient(author: Author, event: TransientContent): Promise<TransientContent | undefined>;
  /**
   * What a transient event of an author says, as it is sent.
   *
   * @throws IcecoreError `denied` with code `locked`.
   */
  sealTransient(author: Author, event: TransientContent): Promise<TransientContent>;
}

/** A space that is not encrypted: everything is stored as it is. */
export const plainContent: Content = {
  sealed: false,
  blind: false,
  newestKey: undefined,
  fits: (keyring) => keyring === undefined,
  open: async (entries) => entries,
  seal: async (_id, text) => text,
  openState: async (line, key) => {
    // Who holds no key of an encrypted space must not be able to write a state for others.
    if (key !== undefined)
      throw corrupt({ what: "state" }, "sealed in a space that is not encrypted");
    return { state: line };
  },
  sealState: async (state) => state,
  openTransient: async (_author, event) => event,
  sealTransient: async (_author, event) => event,
};
