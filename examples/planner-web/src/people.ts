/**
 * Who is here, and who is typing: transient events, which are part of no history and gone after seconds.
 *
 * They cost requests, so nobody sends or looks while the page is hidden or offline.
 */

import { type App, disc, nameOf, type View } from "./app.ts";
import { h, setText, show } from "./dom.ts";

const HERE_EVERY_MS = 20_000;
const LOOK_EVERY_MS = 3_000;
/** While somebody goes on typing it is said again after this, and is over soon after the last time. */
const TYPING_EVERY_MS = 3_000;
const TYPING_LIFE_MS = 6_000;

export interface People extends View {
  /** The line that says who is typing. */
  readonly typing: HTMLElement;
  /** Somebody types here. */
  readonly types: () => void;
}

/** Who an event is from, by the id that people have in the planner. */
function personIn(data: unknown): string | undefined {
  const { who } =
    typeof data === "object" && data !== null ? (data as { readonly who?: unknown }) : {};
  return typeof who === "string" && who.length <= 64 ? who : undefined;
}

export function peopleView(app: App): People {
  const { space, me } = app;
  let here: readonly string[] = [];
  let typing: readonly string[] = [];
  let saidHereAt = Number.NEGATIVE_INFINITY;
  let saidTypingAt = Number.NEGATIVE_INFINITY;

  const discs = h("div", { class: "discs" });
  const words = h("span", { class: "unseen" });
  const element = h("div", { class: "here" }, discs, words);
  const typingLine = h("p", { class: "typing" });

  const isOn = (): boolean =>
    document.visibilityState === "visible" && space.status.phase === "live";
  // What is lost of these is no loss.
  const send = (kind: string, ttlMs: number): void =>
    void space.transient(kind, { who: me }, ttlMs).catch(() => undefined);

  const render = (): void => {
    const all = [me, ...here];
    show(discs, all, {
      key: (id) => `${id} ${nameOf(app, id)}`,
      make: (id) => disc(app, id),
      update: () => undefined,
    });
    setText(
      words,
      here.length === 0
        ? "Nobody else is here."
        : `Here now: ${here.map((id) => nameOf(app, id)).join(", ")}`,
    );
    const names = typing.map((id) => nameOf(app, id));
    setText(
      typingLine,
      names.length === 0
        ? ""
        : `${names.join(" and ")} ${names.length === 1 ? "is" : "are"} typing…`,
    );
  };

  const look = async (): Promise<void> => {
    if (!isOn()) return;
    if (performance.now() - saidHereAt > HERE_EVERY_MS) {
      saidHereAt = performance.now();
      send("here", HERE_EVERY_MS + 2 * LOOK_EVERY_MS);
    }
    const events = await space.transients(app.signal);
    const who = (kind: string): readonly string[] => {
      const ids = events
        .filter((event) => event.kind === kind)
        .map((event) => personIn(event.data));
      return [...new Set(ids)].filter((id) => id !== undefined && id !== me) as readonly string[];
    };
    here = who("here");
    typing = who("typing");
    render();
  };
  const timer = setInterval(() => void look().catch(() => undefined), LOOK_EVERY_MS);
  app.signal.addEventListener("abort", () => clearInterval(timer));

  return {
    element,
    typing: typingLine,
    render,
    types() {
      if (!isOn() || performance.now() - saidTypingAt < TYPING_EVERY_MS) return;
      saidTypingAt = performance.now();
      send("typing", TYPING_LIFE_MS);
    },
  };
}
