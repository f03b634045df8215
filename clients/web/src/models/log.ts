/**
 * The built-in model `log`: the list of updates, for apps that fold for themselves.
 *
 * @module
 */

import { type Author, isAuthor, isKey, isSeq, type Key, type Seq } from "../core/ids.ts";
import { canonical, isObject, type Json } from "../core/json.ts";
import { Rejected, reason } from "../core/reason.ts";
import { DATA_DEPTH_MAX } from "../core/update.ts";
import { depthOf } from "./document/value.ts";
import { type Model, readState } from "./model.ts";

/** One update of a log. A type, so that it is JSON. */
export type LogEntry = {
  /** When it happened by its author's clock. */
  readonly at: string;
  /** Who wrote it. */
  readonly author: Author;
  /** Its argument. */
  readonly data: Json;
  /** The key of the object that carried it. */
  readonly key: Key;
  /** Which instruction. */
  readonly kind: string;
  /** The author's counter. */
  readonly seq: Seq;
};

/** The state of a log: its updates in canonical order. */
export type LogState = readonly LogEntry[];

/** The model `log`: every update is accepted, unless its data cannot be read. */
export const logModel: Model<LogState> = {
  name: "log",
  version: 1,
  initial: () => [],
  apply: (state, { at, kind, data, fault }, { author, seq, key }, own) => {
    if (fault) return new Rejected(reason(fault, { kind }));
    const entry = { at: alone(at), author, data, key, kind: alone(kind), seq };
    if (own.has(state)) {
      (state as LogEntry[]).push(entry);
      return state;
    }
    const longer = [...state, entry];
    own.add(longer);
    return longer;
  },
  judge: (kind, data) =>
    depthOf(data) > DATA_DEPTH_MAX ? new Rejected(reason("too-deep", { kind })) : undefined,
  check: () => [],
  write: canonical,
  read: (version, text) =>
    readState<LogState>({ name: "log", version: 1, isState: isLog }, version, text),
};

/** The same text in memory of its own: engines keep a whole file alive for a part of it. */
function alone(text: string): string {
  return text.length < 13 ? text : String(JSON.parse(JSON.stringify(text)));
}

function isLog(state: Json): boolean {
  return Array.isArray(state) && state.every(isEntry);
}

function isEntry(json: Json): boolean {
  if (!isObject(json)) return false;
  const { at, author, key, kind, seq } = json;
  return (
    Object.keys(json).sort().join() === "at,author,data,key,kind,seq" &&
    typeof at === "string" &&
    typeof kind === "string" &&
    isAuthor(author) &&
    isSeq(seq) &&
    isKey(key)
  );
}
