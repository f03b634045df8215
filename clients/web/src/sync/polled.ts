/**
 * What a poll brings.
 *
 * @module
 */

import type { Covered } from "../core/covered.ts";
import type { LayerBytes } from "./layers.ts";
import type { Changes } from "./listing.ts";
import type { Reader } from "./reader.ts";

/** What a poll brought; a replica saves it in one transaction. */
export interface Polled<S> extends Changes {
  /** A new reader, where anything but the head was looked at; the one before stays as it was. */
  reader: Reader<S>;
  /** Whether anything but the head was looked at. */
  looked: boolean;
  /** Base and tail are new: the first look, another epoch, or another history. */
  isNew: boolean;
  /** The space has entered another epoch. */
  newEpoch: boolean;
  /** Segments and snapshots that were read, in the order in which they were folded. */
  layers: LayerBytes[];
  /** Segments, and all updates that are not rolled up, were listed. */
  checked: boolean;
  /** The store was put back to an older state: what had been read and is stored no more. */
  lost: Covered | undefined;
}

/** What a look has brought before it brings anything. */
export function polledOf<S>(reader: Reader<S>, parts: Partial<Polled<S>> = {}): Polled<S> {
  return {
    reader,
    looked: true,
    isNew: false,
    newEpoch: false,
    layers: [],
    checked: false,
    lost: undefined,
    seen: new Map(),
    dropped: new Set(),
    ...parts,
  };
}

/** Whether the state may have changed. */
export function hasChanged<S>({ isNew, layers, seen, dropped }: Polled<S>): boolean {
  return isNew || layers.length > 0 || seen.size > 0 || dropped.size > 0;
}
