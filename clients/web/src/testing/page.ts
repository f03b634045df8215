/**
 * A browser's page as servers see it: what it may send and see, the permissions that it asks for first, its cache, and what goes wrong on the
 * way.
 *
 * @module
 */

import type { Clock } from "../ports.ts";
import { outsideTime } from "./clock.ts";
import { isSetByClient } from "./presign.ts";
import type { ServerAnswer, ServerRequest } from "./s3.ts";
import type { Fault, MemoryPage, SeenRequest, Traffic } from "./types.ts";

/** What a page is made with. */
export interface PageOptions {
  /** Where delays come from. */
  readonly clock: Clock;
  /** Whether it is of the servers' origin, and asks no permission. */
  readonly sameOrigin: boolean;
  /** Answers a request, whoever it is for. */
  readonly serve: (request: ServerRequest) => Promise<ServerAnswer>;
  /** Whom a request is for, and the object or endpoint that it names. */
  readonly name: (method: string, url: URL) => Pick<SeenRequest, "to" | "path">;
}

/** These make a page ask for no permission. */
const SIMPLE_METHODS: ReadonlySet<string> = new Set(["GET", "HEAD", "POST"]);
const SIMPLE_HEADERS: ReadonlySet<string> = new Set(["accept", "accept-language"]);
/** These a page of another origin always sees. */
const SEEN: ReadonlySet<string> = new Set([
  "cache-control",
  "content-language",
  "content-length",
  "content-type",
  "expires",
  "last-modified",
  "pragma",
]);
/** These it sees because the server lets it. */
const EXPOSED = {
  bucket: new Set(["etag", "date", "last-modified", "x-amz-meta-author"]),
  gateway: new Set(["x-request-id", "retry-after"]),
} as const;
/** How long a permission is remembered, for one address. */
const PERMISSION_MS = 3_600_000;

interface Cached {
  readonly tag: string;
  readonly answer: ServerAnswer;
}

/** Counts a request. */
function count(counts: Counts, to: SeenRequest["to"], request: ServerRequest): void {
  if (to === "gateway") {
    counts.calls += 1;
  } else if (request.method === "PUT") {
    counts.puts += 1;
  } else {
    counts[request.url.searchParams.has("list-type") ? "lists" : "gets"] += 1;
  }
}

type Counts = { -readonly [name in keyof Traffic]: number };

function noTraffic(): Counts {
  return { options: 0, calls: 0, gets: 0, notModified: 0, lists: 0, puts: 0 };
}

/** As browsers say it: nothing of why. */
function failed(): TypeError {
  return new TypeError("Failed to fetch");
}

function aborted(): DOMException {
  return new DOMException("The operation was aborted.", "AbortError");
}

/** A page. */
export function memoryPage(options: PageOptions): MemoryPage {
  const cache = new Map<string, Cached>();
  const permissions = new Map<string, number>();
  let counts = noTraffic();
  let number = 0;

  const askPermission = (request: ServerRequest): void => {
    const names = Object.keys(request.headers).filter(
      (name) => !SIMPLE_HEADERS.has(name) && !isSetByClient(name),
    );
    if (options.sameOrigin || (SIMPLE_METHODS.has(request.method) && names.length === 0)) {
      return;
    }
    const permission = `${request.method} ${request.url.href} ${names.sort().join()}`;
    const now = options.clock.monotonic();
    if ((permissions.get(permission) ?? -1) <= now) {
      counts.options += 1;
      permissions.set(permission, now + PERMISSION_MS);
    }
  };
  /** By the browser's cache, where the page lets it. */
  const throughCache = async (request: ServerRequest, mode: string): Promise<ServerAnswer> => {
    const cached = mode === "no-cache" ? cache.get(request.url.href) : undefined;
    if (cached === undefined) {
      const answer = await options.serve(request);
      const { etag } = answer.headers;
      if (mode === "no-cache" && answer.status === 200 && etag !== undefined) {
        cache.set(request.url.href, { tag: etag, answer });
      }
      return answer;
    }
    const headers = { ...request.headers, "if-none-match": cached.tag };
    const answer = await options.serve({ ...request, headers });
    if (answer.status === 304) {
      counts.notModified += 1;
      return { ...cached.answer, headers: { ...cached.answer.headers, ...answer.headers } };
    }
    cache.delete(request.url.href);
    return answer;
  };

  const page: MemoryPage = {
    get traffic() {
      return { ...counts };
    },
    resetTraffic() {
      counts = noTraffic();
    },
    faults: undefined,
    fetch: async (url, init) => {
      const request = await requestOf(url, init);
      const { to, path } = options.name(request.method, request.url);
      const fault = page.faults?.({ method: request.method, to, path, number });
      number += 1;
      if (init.signal?.aborted) {
        throw aborted();
      }
      askPermission(request);
      count(counts, to, request);
      const answer = await withFault(fault, options.clock, init.signal, () =>
        throughCache(request, init.cache ?? "default"),
      );
      return responseOf(
        answer,
        (name) => options.sameOrigin || SEEN.has(name) || EXPOSED[to].has(name),
      );
    },
  };
  return page;
}

