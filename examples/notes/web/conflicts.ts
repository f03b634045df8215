/**
 * What waits for a person: titles that two notes have, for two devices chose them while they did not see each other.
 */

import type { Conflict } from "icecore";
import { field } from "../../planner-web/src/dialogs.ts";
import { announce, h, show } from "../../planner-web/src/dom.ts";
import { onSubmit, section, type View } from "../../web/page.ts";
import type { App } from "./app.ts";
import { noteAt } from "./calls.ts";

export function conflictsView(app: App): View {
  const { space } = app;
  const list = h("div", { class: "cards" });
  const element = section("To be decided", list);
  element.classList.add("conflicts");
  let told = 0;
  const render = (): void => {
    const { conflicts } = space;
    element.hidden = conflicts.length === 0;
    show(list, conflicts, {
      // Made anew only where it is another one: what somebody types stays.
      key: ({ id, paths }) => `${id} ${paths.length}`,
      make: (conflict) => card(app, conflict),
      update: () => undefined,
    });
    if (conflicts.length > told) announce("Two notes have one title: please decide.");
    told = conflicts.length;
  };
  return { element, render };
}

function card(app: App, { id, paths, reason }: Conflict): HTMLElement {
  return h(
    "div",
    { class: "card" },
    h("p", {}, String(reason.params["message"] ?? "Notes have one title.")),
    h("p", { class: "hint" }, "All are kept. Rename one of them."),
    ...paths.map((path) => renameForm(app, noteAt(path), id)),
  );
}

function renameForm(app: App, id: string, resolves: string): HTMLElement {
  const says = app.notebook.note(id)?.text.slice(0, 60) ?? "";
  const label = says === "" ? `New title for ${id}` : `New title for ${id}, “${says}”`;
  const title = field(label, { type: "text", required: true });
  const send = h("button", { type: "submit" }, "Rename", h("span", { class: "unseen" }, ` ${id}`));
  // With `resolves` the history says that this was decided, and by what.
  return onSubmit(h("form", { class: "row" }, title.row, send), () =>
    app.make({ method: "rename", argument: { id, title: title.input.value.trim() } }, { resolves }),
  );
}
