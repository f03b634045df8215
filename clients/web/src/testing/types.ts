/**
 * What the gateway in memory gives and takes.
 *
 * @module
 */

import type { Author } from "../core/ids.ts";
import type { Model } from "../models/model.ts";
import type { Chance, Clock, Fetch } from "../ports.ts";

/** What a token of the gateway allows. */
export interface TokenClaims {
  /** Names of spaces, or their beginnings followed by `*`. */
  readonly spaces: readonly string[];
  /** What is allowed there; `admin` includes the others. */
  readonly rights: readonly ("read" | "write" | "admin")[];
  /** The only author that may write with it. */
  readonly author?: Author | undefined;
  /** How long it is good: a day without. */
  readonly lifeMs?: number | undefined;
}

/** A request as a fault rule sees it. */
export interface SeenRequest {
  /** `GET`, `POST`, `PUT` … */
  readonly method: string;
  /** Whom it goes to. */
  readonly to: "gateway" | "bucket";
  /** The gateway's path, or the object's path in the store; of a listing its folder. */
  readonly path: string;
  /** How many requests this page made before it. */
  readonly number: number;
}

/**
 * What goes wrong with a request.
 *
 * - `lost`: it does not arrive; the page gets no answer
 * - `answer-lost`: it is carried out, and the answer does not arrive
 * - `hangs`: it does not arrive, and nothing comes back until the page gives up
 * - `{ status }`: it is not carried out, and this comes back; with `retryAfter` in seconds
 * - `{ delayMs }`: it takes so long, half of it on the way there
 * - `{ broken }`: it is carried out, and this text comes back in place of the answer's
 */
export type Fault =
  | "lost"
  | "answer-lost"
  | "hangs"
  | { readonly status: number; readonly retryAfter?: number; readonly body?: string }
  | { readonly delayMs: number }
  | { readonly broken: string };

/** What goes wrong with a request; `undefined` for nothing. */
export type Faults = (request: SeenRequest) => Fault | undefined;

/** What a page asked for, counted as a browser's network log shows it. */
export interface Traffic {
  /** Permissions asked for (preflights). */
  readonly options: number;
  /** Calls of the gateway. */
  readonly calls: number;
  /** Objects read, those included that had not changed. */
  readonly gets: number;
  /** Of these, answered with 304. */
  readonly notModified: number;
  /** Pages of listings. */
  readonly lists: number;
  /** Objects written, or tried to. */
  readonly puts: number;
}

/** A browser page that reaches the store. */
export interface MemoryPage {
  /** Fetches as the page does: with the browser's cache, and the permissions that it asks for. */
  readonly fetch: Fetch;
  /** What it asked for so far. */
  readonly traffic: Traffic;
  /** Begins to count anew. */
  resetTraffic(): void;
  /** What goes wrong from now on. */
  faults: Faults | undefined;
}

/** What a roll-up did. */
export interface RolledUp {
  /** The newest segment. */
  readonly generation: number;
  /** Updates that it took. */
  readonly updates: number;
  /** Snapshots that it wrote. */
  readonly snapshots: number;
  /** Update objects that it could not read, by path. */
  readonly quarantined: readonly string[];
}

/** How a memory gateway is made. */
export interface MemoryGatewayOptions {
  /** The servers' time. */
  readonly clock: Clock;
  /** Names and random places in strides. */
  readonly chance: Chance;
  /** Where it is, for its pages: `https://gateway.test` without. */
  readonly url?: string | undefined;
  /** Whether pages are of the same origin, and ask no permission. */
  readonly sameOrigin?: boolean | undefined;
  /** Models of apps, besides the built-in ones: without, their spaces are rolled up blind. */
  readonly models?: readonly Model<unknown>[] | undefined;
}
