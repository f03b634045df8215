/**
 * Notes in a browser: the same space as that of `notes`, the Rust program beside this folder.
 */

import { open, PACE } from "icecore";
import { field } from "../../planner-web/src/dialogs.ts";
import { h, show } from "../../planner-web/src/dom.ts";
import { onSubmit, section, showPage, type View } from "../../web/page.ts";
import { tokenFile } from "../../web/token.ts";
import { App } from "./app.ts";
import { conflictsView } from "./conflicts.ts";
import { notesModel } from "./model.ts";
import { type Card, cardOf, dateIn } from "./note.ts";
import { Note, Status } from "./notebook.ts";
import { recordingView } from "./recording.ts";

const space = open({
  gateway: location.origin,
  space: "notes",
  model: notesModel,
  token: tokenFile,
  pace: { ...PACE, activeMs: 2_000 },
  allowPlainHttp: true, // For trying it out in a network of one's own: the page itself came in clear then.
});
const recording = recordingView(() => app);
const app = new App(space, recording.add);

/** An id that no other device chooses. */
function newId(): string {
  const [random = 0] = crypto.getRandomValues(new Uint32Array(1));
  return `${random.toString(16).padStart(8, "0")}-${Date.now().toString(16)}`;
}

function newNote(): HTMLElement {
  const title = field("New note", { type: "text", required: true, maxlength: "200" });
  const due = field("Due, if ever", { type: "datetime-local" });
  const add = h("button", { type: "submit", class: "main" }, "Add");
  return onSubmit(h("form", { class: "row" }, title.row, due.row, add), () => {
    const fields = { title: title.input.value.trim(), text: "", status: Status.Open };
    const note = new Note({ ...fields, due: dateIn(due.input) });
    return app.make({ method: "add", argument: { id: newId(), note } });
  });
}

function notesView(): View {
  const list = h("div", { class: "cards" });
  const empty = h("p", { class: "hint" });
  const element = section("Notes", newNote(), empty, list);
  const cards = new WeakMap<HTMLElement, Card>();
  const render = (): void => {
    const { notes } = app.notebook;
    const ids = Object.keys(notes).sort();
    // Nothing is known of the store, or there is nothing: these are not the same.
    const isRead = space.status.lastSync !== undefined;
    empty.textContent = isRead
      ? "No notes."
      : "No notes here; nothing was read from the store yet.";
    empty.hidden = ids.length > 0;
    show(list, ids, {
      key: (id) => id,
      make: (id) => {
        const card = cardOf(app, id);
        cards.set(card.element, card);
        return card.element;
      },
      update: (shown, id) => {
        const note = notes[id];
        if (note) cards.get(shown)?.update(note);
      },
    });
  };
  return { element, render };
}

/** What cannot be done any more, for somebody else was there first: it stays in the history, and stops nothing. */
function rejectedView(): View {
  const list = h("ul", { class: "notes hint" });
  const element = section("Not possible any more", list);
  const render = (): void => {
    element.hidden = space.rejected.length === 0;
    show(list, space.rejected, {
      key: ({ id }) => `${id.author}:${id.seq}`,
      make: ({ reason }) => h("li", {}, String(reason.params["message"] ?? reason.code)),
      update: () => undefined,
    });
  };
  return { element, render };
}

showPage(space, [conflictsView(app), notesView(), rejectedView(), recording]);
