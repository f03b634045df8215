/**
 * A running instance: methods are called on it, and each call is one update; what was recorded elsewhere is replayed into it.
 */

import {
  canonical,
  idText,
  type Json,
  type JsonObject,
  parseId,
  parseJson,
  type Receipt,
  type Recorded,
  Rejected,
  type Space,
  type UpdateId,
} from "icecore";
import { type Call, callOf, run, updateOf } from "./calls.ts";
import { known, notebookOf, REPLAY, readUpdate, type State } from "./model.ts";
import { type Notebook, Refused } from "./notebook.ts";

/** A call in a recording, which has one on each line: `{"id": "AUTHOR:SEQ", "at": …, "kind": "rename", "data": {…}}`, as `notes --record` writes it. */
export interface RecordedCall {
  /** The id of the update that the call was where it was made; a line that somebody wrote by hand may have none. */
  readonly id: UpdateId | undefined;
  readonly at: string | undefined;
  readonly call: Call;
}

/** What became of a recording. */
export interface Replayed {
  readonly made: number;
  readonly known: number;
  /** Each with the line, and why. */
  readonly refused: readonly string[];
}

export class App {
  readonly space: Space<State>;
  readonly #record: (line: string) => void;

  /** `record` is told of each call that is made here. */
  constructor(space: Space<State>, record: (line: string) => void) {
    this.space = space;
    this.#record = record;
  }

  /** The notes as they are now. */
  get notebook(): Notebook {
    return notebookOf(this.space.state);
  }

  /** Calls a method. On one device no two notes get one title; only a merge or a replay can bring them together. */
  make(call: Call, { resolves, at = now() }: { resolves?: string; at?: string } = {}): Receipt {
    const { notebook } = this;
    checkTitle(notebook, call);
    // What is not allowed throws here, before anything is stored.
    run(notebook, call);
    const receipt = this.space.update({ ...updateOf(call), at, resolves });
    const told = receipt.durable.then((id) => this.#record(lineOf({ id: parseId(id), at, call })));
    told.catch(() => undefined); // Whoever made the call is told.
    return receipt;
  }

  /** Replays a recording. A call that was made elsewhere keeps its id, so that it counts once. */
  replay(recording: string): Replayed {
    const refused: string[] = [];
    let [made, again] = [0, 0];
    for (const [n, line] of recording.split("\n").entries()) {
      if (line.trim() === "") continue;
      try {
        if (this.#take(readLine(line))) made += 1;
        else again += 1;
      } catch (error) {
        refused.push(`line ${n + 1}: ${error instanceof Error ? error.message : error}`);
      }
    }
    return { made, known: again, refused };
  }

  /** Whether the call was made now; false where this very call is contained already. */
  #take({ id, at = now(), call }: RecordedCall): boolean {
    if (id === undefined) {
      this.make(call, { at });
      return true;
    }
    const is = known(this.space.state, id, call);
    if (is === "another") throw new Refused(`another call is known as ${idText(id)}`);
    if (is === "yes") return false;
    run(this.notebook, call);
    const { kind, data } = updateOf(call);
    this.space.update({ kind: REPLAY, data: { id: idText(id), kind, data }, at });
    this.#record(lineOf({ id, at, call }));
    return true;
  }
}

/** All calls of a history, as a recording. What nobody can read is left out. */
export function recordingOf(history: readonly Recorded[]): string {
  const lines = history.flatMap(({ author, seq, update }) => {
    if (typeof update !== "string") return [];
    const { kind, data = null, at } = parseJson(update) as JsonObject;
    const read = readUpdate({ kind: String(kind), data }, { author, seq });
    return read instanceof Rejected ? [] : [lineOf({ ...read, at: String(at) })];
  });
  return lines.join("\n");
}

function lineOf({ id, at, call }: RecordedCall): string {
  const { kind, data } = updateOf(call);
  const named = id === undefined ? "" : `"id":"${idText(id)}",`;
  const timed = at === undefined ? "" : `"at":${JSON.stringify(at)},`;
  return `{${named}${timed}"kind":"${kind}","data":${canonical(data)}}`;
}

function readLine(line: string): RecordedCall {
  const read: Json = parseJson(line);
  const { id, at, kind, data = null } = (read ?? {}) as JsonObject;
  if (typeof kind !== "string") throw new Refused("this is no call");
  const call = callOf({ kind, data });
  if (call instanceof Rejected) throw new Refused(String(call.reason.params["message"]));
  const named = typeof id === "string" ? parseId(id) : undefined;
  if (id !== undefined && named === undefined) throw new Refused("the id is none");
  return { id: named, at: typeof at === "string" ? at : undefined, call };
}

function checkTitle({ notes }: Notebook, call: Call): void {
  if (call.method !== "add" && call.method !== "rename") return;
  const { id } = call.argument;
  const title = call.method === "add" ? call.argument.note.title : call.argument.title;
  const isTaken = Object.entries(notes).some(
    ([other, note]) => other !== id && note.title === title,
  );
  if (isTaken) throw new Refused(`There is a note called “${title}”: choose another title.`);
}

function now(): string {
  return new Date().toISOString();
}
