/**
 * Requests with time-outs, limits and repetitions, and what their answers mean.
 *
 * @module
 */

import { type ErrorKind, IcecoreError, isErrorKind, isIcecoreError } from "../errors.ts";
import type { Chance, Clock, Fetch } from "../ports.ts";
import type { ServerTime } from "./server-time.ts";

/** What requests need of the world. */
export interface Net {
  /** How they are made. */
  readonly fetch: Fetch;
  /** When they time out. */
  readonly clock: Clock;
  /** How long pauses are. */
  readonly chance: Chance;
  /** What answers say of the server's time goes here. */
  readonly time: ServerTime;
}

/** A request. */
export interface Outgoing {
  /** Whom it asks for what, for errors. Never the address: a presigned one is as good as a credential. */
  readonly object: string;
  /** Where it goes. */
  readonly url: string;
  /** The method. */
  readonly method: string;
  /** What is sent with it. */
  readonly headers: Readonly<Record<string, string>>;
  /** Its body. */
  readonly body?: string | Uint8Array<ArrayBuffer> | undefined;
  /** `no-cache` lets the browser ask whether what it has is still good, without asking for permission. */
  readonly cache?: RequestCache | undefined;
  /** The most bytes of the answer, unpacked; 16 MiB without, which is far above what gateways and listings give. */
  readonly most?: number | undefined;
  /** Set where it must not be sent again when nobody knows what became of it. */
  readonly once?: boolean | undefined;
}

/** What came back, whatever its status. */
export interface Answer {
  /** The status. */
  readonly status: number;
  /** Whether that is a success. */
  readonly ok: boolean;
  /** The headers that the page may see. */
  readonly headers: Headers;
  /** The whole body. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** When it was sent, by the device's clock. */
  readonly sent: number;
}

/** Nothing arrives for so long: an answer, or more of it. A gateway takes at most 25 s, and nobody counts on a PUT for longer. */
const WAIT_MS = 30_000;
/** A hiccup is smoothed over here; whatever takes longer is the engine's matter, which knows what it may repeat. */
const TRIES_MAX = 3;
const PAUSE_MS = 200;

/** What a refusal means where it does not say so itself; other statuses by their hundred. */
const MEANINGS: Readonly<Record<number, readonly [ErrorKind, string]>> = {
  401: ["denied", "token-refused"],
  403: ["denied", "forbidden"],
  404: ["not_found", "no-space"],
  408: ["unavailable", "timeout"],
  409: ["conflict", "changed"],
  413: ["invalid", "too-large"],
  429: ["unavailable", "busy"],
};

/** An error of the network, or of a server that cannot just now. */
export function unavailable(code: string, object: string): IcecoreError {
  return new IcecoreError("unavailable", code, "the request got no answer", {
    object,
    hint: "nothing is lost, it is tried again",
  });
}

/** The body as text. */
export function textOf({ bytes }: Answer): string {
  return new TextDecoder().decode(bytes);
}

/** How long a server wants to be left alone. */
function retryAfter({ headers }: Answer): number | undefined {
  return Number(headers.get("retry-after")) * 1_000 || undefined;
}

function textIn(value: unknown): string | undefined {
  return typeof value === "string" ? value : undefined;
}

/** The error of an answer that is no success. */
export function refused(answer: Answer, object: string): IcecoreError {
  const { status } = answer;
  const [usual, code] =
    MEANINGS[status] ?? (status < 500 ? ["invalid", "refused"] : ["unavailable", "busy"]);
  let said: Readonly<Partial<Record<"code" | "message" | "object" | "hint", unknown>>> = {};
  try {
    said = Object(JSON.parse(textOf(answer)));
  } catch {
    // Whoever stands in front of a gateway says other things.
  }
  const kind = isErrorKind(said.code) ? said.code : usual;
  return new IcecoreError(
    kind,
    status === 413 && kind === "denied" ? "space-full" : code,
    textIn(said.message) ?? `the server answered ${status}`,
    {
      object: textIn(said.object) ?? object,
      hint: textIn(said.hint),
      params: { status },
      retryAfterMs: retryAfter(answer),
    },
  );
}

/**
 * Runs `work` with a signal that ends with `signal`, and when `work` does not call `alive` for too long. Not all work heeds a signal: nobody
 * waits for it any longer then. What is thrown is an `IcecoreError` in any case: what the platform says may hold the address.
 */
export function limited<T>(
  clock: Clock,
  object: string,
  signal: AbortSignal | undefined,
  work: (signal: AbortSignal, alive: () => void) => Promise<T>,
): Promise<T> {
  return new Promise((resolve, reject) => {
    const ends = new AbortController();
    let stop = (): void => {};
    const end = (code: string): void => {
      reject(unavailable(code, object));
      ends.abort();
    };
    const alive = (): void => {
      stop();
      stop = clock.after(WAIT_MS, () => end("timeout"));
    };
    const aborted = (): void => end("aborted");
    signal?.addEventListener("abort", aborted, { signal: ends.signal });
    alive();
    if (signal?.aborted) {
      aborted();
    }
    work(ends.signal, alive)
      .then(resolve, (error) =>
        reject(isIcecoreError(error) ? error : unavailable("no-answer", object)),
      )
      .finally(() => {
        stop();
        ends.abort();
      });
  });
}

function once(net: Net, outgoing: Outgoing, signal: AbortSignal | undefined): Promise<Answer> {
  // A method of the page: it takes no other `this`.
  const { clock, fetch } = net;
  const { object, url, method, headers, body = null, cache = "no-store" } = outgoing;
  return limited(clock, object, signal, async (ends, alive) => {
    const sent = clock.now();
    const response = await fetch(url, {
      method,
      headers,
      body,
      cache,
      credentials: "omit",
      redirect: "error",
      referrerPolicy: "no-referrer",
      signal: ends,
    });
    const date = Date.parse(response.headers.get("date") ?? "");
    net.time.observe(date, 1_000, sent, clock.now());
    let left = outgoing.most ?? 2 ** 24;
    const counted = response.body?.pipeThrough(
      new TransformStream<Uint8Array<ArrayBuffer>, Uint8Array<ArrayBuffer>>({
        transform(part, to) {
          alive();
          left -= part.length;
          if (left < 0) {
            throw new IcecoreError("corrupt", "too-large", "the answer is too large", { object });
          }
          to.enqueue(part);
        },
      }),
    );
    const bytes = new Uint8Array(await new Response(counted ?? null).arrayBuffer());
    return { status: response.status, ok: response.ok, headers: response.headers, bytes, sent };
  });
}

/**
 * Sends a request, again if it failed for reasons that pass and may be repeated.
 *
 * @throws IcecoreError `unavailable`: `no-answer`, `timeout`, `aborted`; `corrupt`: `too-large`.
 */
export async function send(
  net: Net,
  outgoing: Outgoing,
  signal: AbortSignal | undefined,
): Promise<Answer> {
  for (let tries = 1; ; tries += 1) {
    const last = outgoing.once || tries >= TRIES_MAX;
    try {
      const answer = await once(net, outgoing, signal);
      const passes = answer.status >= 500 || answer.status === 429;
      if (last || !passes || retryAfter(answer)) {
        return answer;
      }
    } catch (error) {
      if (last || signal?.aborted || !isIcecoreError(error) || error.kind !== "unavailable") {
        throw error;
      }
    }
    const pause = PAUSE_MS * tries + net.chance.below(PAUSE_MS);
    await new Promise<void>((resolve) => {
      net.clock.after(pause, resolve);
    });
  }
}
