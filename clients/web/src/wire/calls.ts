/**
 * The gateway's HTTP API.
 *
 * @module
 */

import { IcecoreError } from "../errors.ts";
import type { Chance, Clock, Fetch } from "../ports.ts";
import { gatewayAddress } from "./address.ts";
import { type Answer, type Net, refused, send } from "./http.ts";
import { serverTime } from "./server-time.ts";
import { type TokenSource, type Tokens, tokens } from "./token.ts";

/** How a gateway is reached, and as whom. */
export interface GatewayOptions {
  /** Its address, e.g. `https://sync.example.org`. */
  readonly gateway: string;
  /** Where tokens come from. */
  readonly token: TokenSource;
  /** How requests are made. */
  readonly fetch: Fetch;
  /** The device's time. */
  readonly clock: Clock;
  /** How long pauses are. */
  readonly chance: Chance;
  /**
   * Whether the token may be sent in clear to another machine: for a page that is served so itself, in a network of one's own.
   *
   * @default false
   */
  readonly allowPlainHttp?: boolean | undefined;
}

/** What is sent to an endpoint. */
export interface Call {
  /** Its body, JSON; a call without one is a GET. */
  readonly body?: string | undefined;
  /** The method, where it is another. */
  readonly method?: string | undefined;
  /** Set where it must not be sent again when nobody knows what became of it. */
  readonly once?: boolean | undefined;
}

/** A gateway. */
export interface Calls {
  /** How requests are made. */
  readonly net: Net;
  /** As whom. */
  readonly tokens: Tokens;
  /** The server's time, as well as it is known. */
  now(): number;
  /** Calls an endpoint with a token that it takes, and gives what `read` makes of the answer if it is a success. */
  call<T>(
    path: string,
    request: Call,
    read: (body: Uint8Array) => T,
    signal: AbortSignal | undefined,
  ): Promise<T>;
}

/**
 * A gateway. No request is made.
 *
 * @throws IcecoreError `invalid`: the address.
 */
export function gatewayCalls(options: GatewayOptions): Calls {
  const { fetch, clock, chance } = options;
  const address = gatewayAddress(options.gateway, options.allowPlainHttp);
  const time = serverTime();
  const net: Net = { fetch, clock, chance, time };
  const now = (): number => clock.now() + (time.offsetMs() ?? 0);
  const own = tokens(options.token, clock, now);

  const ask = async (
    object: string,
    { body, method = body ? "POST" : "GET", once }: Call,
    signal: AbortSignal,
  ): Promise<Answer> => {
    for (let again = false; ; again = true) {
      const token = await own.get(signal);
      const headers = {
        ...(body && { "content-type": "application/json" }),
        ...(token && { authorization: `Bearer ${token}` }),
      };
      const outgoing = { object, url: address + object, method, headers, body, once };
      const answer = await send(net, outgoing, signal);
      if (answer.ok) {
        return answer;
      }
      const isOver = answer.status !== 401 || again;
      if (isOver || !(await own.renew("refused", token, signal))) {
        throw token || answer.status !== 401 ? refused(answer, object) : missing(object);
      }
    }
  };
  return {
    net,
    tokens: own,
    now,
    async call(path, request, read, signal = new AbortController().signal) {
      const answer = await ask(`/v1/${path}`, request, signal);
      const received = clock.now();
      const parsed = read(answer.bytes);
      // Answers that tell the gateway's time are read with it.
      const said: unknown = Reflect.get(Object(parsed), "now");
      time.observe(Number(said), 1, answer.sent, received);
      return parsed;
    },
  };
}

function missing(object: string): IcecoreError {
  return new IcecoreError("denied", "token-missing", "the gateway wants a token", {
    object,
    hint: "let `token` return one",
  });
}
