/**
 * As whom to ask a gateway.
 *
 * @module
 */

import { IcecoreError } from "../errors.ts";
import type { Clock } from "../ports.ts";
import { limited } from "./http.ts";

/**
 * Why a token is asked for: there is none yet; the present one ends soon; the gateway refused it; another replica writes as its author, so
 * one for another author is needed.
 */
export type TokenWhy = "first" | "expiring" | "refused" | "new-author";

/** Where tokens come from: the app's own server. `null` where there is none. */
export type TokenSource = (why: TokenWhy, signal: AbortSignal) => Promise<string | null>;

/** The token at hand. However many ask at once, the source is asked once. */
export interface Tokens {
  /** The token to send. */
  get(signal: AbortSignal): Promise<string | null>;
  /** After a token was refused, or where one of another author is needed: whether there is another one now. */
  renew(why: "refused" | "new-author", old: string | null, signal: AbortSignal): Promise<boolean>;
}

/** Before its end a token is replaced. */
const AHEAD_MS = 60_000;
/** A source that has nothing newer is not asked again before. */
const ASK_AGAIN_MS = 30_000;
const OBJECT = "token";

/** A header takes nothing else, and a gateway refuses longer ones. */
const FORM = /^[!-~]{1,8192}$/;

/** When a token says that it ends; for ever where it does not say so in a form that is known here. Only the gateway checks it. */
function endOf(token: string): number {
  try {
    const claims = token.split(".")[1]?.replace(/-/g, "+").replace(/_/g, "/");
    const { exp }: { readonly exp?: unknown } = JSON.parse(atob(claims ?? ""));
    return Number(exp ?? Number.NaN) * 1_000 || Infinity;
  } catch {
    return Infinity;
  }
}

/** Tokens of a source; `now` is the server's time. */
export function tokens(source: TokenSource, clock: Clock, now: () => number): Tokens {
  let token: string | null | undefined;
  let askedAt = 0;
  let asking: Promise<void> | undefined;

  const fetchOne = async (why: TokenWhy): Promise<void> => {
    askedAt = clock.monotonic();
    // Nobody's own signal: others wait for the same answer.
    const given = await limited(clock, OBJECT, undefined, (signal) => source(why, signal));
    // A file that holds one ends with a line feed.
    const found = given?.trim();
    if (found && !FORM.test(found)) {
      throw new IcecoreError("denied", "token-malformed", "the token source gave no token", {
        object: OBJECT,
      });
    }
    // A source that has nothing newer leaves what is still good.
    token = found || (why === "expiring" ? token : null);
  };
  const ask = (why: TokenWhy, signal: AbortSignal): Promise<void> => {
    asking ??= fetchOne(why).finally(() => {
      asking = undefined;
    });
    const shared = asking;
    return limited(clock, OBJECT, signal, () => shared);
  };

  return {
    async get(signal) {
      if (token === undefined) {
        await ask("first", signal);
      } else if (
        token &&
        now() > endOf(token) - AHEAD_MS &&
        clock.monotonic() >= askedAt + ASK_AGAIN_MS
      ) {
        // The gateway may take the old one still.
        await ask("expiring", signal).catch(() => {});
      }
      return token ?? null;
    },
    async renew(why, old, signal) {
      if (why === "new-author") {
        await asking?.catch(() => {});
      }
      // Somebody else may have asked meanwhile.
      if (token === old) {
        await ask(why, signal);
      }
      return token !== old;
    },
  };
}
