/**
 * `store.json`: what the store is.
 *
 * @module
 */

import { isAuthor } from "../core/ids.ts";
import { canonical } from "../core/json.ts";
import { FORMAT_VERSION, isText } from "./members.ts";
import { checkNeeds, type Needs, readNeeds, writeNeeds } from "./needs.ts";
import { must, readBody, type Shape } from "./shape.ts";

/** What `store.json` says. */
export interface StoreInfo {
  /** Identifies the store for ever: a UUID. */
  readonly store: string;
  /** When it was created, RFC 3339. */
  readonly createdAt: string;
  /** What a program must know to use it. */
  readonly needs: Needs;
}

const STORE: Shape<StoreInfo> = {
  store: must(isAuthor),
  createdAt: must(isText),
  needs: readNeeds,
};

/**
 * What a `store.json` says.
 *
 * @throws IcecoreError `corrupt` with code `malformed`; `invalid` with code `newer-format` or `needs`.
 */
export function readStore(body: string | Uint8Array): StoreInfo {
  const source = { what: "store", path: "store.json" };
  const info = readBody(STORE, body, source);
  checkNeeds(info.needs.read, source);
  return info;
}

/** Its body. */
export function writeStore(info: StoreInfo): string {
  const { store, createdAt } = info;
  const text = canonical(createdAt);
  return `{"v":${FORMAT_VERSION},"store":"${store}","created_at":${text}${writeNeeds(info.needs)}}`;
}
