/**
 * Changing one task.
 */

import type { Json } from "icecore";
import type { App } from "./app.ts";
import { dialog, field } from "./dialogs.ts";
import { h, newId } from "./dom.ts";
import { changeTask, deleteTask, HOURS, type Task } from "./model.ts";

export function editTask(app: App, task: Task): void {
  const [day = "", time = ""] = (task.slot ?? "").split("T");
  const title = field("Task", {
    type: "text",
    maxlength: "200",
    required: true,
    value: task.title,
  });
  const date = field("Day", { type: "date", value: day });
  const hourId = newId();
  const hour = h(
    "select",
    { id: hourId },
    ...[...new Set(["", ...HOURS, time])]
      .sort()
      .map((each) => h("option", { value: each }, each || "Any time")),
  );
  hour.value = time;

  const save = (event: Event): void => {
    event.preventDefault();
    const slot =
      date.input.value !== "" && hour.value !== ""
        ? `${date.input.value}T${hour.value}`
        : undefined;
    // Only what was changed here: what somebody else changes meanwhile stays theirs.
    const change: Record<string, Json> = {};
    if (title.input.value.trim() !== task.title) change["title"] = title.input.value.trim();
    if (slot !== task.slot) change["slot"] = slot ?? null;
    if (Object.keys(change).length > 0)
      app.change(changeTask(task.id, change), `Change “${task.title}”`);
    element.close();
  };
  const remove = (): void => {
    app.change(deleteTask(task.id), `Delete “${task.title}”`);
    element.close();
  };
  const element = dialog(
    "Change task",
    h(
      "form",
      { onsubmit: save },
      title.row,
      h(
        "div",
        { class: "two" },
        date.row,
        h("div", { class: "field" }, h("label", { for: hourId }, "Time"), hour),
      ),
      h(
        "div",
        { class: "buttons" },
        h("button", { type: "submit", class: "main" }, "Save"),
        h("button", { type: "button", class: "danger", onclick: remove }, "Delete"),
      ),
    ),
  );
}
