/**
 * The passphrase of an encrypted planner. It is kept in this page's memory alone, and asked for again after each start.
 */

import { wordsOf } from "./app.ts";
import { dialog, field } from "./dialogs.ts";
import { h, setText } from "./dom.ts";

/** Asks for the passphrase; `open` tries it, and says what is wrong with it by throwing. */
export function showUnlock(open: (passphrase: string) => Promise<void>): void {
  if (document.querySelector("dialog.unlock") !== null) return;
  const passphrase = field(
    "Passphrase",
    { type: "password", autocomplete: "current-password", required: true },
    "Checking it takes a moment, on purpose: for who guesses, too.",
  );
  const error = h("p", { class: "error", role: "alert" });
  const button = h("button", { type: "submit", class: "main" }, "Unlock");
  const submit = (event: Event): void => {
    event.preventDefault();
    button.disabled = true;
    setText(button, "Unlocking…");
    setText(error, "");
    open(passphrase.input.value)
      .then(() => element.close())
      .catch((reason: unknown) => {
        setText(error, wordsOf(reason));
        button.disabled = false;
        setText(button, "Unlock");
        passphrase.input.select();
      });
  };
  const element = dialog(
    "This planner is encrypted",
    h("form", { onsubmit: submit }, passphrase.row, error, h("div", { class: "buttons" }, button)),
  );
  element.classList.add("unlock");
}
