/**
 * What the tab that sends tells the others of itself.
 *
 * @module
 */

import { IcecoreError, isErrorKind } from "../errors.ts";
import type { Facts } from "./status.ts";

/** What the tab that sends tells the others of itself. */
export type Told = Readonly<Pick<Facts, "error" | "hasSynced" | "clockOffMs">>;

/** The form in which that is told: errors lose their class on the way. */
export function tell({ error, hasSynced, clockOffMs }: Told): unknown {
  const parts = error && {
    kind: error.kind,
    code: error.code,
    message: error.message,
    object: error.object,
    hint: error.hint,
    params: error.params,
  };
  return { error: parts, hasSynced, clockOffMs };
}

/** What another tab told, or `undefined` where it is not of that form. */
export function heard(value: unknown): Told | undefined {
  if (typeof value !== "object" || value === null) return undefined;
  const { error, hasSynced, clockOffMs } = value as Partial<Record<string, unknown>>;
  return {
    error: errorOf(error),
    hasSynced: hasSynced === true,
    clockOffMs: typeof clockOffMs === "number" ? clockOffMs : undefined,
  };
}

function errorOf(value: unknown): IcecoreError | undefined {
  if (typeof value !== "object" || value === null) return undefined;
  const { kind, code, message, object, hint, params } = value as Partial<Record<string, unknown>>;
  if (!isErrorKind(kind) || typeof code !== "string") return undefined;
  return new IcecoreError(kind, code, String(message), {
    object: typeof object === "string" ? object : undefined,
    hint: typeof hint === "string" ? hint : undefined,
    params: typeof params === "object" && params !== null ? (params as IcecoreError["params"]) : {},
  });
}
