/**
 * Calls from one running instance to another: what is called here is written down, and what was written down elsewhere is replayed.
 */

import { saveFile } from "../../planner-web/src/dialogs.ts";
import { h, newId, setText } from "../../planner-web/src/dom.ts";
import { attempt, button, section, type View } from "../../web/page.ts";
import { type App, type Replayed, recordingOf } from "./app.ts";

export interface Recording extends View {
  /** Takes a line of what was called here. */
  readonly add: (line: string) => void;
}

/** `app` is asked for when it is needed: it records here. */
export function recordingView(app: () => App): Recording {
  const here = area("Calls made here", true);
  const other = area("A recording to replay", false);
  const outcome = h("p", { class: "hint", role: "status" });
  const add = (line: string): void => {
    here.area.value += `${line}\n`;
  };
  const readAll = (): void =>
    attempt(() => {
      const read = app().space.log();
      read
        .then((history) => {
          here.area.value = `${recordingOf(history)}\n`;
        })
        .catch((error: unknown) => setText(outcome, String(error)));
      return undefined;
    });
  const replay = (): void =>
    attempt(() => {
      setText(outcome, outcomeText(app().replay(other.area.value)));
      return undefined;
    });
  const element = section(
    "Record and replay",
    here.row,
    h(
      "div",
      { class: "buttons" },
      button("Show all calls", readAll),
      button("Save as file", () => saveFile("calls.ndjson", here.area.value)),
    ),
    other.row,
    h("div", { class: "buttons" }, button("Replay", replay)),
    outcome,
  );
  return { element, add, render: () => undefined };
}

function outcomeText({ made, known, refused }: Replayed): string {
  return [`${made} made, ${known} known, ${refused.length} refused`, ...refused].join("; ");
}

function area(
  label: string,
  isReadOnly: boolean,
): { readonly row: HTMLElement; readonly area: HTMLTextAreaElement } {
  const id = newId();
  const text = h("textarea", { id, rows: 4, spellcheck: "false", readonly: isReadOnly });
  const row = h("div", { class: "field" }, h("label", { for: id }, label), text);
  return { row, area: text };
}
