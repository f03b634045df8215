/**
 * The model: where an event goes. The same as that of the Rust program (`src/attempts.rs`), so both share one space.
 */

import { canonical, compareText, defineModel, type Model, Rejected, reject } from "icecore";
import { type Event, readEvent } from "./event.ts";

/** The events of each attempt, sorted alike on all devices, each id once over all attempts. What they amount to is computed: {@link project}. */
export type Attempts = { readonly [attempt: string]: readonly Event[] };

/** An event, and the attempt in which it stands. */
interface Place {
  readonly attempt: string;
  readonly event: Event;
}

/** The model. No event is refused for what others say: `project` decides what it means. */
export const activityModel: Model<Attempts> = defineModel({
  name: "activity",
  version: 1,
  initial: {} as Attempts,
  apply: (state, { kind, data }, { key }) => {
    if (kind !== "event")
      return reject(`${Array.from(kind).slice(0, 100).join("")}: no kind of update`);
    const read = readEvent(data, key);
    // An event that is there already is no mistake: a retry, or one that two servers were given.
    return read instanceof Rejected ? read : insert(state, read);
  },
});

/** The events of an attempt in their merged order. */
export function timelineOf(state: Attempts, attempt: string): readonly Event[] {
  return (Object.hasOwn(state, attempt) ? state[attempt] : undefined) ?? [];
}

/** By server time, then by when it happened, then by when it was written down; then by id. */
function compare(left: Event, right: Event): number {
  return compareRank(left, right) || compareText(left.id, right.id);
}

function compareRank(left: Event, right: Event): number {
  return (
    left.serverTime - right.serverTime ||
    left.occurredAt - right.occurredAt ||
    left.createdAt - right.createdAt
  );
}

/** Which of two copies of one id stands earlier: any order will do that all devices share. */
function compareCopies(left: Place, right: Place): number {
  const [one, other] = [left.event, right.event];
  return (
    compareRank(one, other) ||
    compareText(left.attempt, right.attempt) ||
    compareText(one.type, other.type) ||
    compareText(one.source, other.source) ||
    compareText(canonical(one.more ?? {}), canonical(other.more ?? {}))
  );
}

/** With an event in its place. Of two with one id the one that stands earlier counts, whichever came first. */
function insert(state: Attempts, place: Place): Attempts {
  const places = placesOf(state);
  const held = places.get(place.event.id);
  if (held && compareCopies(held, place) <= 0) return state;
  const next = placed(held ? without(state, held) : state, place);
  // The index goes on with the newest state; an older one that is asked again makes its own.
  places.set(place.event.id, place);
  indices.delete(state);
  indices.set(next, places);
  return next;
}

function placed(state: Attempts, { attempt, event }: Place): Attempts {
  const timeline = [...timelineOf(state, attempt)];
  // Most events are the newest.
  let at = timeline.length;
  while (at > 0 && compare(event, timeline[at - 1] as Event) < 0) at -= 1;
  timeline.splice(at, 0, event);
  return { ...state, [attempt]: timeline };
}

function without(state: Attempts, { attempt, event }: Place): Attempts {
  const timeline = timelineOf(state, attempt).filter((other) => other.id !== event.id);
  const { [attempt]: _, ...others } = state;
  // An attempt without events is none: else the state would tell in which order the copies came.
  return timeline.length === 0 ? others : { ...others, [attempt]: timeline };
}

/** Where each id stands, of the states that are used. It follows from the state, and is no part of it. */
const indices = new WeakMap<Attempts, Map<string, Place>>();

function placesOf(state: Attempts): Map<string, Place> {
  const known = indices.get(state);
  if (known) return known;
  const places = new Map<string, Place>();
  for (const [attempt, events] of Object.entries(state)) {
    for (const event of events) places.set(event.id, { attempt, event });
  }
  return places;
}
