/**
 * Today: what was done, what of it waits on this device, and more of it.
 */

import { field } from "../../planner-web/src/dialogs.ts";
import { count, h, newId, setText, show } from "../../planner-web/src/dom.ts";
import { onSubmit, section, timeText, type View } from "../../web/page.ts";
import type { Device } from "./device.ts";
import { SPORTS, type Sport, STEPS_MAX } from "./event.ts";
import { type Activity, dayAt, stepsIn } from "./fitness.ts";

export function todayView(device: Device): View {
  const { space } = device;
  const steps = h("p", { class: "numbers" });
  const progress = h("progress", { "aria-label": "Part of today’s goal", max: 1 });
  const all = h("p", { class: "hint" });
  const minutes = h("ul", { class: "chips" });
  const unsent = h("ul", { class: "notes hint" });
  const element = section(
    "Today",
    h("div", { class: "card" }, steps, progress, all, minutes, unsent),
    stepsForm(device),
    activityForm(device),
  );
  const render = (): void => {
    const { state } = space;
    const [day, goal, waiting] = [dayAt(state, Date.now()), state.goal?.value, state.waiting];
    setText(steps, goal === undefined ? count(day.steps, "step") : `${day.steps} of ${goal} steps`);
    progress.hidden = goal === undefined;
    progress.value = goal === undefined ? 0 : Math.min(1, day.steps / goal);
    const notSent = waiting && waiting.steps > 0 ? `, ${waiting.steps} not sent yet` : "";
    setText(all, `${stepsIn(state)} in all${notSent}`);
    show(minutes, Object.entries(day.minutes), {
      key: ([sport]) => sport,
      make: () => h("li"),
      update: (item, [sport, number]) => setText(item, `${sport} ${number} min`),
    });
    show(unsent, waiting?.activities ?? [], {
      key: ({ id }) => id,
      make: () => h("li"),
      update: (item, activity) => setText(item, unsentText(activity)),
    });
  };
  return { element, render };
}

function unsentText({ sport, minutes, at }: Activity): string {
  return `Not sent yet: ${sport} ${minutes} min at ${timeText(at)}`;
}

function stepsForm(device: Device): HTMLElement {
  const steps = field("Steps", { type: "number", required: true, min: "1", max: `${STEPS_MAX}` });
  const send = h("button", { type: "submit", class: "main" }, "Add steps");
  const form = h("form", { class: "row" }, steps.row, send);
  return onSubmit(form, () => device.add(steps.input.valueAsNumber));
}

function activityForm(device: Device): HTMLElement {
  const id = newId();
  const sport = h("select", { id }, ...SPORTS.map((each) => h("option", { value: each }, each)));
  const minutes = field("Minutes", { type: "number", required: true, min: "1", max: "1440" });
  const send = h("button", { type: "submit", class: "main" }, "Add activity");
  const what = h("div", { class: "field" }, h("label", { for: id }, "Activity"), sport);
  const form = h("form", { class: "row" }, what, minutes.row, send);
  return onSubmit(form, () => device.activity(sport.value as Sport, minutes.input.valueAsNumber));
}
