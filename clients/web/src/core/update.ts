/**
 * Updates: their text, which is kept as it is, and what it says.
 *
 * @module
 */

import type { IcecoreError } from "../errors.ts";
import { type Json, type JsonFault, parseJson } from "./json.ts";
import { type MemberText, memberTexts } from "./text.ts";

/** How many objects and lists may stand in each other in the data of an update. */
export const DATA_DEPTH_MAX = 64;

/** What an update says. */
export interface Update {
  /** When it happened by its author's clock; written as RFC 3339. */
  readonly at: string;
  /** Which instruction. */
  readonly kind: string;
  /** Its argument; null where there is a {@link Update.fault}. Shared with states: never changed. */
  readonly data: Json;
  /** Why the argument cannot be read, where it cannot. */
  readonly fault?: JsonFault;
  /** The argument as text. */
  readonly dataText: string;
  /** The id of the conflict, or of the rejected update, that it settles. */
  readonly resolves?: string | undefined;
  /** The version of the model that wrote it. */
  readonly modelVersion: number;
}

/** What an update is written from. */
export interface UpdateParts {
  /** When it happened: RFC 3339. */
  readonly at: string;
  /** Which instruction. */
  readonly kind: string;
  /** Its argument, as JSON text. */
  readonly dataText: string;
  /** What it settles. */
  readonly resolves?: string | undefined;
  /** The version of the model that writes it; 1 without it. */
  readonly modelVersion?: number | undefined;
}

/** The text of a new update. */
export function writeUpdate(parts: UpdateParts): string {
  const { at, kind, dataText, resolves, modelVersion = 1 } = parts;
  const settles = resolves === undefined ? "" : `,"resolves":${JSON.stringify(resolves)}`;
  const version = modelVersion > 1 ? `,"model_version":${modelVersion}` : "";
  return `{"at":${JSON.stringify(at)},"kind":${JSON.stringify(kind)},"data":${dataText}${settles}${version}}`;
}

/** What the text of an update says; `undefined` where it is an update without parts. */
export function readUpdate(text: string): Update | undefined {
  return readAsWritten(text) ?? ofMembers(text, readMembers);
}

/** The version of the model that wrote an update, sealed or not: 1 where it says none, or nothing that can be read. */
export function modelVersionOf(text: string): number {
  // Nearly all name none, and nobody spells the name with escapes; but who does is understood.
  if (!text.includes("model_version") && !text.includes("\\u")) return 1;
  return ofMembers(text, readVersion) ?? 1;
}

/** The texts that writers write begin and end so; what stands between is the data, if it is one JSON value. */
const HEAD = /^\{"at":"([^"\\]*)","kind":"([^"\\]*)","data":/;
const TAIL = /(?:,"resolves":"([^"\\]*)")?(?:,"model_version":([1-9]\d{0,8}))?\}$/;

/** The short way, for nearly all. What it does not understand, and what is wrong, is for the long way to say. */
function readAsWritten(text: string): Update | undefined {
  const head = HEAD.exec(text);
  if (!head) return undefined;
  const [{ length }, at = "", kind = ""] = head;
  // Where two brackets end it, the data are the last member; to look for others in all of it would take long.
  const isLast = (text.charCodeAt(text.length - 2) | 0x20) === 0x7d;
  const tail = isLast ? undefined : TAIL.exec(text);
  const dataText = text.slice(length, tail?.index ?? -1);
  try {
    const data = parseJson(dataText, DATA_DEPTH_MAX);
    return { at, kind, data, dataText, resolves: tail?.[1], modelVersion: Number(tail?.[2] ?? 1) };
  } catch {
    return undefined;
  }
}

/** What `read` makes of an update's members; `undefined` where it is no object, or the name of one is no Unicode. */
function ofMembers<T>(
  text: string,
  read: (members: readonly MemberText[]) => T | undefined,
): T | undefined {
  if (!text.trimStart().startsWith("{")) return undefined;
  try {
    const members = memberTexts(text);
    return members.every(({ name }) => name.isWellFormed()) ? read(members) : undefined;
  } catch {
    // No JSON at all.
    return undefined;
  }
}

/** The text of a member that may be left out: nothing at all where it stands twice. */
function one(members: readonly MemberText[], name: string, absent = ""): string {
  const [found, again] = members.filter((member) => member.name === name);
  return again ? "" : (found?.text ?? absent);
}

/** The version that the members name, 1 where they name none; `undefined` where it is none. */
function readVersion(members: readonly MemberText[]): number | undefined {
  const text = one(members, "model_version", "null");
  if (text === "null") return 1;
  return /^[1-9]\d{0,9}$/.test(text) && Number(text) < 2 ** 32 ? Number(text) : undefined;
}

function textOf(json: string): string | undefined {
  const value: unknown = JSON.parse(json || "0");
  return typeof value === "string" && value.isWellFormed() ? value : undefined;
}

function readMembers(members: readonly MemberText[]): Update | undefined {
  const at = textOf(one(members, "at"));
  const kind = textOf(one(members, "kind"));
  const dataText = one(members, "data");
  const modelVersion = readVersion(members);
  const settles = one(members, "resolves", "null");
  const resolves = textOf(settles);
  if (at === undefined || kind === undefined || !dataText || !modelVersion) return undefined;
  if (resolves === undefined && settles !== "null") return undefined;
  const parts = { at, kind, dataText, modelVersion, resolves };
  try {
    return { ...parts, data: parseJson(dataText, DATA_DEPTH_MAX) };
  } catch (error) {
    return { ...parts, data: null, fault: (error as IcecoreError).code as JsonFault };
  }
}
