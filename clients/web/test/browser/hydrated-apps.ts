/** One page in Vue and in Solid, as their servers and their pages render it: the list of a space and how it is. */

import { createComponent, ssr, ssrHydrationKey } from "solid-js/web";
import { type Component, h } from "vue";
import type { DocumentState, Space } from "../../src/index.ts";
import { fromSpace, fromStatus } from "../../src/solid.ts";
import { useSpace as refOfSpace, useStatus as refOfStatus } from "../../src/vue.ts";

const shown = (phase: string, list: unknown): string => `${phase} ${JSON.stringify(list ?? [])}`;

/** The page in Vue. */
export function vueApp(space: Space<DocumentState>): Component {
  return {
    setup() {
      const list = refOfSpace(space, (state) => state["list"]);
      const status = refOfStatus(space);
      return () => h("p", shown(status.value.phase, list.value));
    },
  };
}

/** What the page in Solid shows. */
export function solidText(space: Space<DocumentState>): () => string {
  const list = fromSpace(space, (state) => state["list"]);
  const status = fromStatus(space);
  return () => shown(status().phase, list());
}

/** The page in Solid on a server, as its compiler writes it for `<p>{text()}</p>`. */
export function solidOnServer(space: Space<DocumentState>): unknown {
  const app = () => {
    const text = solidText(space);
    return ssr(["<p", ">", "</p>"], ssrHydrationKey(), text().replaceAll('"', "&quot;"));
  };
  return createComponent(app as never, {});
}
