/**
 * The fold: an update calls its method; and the rule that no two notes have one title. The same as that of the Rust program (`src/model.rs`), so
 * both share one space.
 */

import {
  type AnyUpdate,
  type Author,
  compareText,
  defineModel,
  type Json,
  type JsonObject,
  type Model,
  parseId,
  Rejected,
  reject,
  type Seq,
  sha256Hex,
  type UpdateId,
  type Violation,
} from "icecore";
import {
  argumentText,
  type Call,
  callOf,
  notebookShape,
  refusal,
  run,
  titlePath,
  touchesOf,
} from "./calls.ts";
import { Notebook } from "./notebook.ts";

/** What a running instance holds. */
export type State = {
  /** Which calls the notebook contains, by author and number, and of each a digest of what was called: it counts once, whichever way it comes. */
  readonly calls: { readonly [author: string]: readonly (readonly [Seq, string])[] };
  /** The notebook, as typed JSON. */
  readonly notebook: Json;
};

/** The kind of an update that replays a call. */
export const REPLAY = "replay";

/** The longest argument, in bytes: what is left of an update is needed for the id under which the call is replayed elsewhere. */
const CALL_BYTES_MAX = 767 * 1024;

export const notesModel: Model<State> = defineModel({
  name: "notes",
  version: 1,
  initial: { calls: {}, notebook: notebookShape.store(new Notebook()) } as State,
  apply: (state, update, { author, seq }) => {
    const read = readUpdate(update, { author, seq });
    return read instanceof Rejected ? read : play(state, read.id, read.call);
  },
  check: titlesThatTwoHave,
  touches: (update) => {
    const read = readUpdate(update, { author: "" as Author, seq: 1 });
    return read instanceof Rejected ? [] : touchesOf(read.call);
  },
});

/** The notebook of a state: the very notes, dates and members of enums. */
export function notebookOf(state: State): Notebook {
  return notebookShape.restore(state.notebook);
}

/** The call of an update, with the id under which it counts: the update's own, unless it replays a call that was made elsewhere. */
export function readUpdate(
  { kind, data }: AnyUpdate,
  own: UpdateId,
): { readonly id: UpdateId; readonly call: Call } | Rejected {
  if (kind !== REPLAY) {
    const call = callOf({ kind, data });
    return call instanceof Rejected ? call : { id: own, call };
  }
  if (typeof data !== "object" || data === null || Array.isArray(data)) {
    return reject(`${REPLAY}: no object`);
  }
  const { id, kind: method, data: argument, at = null } = data as JsonObject;
  const named = typeof id === "string" ? parseId(id) : undefined;
  if (named === undefined) return reject(`${REPLAY}: it has no id`);
  if (typeof method !== "string" || argument === undefined) return reject(`${REPLAY}: no call`);
  if (typeof at !== "string" && at !== null) return reject(`${REPLAY}: at is no text`);
  const call = callOf({ kind: method, data: argument });
  return call instanceof Rejected ? call : { id: named, call };
}

/** Whether a call is contained, or another one under its id. */
export function known(state: State, id: UpdateId, call: Call): "no" | "yes" | "another" {
  const found = callsBy(state, id.author).find(([seq]) => seq === id.seq);
  if (found === undefined) return "no";
  return found[1] === digestOf(call) ? "yes" : "another";
}

/** Calls the method, unless this very call is contained already. A call that is refused does not count as contained: it may be possible later. */
function play(state: State, id: UpdateId, call: Call): State | Rejected {
  const bytes = new TextEncoder().encode(argumentText(call)).length;
  if (bytes > CALL_BYTES_MAX) return reject(tooLong(call, bytes));
  const is = known(state, id, call);
  if (is === "yes") return state;
  if (is === "another") return reject(anotherCall(id));
  const notebook = notebookOf(state);
  try {
    run(notebook, call);
  } catch (error) {
    return reject(refusal(error));
  }
  const own = callsBy(state, id.author);
  const later = own.findIndex(([seq]) => seq > id.seq);
  const calls = own.toSpliced(later < 0 ? own.length : later, 0, [id.seq, digestOf(call)]);
  return {
    calls: { ...state.calls, [id.author]: calls },
    notebook: notebookShape.store(notebook),
  };
}

function tooLong({ method }: Call, bytes: number): string {
  return `the argument of ${method} has ${bytes} bytes, at most ${CALL_BYTES_MAX} can be recorded and replayed`;
}

/** The id alone is not enough: a device that was put back from a backup makes other calls under ids that it has used already. */
function anotherCall({ author, seq }: UpdateId): string {
  return `another call is known as ${author}:${seq}: its device was put back from a backup, or copied`;
}

function callsBy({ calls }: State, author: string): State["calls"][string] {
  return calls[author] ?? [];
}

/** What tells two calls apart that have one id. */
function digestOf(call: Call): string {
  return sha256Hex(`${call.method} ${argumentText(call)}`).slice(0, 16);
}

function titlesThatTwoHave(state: State): readonly Violation[] {
  const titled = new Map<string, string[]>();
  const { notes } = notebookOf(state);
  for (const id of Object.keys(notes).sort(compareText)) {
    const title = notes[id]?.title ?? "";
    titled.set(title, [...(titled.get(title) ?? []), titlePath(id)]);
  }
  return [...titled]
    .filter(([, paths]) => paths.length > 1)
    .sort(([a], [b]) => compareText(a, b))
    .map(([title, paths]) => ({
      rule: "one-title",
      reason: reject(`${paths.length} notes are called ${JSON.stringify(title)}`).reason,
      paths,
    }));
}
