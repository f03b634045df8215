/**
 * The chat: what was said, in the order in which all devices have it.
 */

import { type App, disc, nameOf, type View, watch } from "./app.ts";
import { h, icon, keepDraft, newId, setText, show } from "./dom.ts";
import { clockTime, type Message, messagesOf, say } from "./model.ts";
import type { People } from "./people.ts";

/** Older ones are in the state; a page shows what somebody may want to read again. */
const SHOWN_MAX = 200;

export function chatView(app: App, people: People): View & { readonly hasNew: () => boolean } {
  const { space, me } = app;
  const id = newId();
  const input = h("input", {
    id,
    type: "text",
    maxlength: 2_000,
    autocomplete: "off",
    enterkeyhint: "send",
    placeholder: "Write a message",
    oninput: () => people.types(),
  });
  const draft = keepDraft(input, "message");
  const submit = (event: Event): void => {
    event.preventDefault();
    const text = input.value.trim();
    if (text === "") return;
    watch(space.update(say(me, text)));
    draft.used();
    input.focus();
  };
  // New messages are read out as they come; the log itself can be scrolled with the keyboard.
  const log = h("div", { class: "log", role: "log", "aria-label": "Messages", tabindex: 0 });
  const empty = h("p", { class: "empty" }, "No messages yet. Say hello.");
  const element = h(
    "section",
    { class: "chat", "aria-label": "Chat" },
    h("h2", {}, "Chat"),
    empty,
    log,
    people.typing,
    h(
      "form",
      { class: "line", onsubmit: submit },
      h("label", { for: id, class: "unseen" }, "Message"),
      input,
      h(
        "button",
        { type: "submit", class: "main square", "aria-label": "Send", title: "Send" },
        icon("send"),
      ),
    ),
  );

  let last: string | undefined;
  let isNew = false;
  const render = (): void => {
    const messages = messagesOf(space.state).slice(-SHOWN_MAX);
    empty.hidden = messages.length > 0;
    const isAtEnd = log.scrollHeight - log.scrollTop - log.clientHeight < 60;
    const before = new Map(messages.map((message, n) => [message.id, messages[n - 1]]));
    show(log, messages, {
      key: (message) => message.id,
      make: messageElement,
      update: (row, message) => updateMessage(app, row, message, before.get(message.id)),
    });
    const newest = messages.at(-1);
    if (newest?.id !== last) {
      isNew = last !== undefined && newest?.by !== me && element.offsetParent === null;
      last = newest?.id ?? "";
      if (isAtEnd || newest?.by === me) log.scrollTop = log.scrollHeight;
    }
  };
  return {
    element,
    render,
    hasNew: () => {
      if (element.offsetParent !== null) isNew = false;
      return isNew;
    },
  };
}

function messageElement(): HTMLElement {
  return h(
    "div",
    { class: "message" },
    h(
      "p",
      { class: "from" },
      h("span", { class: "disc" }),
      h("span", { class: "name" }),
      h("time", {}),
    ),
    h("p", { class: "text" }),
  );
}

function updateMessage(
  app: App,
  row: HTMLElement,
  { by, at, text }: Message,
  before: Message | undefined,
): void {
  row.classList.toggle("own", by === app.me);
  // Said in one breath: the name stands there once. It is read out with each all the same.
  row.classList.toggle("more", before?.by === by && at - before.at < 5 * 60_000);
  row.querySelector(".disc")?.replaceWith(disc(app, by));
  for (const [name, value] of [
    [".name", by === app.me ? "You" : nameOf(app, by)],
    ["time", clockTime.format(at)],
    [".text", text],
  ] as const) {
    const element = row.querySelector(name);
    if (element) setText(element, value);
  }
}
