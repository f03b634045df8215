/** The models of the examples' pages by themselves, and the simple mode. What they fold is judged by the examples' programs in test/real. */

import { expect, test } from "vitest";
import { type Attempts, activityModel } from "../../../examples/activity/web/attempts.ts";
import { project } from "../../../examples/activity/web/projection.ts";
import { callOf, run, updateOf } from "../../../examples/notes/web/calls.ts";
import { notebookOf, notesModel } from "../../../examples/notes/web/model.ts";
import { Note, Notebook, Refused, Status } from "../../../examples/notes/web/notebook.ts";
import { dayAt, stepsModel } from "../../../examples/steps/web/fitness.ts";
import { KEY_MAX, type Key } from "../src/core/ids.ts";
import type { Json } from "../src/core/json.ts";
import { Rejected } from "../src/core/reason.ts";
import { readUpdate, type Update, writeUpdate } from "../src/core/update.ts";
import { open } from "../src/index.ts";
import type { Model } from "../src/models/model.ts";
import { memoryStores } from "../src/store/memory.ts";
import { seededChance } from "../src/testing/chance.ts";
import { manualClock } from "../src/testing/clock.ts";
import { memoryGateway } from "../src/testing/gateway.ts";
import { author } from "./remote-contract.ts";

const AT = "2026-11-30T12:00:00.000Z";
const KEY = Date.parse(AT);

/** The state after updates, each `[kind, data, key, at]`. */
function fold<S>(model: Model<S>, updates: readonly (readonly [string, Json, Key?, string?])[]): S {
  let [state, seq] = [model.initial(), 0];
  for (const [kind, data, key = KEY, at = AT] of updates) {
    seq += 1;
    const text = writeUpdate({ at, kind, dataText: JSON.stringify(data) });
    const next = model.apply(
      state,
      readUpdate(text) as Update,
      { author: author(1), seq, key },
      new Set(),
    );
    if (next instanceof Rejected) throw new Error(JSON.stringify(next.reason));
    state = next;
  }
  return state;
}

function event(id: string, type: string, second: number, more: object = {}): Json {
  const time = Date.parse(AT) + 1_000 * second;
  return { id, attemptId: "run", type, source: "user", occurredAt: time, createdAt: time, ...more };
}

test("activity: events have one order whichever comes first, and copies of one id count once", () => {
  const events: readonly (readonly [string, Json, Key])[] = [
    ["event", event("a", "START", 0), KEY],
    ["event", event("b", "PAUSE", 60), KEY],
    ["event", event("c", "LAP", 30, { length: 400.5 }), KEY + 1],
    ["event", event("b", "PAUSE", 90), KEY + 5],
    ["event", { ...(event("a", "START", 0) as object), attemptId: "other" }, KEY + 9],
  ];
  const states = [
    events,
    events.toReversed(),
    [...events.slice(2), ...events.slice(0, 2)],
    [...events, ...events],
  ].map((some) => activityModel.write(fold(activityModel, some)));
  expect(new Set(states).size).toBe(1);
  const attempts = activityModel.read(1, states[0] ?? "") as Attempts;
  expect(Object.keys(attempts)).toEqual(["run"]);
  const attempt = project("run", attempts["run"] ?? []);
  expect(attempt).toMatchObject({ status: "paused", duration: 60_000, created: false, events: 3 });
  expect(attempt.odd).toEqual([{ id: "c", type: "LAP", why: "unknownType" }]);
});

test("activity: an event that waits stands last, and is told", () => {
  const state = fold(activityModel, [
    ["event", event("b", "START", 0), KEY_MAX],
    ["event", event("a", "PAUSE", 60), KEY],
  ]);
  const attempt = project("run", state["run"] ?? []);
  expect(attempt).toMatchObject({ status: "running", waiting: 1 });
  expect(attempt.odd.map(({ why }) => why)).toEqual(["notRunning"]);
});

test("steps: what waits stands there in full, and is cleared when it is stored", () => {
  const walk = { session: "s", id: "a", sport: "walk", minutes: 30 };
  const waiting = fold(stepsModel, [
    ["add_activity", walk, KEY_MAX],
    ["add_steps", { session: "s", count: 10 }, KEY_MAX],
  ]);
  const activity = { at: KEY, id: "a", minutes: 30, sport: "walk" };
  expect(waiting.waiting).toEqual({ activities: [activity], steps: 10 });
  const stored = fold(stepsModel, [
    ["add_activity", walk],
    ["add_activity", walk],
    ["add_steps", { session: "s", count: 10 }],
  ]);
  expect(stored.waiting).toBeUndefined();
  for (const state of [waiting, stored]) {
    expect(dayAt(state, KEY)).toEqual({ minutes: { walk: 30 }, steps: 10 });
  }
});

