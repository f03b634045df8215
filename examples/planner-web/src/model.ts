/**
 * What a planner holds. The state is the model `document`: an object that updates merge into.
 *
 *     { "tasks":  { ID: { "title", "slot"?, "done"?, "by" } },
 *       "people": { ID: { "name" } },
 *       "chat":   [ { "id", "by", "at", "text" } ] }
 *
 * Whoever has a token may write anything: what is read here is looked at, and what does not fit is passed over.
 */

import type { DocumentState, Json, UpdateInput } from "icecore";

/** Two tasks at one time are a conflict: offline nobody sees that the other one takes it too. */
export const RULES = { rules: [{ rule: "unique", path: "/tasks/*/slot" }] };

export interface Task {
  readonly id: string;
  readonly title: string;
  /** Day and hour, by whoever's clock is on the wall: `2026-12-01T09:00`. */
  readonly slot: string | undefined;
  readonly isDone: boolean;
  /** Whose idea it was. */
  readonly by: string;
}

export interface Message {
  readonly id: string;
  readonly by: string;
  /** Milliseconds since 1970 UTC, by the clock of who wrote it. */
  readonly at: number;
  readonly text: string;
}

const SLOT = /^\d{4}-\d\d-\d\dT\d\d:\d\d$/;

function membersOf(
  value: Json | undefined,
): readonly (readonly [string, Readonly<Record<string, unknown>>])[] {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return [];
  return Object.entries(value).flatMap(([name, member]) =>
    typeof member === "object" && member !== null
      ? [[name, member as Readonly<Record<string, unknown>>] as const]
      : [],
  );
}

const compare = (left: string, right: string): number =>
  Number(left > right) - Number(left < right);
const textOf = (value: unknown): string => (typeof value === "string" ? value : "");

/** The tasks: by time, those without one last, then by id, which grows with time. */
export function tasksOf(state: DocumentState): readonly Task[] {
  return membersOf(state["tasks"])
    .map(
      ([id, { title, slot, done, by }]): Task => ({
        id,
        title: textOf(title) || "Untitled",
        slot: SLOT.test(textOf(slot)) ? textOf(slot) : undefined,
        isDone: done === true,
        by: textOf(by),
      }),
    )
    .sort((a, b) => compare(a.slot ?? "~", b.slot ?? "~") || compare(a.id, b.id));
}

/** What was said, in the order in which all devices have it. */
export function messagesOf(state: DocumentState): readonly Message[] {
  const chat = state["chat"];
  if (!Array.isArray(chat)) return [];
  return membersOf({ ...chat }).flatMap(([, { id, by, at, text }]) =>
    typeof id === "string" && typeof at === "number"
      ? [{ id, by: textOf(by), at, text: textOf(text) }]
      : [],
  );
}

/** What people call themselves. */
export function namesOf(state: DocumentState): ReadonlyMap<string, string> {
  return new Map(membersOf(state["people"]).map(([id, { name }]) => [id, textOf(name)]));
}

/** A new id: by time, and different for all who make one at the same time. */
export function newId(): string {
  const random = crypto.getRandomValues(new Uint32Array(1))[0] ?? 0;
  return `${Date.now().toString(36)}-${random.toString(36)}`;
}

/** Several people may change different members of one task at once: a merge keeps both. `null` takes a member away. */
export function changeTask(id: string, change: Readonly<Record<string, Json>>): UpdateInput {
  return { kind: "merge", data: { tasks: { [id]: change } } };
}

export function deleteTask(id: string): UpdateInput {
  return { kind: "delete", data: [`/tasks/${id}`] };
}

/** Appended messages of all devices stand in one order, and none is lost. */
export function say(by: string, text: string): UpdateInput {
  return { kind: "append", data: { "/chat": [{ id: newId(), by, at: Date.now(), text }] } };
}

export function nameMyself(id: string, name: string): UpdateInput {
  return { kind: "merge", data: { people: { [id]: { name } } } };
}

/** The hours that can be planned. */
export const HOURS: readonly string[] = Array.from(
  { length: 13 },
  (_, n) => `${String(n + 8).padStart(2, "0")}:00`,
);

/** The first free hour after a slot, on the same day if there is one. */
export function freeSlotAfter(tasks: readonly Task[], slot: string): string | undefined {
  const taken = new Set(tasks.map((task) => task.slot));
  const [day = "", hour = ""] = slot.split("T");
  const later = HOURS.filter((other) => other > hour);
  const earlier = HOURS.filter((other) => other < hour).reverse();
  return [...later, ...earlier]
    .map((other) => `${day}T${other}`)
    .find((other) => !taken.has(other));
}

/** A day as slots have it. */
export function dayText(date: Date): string {
  const two = (number: number): string => String(number).padStart(2, "0");
  return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
}

/** The local noon of a day: adding days to it never lands in the hour that a clock change takes away. */
export function dateOf(day: string): Date {
  return new Date(`${day}T12:00`);
}

const LANGUAGE = "en-GB";
const words = (options: Intl.DateTimeFormatOptions): Intl.DateTimeFormat =>
  new Intl.DateTimeFormat(LANGUAGE, options);
export const weekday: Intl.DateTimeFormat = words({ weekday: "short" });
export const shortDay: Intl.DateTimeFormat = words({
  weekday: "long",
  day: "numeric",
  month: "short",
});
export const monthName: Intl.DateTimeFormat = words({ month: "long" });
export const clockTime: Intl.DateTimeFormat = words({ hour: "2-digit", minute: "2-digit" });
export const moment: Intl.DateTimeFormat = words({
  weekday: "short",
  day: "numeric",
  month: "short",
  hour: "2-digit",
  minute: "2-digit",
  second: "2-digit",
});

/** A slot for people. */
export function slotText(slot: string | undefined): string {
  if (slot === undefined) return "any time";
  const [day = "", hour = ""] = slot.split("T");
  return `${weekday.format(dateOf(day))} ${hour}`;
}
