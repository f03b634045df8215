/**
 * What can go wrong, told by how to react.
 *
 * @module
 */

/**
 * How to react to an error; the same seven as in the Rust client.
 *
 * - `conflict`: somebody else was first, or uses the same author
 * - `unavailable`: try again later; nothing is lost
 * - `invalid`: the call, the settings or the program's version is wrong
 * - `not_found`: there is no such space or object
 * - `denied`: the token does not allow it, or no token came
 * - `corrupt`: what is stored is not what it must be
 * - `internal`: a fault of this library
 */
export type ErrorKind =
  | "conflict"
  | "unavailable"
  | "invalid"
  | "not_found"
  | "denied"
  | "corrupt"
  | "internal";

/** What an error is made of besides its kind and code. */
export interface ErrorParts {
  /** The object or field at fault: a path of the store, a JSON pointer, a member's name. */
  readonly object?: string | undefined;
  /** What a person can do next. */
  readonly hint?: string | undefined;
  /** What the code is about, e.g. limits and what was found. */
  readonly params?: Readonly<Record<string, string | number | boolean>> | undefined;
  /** What was thrown underneath. */
  readonly cause?: unknown;
  /** Milliseconds after which it is worth trying again, where the other side said so. */
  readonly retryAfterMs?: number | undefined;
}

/** The one class of errors that this package throws, and that promises of it reject with. */
export class IcecoreError extends Error {
  /** How to react. */
  readonly kind: ErrorKind;
  /** Which error it is, for programs: a word of a fixed list, e.g. `quota`, `evicted`, `token-refused`. */
  readonly code: string;
  /** The object or field at fault. */
  readonly object: string | undefined;
  /** What a person can do next. */
  readonly hint: string | undefined;
  /** What the code is about. */
  readonly params: Readonly<Record<string, string | number | boolean>>;
  /** Milliseconds after which it is worth trying again, where the other side said so. */
  readonly retryAfterMs: number | undefined;

  constructor(kind: ErrorKind, code: string, message: string, parts: ErrorParts = {}) {
    super(message, parts.cause === undefined ? undefined : { cause: parts.cause });
    this.name = "IcecoreError";
    this.kind = kind;
    this.code = code;
    this.object = parts.object;
    this.hint = parts.hint;
    this.params = parts.params ?? {};
    this.retryAfterMs = parts.retryAfterMs;
  }
}

const KINDS: ReadonlySet<unknown> = new Set<ErrorKind>([
  "conflict",
  "unavailable",
  "invalid",
  "not_found",
  "denied",
  "corrupt",
  "internal",
]);

/** Whether a text is the name of an {@link ErrorKind}. */
export function isErrorKind(kind: unknown): kind is ErrorKind {
  return KINDS.has(kind);
}

/**
 * Whether something caught is an error of this package. Not by `instanceof`: a page may hold two copies of the package,
 * and an error may come from another realm.
 */
export function isIcecoreError(error: unknown): error is IcecoreError {
  return (
    error instanceof Error &&
    error.name === "IcecoreError" &&
    "kind" in error &&
    isErrorKind(error.kind)
  );
}

/** Errors as this package throws them. */
export function asError(error: unknown): IcecoreError {
  return isIcecoreError(error)
    ? error
    : new IcecoreError("internal", "bug", "something unexpected went wrong", {
        hint: "report it; what is queued stays queued",
        cause: error,
      });
}

/** Whether an error is one of these kinds. */
export function isKind(error: unknown, ...kinds: readonly string[]): boolean {
  return isIcecoreError(error) && kinds.includes(error.kind);
}
