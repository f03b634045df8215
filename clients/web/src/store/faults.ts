/**
 * What goes wrong with the local store, and what the browser's storage throws, by its name only: wording differs from engine
 * to engine.
 *
 * @module
 */

import { type ErrorKind, IcecoreError, isIcecoreError } from "../errors.ts";

/** The codes of errors that the local store throws. */
export type StorageCode =
  | "quota"
  | "evicted"
  | "storage-newer"
  | "storage-blocked"
  | "storage-unavailable"
  | "storage-closed"
  | "storage-failed"
  | "storage-damaged"
  | "storage-misused";

const FAULTS: Readonly<Record<StorageCode, readonly [ErrorKind, string, string]>> = {
  quota: ["unavailable", "has no room left", "free space, or sync; then try again"],
  evicted: ["corrupt", "was deleted", "open it again; what was not sent is only in this page"],
  "storage-newer": ["invalid", "was made by a newer version", "reload the page"],
  "storage-blocked": ["unavailable", "is held by another tab", "close or reload the other tabs"],
  "storage-unavailable": ["unavailable", "is not offered here", "leave the private window"],
  "storage-closed": ["unavailable", "is closed", "open it again"],
  "storage-failed": ["unavailable", "failed", "try again; then reload the page"],
  "storage-damaged": ["corrupt", "cannot be read", "remove it and sync again"],
  "storage-misused": ["internal", "was used wrongly", "report it"],
};

const CODES = new Map<string, StorageCode>([
  // In newer browsers a class of its own, else a DOMException; the name is the same.
  ["QuotaExceededError", "quota"],
  ["VersionError", "storage-newer"],
  // Large values lie in files beside the database, which may break or vanish alone.
  ["NotReadableError", "storage-damaged"],
  ["DataError", "storage-damaged"],
  ["DataCloneError", "storage-misused"],
  ["NotFoundError", "storage-misused"],
]);

/** An error of the local store. */
export function fault(code: StorageCode, cause?: unknown): IcecoreError {
  const [kind, message, hint] = FAULTS[code];
  return new IcecoreError(kind, code, `the local store ${message}`, { cause, hint });
}

/** The error for something that the browser's storage threw, `code` where its name says nothing. Errors of this package stay as they are. */
export function storageFault(cause: unknown, code: StorageCode = "storage-failed"): IcecoreError {
  if (isIcecoreError(cause)) return cause;
  return fault((cause instanceof DOMException && CODES.get(cause.name)) || code, cause);
}
