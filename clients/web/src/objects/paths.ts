/**
 * Where every object lies, below the root of the store.
 *
 * @module
 */

import type { Epoch, Generation, Key } from "../core/ids.ts";

/** Where `store.json` lies. */
export const STORE_PATH = "store.json";

/** The folders of an epoch. */
export type Folder = "updates" | "segments" | "snapshots" | "transient" | "quarantine";

/** Whether a text is the name of a space: 1 to 64 of `a-z 0-9 - _ .`, no dot at its ends, and no name of a device on Windows. */
export function isSpaceName(text: unknown): text is string {
  return (
    typeof text === "string" &&
    /^(?!\.|(con|prn|aux|nul|(com|lpt)[0-9])(\.|$))[a-z0-9\-_.]{0,63}[a-z0-9\-_]$/.test(text)
  );
}

/** The head of a space. */
export function headPath(space: string): string {
  return `heads/${space}`;
}

/** The `space.json` of a space. */
export function spacePath(space: string): string {
  return `spaces/${space}/space.json`;
}

/** That the history of the space `from` joins that of a space. */
export function joinedPath(space: string, from: string): string {
  return `spaces/${space}/joined/${from}`;
}

/** A folder of an epoch, without a slash at its end. */
export function folderPath(space: string, epoch: Epoch, folder: Folder): string {
  return `spaces/${space}/${epoch}/${folder}`;
}

/** The update object of a key. */
export function updatePath(space: string, epoch: Epoch, key: Key): string {
  return `${folderPath(space, epoch, "updates")}/${keyName(key)}`;
}

/** The segment, or the snapshot, of a generation. */
export function layerPath(
  space: string,
  epoch: Epoch,
  folder: "segments" | "snapshots",
  generation: Generation,
): string {
  return `${folderPath(space, epoch, folder)}/${generationName(generation)}`;
}

/** The name of an update object in its folder: 13 digits. */
export function keyName(key: Key): string {
  return String(key).padStart(13, "0");
}

/** The name of a segment or snapshot in its folder: 10 digits. */
export function generationName(generation: Generation): string {
  return String(generation).padStart(10, "0");
}

/** The key that an update object's name stands for; `undefined` where it is none. */
export function keyOfName(name: string): Key | undefined {
  return /^[0-9]{13}$/.test(name) ? Number(name) : undefined;
}

/** The generation that the name of a segment or snapshot stands for; `undefined` where it is none. */
export function generationOfName(name: string): Generation | undefined {
  return /^(?!0{10})[0-9]{10}$/.test(name) ? Number(name) : undefined;
}
