/**
 * Name, height and goal: each goes by when it was set, on whatever device, and not by when that arrived.
 */

import { field } from "../../planner-web/src/dialogs.ts";
import { h, newId, setText } from "../../planner-web/src/dom.ts";
import { onSubmit, section, timeText, type View } from "../../web/page.ts";
import type { Device } from "./device.ts";
import type { Message } from "./event.ts";
import type { Fitness } from "./fitness.ts";
import type { Latest } from "./latest.ts";

export function personView(device: Device): View {
  const parts = [
    part(device, {
      label: "Public name",
      input: { type: "text", maxlength: "60" },
      of: ({ name }) => name,
      make: (name) => ({ kind: "set_name", data: { name } }),
    }),
    part(device, {
      label: "Height in cm",
      input: { type: "number", min: "30", max: "300" },
      of: ({ height }) => height,
      make: (cm) => ({ kind: "set_height", data: { cm: Number(cm) } }),
    }),
    part(device, {
      label: "Steps a day",
      input: { type: "number", min: "1", max: "100000" },
      of: ({ goal }) => goal,
      make: (steps) => ({ kind: "set_goal", data: { steps: Number(steps) } }),
    }),
  ];
  const element = section("You", ...parts.map((each) => each.element));
  const render = (): void => {
    for (const each of parts) each.render();
  };
  return { element, render };
}

interface Part {
  readonly label: string;
  readonly input: Readonly<Record<string, string>>;
  readonly of: (state: Fitness) => Latest<string | number>;
  readonly make: (text: string) => Message;
}

function part(device: Device, { label, input, of, make }: Part): View {
  const { row, input: box } = field(label, { required: true, ...input });
  const hint = h("p", { class: "hint", id: newId() });
  box.setAttribute("aria-describedby", hint.id);
  const set = h("button", { type: "submit" }, "Set", h("span", { class: "unseen" }, ` ${label}`));
  const form = h("form", { class: "row" }, row, set, hint);
  const element = onSubmit(form, () => device.write([make(box.value.trim())]));
  const render = (): void => {
    const latest = of(device.space.state);
    const text = latest && `${latest.value}, set ${timeText(latest.modified.at)}`;
    setText(hint, text ?? "Not set yet");
  };
  return { element, render };
}
