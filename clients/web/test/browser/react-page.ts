/** What the test of React runs in a page: it takes over what a server has rendered. */

import { createElement, StrictMode } from "react";
import { hydrateRoot, type Root } from "react-dom/client";
import type { DocumentState, Space } from "../../src/index.ts";
import { App } from "./react-app.ts";
import { opened, openSpace } from "./rendered-space.ts";

const errors: string[] = [];
let space: Space<DocumentState> | undefined;
let root: Root | undefined;

const api = {
  opened: (): string[] => opened,
  errors: (): string[] => errors,
  /** Makes the space; with `early` it is used before React takes over. */
  async make(gateway: string, name: string, isEarly: boolean): Promise<void> {
    space = openSpace(gateway, name);
    if (isEarly) await space.sync();
  },
  hydrate(): void {
    const at = document.getElementById("app");
    if (at === null || space === undefined) throw new Error("nothing to take over");
    const told = (error: unknown): void => void errors.push(String(error));
    const app = createElement(StrictMode, null, createElement(App, { space }));
    root = hydrateRoot(at, app, { onRecoverableError: told, onUncaughtError: told });
  },
  text: (): string => document.getElementById("app")?.textContent ?? "",
  unmount: (): void => root?.unmount(),
  phase: (): string => space?.status.phase ?? "",
  put: async (label: string): Promise<void> => {
    await space?.update({ kind: "append", data: { "/list": [label] } }).durable;
  },
};

/** What tests may call in the page. */
export type ReactPage = typeof api;

declare global {
  /** What tests call in the page. */
  var react: ReactPage;
}
globalThis.react = api;
