/**
 * The status line: how safe what was written is, in a few words, and what to do when something is in the way.
 */

import { isIcecoreError, type Space, type SpaceStatus } from "icecore";
import { announce, count, h, setText } from "../planner-web/src/dom.ts";
import type { View } from "./page.ts";

/** What a person should know. */
interface Said {
  readonly tone: "good" | "busy" | "away" | "bad";
  readonly word: string;
  readonly more?: string | undefined;
}

/** What went wrong, and what to do. */
export function wordsOf(error: unknown): string {
  if (!isIcecoreError(error)) return error instanceof Error ? error.message : String(error);
  const message = error.message.replace(/\.$/, "");
  return error.hint === undefined ? message : `${message}: ${error.hint}`;
}

function say({ phase, unsent, error, replica, storage }: SpaceStatus): Said {
  const waits = unsent === 0 ? "" : `, ${unsent} unsent`;
  const full = storage?.risk === "nearly-full" ? "This device is nearly full." : undefined;
  switch (phase) {
    case "opening":
    case "closed":
      return { tone: "busy", word: "Opening" };
    case "live":
      return unsent === 0
        ? { tone: "good", word: "All saved", more: full }
        : { tone: "busy", word: `Sending ${count(unsent, "change")}`, more: full };
    case "offline":
      return { tone: "away", word: `Offline${waits}`, more: full };
    case "evicted":
      return { tone: "bad", word: "Deleted by the browser, read again" };
    case "read-only":
      return { tone: "bad", word: `You may only read${waits}` };
    case "locked":
    case "stuck": {
      const more = replica?.needsVersion ? "A newer version of this page is needed." : undefined;
      return { tone: "bad", word: `Needs you${waits}`, more: more ?? (error && wordsOf(error)) };
    }
  }
}

/** The line. */
export function statusView<S>(space: Space<S>): View {
  const word = h("strong", {});
  const more = h("span", {});
  const element = h("p", { class: "status" }, h("span", { class: "dot" }), word, more);
  let told = "";
  const render = (): void => {
    const said = say(space.status);
    element.dataset["tone"] = said.tone;
    setText(word, said.word);
    setText(more, said.more ?? "");
    // Not each number: only what somebody would want to know who does not look.
    if (said.tone === "busy" || said.tone === told) return;
    if (told !== "") announce(`${said.word}. ${said.more ?? ""}`);
    told = said.tone;
  };
  return { element, render };
}
