/**
 * One attempt on the page: what it amounts to, what can be done with it, and its events.
 */

import { announce, count, h, setText, show } from "../../planner-web/src/dom.ts";
import { button, timeText } from "../../web/page.ts";
import { type Event, POINTS_MAX, WAITING } from "./event.ts";
import { type Attempt, durationAt, isOver, type Oddity } from "./projection.ts";

/** Writes down that something happened. */
export type Happens = (attempt: string, type: string, more?: { readonly points?: number }) => void;

const WHY: Readonly<Record<Oddity, string>> = {
  alreadyRunning: "ignored: it ran already",
  notRunning: "ignored: it did not run",
  alreadyOver: "ignored: it was over",
  alreadyCreated: "ignored: it was created already",
  endsBeforeItBegan: "counts no time: it ends before it began",
  unknownType: "kept, and ignored: this page does not know the type",
  noPoints: "ignored: it has no points that count",
};

/** What comes next, as long as an attempt is not over. */
const NEXT = {
  created: { label: "Start", type: "START" },
  running: { label: "Pause", type: "PAUSE" },
  paused: { label: "Resume", type: "RESUME" },
} as const;

/** A card that follows its attempt. */
export interface Card {
  readonly element: HTMLElement;
  readonly update: (attempt: Attempt, events: readonly Event[]) => void;
}

export function cardOf(id: string, happens: Happens): Card {
  const title = h("h3", {});
  const status = h("span", { class: "badge" });
  const numbers = h("p", { class: "numbers" });
  const notes = h("ul", { class: "notes hint" });
  // One button for what comes next: so it keeps the focus.
  let next: keyof typeof NEXT = "created";
  const go = h("button", {
    type: "button",
    class: "main",
    onclick: () => happens(id, NEXT[next].type),
  });
  const complete = button("Complete", () => happens(id, "COMPLETE"), id);
  const abandon = button("Abandon", () => happens(id, "ABANDON"), id, "danger");
  const points = h("input", {
    type: "number",
    required: true,
    value: "10",
    min: -POINTS_MAX,
    max: POINTS_MAX,
    "aria-label": `Points for ${id}`,
  });
  const score = (event: globalThis.Event): void => {
    event.preventDefault();
    happens(id, "SCORE", { points: points.valueAsNumber });
  };
  const [summary, list] = [h("summary", {}), h("ol", { class: "events" })];
  const element = h(
    "article",
    { class: "card", "aria-label": id },
    h("header", {}, title, status),
    numbers,
    notes,
    h("div", { class: "buttons" }, go, complete, abandon),
    h(
      "form",
      { class: "line", onsubmit: score },
      points,
      h("button", { type: "submit" }, "Give points", h("span", { class: "unseen" }, ` to ${id}`)),
    ),
    h("details", {}, summary, list),
  );
  let told: string | undefined;
  const update = (attempt: Attempt, events: readonly Event[]): void => {
    const name = attempt.title || id;
    setText(title, name === id ? id : `${name} · ${id}`);
    setText(status, attempt.status);
    status.dataset["is"] = attempt.status;
    const clock = clockText(durationAt(attempt, Date.now()));
    setText(numbers, `${clock} · ${count(attempt.pointsEarned, "point")}`);
    show(notes, notesOn(attempt), { key: (note) => note, make: () => h("li"), update: setText });
    if (attempt.status in NEXT) next = attempt.status as keyof typeof NEXT;
    setText(go, NEXT[next].label);
    go.setAttribute("aria-label", `${NEXT[next].label} ${id}`);
    for (const each of [go, complete, abandon]) each.hidden = isOver(attempt);
    if (told !== undefined && told !== attempt.status) announce(`${name}: ${attempt.status}`);
    told = attempt.status;
    setText(summary, count(attempt.events, "event"));
    const odd = new Map(attempt.odd.map((each) => [each.id, each.why]));
    show(list, events, {
      key: (event) => event.id,
      make: () => h("li"),
      update: (item, event) => setText(item, eventText(event, odd.get(event.id))),
    });
  };
  return { element, update };
}

function notesOn({ created, odd, waiting }: Attempt): readonly string[] {
  const unknown = odd.filter(({ why }) => why === "unknownType").length;
  return [
    ...(created ? [] : ["No CREATE yet: it may be on its way."]),
    ...(unknown > 0 ? [`${unknown} of a type that this page does not know.`] : []),
    ...(waiting > 0 ? [`${count(waiting, "event")} not synced.`] : []),
  ];
}

function eventText({ type, occurredAt, source, more, serverTime }: Event, why?: Oddity): string {
  const parts = [
    `${type} at ${timeText(occurredAt)}, by ${source}`,
    more && JSON.stringify(more, (_, value) => (typeof value === "bigint" ? String(value) : value)),
    why && WHY[why],
    serverTime === WAITING ? "not synced" : undefined,
  ];
  return parts.filter(Boolean).join(" — ");
}

/** `1:02:03`. */
function clockText(millis: number): string {
  const seconds = Math.floor(millis / 1_000);
  const two = (number: number): string => String(number % 60).padStart(2, "0");
  return `${Math.floor(seconds / 3_600)}:${two(Math.floor(seconds / 60))}:${two(seconds)}`;
}