async function requestOf(url: string, init: RequestInit): Promise<ServerRequest> {
  const headers: Record<string, string> = {};
  new Headers(init.headers).forEach((value, name) => {
    // A page that sets these is not listened to.
    if (!isSetByClient(name)) {
      headers[name] = value;
    }
  });
  const body = new Response(init.body ?? null);
  const bytes = new Uint8Array(await body.arrayBuffer());
  if (init.body !== undefined && init.body !== null) {
    headers["content-length"] = String(bytes.length);
  }
  return { method: init.method ?? "GET", url: new URL(url), headers, bytes };
}

async function withFault(
  fault: Fault | undefined,
  clock: Clock,
  signal: AbortSignal | null | undefined,
  serve: () => Promise<ServerAnswer>,
): Promise<ServerAnswer> {
  const wait = (ms: number): Promise<void> =>
    new Promise((resolve, reject) => {
      const stop = ms === Number.POSITIVE_INFINITY ? undefined : clock.after(ms, resolve);
      signal?.addEventListener("abort", () => {
        stop?.();
        reject(aborted());
      });
    });
  if (fault === undefined) {
    return serve();
  }
  if (fault === "lost") {
    throw failed();
  }
  if (fault === "hangs") {
    await wait(Number.POSITIVE_INFINITY);
  }
  if (fault === "answer-lost") {
    await serve();
    throw failed();
  }
  if (typeof fault === "string" || "delayMs" in fault) {
    const half = typeof fault === "string" ? 0 : fault.delayMs / 2;
    await wait(half);
    const answer = await serve();
    await wait(half);
    return answer;
  }
  const headers = (extra: object): Record<string, string> => ({ ...extra });
  if ("status" in fault) {
    const { status, retryAfter, body = "" } = fault;
    const after = retryAfter === undefined ? {} : { "retry-after": String(retryAfter) };
    return { status, headers: headers(after), bytes: new TextEncoder().encode(body) };
  }
  const answer = await serve();
  return { ...answer, bytes: new TextEncoder().encode(fault.broken) };
}

/** What a page sees of an answer: unpacked, and of the headers those that it may. */
async function responseOf(
  answer: ServerAnswer,
  isSeen: (name: string) => boolean,
): Promise<Response> {
  const headers = Object.entries(answer.headers).filter(
    ([name]) => isSeen(name) && name !== "content-encoding",
  );
  const isPacked = answer.headers["content-encoding"] === "gzip" && answer.status === 200;
  const bytes = isPacked ? await outsideTime(unpacked(answer.bytes)) : answer.bytes;
  const hasBody = answer.status !== 204 && answer.status !== 304;
  return new Response(hasBody ? bytes : null, { status: answer.status, headers });
}

async function unpacked(bytes: Uint8Array<ArrayBuffer>): Promise<ArrayBuffer> {
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Response(stream).arrayBuffer();
}
