/** What the tests of Vue and Solid run in a page: each takes over what its server has rendered. */

import { createComponent, getNextElement, hydrate, insert, template } from "solid-js/web";
import { createSSRApp } from "vue";
import type { DocumentState, Space } from "../../src/index.ts";
import { solidText, vueApp } from "./hydrated-apps.ts";
import { opened, openSpace } from "./rendered-space.ts";

// Both word a mismatch there, and nowhere else.
const errors: string[] = [];
for (const level of ["warn", "error"] as const) {
  console[level] = (...args: unknown[]) => void errors.push(args.join(" "));
}

let space: Space<DocumentState> | undefined;
let unmount: (() => void) | undefined;
let served: Element | null | undefined;

const takeOver = {
  vue(at: Element, space: Space<DocumentState>): () => void {
    const app = createSSRApp(vueApp(space));
    app.mount(at);
    return () => app.unmount();
  },
  /** As its compiler writes it for `<p>{text()}</p>`. */
  solid(at: Element, space: Space<DocumentState>): () => void {
    const paragraph = template("<p>");
    const app = () => {
      const text = solidText(space);
      const element = getNextElement(paragraph);
      insert(element, text);
      return element;
    };
    return hydrate(() => createComponent(app as never, {}), at);
  },
};

const api = {
  opened: (): string[] => opened,
  errors: (): string[] => errors,
  /** Makes the space; with `early` it is used before anybody takes over. */
  async make(gateway: string, name: string, isEarly: boolean): Promise<void> {
    space = openSpace(gateway, name);
    if (isEarly) await space.update({ kind: "append", data: { "/list": ["early"] } }).confirmed;
  },
  /** Takes over, and what is to be seen as soon as that is done. */
  async hydrate(framework: "vue" | "solid"): Promise<string> {
    const at = document.getElementById("app");
    if (at === null || space === undefined) throw new Error("nothing to take over");
    served = at.firstElementChild;
    unmount = takeOver[framework](at, space);
    await new Promise((resolve) => setTimeout(resolve));
    return api.text();
  },
  /** Whether the page shows the very element that the server has rendered. */
  isServed: (): boolean => served === document.querySelector("#app > p"),
  text: (): string => document.getElementById("app")?.textContent ?? "",
  unmount: (): void => unmount?.(),
  phase: (): string => space?.status.phase ?? "",
  put: async (label: string): Promise<void> => {
    await space?.update({ kind: "append", data: { "/list": [label] } }).durable;
  },
};

/** What tests may call in the page. */
export type HydrationPage = typeof api;

declare global {
  /** What tests call in the page. */
  var hydration: HydrationPage;
}
globalThis.hydration = api;
