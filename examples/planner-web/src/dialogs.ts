/**
 * Dialogs: the browser's own, which keep the focus inside, close with Escape, and give the focus back.
 */

import { h, iconButton, newId } from "./dom.ts";

/** A dialog that is shown at once. It is gone from the page when it closes. */
export function dialog(
  title: string,
  ...content: (Node | string | undefined)[]
): HTMLDialogElement {
  const heading = newId();
  const element: HTMLDialogElement = h(
    "dialog",
    { "aria-labelledby": heading },
    h(
      "header",
      {},
      h("h2", { id: heading, tabindex: -1 }, title),
      iconButton("close", "Close", () => element.close()),
    ),
    ...content,
  );
  element.addEventListener("close", () => element.remove());
  document.body.append(element);
  element.showModal();
  // Where somebody will want to type, or else where the text begins.
  const field = element.querySelector<HTMLInputElement>("form input");
  (field ?? element.querySelector("h2"))?.focus();
  if (field?.type === "text") field.setSelectionRange(field.value.length, field.value.length);
  return element;
}

/** An answer that somebody can choose. */
export interface Choice<T> {
  readonly value: T;
  readonly label: string;
  /** How the button looks. */
  readonly look?: "main" | "danger";
}

/** Asks, and waits. `undefined` where somebody closes the dialog. */
export function ask<T>(
  title: string,
  text: string,
  choices: readonly Choice<T>[],
): Promise<T | undefined> {
  return new Promise((resolve) => {
    let chosen: T | undefined;
    const buttons = choices.map(({ value, label, look }) =>
      h(
        "button",
        {
          type: "button",
          class: look ?? "",
          onclick: () => {
            chosen = value;
            element.close();
          },
        },
        label,
      ),
    );
    const element = dialog(title, h("p", {}, text), h("div", { class: "buttons" }, ...buttons));
    element.addEventListener("close", () => resolve(chosen));
  });
}

/** A labelled field. */
export function field(
  label: string,
  attributes: Readonly<Record<string, string | boolean>>,
  hint?: string,
): { readonly row: HTMLElement; readonly input: HTMLInputElement } {
  const id = newId();
  const input = h("input", {
    id,
    ...(hint && { "aria-describedby": `${id}-hint` }),
    ...attributes,
  });
  const row = h(
    "div",
    { class: "field" },
    h("label", { for: id }, label),
    input,
    hint ? h("p", { id: `${id}-hint`, class: "hint" }, hint) : undefined,
  );
  return { row, input };
}

/** Offers a text as a file. */
export function saveFile(name: string, text: string): void {
  const url = URL.createObjectURL(new Blob([text], { type: "application/x-ndjson" }));
  h("a", { href: url, download: name }).click();
  // The browser has it by then.
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}
