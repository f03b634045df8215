/**
 * What the parts of the page share.
 */

import { isIcecoreError, type Receipt, type UpdateInput } from "icecore";
import { announce, h } from "./dom.ts";
import { namesOf } from "./model.ts";
import type { Planner } from "./planner.ts";

/** A part of the page: its element, and how it follows the state. */
export interface View {
  readonly element: HTMLElement;
  readonly render: () => void;
}

export interface App extends Planner {
  /** Who uses this page. */
  readonly me: string;
  /** Makes a change that can be taken back. */
  readonly change: (update: UpdateInput | readonly UpdateInput[], label: string) => void;
  /** Ends, and with it all that runs for this planner. */
  readonly signal: AbortSignal;
}

/** What somebody is called. */
export function nameOf(app: App, id: string): string {
  return namesOf(app.space.state).get(id) || (id === app.me ? "You" : "Somebody");
}

/** A disc with the first letter of a name, in a colour that is the same on all devices. */
export function disc(app: App, id: string): HTMLElement {
  const name = nameOf(app, id);
  let sum = 0;
  for (const unit of id) sum = (sum * 31 + unit.charCodeAt(0)) % 6;
  return h(
    "span",
    { class: `disc hue-${sum}`, "aria-hidden": "true", title: name },
    name.slice(0, 1).toUpperCase(),
  );
}

/** Says something for a while, to those who see and those who hear. */
export function notice(text: string): void {
  document.querySelector(".notice")?.remove();
  const element = h("div", { class: "notice" }, text);
  // Who goes from landmark to landmark must not miss it.
  (document.querySelector("main") ?? document.body).append(element);
  announce(text);
  setTimeout(() => element.remove(), 6_000);
}

/** What went wrong, and what to do: a sentence. */
export function wordsOf(error: unknown): string {
  if (!isIcecoreError(error)) return sentence(error instanceof Error ? error.message : `${error}`);
  return sentence(error.hint === undefined ? error.message : `${error.message}: ${error.hint}`);
}

/** Errors are worded to stand after a colon. */
function sentence(words: string): string {
  return `${words.slice(0, 1).toUpperCase()}${words.slice(1)}${/[.!?]$/.test(words) ? "" : "."}`;
}

/** An update is part of the page at once. That this device could not keep it has to be said. */
export function watch(receipt: Receipt): void {
  receipt.durable.catch((error: unknown) =>
    notice(`This device could not keep your change. ${wordsOf(error)}`),
  );
}
