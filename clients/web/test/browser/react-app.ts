import { createElement, type ReactElement } from "react";
import type { DocumentState, Space } from "../../src/index.ts";
import { useSpace, useStatus } from "../../src/react.ts";

/** Shows the list of a space and how it is. */
export function App({ space }: { readonly space: Space<DocumentState> }): ReactElement {
  const list = useSpace(space, (state) => state["list"]);
  const { phase } = useStatus(space);
  return createElement("p", null, `${phase} ${JSON.stringify(list ?? [])}`);
}
