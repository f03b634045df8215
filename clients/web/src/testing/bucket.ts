/**
 * A bucket in memory, as S3 keeps its promises: conditional writes, and listings and reads that show what was acknowledged before.
 *
 * @module
 */

import { sha256Hex } from "../core/sha256.ts";
import type { Clock } from "../ports.ts";

/** An object. */
export interface BucketObject {
  /** Its bytes. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Its tag, made from its bytes, in quotes. */
  readonly tag: string;
  /** When it was stored. */
  readonly lastModified: number;
  /** The headers that it was stored with, and comes back with. */
  readonly headers: Readonly<Record<string, string>>;
}

/** A page of a listing. */
export interface BucketPage {
  /** Objects by path, in the order of their UTF-8 bytes. */
  readonly objects: readonly (readonly [path: string, object: BucketObject])[];
  /** Whether there is more. */
  readonly more: boolean;
}

/** On which condition something is written. */
export type PutCondition = "absent" | "any" | { readonly matches: string };

/** Objects by path. */
export interface MemoryBucket {
  /** An object, if there is one. */
  get(path: string): BucketObject | undefined;
  /** Writes one; the HTTP status says what became of it: 200, 404 or 412. */
  put(
    path: string,
    bytes: Uint8Array<ArrayBuffer>,
    condition?: PutCondition,
    headers?: Readonly<Record<string, string>>,
  ): 200 | 404 | 412;
  /** Deletes one, if there is one. */
  delete(path: string): void;
  /** What begins with `prefix` and comes after `after`. */
  list(prefix: string, after?: string, most?: number): BucketPage;
  /** All paths below a prefix, for tests. */
  paths(prefix?: string): string[];
  /** All that it holds, to bring it back later as an old backup does. */
  save(): () => void;
}

const encoder = new TextEncoder();

/** By UTF-8 bytes, as S3 sorts. */
function compareBytes(a: string, b: string): number {
  const [left, right] = [encoder.encode(a), encoder.encode(b)];
  const shorter = Math.min(left.length, right.length);
  for (let i = 0; i < shorter; i += 1) {
    const difference = (left[i] ?? 0) - (right[i] ?? 0);
    if (difference !== 0) {
      return difference;
    }
  }
  return left.length - right.length;
}

/** An empty bucket. */
export function memoryBucket(clock: Clock): MemoryBucket {
  let objects = new Map<string, BucketObject>();
  const below = (prefix: string): string[] =>
    [...objects.keys()].filter((path) => path.startsWith(prefix)).sort(compareBytes);
  return {
    get: (path) => objects.get(path),
    put(path, bytes, condition = "any", headers = {}) {
      const there = objects.get(path);
      if (condition === "absent" && there !== undefined) {
        return 412;
      }
      if (typeof condition === "object") {
        if (there === undefined) {
          return 404;
        }
        if (there.tag !== condition.matches) {
          return 412;
        }
      }
      // S3 keeps seconds in `Last-Modified`, and milliseconds in listings.
      const copy = bytes.slice();
      const tag = `"${sha256Hex(copy).slice(0, 32)}"`;
      objects.set(path, { bytes: copy, tag, lastModified: clock.now(), headers });
      return 200;
    },
    delete(path) {
      objects.delete(path);
    },
    list(prefix, after = "", most = 1_000) {
      const found = below(prefix).filter((path) => compareBytes(path, after) > 0);
      const page = found.slice(0, most).flatMap((path) => {
        const object = objects.get(path);
        return object === undefined ? [] : [[path, object] as const];
      });
      return { objects: page, more: found.length > most };
    },
    paths: (prefix = "") => below(prefix),
    save() {
      const saved = new Map(objects);
      return () => {
        objects = new Map(saved);
      };
    },
  };
}