test("steps: a name goes by when it was set; a clock that is a year ahead does not hold it", () => {
  const named = (...names: readonly (readonly [string, string])[]): string | undefined =>
    fold(
      stepsModel,
      names.map(([name, at]) => ["set_name", { name }, KEY, at]),
    ).name?.value;
  expect(named(["Ada", AT], ["A.", "2026-11-30T09:00:00.000Z"])).toBe("Ada");
  const ahead = ["Eve", "2027-11-30T12:00:00.000Z"] as const;
  expect(named(ahead, ["Ada", "2026-11-30T13:00:00.000Z"])).toBe("Ada");
});

test("notes: each method is one update, both ways; enums are the instances that there are", () => {
  const due = new Date(KEY);
  const note = new Note({ title: "Pack", text: "", due: null, status: Status.Open });
  const calls = [
    { method: "add", argument: { id: "n1", note } },
    { method: "rename", argument: { id: "n1", title: "Go" } },
    { method: "write", argument: { id: "n1", text: "far" } },
    { method: "postpone", argument: { id: "n1", due } },
    { method: "mark", argument: { id: "n1", status: Status.Started } },
    { method: "mark", argument: { id: "n1", status: Status.done(due) } },
    { method: "add", argument: { id: "n2", note } },
    { method: "remove", argument: "n2" },
  ] as const;
  const notebook = new Notebook();
  for (const call of calls) {
    const again = callOf(updateOf(call));
    if (again instanceof Rejected) throw new Error(call.method);
    expect(again).toEqual(call);
    run(notebook, again);
  }
  const state = fold(
    notesModel,
    calls.map((call) => [updateOf(call).kind, updateOf(call).data]),
  );
  expect(notebookOf(state)).toEqual(notebook);
  const restored = notebookOf(fold(notesModel, [["add", updateOf(calls[0]).data]])).note("n1");
  expect(restored).toBeInstanceOf(Note);
  expect(restored?.status).toBe(Status.Open);
  expect(() => run(notebook, { method: "remove", argument: "n2" })).toThrow(Refused);
});

test("notes: a call that is replayed counts once, and two titles are a conflict of two paths", () => {
  const data = {
    $type: "Add",
    id: "n1",
    note: { $type: "Note", title: "Pack", text: "", status: { $enum: "Status", name: "Open" } },
  };
  const id = `${author(2)}:7`;
  const state = fold(notesModel, [
    ["replay", { id, kind: "add", data }],
    ["replay", { id, kind: "add", data }],
    ["add", { ...data, id: "n2" }],
  ]);
  expect(Object.keys(notebookOf(state).notes)).toEqual(["n1", "n2"]);
  expect(notesModel.check(state).map(({ paths }) => paths)).toEqual([
    ["/notebook/notes/n1/title", "/notebook/notes/n2/title"],
  ]);
});

test("notes: the simple mode loads at the start and saves after each change", async () => {
  const [clock, chance] = [manualClock(), seededChance(1)];
  const gateway = memoryGateway({ clock, chance });
  gateway.createSpace("notes", { model: "notes" });
  const device = () =>
    open({
      gateway: gateway.url,
      space: "notes",
      model: notesModel,
      token: async () => gateway.token({ spaces: ["notes"], rights: ["read", "write"] }),
      stores: memoryStores(),
      platform: { clock, chance, fetch: gateway.page().fetch },
    });
  const passes = async <T>(work: Promise<T>): Promise<T> => {
    const done = work.then(() => true);
    while (!(await Promise.race([done, clock.advance(100).then(() => false)])));
    return work;
  };
  const note = new Note({ title: "Pack", text: "", due: null, status: Status.Open });
  const notes = device();
  await passes(notes.sync()); // loaded
  expect(notebookOf(notes.state).notes).toEqual({}); // shown
  const receipt = notes.update(updateOf({ method: "add", argument: { id: "n1", note } })); // changed
  await passes(receipt.confirmed); // saved
  const other = device();
  await passes(other.sync());
  expect(notebookOf(other.state).note("n1")).toEqual(note);
});
