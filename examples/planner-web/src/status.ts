/**
 * The status line: how safe what was written is, and what to do when something is in the way. In a word, and on a click in full.
 */

import type { SpaceStatus } from "icecore";
import { type App, type View, wordsOf } from "./app.ts";
import { saveFile } from "./dialogs.ts";
import { announce, count, h, setText } from "./dom.ts";
import { moment } from "./model.ts";

/** What a person should know. */
interface Said {
  readonly tone: "good" | "busy" | "away" | "bad";
  readonly word: string;
  readonly text: string;
  readonly todo?: { readonly label: string; readonly run: () => void } | undefined;
}

/** What a person can do about it. */
interface Ways {
  readonly signIn: () => void;
  readonly unlock: () => void;
  readonly again: () => void;
  readonly goOn: () => void;
}

function ageText(ms: number): string {
  const minutes = Math.floor(ms / 60_000);
  if (minutes < 1) return "less than a minute";
  if (minutes < 120) return count(minutes, "minute");
  const hours = Math.floor(minutes / 60);
  return hours < 48 ? count(hours, "hour") : count(Math.floor(hours / 24), "day");
}

function say(status: SpaceStatus, ageMs: number | undefined, ways: Ways): Said {
  const { phase, unsent, error } = status;
  const changes = count(unsent, "change");
  const waits =
    unsent === 0
      ? "Nothing waits to be sent."
      : `${changes} ${unsent === 1 ? "waits" : "wait"} on this device, the oldest for ${ageText(ageMs ?? 0)}. Nothing is lost when you close this page.`;
  const again = { label: "Try again", run: ways.again };
  switch (phase) {
    case "opening":
    case "closed":
      return { tone: "busy", word: "Opening", text: "What this device has is being read." };
    case "live":
      return unsent === 0
        ? { tone: "good", word: "All saved", text: "Everything is stored, and others see it." }
        : { tone: "busy", word: `Sending ${changes}`, text: waits };
    case "offline":
      return {
        tone: "away",
        word: unsent === 0 ? "Offline" : `Offline, ${unsent} unsent`,
        text: `Go on as usual. ${waits}`,
        todo: again,
      };
    case "locked":
      return {
        tone: "bad",
        word: "Locked",
        text: "This planner is encrypted. Its passphrase opens it.",
        todo: { label: "Unlock", run: ways.unlock },
      };
    case "evicted": {
      // Under a running page, what was not sent stands nowhere but in that page.
      const only =
        unsent === 0
          ? ""
          : `${changes} that ${unsent === 1 ? "was" : "were"} not sent ${unsent === 1 ? "is" : "are"} in this window alone: save to a file before you close it.`;
      return {
        tone: "bad",
        word: "Deleted by the browser",
        text: `The browser deleted what was stored on this device. What had been sent is fetched again as soon as there is a network. ${error?.code === "evicted" ? only : waits}`,
        todo: again,
      };
    }
    case "read-only":
      return {
        tone: "bad",
        word: "You may only read",
        text: `Your account may not change this planner. ${waits}`,
      };
    case "stuck":
      return stuck(status, waits, ways, error && wordsOf(error));
  }
}

function stuck(
  { error, replica }: SpaceStatus,
  waits: string,
  ways: Ways,
  words = "Something is in the way.",
): Said {
  const look = { tone: "bad", word: "Needs you" } as const;
  if (error?.code === "wrong-passphrase" || error?.code === "not-a-holder") {
    return {
      ...look,
      word: "Locked",
      text: "The passphrase does not open this planner.",
      todo: { label: "Unlock", run: ways.unlock },
    };
  }
  if (replica?.needsVersion !== undefined || error?.code === "storage-superseded") {
    return {
      ...look,
      text: `A newer version of this app is needed. ${waits}`,
      todo: { label: "Load it", run: () => location.reload() },
    };
  }
  if (replica?.barred !== undefined) {
    return {
      ...look,
      text: `Another device wrote with your key. If that one is gone for good, this one can go on; it takes two minutes. ${waits}`,
      todo: { label: "Go on here", run: ways.goOn },
    };
  }
  if (error?.kind === "denied") {
    return {
      ...look,
      word: "Signed out",
      text: `Sign in again, and go on where you were. ${waits}`,
      todo: { label: "Sign in", run: ways.signIn },
    };
  }
  return { ...look, text: `${words} ${waits}`, todo: { label: "Try again", run: ways.again } };
}

