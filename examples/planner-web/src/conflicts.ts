/**
 * Conflicts: two tasks that were put at one time by people who did not see each other. Both stay until somebody decides.
 */

import { type Conflict, parseJson } from "icecore";
import type { App, View } from "./app.ts";
import { announce, count, h, icon, show } from "./dom.ts";
import { changeTask, freeSlotAfter, slotText, type Task, tasksOf } from "./model.ts";

/** The ids of the tasks that a conflict is about: its paths are /tasks/ID/slot. */
export function tasksIn({ paths }: Conflict): readonly string[] {
  return paths.map((path) => path.split("/")[2] ?? "");
}

/** The time that they share, as the rule words it: JSON in the reason's parameter. */
function slotIn({ reason }: Conflict): string {
  const value = parseJson(String(reason.params["value"] ?? '""'));
  return typeof value === "string" ? value : "";
}

export function conflictsView(app: App): View {
  const list = h("div", { class: "cards" });
  const element = h("section", { class: "conflicts", "aria-label": "To be decided" }, list);
  let told = 0;
  const render = (): void => {
    const { conflicts } = app.space;
    element.hidden = conflicts.length === 0;
    show(list, conflicts, {
      key: (conflict) => conflict.id,
      make: () => h("div", { class: "card" }),
      update: (card, conflict) => fill(app, card, conflict),
    });
    if (conflicts.length > told)
      announce(`${count(conflicts.length, "time")} planned twice: please decide.`);
    told = conflicts.length;
  };
  return { element, render };
}

function fill(app: App, card: HTMLElement, conflict: Conflict): void {
  const all = tasksOf(app.space.state);
  const mine = tasksIn(conflict).flatMap((id) => all.filter((task) => task.id === id));
  const slot = slotIn(conflict);
  const free = freeSlotAfter(all, slot);
  // Made anew only when something of it changed: a button that has the focus keeps it.
  const shape = JSON.stringify([mine, free]);
  if (card.dataset["shape"] === shape) return;
  card.dataset["shape"] = shape;
  const settle = (task: Task, to: string | undefined): void => {
    // With `resolves` the history says that this was decided, and what.
    const update = { ...changeTask(task.id, { slot: to ?? null }), resolves: conflict.id };
    app.change(update, `Move “${task.title}”`);
    announce(`“${task.title}” is at ${slotText(to)} now.`);
  };
  const row = (task: Task): HTMLElement =>
    h(
      "li",
      {},
      h("strong", {}, task.title),
      h(
        "span",
        { class: "buttons" },
        free === undefined
          ? undefined
          : h(
              "button",
              { type: "button", onclick: () => settle(task, free) },
              `Move to ${free.slice(11)}`,
              h("span", { class: "unseen" }, `: ${task.title}`),
            ),
        h(
          "button",
          { type: "button", onclick: () => settle(task, undefined) },
          "Any time",
          h("span", { class: "unseen" }, `: ${task.title}`),
        ),
      ),
    );
  card.replaceChildren(
    h(
      "h2",
      {},
      icon("warn"),
      `${slotText(slot)} is planned ${mine.length === 2 ? "twice" : `${mine.length} times`}`,
    ),
    h("p", { class: "hint" }, "Both are kept until somebody decides. Which one moves?"),
    h("ul", {}, ...mine.map(row)),
  );
}
