/**
 * What the pages of the examples have in common: a head with the status, the page's own views of the state, and the state as it is stored.
 */

import { canonical, type Json, type Receipt, type Space } from "icecore";
import { byId, h, newId, setText } from "../planner-web/src/dom.ts";
import { statusView, wordsOf } from "./status.ts";

/** A part of the page: its element, and how it follows the state. */
export interface View {
  readonly element: HTMLElement;
  readonly render: () => void;
}

/** What went wrong, to be read and heard. Empty where nothing did. */
export const alert: HTMLElement = h("p", { class: "error", role: "alert" });

/** Says what went wrong; an empty text takes it away. */
export function complain(text: string): void {
  setText(alert, text);
}

/** Does what somebody asked for, and says what was in the way. */
export function attempt(what: () => Receipt | undefined): void {
  complain("");
  try {
    // An update is part of the page at once. That this device could not keep it has to be said.
    what()?.durable.catch((error: unknown) => complain(wordsOf(error)));
  } catch (error) {
    complain(wordsOf(error));
  }
}

/** Shows a space. What is in it is there at once, without a network; what others wrote comes by itself. */
export function showPage<S>(space: Space<S>, views: readonly View[]): void {
  const [status, stored] = [statusView(space), storedView(space)];
  const heading = h("h1", { tabindex: -1 }, document.title);
  const header = h("header", { class: "head" }, heading, status.element);
  const main = h("main", {}, alert, ...views.map(({ element }) => element), stored.element);
  byId("app").replaceChildren(header, main);

  // One render for all that happens in one go.
  let isAsked = false;
  const render = (): void => {
    if (isAsked) return;
    isAsked = true;
    queueMicrotask(() => {
      isAsked = false;
      keepFocus(heading, () => {
        for (const view of [status, ...views, stored]) view.render();
      });
    });
  };
  space.subscribe(render);
  space.subscribeStatus(render);
  render();
  space.ready.catch((error: unknown) => complain(wordsOf(error)));
  startOffline();
}

/** What has the focus may go with the state. Then it is at the heading above, and who uses the keyboard goes on from there. */
function keepFocus(heading: HTMLElement, render: () => void): void {
  const { activeElement } = document;
  const near = activeElement?.closest("section")?.querySelector<HTMLElement>("h2");
  render();
  if (activeElement === null || activeElement === document.body) return;
  if (activeElement.isConnected && activeElement.checkVisibility()) return;
  (near?.isConnected && near.checkVisibility() ? near : heading).focus();
}

/** Lets the page start without a network. Plain http, other than on this machine, has no service workers. */
export function startOffline(): void {
  navigator.serviceWorker?.register("sw.js", { updateViaCache: "none" }).catch(() => undefined);
}

/** The state as it is stored, for who wants to compare it with another device's. */
function storedView<S>(space: Space<S>): View {
  const text = h("pre", { tabindex: 0, role: "region", "aria-label": "State as JSON" });
  const element = h("details", { class: "stored" }, h("summary", {}, "State as JSON"), text);
  const render = (): void => {
    if (element.open) setText(text, canonical(space.state as Json));
  };
  element.addEventListener("toggle", render);
  return { element, render };
}

/** A section with a heading. */
export function section(title: string, ...content: (Node | string | undefined)[]): HTMLElement {
  const id = newId();
  return h("section", { "aria-labelledby": id }, h("h2", { id, tabindex: -1 }, title), ...content);
}

/** Reads a form when it is sent, and empties it when all went well. */
export function onSubmit(form: HTMLFormElement, take: () => Receipt | undefined): HTMLFormElement {
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    attempt(() => {
      const receipt = take();
      form.reset();
      return receipt;
    });
  });
  return form;
}

/** A button with a name. `of` is for who does not see beside what it stands. */
export function button(label: string, run: () => void, of = "", look = ""): HTMLButtonElement {
  const hidden = of === "" ? undefined : h("span", { class: "unseen" }, ` ${of}`);
  return h("button", { type: "button", class: look, onclick: run }, label, hidden);
}

/** A time for people. */
export function timeText(millis: number): string {
  return TIME.format(millis);
}
const TIME = new Intl.DateTimeFormat("en-GB", { dateStyle: "medium", timeStyle: "short" });
