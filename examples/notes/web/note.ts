/**
 * One note on the page: each field is one method.
 */

import type { Receipt } from "icecore";
import { h, newId } from "../../planner-web/src/dom.ts";
import { attempt, button } from "../../web/page.ts";
import type { App } from "./app.ts";
import type { Call } from "./calls.ts";
import { type Note, Status } from "./notebook.ts";

/** A card that follows its note. */
export interface Card {
  readonly element: HTMLElement;
  readonly update: (note: Note) => void;
}

export function cardOf(app: App, id: string): Card {
  let shown: Note | undefined;
  const make = (call: Call): void => {
    attempt((): Receipt => app.make(call));
    // Where it was refused, the field says again what is so.
    if (shown) update(app.notebook.note(id) ?? shown, true);
  };
  const title = labelled("Title", h("input", { type: "text", maxlength: "200" }), (field) =>
    make({ method: "rename", argument: { id, title: field.value.trim() } }),
  );
  const text = labelled("Text", h("textarea", { rows: 2, class: "words" }), (field) =>
    make({ method: "write", argument: { id, text: field.value } }),
  );
  const due = labelled("Due", h("input", { type: "datetime-local" }), (field) =>
    make({ method: "postpone", argument: { id, due: dateIn(field) } }),
  );
  const choices = (["Open", "Started", "Done"] as const).map((name) => h("option", {}, name));
  const status = labelled("Status", h("select", {}, ...choices), (field) =>
    make({ method: "mark", argument: { id, status: statusIn(field) } }),
  );
  const remove = button("Remove", () => make({ method: "remove", argument: id }), "", "danger");
  const element = h(
    "article",
    { class: "card" },
    title.row,
    text.row,
    h("div", { class: "two" }, due.row, status.row),
    h("div", { class: "buttons" }, remove),
  );
  const update = (note: Note, anyway = false): void => {
    if (note === shown && !anyway) return;
    shown = note;
    element.setAttribute("aria-label", note.title);
    remove.setAttribute("aria-label", `Remove ${note.title}`);
    const at = note.status.at ? `, ${note.status.at.toLocaleString("en-GB")}` : "";
    status.field.title = note.status.name + at;
    for (const [field, value] of [
      [title.field, note.title],
      [text.field, note.text],
      [due.field, localText(note.due)],
      [status.field, note.status.name],
    ] as const) {
      // What somebody is typing stays.
      if (anyway || field !== document.activeElement) field.value = value;
    }
  };
  return { element, update };
}

type Field = HTMLInputElement | HTMLTextAreaElement | HTMLSelectElement;

function labelled<F extends Field>(
  label: string,
  field: F,
  changed: (field: F) => void,
): { readonly row: HTMLElement; readonly field: F } {
  field.id = newId();
  field.addEventListener("change", () => changed(field));
  const row = h("div", { class: "field" }, h("label", { for: field.id }, label), field);
  return { row, field };
}

/** The date in a field, by this device's time zone; null where it is empty. */
export function dateIn({ value }: HTMLInputElement): Date | null {
  return value === "" ? null : new Date(value);
}

function statusIn({ value }: HTMLSelectElement): Status {
  return value === "Open" || value === "Started" ? Status[value] : Status.done(new Date());
}

function localText(date: Date | null): string {
  if (date === null) return "";
  const local = new Date(date.getTime() - date.getTimezoneOffset() * 60_000);
  return local.toISOString().slice(0, 16);
}
