/**
 * Attempts in a browser: the same space as that of `activity`, the Rust program beside this folder.
 */

import { type JsonObject, open, PACE, Rejected } from "icecore";
import { field } from "../../planner-web/src/dialogs.ts";
import { h, show } from "../../planner-web/src/dom.ts";
import { attempt, onSubmit, section, showPage, type View } from "../../web/page.ts";
import { tokenFile } from "../../web/token.ts";
import { activityModel, timelineOf } from "./attempts.ts";
import { type Card, cardOf } from "./card.ts";
import { readEvent, WAITING } from "./event.ts";
import { project } from "./projection.ts";

const space = open({
  gateway: location.origin,
  space: "activity",
  model: activityModel,
  token: tokenFile,
  pace: { ...PACE, activeMs: 2_000 },
  allowPlainHttp: true, // For trying it out in a network of one's own: the page itself came in clear then.
});

/** Writes an event down: part of the state at once, on this device's disk soon after, and sent as soon as that is possible. */
function happened(attemptId: string, type: string, more: JsonObject = {}) {
  const now = Date.now();
  // The id makes it count once, whoever sends it again. Its time is when it happened, whenever it arrives.
  const id = crypto.randomUUID();
  const event = { id, attemptId, type, source: "user", occurredAt: now, createdAt: now, ...more };
  // What is beyond a limit is refused before it is stored; stored, it would count nowhere.
  const read = readEvent(event, WAITING);
  if (read instanceof Rejected) throw new Error(String(read.reason.params["message"]));
  return space.update({ kind: "event", data: event, at: new Date(now).toISOString() });
}

function newAttempt(): HTMLElement {
  const id = field("Attempt", {
    type: "text",
    required: true,
    maxlength: "60",
    placeholder: "run-1",
  });
  const title = field("Title", { type: "text", maxlength: "60", placeholder: "Park" });
  const form = h(
    "form",
    {},
    h("div", { class: "two" }, id.row, title.row),
    h("button", { type: "submit", class: "main" }, "Create"),
  );
  return onSubmit(form, () => {
    const named = title.input.value.trim();
    return happened(id.input.value.trim(), "CREATE", named === "" ? {} : { title: named });
  });
}

function attemptsView(): View {
  const list = h("div", { class: "cards" });
  const empty = h("p", { class: "hint" }, "No attempts here yet.");
  const element = section("Attempts", empty, list);
  const cards = new WeakMap<HTMLElement, Card>();
  const render = (): void => {
    const ids = Object.keys(space.state).sort();
    empty.hidden = ids.length > 0;
    show(list, ids, {
      key: (id) => id,
      make: (id) => {
        const card = cardOf(id, (...what) => attempt(() => happened(...what)));
        cards.set(card.element, card);
        return card.element;
      },
      update: (shown, id) => {
        const events = timelineOf(space.state, id);
        cards.get(shown)?.update(project(id, events), events);
      },
    });
  };
  // The clocks of what runs.
  setInterval(render, 1_000);
  return { element, render };
}

const create: View = { element: section("New attempt", newAttempt()), render: () => undefined };
showPage(space, [create, attemptsView()]);
