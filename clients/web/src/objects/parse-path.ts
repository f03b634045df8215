/**
 * What a path of the store stands for. For tools and tests: a client that lists one folder at a time needs only the names in it.
 *
 * @module
 */

import {
  type Author,
  type Epoch,
  type Generation,
  isAuthor,
  isEpoch,
  type Key,
} from "../core/ids.ts";
import { generationOfName, isSpaceName, keyOfName } from "./paths.ts";

/** What lies under a path. */
export type ObjectPath =
  | { readonly kind: "store" }
  | { readonly kind: "head" | "space"; readonly space: string }
  | { readonly kind: "joined" | "reserved"; readonly space: string; readonly name: string }
  | { readonly kind: "update"; readonly space: string; readonly epoch: Epoch; readonly key: Key }
  | {
      readonly kind: "segment" | "snapshot";
      readonly space: string;
      readonly epoch: Epoch;
      readonly generation: Generation;
    }
  | {
      readonly kind: "transient";
      readonly space: string;
      readonly epoch: Epoch;
      readonly key: Key;
      readonly author: Author;
    }
  | {
      readonly kind: "quarantine";
      readonly space: string;
      readonly epoch: Epoch;
      /** The path that it had below its epoch. */
      readonly name: string;
    };

/** What lies under a path; `undefined` where it is no path of a store: a listing passes over it. */
export function parsePath(path: string): ObjectPath | undefined {
  if (path === "store.json") return { kind: "store" };
  const [root, space, folder, ...rest] = path.split("/");
  if (!isSpaceName(space)) return undefined;
  const name = rest.join("/");
  if (root === "heads") return folder === undefined ? { kind: "head", space } : undefined;
  if (root !== "spaces" || folder === undefined) return undefined;
  if (folder === "space.json") return rest.length === 0 ? { kind: "space", space } : undefined;
  if (folder === "joined") return isSpaceName(name) ? { kind: "joined", space, name } : undefined;
  if (folder === "attachments" || folder === "signatures") {
    return isPlain(rest) ? { kind: "reserved", space, name: `${folder}/${name}` } : undefined;
  }
  return isEpoch(folder) ? inEpoch(space, folder, rest) : undefined;
}

function inEpoch(space: string, epoch: Epoch, path: readonly string[]): ObjectPath | undefined {
  const [folder, ...rest] = path;
  const name = rest.join("/");
  switch (folder) {
    case "updates": {
      const key = keyOfName(name);
      return key === undefined ? undefined : { kind: "update", space, epoch, key };
    }
    case "segments":
    case "snapshots": {
      const generation = generationOfName(name);
      const kind = folder === "segments" ? "segment" : "snapshot";
      return generation === undefined ? undefined : { kind, space, epoch, generation };
    }
    case "transient": {
      const key = keyOfName(name.slice(0, 13));
      const author = name.slice(14);
      return key !== undefined && name[13] === "-" && isAuthor(author)
        ? { kind: "transient", space, epoch, key, author }
        : undefined;
    }
    case "quarantine":
      return isPlain(rest) ? { kind: "quarantine", space, epoch, name } : undefined;
    case "parts":
      return isPlain(rest)
        ? { kind: "reserved", space, name: `${epoch}/parts/${name}` }
        : undefined;
    default:
      return undefined;
  }
}

/** Whether these are names of files in folders, and nothing that a file system or a terminal takes for something else. */
function isPlain(parts: readonly string[]): boolean {
  return parts.length > 0 && parts.every((part) => !/^\.{0,2}$|[\p{Cc}\\]/u.test(part));
}
