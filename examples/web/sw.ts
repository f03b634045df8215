/**
 * The service worker: the page's own files, so that it starts without a network. Nothing else is looked at, let alone kept: not what the gateway
 * answers, no token, no object of the bucket. What people write lies in IndexedDB, out of its reach.
 */

export {};

declare const FILES: readonly string[];
declare const VERSION: string;

/** As much of a worker's world as is used here: the compiler knows pages. */
interface Worker {
  readonly registration: { readonly scope: string };
  readonly clients: { claim(): Promise<void> };
  addEventListener(type: "install" | "activate", listener: (event: Lasting) => void): void;
  addEventListener(type: "fetch", listener: (event: Fetching) => void): void;
}
interface Lasting {
  waitUntil(work: Promise<unknown>): void;
}
interface Fetching {
  readonly request: Request;
  respondWith(answer: Promise<Response>): void;
}
const worker = globalThis as unknown as Worker;

const { scope } = worker.registration;
const addresses: ReadonlySet<string> = new Set(FILES.map((file) => new URL(file, scope).href));

// All files or none. A page that runs goes on with its version: the new one waits until all its windows are closed.
worker.addEventListener("install", (event) => {
  const requests = [...addresses].map((address) => new Request(address, { cache: "reload" }));
  event.waitUntil(caches.open(VERSION).then((cache) => cache.addAll(requests)));
});

worker.addEventListener("activate", (event) => {
  const old = caches.keys().then((names) => names.filter((name) => name !== VERSION));
  const cleared = old.then((names) => Promise.all(names.map((name) => caches.delete(name))));
  event.waitUntil(cleared.then(() => worker.clients.claim()));
});

worker.addEventListener("fetch", (event) => {
  const { request } = event;
  const [address = ""] = request.url.split("#");
  if (request.method !== "GET" || !addresses.has(address)) return; // The browser does what it would do without us.
  event.respondWith(
    caches
      .open(VERSION)
      .then((cache) => cache.match(address))
      .then((found) => found ?? fetch(request)),
  );
});
