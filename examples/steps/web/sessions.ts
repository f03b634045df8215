/**
 * The sessions of all devices: one after the other on each, and nobody knows how many there are.
 */

import { field } from "../../planner-web/src/dialogs.ts";
import { count, h, setText, show } from "../../planner-web/src/dom.ts";
import { attempt, button, onSubmit, section, timeText, type View } from "../../web/page.ts";
import type { Device } from "./device.ts";
import type { Session } from "./fitness.ts";

export function sessionsView(device: Device): View {
  const { space } = device;
  const list = h("ul", { class: "cards" });
  const empty = h("p", { class: "hint" }, "No session yet: the first step opens one.");
  const name = field("Device", { type: "text", required: true, value: "browser", maxlength: "60" });
  const start = h("button", { type: "submit" }, "Start a session");
  const end = button("End this session", () => attempt(() => device.end()));
  const form = onSubmit(h("form", { class: "row" }, name.row, start, end), () =>
    device.start(name.input.value.trim()),
  );
  const element = section("Sessions", form, empty, list);
  const render = (): void => {
    const open = device.account.session;
    const sessions = Object.entries(space.state.sessions).sort(
      ([, a], [, b]) => (b.started ?? 0) - (a.started ?? 0),
    );
    empty.hidden = sessions.length > 0;
    end.hidden = open === undefined;
    show(list, sessions, {
      key: ([id]) => id,
      make: () => h("li", { class: "card" }),
      update: (item, [id, session]) => setText(item, sessionText(session, id === open)),
    });
  };
  return { element, render };
}

function sessionText(session: Session, isOurs: boolean): string {
  const { devices, steps, activities, started, ended } = session;
  const device = devices.join(", ") || "a device whose start has not arrived";
  const from = started === null ? "" : `, from ${timeText(started)}`;
  const to =
    ended === null ? (isOurs ? ", open on this device" : ", open") : ` to ${timeText(ended)}`;
  const done = `${count(steps, "step")}, ${count(activities.length, "activity", "activities")}`;
  return `${device}: ${done}${from}${to}`;
}
