/**
 * New versions of the app. One is fetched in the background and waits: nobody's page changes under their hands. What people wrote is not touched, and
 * what stands in a field is kept.
 */

import { announce, byId, h } from "./dom.ts";

const CHECK_EVERY_MS = 3_600_000;

/** Lets the app start without a network, and offers new versions. */
export async function startUpdates(): Promise<void> {
  // Plain http, other than on this machine: everything works but starting offline.
  if (!("serviceWorker" in navigator)) return;
  const { serviceWorker } = navigator;
  // The first worker takes over a page that was loaded without one: that is no new version.
  let hadOne = serviceWorker.controller !== null;
  serviceWorker.addEventListener("controllerchange", () => {
    if (hadOne) location.reload();
    hadOne = true;
  });
  const registration = await serviceWorker.register("sw.js", { updateViaCache: "none" });
  // A page that was being loaded while the first worker started belongs to none.
  void serviceWorker.ready.then(({ active }) => {
    if (serviceWorker.controller === null) active?.postMessage("take this page");
  });
  const look = (): void => {
    if (registration.waiting && serviceWorker.controller) offer(registration.waiting);
  };
  registration.addEventListener("updatefound", () => {
    registration.installing?.addEventListener("statechange", look);
  });
  look();
  const ask = (): void => void registration.update().catch(() => undefined); // Offline there is none.
  setInterval(ask, CHECK_EVERY_MS);
  document.addEventListener("visibilitychange", () => {
    if (document.visibilityState === "visible") ask();
  });
}

function offer(waiting: ServiceWorker): void {
  if (document.querySelector(".offer") !== null) return;
  const use = (): void => waiting.postMessage("use the new version");
  const bar = h(
    "div",
    { class: "offer", role: "region", "aria-label": "New version" },
    h("span", {}, "A new version is here."),
    h("button", { type: "button", class: "main", onclick: use }, "Use it"),
    h("button", { type: "button", onclick: () => bar.remove() }, "Later"),
  );
  byId("app").prepend(bar);
  announce("A new version is here.");
}
