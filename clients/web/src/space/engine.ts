/**
 * What a page needs once it has shown its state: all that talks to the gateway, and to the other tabs of who does. It is loaded then, and is a file
 * of its own where the app's bundler makes one.
 *
 * @module
 */

import { gatewayRemote } from "../wire/gateway.ts";
import { changeInfo } from "./change.ts";
import { Syncer } from "./syncer.ts";

/** The part of this package that is loaded after the first look. */
export interface Engine {
  /** Reaches a store through a gateway. */
  readonly gatewayRemote: typeof gatewayRemote;
  /** Syncs a copy with it. */
  readonly Syncer: typeof Syncer;
  /** Changes `space.json`. */
  readonly changeInfo: typeof changeInfo;
}

/** See {@link Engine}. */
export const engine: Engine = { gatewayRemote, Syncer, changeInfo };
