/**
 * One attempt on the page: what it amounts to, what can be done with it, and its events.
 */

import { count, h, setText, show } from "../../planner-web/src/dom.ts";
import { button, timeText } from "../../web/page.ts";
import { type Event, WAITING } from "./event.ts";
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
  const does = (label: string, type: string, look = ""): HTMLButtonElement =>
    button(label, () => happens(id, type), id, look);
  const [start, resume] = [does("Start", "START", "main"), does("Resume", "RESUME", "main")];
  const [pause, complete, abandon] = [
    does("Pause", "PAUSE", "main"),
    does("Complete", "COMPLETE"),
    does("Abandon", "ABANDON", "danger"),
  ];
  const points = h("input", {
    type: "number",
    value: "10",
    step: "1",
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
    h("div", { class: "buttons" }, start, resume, pause, complete, abandon),
    h(
      "form",
      { class: "line", onsubmit: score },
      points,
      h("button", { type: "submit" }, "Give points", h("span", { class: "unseen" }, ` to ${id}`)),
    ),
    h("details", {}, summary, list),
  );
  const update = (attempt: Attempt, events: readonly Event[]): void => {
    const name = attempt.title || id;
    setText(title, name === id ? id : `${name} · ${id}`);
    setText(status, attempt.status);
    status.dataset["is"] = attempt.status;
    const clock = clockText(durationAt(attempt, Date.now()));
    setText(numbers, `${clock} · ${count(attempt.pointsEarned, "point")}`);
    show(notes, notesOn(attempt), { key: (note) => note, make: () => h("li"), update: setText });
    start.hidden = attempt.status !== "created";
    resume.hidden = attempt.status !== "paused";
    pause.hidden = attempt.status !== "running";
    complete.hidden = isOver(attempt);
    abandon.hidden = isOver(attempt);
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
