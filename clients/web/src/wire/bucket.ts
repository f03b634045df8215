/**
 * What the bucket's answers mean.
 *
 * @module
 */

import { sha256Hex } from "../core/sha256.ts";
import { IcecoreError } from "../errors.ts";
import { type Answer, refused, textOf, unavailable } from "./http.ts";
import type { Written } from "./remote.ts";

/** What a body is, for the gateway: it signs exactly this one. */
export function bodyInfo(body: Uint8Array): { readonly bytes: number; readonly sha256: string } {
  return { bytes: body.length, sha256: sha256Hex(body) };
}

/** The tag of a body where the bucket shows none: no tag of a bucket begins so. */
export function tagOf(body: string | Uint8Array): string {
  return `=${sha256Hex(body)}`;
}

function tagIn({ headers }: Answer): string | undefined {
  // Whoever packed it on the way made the tag a weak one.
  return headers.get("etag")?.replace(/^W\//, "");
}

/** Which version of an object came. `same` is the tag of the same body, where it was told before. */
export function versionOf(
  answer: Answer,
  same?: string,
): { readonly tag: string; readonly lastModified: number } {
  return {
    tag: tagIn(answer) ?? same ?? tagOf(answer.bytes),
    lastModified: Date.parse(answer.headers.get("last-modified") ?? "") || 0,
  };
}

/** Whether a presigned request may have been refused for its signature: it has ended, or the gateway's credentials have. */
export function isRefused(status: number): boolean {
  return status === 400 || status === 401 || status === 403;
}

/** The error of an answer of the bucket that is no success. What it says besides may quote what was signed, so it goes nowhere. */
export function bucketFault(answer: Answer, object: string): IcecoreError {
  const { status } = answer;
  if (isRefused(status)) {
    return /expired/i.test(textOf(answer))
      ? unavailable("signature-ended", object)
      : new IcecoreError("denied", "bucket-refused", "the bucket refuses what was signed", {
          object,
          hint: "tell whoever runs the gateway",
          params: { status },
        });
  }
  // Two conditional writes met: the same one again decides.
  return status === 409 ? unavailable("busy", object) : refused(answer, object);
}

/** What became of a write; with `last` a signature that is refused is an error. */
export function written(answer: Answer, object: string, body: Uint8Array, last = false): Written {
  if (answer.ok) {
    return { outcome: "stored", tag: tagIn(answer) ?? tagOf(body) };
  }
  if (answer.status === 412) {
    return { outcome: "taken" };
  }
  if (isRefused(answer.status) && !last) {
    return { outcome: "gone" };
  }
  throw bucketFault(answer, object);
}

/** The most bytes that an object of this path may have. */
export function mostOf(path: string): number {
  // Whoever may write to the bucket could put anything there; but for layers nothing that anybody reads is so large.
  return /\/(segments|snapshots)\//.test(path) ? 2 ** 30 : 2 ** 24;
}
