/**
 * Presigned requests: at hand or asked for, sent, and made anew where the bucket refuses them.
 *
 * @module
 */

import { readSignResponse, type SignedAnswer, type SignedOpAnswer } from "../objects/wire.ts";
import { bucketFault, isRefused } from "./bucket.ts";
import type { Calls } from "./calls.ts";
import { type Answer, limited, type Outgoing, send } from "./http.ts";

/** A request to the bucket that can be presigned and used again. */
export type Op = SignedOpAnswer["request"];

/** Has requests presigned, in their order. */
export type Sign = (
  ops: readonly object[],
  signal: AbortSignal | undefined,
) => Promise<readonly SignedAnswer[]>;

/** Reading by presigned requests. */
export interface Reads {
  /** Takes what a look brought, at `now`, in the place of all that was at hand. */
  keep(urls: readonly SignedOpAnswer[], now: number): void;
  /**
   * Reads an object or lists a folder; `undefined` where there is no object. Those that are asked for at once are signed by one call, and with
   * them what is polled and has ended. A listing may be one that starts earlier, unless it has to be `exact`.
   */
  read(
    op: Op,
    how: Pick<Outgoing, "most" | "cache"> & { readonly exact?: boolean },
    signal: AbortSignal,
  ): Promise<Answer | undefined>;
}

interface Ready {
  readonly request: Op;
  readonly signed: SignedAnswer;
  /** When it ends, by the monotonic clock. */
  readonly until: number;
}

interface Waiting {
  readonly op: Op;
  readonly resolve: (signed: SignedAnswer) => void;
  readonly reject: (error: unknown) => void;
}

/** A gateway signs no more requests than this in one call. */
const OPS_MAX = 1_000;
/** A request is not used in its last moments: it would end on its way. */
const MARGIN_MS = 3_000;
/** More are not kept. */
const READY_MAX = 5_000;

/** What an operation is on. No object's path ends with a slash, so no folder is taken for one. */
function placeOf(op: Op): string {
  return op.op === "get" ? op.path : `${op.folder}/`;
}

/** Where a listing starts. */
function afterOf(op: Op): string {
  return (op.op === "list" && op.after) || "";
}

/** Asks the gateway of a space. */
export function signing({ call }: Calls, space: string): Sign {
  return async (ops, signal) => {
    const read = (body: Uint8Array) => readSignResponse(body, ops.length);
    const body = JSON.stringify({ ops });
    return (await call(`spaces/${space}/sign`, { body }, read, signal)).signed;
  };
}

/** Sends a presigned request. */
export function sendSigned(
  { net }: Calls,
  { method, url, headers }: SignedAnswer,
  rest: Pick<Outgoing, "object" | "body" | "most" | "cache">,
  signal: AbortSignal,
): Promise<Answer> {
  // The platform sets it from the body, and the body is what was signed.
  const { "content-length": _, host: __, ...others } = headers;
  return send(net, { ...rest, method, url, headers: others, once: !!rest.body }, signal);
}

/** One for this purpose; of a listing the one that starts last of those that start there or before. */
function find(
  ready: Iterable<Ready>,
  op: Op,
  now: number,
  exact = false,
): SignedAnswer | undefined {
  let best: Ready | undefined;
  for (const one of ready) {
    const start = afterOf(one.request);
    const fits =
      placeOf(one.request) === placeOf(op) &&
      (exact ? start === afterOf(op) : start <= afterOf(op));
    if (fits && one.until > now && (!best || afterOf(best.request) < start)) {
      best = one;
    }
  }
  return best?.signed;
}

/** Reading by presigned requests; `isPolled` says which objects are read again and again. */
export function reading(calls: Calls, sign: Sign, isPolled: (path: string) => boolean): Reads {
  const { clock } = calls.net;
  const ready = new Map<string, Ready>();
  const waiting: Waiting[] = [];

  const put = (request: Op, signed: SignedAnswer, now: number): void => {
    const until = now + signed.expiresInMs - MARGIN_MS;
    ready.set(placeOf(request) + afterOf(request), { request, signed, until });
  };
  const signAll = async (all: readonly Waiting[]): Promise<void> => {
    const now = clock.monotonic();
    // Whoever needs one of what is polled will soon need the others.
    const ended = [...ready.values()].filter(
      ({ until, request }) => until <= now && (request.op === "list" || isPolled(request.path)),
    );
    if (ready.size > READY_MAX) {
      ready.clear();
    }
    try {
      const ops = [...all.map(({ op }) => op), ...ended.map(({ request }) => request)];
      const some = ops.slice(0, OPS_MAX);
      const signed = await sign(some, undefined);
      signed.forEach((one, n) => {
        const op = some[n];
        if (op) {
          put(op, one, now);
        }
        all[n]?.resolve(one);
      });
    } catch (error) {
      for (const { reject } of all) {
        reject(error);
      }
    }
  };
  const signLater = (op: Op) => () =>
    new Promise<SignedAnswer>((resolve, reject) => {
      if (waiting.length === 0) {
        queueMicrotask(() => {
          for (const all = waiting.splice(0); all.length > 0; ) {
            void signAll(all.splice(0, OPS_MAX));
          }
        });
      }
      waiting.push({ op, resolve, reject });
    });

  return {
    keep(urls, now) {
      ready.clear();
      for (const { request, signed } of urls) {
        put(request, signed, now);
      }
    },
    async read(op, how, signal) {
      const object = placeOf(op);
      for (let again = false; ; again = true) {
        // Nobody's own signal signs: others wait for the same answer.
        const kept = find(ready.values(), op, clock.monotonic(), how.exact);
        const signed = kept ?? (await limited(clock, object, signal, signLater(op)));
        const answer = await sendSigned(calls, signed, { ...how, object }, signal);
        if (answer.ok) {
          return answer;
        }
        if (answer.status === 404 && op.op === "get") {
          return undefined;
        }
        for (const [name, one] of ready) {
          if (one.signed === signed) {
            ready.delete(name);
          }
        }
        if (again || !isRefused(answer.status)) {
          throw bucketFault(answer, object);
        }
      }
    },
  };
}
