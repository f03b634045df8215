/**
 * The model: what all devices' updates come to. The same as that of the Rust program (`src/fitness.rs`), so both share one space. Sums, sets and
 * times of modification only: nothing depends on whose phone was online first.
 */

import { compareText, defineModel, type Model, Rejected, reject } from "icecore";
import { type Message, readMessage, type Sport } from "./event.ts";
import { type Latest, modifiedBy, offer } from "./latest.ts";

type ByName<T> = { readonly [name: string]: T };

/** What was done on a day. */
export type Day = { readonly minutes: ByName<number>; readonly steps: number };

/** One device, counting for a while. */
export type Session = {
  /** The activities that counted, by id alone: one that is sent again does not count again. */
  readonly activities: readonly string[];
  /** What the device calls itself. */
  readonly devices: readonly string[];
  /** When it ended, as far as is known: milliseconds since 1970 UTC. */
  readonly ended: number | null;
  /** When it started. */
  readonly started: number | null;
  readonly steps: number;
};

/** An activity in full. */
export type Activity = {
  readonly at: number;
  readonly id: string;
  readonly minutes: number;
  readonly sport: Sport;
};

/** What this device has not been able to send. An activity is cleared from here when the bucket has it. */
export type Waiting = { readonly activities: readonly Activity[]; readonly steps: number };

/** The state of one person, guest or user. */
export type Fitness = {
  /** By day: of UTC, by the clock of the device. */
  readonly days: ByName<Day>;
  readonly goal: Latest<number>;
  readonly height: Latest<number>;
  readonly name: Latest<string>;
  readonly sessions: ByName<Session>;
  /** In no snapshot: those hold what is stored. Absent where nothing waits. */
  readonly waiting?: Waiting;
};

/** The key of what is not sent yet: the greatest that there is. */
const WAITING = 9_999_999_999_999;
const NO_DAY: Day = { minutes: {}, steps: 0 };
const NOTHING: Waiting = { activities: [], steps: 0 };
const NEW: Session = { activities: [], devices: [], ended: null, started: null, steps: 0 };

export const stepsModel: Model<Fitness> = defineModel({
  name: "steps",
  version: 1,
  initial: { days: {}, goal: null, height: null, name: null, sessions: {} } as Fitness,
  apply: (state, update, meta) => {
    const message = readMessage(update);
    if (message instanceof Rejected) return message;
    const modified = modifiedBy(meta);
    if (modified === undefined) return reject("at: no time");
    const when = { at: modified.at, waits: meta.key === WAITING };
    switch (message.kind) {
      case "start_session":
        return startSession(state, message.data, when.at);
      case "end_session":
        return endSession(state, message.data, when.at);
      case "add_steps":
        return addSteps(state, message.data, when);
      case "add_activity":
        return addActivity(state, message.data, when);
      case "set_name":
        return { ...state, name: offer(state.name, message.data.name, modified) };
      case "set_height":
        return { ...state, height: offer(state.height, message.data.cm, modified) };
      case "set_goal":
        return { ...state, goal: offer(state.goal, message.data.steps, modified) };
    }
  },
});

type Data<K extends Message["kind"]> = Extract<Message, { kind: K }>["data"];
interface When {
  readonly at: number;
  readonly waits: boolean;
}

function startSession(state: Fitness, { session, device }: Data<"start_session">, at: number) {
  return inSession(state, session, (before) => ({
    ...before,
    devices: within(before.devices, device),
    started: before.started === null ? at : Math.min(before.started, at),
  }));
}

function endSession(state: Fitness, { session }: Data<"end_session">, at: number): Fitness {
  return inSession(state, session, (before) => ({
    ...before,
    ended: before.ended === null ? at : Math.max(before.ended, at),
  }));
}

/** To a session that is not known yet, too: its start is on its way. */
function addSteps(state: Fitness, { session, count }: Data<"add_steps">, when: When): Fitness {
  const counted = inSession(state, session, (before) => ({
    ...before,
    steps: before.steps + count,
  }));
  const day = dayAt(state, when.at);
  const days = { ...state.days, [dayOf(when.at)]: { ...day, steps: day.steps + count } };
  if (!when.waits) return { ...counted, days };
  const { waiting = NOTHING } = state;
  return { ...counted, days, waiting: { ...waiting, steps: waiting.steps + count } };
}

function addActivity(state: Fitness, data: Data<"add_activity">, { at, waits }: When): Fitness {
  const { session, id, sport, minutes } = data;
  if (sessionIn(state, session).activities.includes(id)) return state;
  const counted = inSession(state, session, (before) => ({
    ...before,
    activities: within(before.activities, id),
  }));
  const day = dayAt(state, at);
  const all = { ...day.minutes, [sport]: (day.minutes[sport] ?? 0) + minutes };
  const days = { ...state.days, [dayOf(at)]: { ...day, minutes: all } };
  if (!waits) return { ...counted, days };
  const { waiting = NOTHING } = state;
  const activities = [...waiting.activities, { at, id, minutes, sport }];
  return { ...counted, days, waiting: { ...waiting, activities } };
}

function inSession(state: Fitness, id: string, change: (before: Session) => Session): Fitness {
  return { ...state, sessions: { ...state.sessions, [id]: change(sessionIn(state, id)) } };
}

/** Others choose the ids: `constructor` is one like any other. */
function sessionIn({ sessions }: Fitness, id: string): Session {
  return (Object.hasOwn(sessions, id) ? sessions[id] : undefined) ?? NEW;
}

/** A set, in the order in which Rust sorts texts. */
function within(set: readonly string[], item: string): readonly string[] {
  return set.includes(item) ? set : [...set, item].sort(compareText);
}

/** `2026-11-21`. */
export function dayOf(millis: number): string {
  return new Date(millis).toISOString().slice(0, 10);
}

/** The day of a time: what depends on the present is no part of the state. */
export function dayAt(state: Fitness, millis: number): Day {
  return state.days[dayOf(millis)] ?? NO_DAY;
}

/** All steps of all sessions. */
export function stepsIn({ sessions }: Fitness): number {
  return Object.values(sessions).reduce((sum, { steps }) => sum + steps, 0);
}
