/**
 * The updates: what happened on a device. The same as those of the Rust program (`src/event.rs`), with the same limits. None says what a sum or a
 * list is to be, only what is added: so devices that were offline cannot undo each other.
 */

import { type AnyUpdate, type Json, type JsonObject, type Rejected, reject } from "icecore";

export const SPORTS = ["walk", "run", "ride", "swim", "other"] as const;
export type Sport = (typeof SPORTS)[number];

/** The most steps of one update. */
export const STEPS_MAX = 100_000;

export type Message =
  /** A device begins to count. */
  | {
      readonly kind: "start_session";
      readonly data: { readonly session: string; readonly device: string };
    }
  /** It stops. Steps that arrive later still count. */
  | { readonly kind: "end_session"; readonly data: { readonly session: string } }
  /** "Add 10", never "set 110". */
  | {
      readonly kind: "add_steps";
      readonly data: { readonly session: string; readonly count: number };
    }
  /** Something was done. It is never changed, and counts once within its session. */
  | {
      readonly kind: "add_activity";
      readonly data: {
        readonly session: string;
        readonly id: string;
        readonly sport: Sport;
        readonly minutes: number;
      };
    }
  /** The public name. */
  | { readonly kind: "set_name"; readonly data: { readonly name: string } }
  /** The height, in centimetres. */
  | { readonly kind: "set_height"; readonly data: { readonly cm: number } }
  /** What to reach in a day. */
  | { readonly kind: "set_goal"; readonly data: { readonly steps: number } };

type Check = (value: Json | undefined) => boolean;

const isId: Check = (value) => typeof value === "string" && /^[a-z0-9_.-]{1,64}$/.test(value);
const isSport: Check = (value) => SPORTS.some((sport) => sport === value);
const utf8 = new TextEncoder();
const isText: Check = (value) => {
  if (typeof value !== "string" || value === "" || /\p{Cc}/u.test(value)) return false;
  return utf8.encode(value).length <= 100;
};
const within =
  (least: number, most: number): Check =>
  (value) =>
    typeof value === "number" && Number.isInteger(value) && least <= value && value <= most;

/** What each kind of update says, and within which limits. */
const FIELDS: Readonly<Record<Message["kind"], Readonly<Record<string, Check>>>> = {
  start_session: { session: isId, device: isText },
  end_session: { session: isId },
  add_steps: { session: isId, count: within(1, STEPS_MAX) },
  add_activity: { session: isId, id: isId, sport: isSport, minutes: within(1, 24 * 60) },
  set_name: { name: isText },
  set_height: { cm: within(30, 300) },
  set_goal: { steps: within(1, STEPS_MAX) },
};

/** The message that an update is; others may have written it with any program. Members that nobody knows are passed over. */
export function readMessage({ kind, data }: AnyUpdate): Message | Rejected {
  const fields = Object.hasOwn(FIELDS, kind) ? FIELDS[kind as Message["kind"]] : undefined;
  if (fields === undefined) return reject(`${kind}: no kind of update`);
  if (typeof data !== "object" || data === null || Array.isArray(data)) {
    return reject(`${kind}: no object`);
  }
  for (const [name, isFine] of Object.entries(fields)) {
    const value = Object.hasOwn(data, name) ? (data as JsonObject)[name] : undefined;
    if (!isFine(value)) return reject(`${name}: it is missing, or not within its limits`);
  }
  return { kind, data } as unknown as Message;
}
