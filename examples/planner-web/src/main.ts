/**
 * Where it begins: who is it, which planner, and the page around it.
 */

import { IcecoreError } from "icecore";
import { me, newGuest, onOtherAccount, storedAccount } from "./account.ts";
import { type App, notice, type View, watch, wordsOf } from "./app.ts";
import { chatView } from "./chat.ts";
import { byId, h, icon, iconButton, setText } from "./dom.ts";
import { nameMyself, namesOf } from "./model.ts";
import { showPast } from "./past.ts";
import { peopleView } from "./people.ts";
import { becomeGuest, showPerson, showSignIn } from "./person.ts";
import { planView } from "./plan.ts";
import { openPlanner, type Planner } from "./planner.ts";
import { statusView } from "./status.ts";
import { showUnlock } from "./unlock.ts";
import { startUpdates } from "./update.ts";

/** What the browser threw; nobody else reports it. */
const report = (error: unknown): void => notice(wordsOf(error));

async function start(): Promise<void> {
  void startUpdates().catch(() => undefined); // Without it the app works, but does not start offline.
  onOtherAccount(() => location.reload());
  const account = storedAccount();
  if (account === undefined) showWelcome();
  else showPlanner(await openPlanner(account));
}

/** The first visit. */
function showWelcome(): void {
  const error = h("p", { class: "error", role: "alert" });
  const begin = h("button", { type: "button", class: "main" }, "Start planning");
  begin.addEventListener("click", () => {
    begin.disabled = true;
    setText(error, "");
    becomeGuest(newGuest)
      .then(() => location.reload())
      .catch((reason: unknown) => {
        begin.disabled = false;
        setText(error, `A new planner needs the network once. ${wordsOf(reason)}`);
      });
  });
  byId("app").replaceChildren(
    h(
      "main",
      { class: "welcome" },
      h("img", { src: "icon.svg", alt: "", width: 72, height: 72 }),
      h("h1", {}, NAME),
      h(
        "p",
        {},
        "Plan your days, together or alone. It works offline, and nothing that you write gets lost.",
      ),
      h(
        "div",
        { class: "buttons" },
        begin,
        h("button", { type: "button", onclick: () => showSignIn(undefined) }, "Sign in"),
      ),
      error,
      h(
        "p",
        { class: "hint" },
        "No account is needed to start. You can sign in later, and take everything along.",
      ),
    ),
  );
}

function showPlanner(planner: Planner): void {
  const { space, history } = planner;
  const ending = new AbortController();
  const app: App = {
    ...planner,
    me: me().id,
    signal: ending.signal,
    change: (update, label) => watch(history.update(update, label)),
  };

  /** Opens the same planner anew, with a passphrase; the one that could not read it ends. */
  const unlock = (): void =>
    showUnlock(async (passphrase) => {
      const next = await openPlanner(app.account, passphrase);
      await opened(next);
      ending.abort();
      space.close();
      showPlanner(next);
    });

  const people = peopleView(app);
  const status = statusView(app, { signIn: () => showSignIn(app), unlock });
  const plan = planView(app);
  const chat = chatView(app, people);
  const frame = frameOf(app, { people, status, plan, chat });
  byId("app").replaceChildren(...frame.elements);

  const views: readonly View[] = [people, plan, chat, frame];
  const render = (): void => {
    for (const view of views) view.render();
  };
  // One render for all that happens in one go.
  let isAsked = false;
  const soon = (): void => {
    if (isAsked) return;
    isAsked = true;
    queueMicrotask(() => {
      isAsked = false;
      if (!ending.signal.aborted) render();
    });
  };
  space.subscribe(soon, { signal: ending.signal });
  let wasLocked = false;
  const endStatus = space.subscribeStatus(() => {
    status.render();
    soon();
    const isLocked = space.status.phase === "locked";
    if (isLocked && !wasLocked) unlock();
    wasLocked = isLocked;
  });
  const endHistory = history.subscribe(soon);
  ending.signal.addEventListener("abort", () => {
    endStatus();
    endHistory();
  });
  status.render();
  render();
  void space.ready.then(() => introduce(app)).catch(() => undefined); // The status says what is wrong.
}

