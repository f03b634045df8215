/**
 * The service worker: the app's own files, so that it starts without a network. Nothing else is looked at, let alone kept: not what the gateway
 * answers (/v1/…), no presigned address, no object of the bucket. What people write lies in IndexedDB, out of its reach.
 */

export {};

declare const FILES: readonly string[];
declare const VERSION: string;

/** As much of a worker's world as is used here: the compiler knows pages. */
interface Worker {
  readonly registration: { readonly scope: string };
  readonly clients: { claim(): Promise<void> };
  skipWaiting(): Promise<void>;
  addEventListener(type: "install" | "activate", listener: (event: Lasting) => void): void;
  addEventListener(type: "fetch", listener: (event: Fetching) => void): void;
  addEventListener(type: "message", listener: (event: MessageEvent<unknown>) => void): void;
}
interface Lasting {
  waitUntil(work: Promise<unknown>): void;
}
interface Fetching {
  readonly request: Request;
  respondWith(answer: Promise<Response>): void;
}
const worker = globalThis as unknown as Worker;

const PREFIX = "planner ";
const NAME = `${PREFIX}${VERSION}`;
const scope = worker.registration.scope;
/** Full addresses: a file with anything behind its name is another one. */
const addresses: ReadonlySet<string> = new Set(FILES.map((file) => new URL(file, scope).href));

// All files or none: a version that is here in part must never start.
worker.addEventListener("install", (event) => {
  const requests = [...addresses].map((address) => new Request(address, { cache: "reload" }));
  event.waitUntil(caches.open(NAME).then((cache) => cache.addAll(requests)));
});

// A page that runs goes on with its version until somebody says so: half of the one and half of the other fit nowhere.
worker.addEventListener("message", (event) => {
  if (event.data === "use the new version") void worker.skipWaiting();
  if (event.data === "take this page") void worker.clients.claim();
});

worker.addEventListener("activate", (event) => {
  event.waitUntil(
    caches
      .keys()
      .then((names) => names.filter((name) => name.startsWith(PREFIX) && name !== NAME))
      .then((old) => Promise.all(old.map((name) => caches.delete(name))))
      .then(() => worker.clients.claim()),
  );
});

worker.addEventListener("fetch", (event) => {
  const { request } = event;
  // `index.html` is the page under another name; what stands behind `?` or `#` is for the page.
  const address = new URL(request.url);
  const isPage =
    request.mode === "navigate" &&
    [scope, `${scope}index.html`].includes(address.origin + address.pathname);
  const wanted = isPage ? scope : request.url;
  if (request.method !== "GET" || !addresses.has(wanted)) return; // The browser does what it would do without us.
  event.respondWith(
    caches
      .open(NAME)
      .then((cache) => cache.match(wanted))
      .then((found) => found ?? fetch(request)),
  );
});