/** How safe what lies on this device is. */
function storageText({ phase, storage, evicted }: SpaceStatus): string {
  const before =
    evicted === undefined || phase === "evicted"
      ? ""
      : "The browser deleted what this device had stored; it was fetched again. ";
  switch (storage?.risk) {
    case "page-only":
      return `${before}This window keeps nothing when it is closed.`;
    case "nearly-full":
      return `${before}This device is nearly full: make room, or changes cannot be kept.`;
    case "evictable":
      return `${before}The browser may delete this copy when space runs short. That is unlikely once the app is installed.`;
    case "none":
      return `${before}This device keeps its copy until you delete it.`;
    default:
      return `${before}The browser does not say how long it keeps this copy.`;
  }
}

export function statusView(app: App, ways: Pick<Ways, "signIn" | "unlock">): View {
  const { space } = app;
  const word = h("span", { class: "word" });
  const text = h("p", {});
  const storage = h("p", {});
  const synced = h("p", { class: "hint" });
  const todo = h("button", { type: "button", class: "main" });
  const save = h(
    "button",
    { type: "button", onclick: () => void exportUnsent(app) },
    "Save unsent changes to a file",
  );
  const element = h(
    "details",
    { class: "status" },
    h("summary", {}, h("span", { class: "dot", "aria-hidden": "true" }), word),
    h(
      "div",
      { class: "status-more" },
      text,
      storage,
      synced,
      h("div", { class: "buttons" }, todo, save),
    ),
  );
  const sync = (): void => void space.sync(app.signal).catch(() => undefined); // The status says what stopped it.
  const all: Ways = {
    ...ways,
    again: sync,
    goOn: () => void space.resumeAuthor(app.signal).catch(() => undefined),
  };
  let run: (() => void) | undefined;
  todo.addEventListener("click", () => run?.());

  let seen: SpaceStatus | undefined;
  let seenAt = 0;
  let told = "";
  const render = (): void => {
    const { status } = space;
    if (status !== seen) [seen, seenAt] = [status, Date.now()];
    // The age is that of the moment when the status was made.
    const age =
      status.oldestUnsentMs === undefined ? undefined : status.oldestUnsentMs + Date.now() - seenAt;
    const said = say(status, age, all);
    element.dataset["tone"] = said.tone;
    setText(word, said.word);
    setText(text, said.text);
    setText(storage, storageText(status));
    const more = [
      status.lastSync === undefined
        ? "Never in step yet."
        : `Last in step ${moment.format(status.lastSync)}.`,
      status.role === "follower" && status.phase !== "evicted" ? "Another window of this browser sends." : undefined,
      Math.abs(status.clockOffMs ?? 0) > 60_000
        ? `This device's clock is off by ${ageText(Math.abs(status.clockOffMs ?? 0))}.`
        : undefined,
      space.rejected.length > 0
        ? `${count(space.rejected.length, "change")} could not be applied.`
        : undefined,
      space.lost.length > 0
        ? `${count(space.lost.length, "change")} of others ${space.lost.length === 1 ? "is" : "are"} gone from the store.`
        : undefined,
    ];
    setText(synced, more.filter((part) => part !== undefined).join(" "));
    run = said.todo?.run;
    setText(todo, said.todo?.label ?? "");
    todo.hidden = said.todo === undefined;
    save.hidden = status.unsent === 0;
    // Not each number: only what somebody would want to know who does not look.
    if (said.tone !== "busy" && told !== said.tone) {
      if (told !== "") announce(said.word);
      told = said.tone;
    }
  };
  const clock = setInterval(render, 10_000);
  app.signal.addEventListener("abort", () => clearInterval(clock));
  return { element, render };
}

/** Lines that `icecore import` takes. */
export async function exportUnsent({ space }: App): Promise<void> {
  saveFile(`${space.name}-unsent.jsonl`, await space.exportQueue());
}