/** Others see a name, not an id, once somebody has said one. */
function introduce({ space, me: id }: App): void {
  const { name } = me();
  if (name === "" || space.status.phase === "locked" || namesOf(space.state).get(id) === name)
    return;
  space.update(nameMyself(id, name));
}

/** Resolves when a planner can be read, and rejects with what is in the way. */
function opened({ space }: Planner): Promise<void> {
  return new Promise((resolve, reject) => {
    const look = (): void => {
      const { phase, error } = space.status;
      const isReadable =
        space.status.replica !== undefined && space.info !== undefined && phase !== "locked";
      if (!isReadable && phase !== "locked" && error === undefined) return;
      setTimeout(end); // Not before the next one has begun to use it.
      if (isReadable && error?.kind !== "denied") resolve();
      else reject(error ?? new IcecoreError("denied", "locked", "the passphrase does not open it"));
    };
    const end = space.subscribeStatus(look);
    void space
      .sync()
      .catch(() => undefined)
      .then(look);
  });
}

interface Parts {
  readonly people: View;
  readonly status: View;
  readonly plan: View;
  readonly chat: View & { readonly hasNew: () => boolean };
}

/** What stands around plan and chat. */
function frameOf(
  app: App,
  { people, status, plan, chat }: Parts,
): {
  readonly elements: readonly HTMLElement[];
  readonly element: HTMLElement;
  readonly render: () => void;
} {
  const { history } = app;
  const undo = iconButton("undo", "Undo", () => tell("Undone", history.undo()));
  const redo = iconButton("redo", "Redo", () => tell("Done again", history.redo()));
  const header = h(
    "header",
    { class: "top" },
    h("h1", {}, NAME),
    status.element,
    people.element,
    h(
      "div",
      { class: "tools", role: "group", "aria-label": "Tools" },
      undo,
      redo,
      iconButton("past", "Earlier", () => void showPast(app).catch(report)),
      iconButton("person", "You", () => showPerson(app)),
    ),
  );
  const panes = h("main", { class: "panes", "data-view": "plan" }, plan.element, chat.element);
  const news = h("span", { class: "news" }, h("span", { class: "unseen" }, "new messages"));
  const view = (name: "plan" | "chat", label: string, more?: HTMLElement): HTMLElement => {
    const choose = (): void => {
      panes.dataset["view"] = name;
      for (const other of tabs.querySelectorAll("button"))
        other.setAttribute("aria-pressed", String(other === button));
      chat.render();
      render();
    };
    const button = h(
      "button",
      { type: "button", "aria-pressed": String(name === "plan"), onclick: choose },
      icon(name),
      label,
      more,
    );
    return button;
  };
  const tabs = h("nav", { class: "tabs", "aria-label": "Views" });
  tabs.append(view("plan", "Plan"), view("chat", "Chat", news));

  const render = (): void => {
    for (const [button, label, word] of [
      [undo, history.undoable, "Undo"],
      [redo, history.redoable, "Redo"],
    ] as const) {
      // Not `disabled`: that would take the focus away from who uses it with the keyboard.
      button.setAttribute("aria-disabled", String(label === undefined));
      const text = label === undefined ? word : `${word}: ${label}`;
      button.setAttribute("aria-label", text);
      button.title = text;
    }
    news.hidden = !chat.hasNew();
  };
  const keys = (event: KeyboardEvent): void => {
    // In a field of text it is the field's own undo.
    const isText =
      event.target instanceof Element &&
      event.target.matches("input:not([type=checkbox], [type=range]), textarea");
    if (isText || !(event.ctrlKey || event.metaKey) || event.key.toLowerCase() !== "z") return;
    event.preventDefault();
    (event.shiftKey ? redo : undo).click();
  };
  document.addEventListener("keydown", keys, { signal: app.signal });
  return { elements: [header, panes, tabs], element: header, render };
}

function tell(
  word: string,
  { label, kept, skipped, receipt }: ReturnType<Planner["history"]["undo"]>,
): void {
  if (receipt) watch(receipt);
  const parts = [
    label === undefined ? undefined : `${word}: ${label}.`,
    kept.length > 0 ? "What others changed since stays." : undefined,
    skipped.length > 0 ? `${skipped.join(", ")}: others changed it since, so it stays.` : undefined,
  ].filter((part) => part !== undefined);
  if (parts.length > 0) notice(parts.join(" "));
}

start().catch(report);
