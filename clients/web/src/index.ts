/**
 * Offline-first apps with nothing but a bucket behind them: the client for web pages.
 *
 * @example
 * ```ts
 * import { documentModel, open } from "icecore";
 *
 * const space = open({
 *   gateway: location.origin,
 *   space: "todo",
 *   model: documentModel,
 *   token: () => fetch("/token").then((answer) => answer.text()),
 * });
 * space.subscribe(() => console.log(space.state));
 * space.update({ kind: "merge", data: { milk: { done: false } } });
 * ```
 *
 * @module
 */

export type { Author, Epoch, Generation, Key, Seq, UpdateId } from "./core/ids.ts";
export { idText, parseId } from "./core/ids.ts";
export type { Json, JsonObject } from "./core/json.ts";
export { canonical, compareText, parseJson } from "./core/json.ts";
export type { Order } from "./core/order.ts";
export type { Reason } from "./core/reason.ts";
export { impossible, Rejected, reject } from "./core/reason.ts";
export { sha256Hex } from "./core/sha256.ts";
export type { Conflict, RejectedUpdate } from "./core/summary.ts";
export { type ErrorKind, type ErrorParts, IcecoreError, isIcecoreError } from "./errors.ts";
export { type DocumentState, documentModel } from "./models/document.ts";
export { type LogEntry, type LogState, logModel } from "./models/log.ts";
export type { Model, Violation } from "./models/model.ts";
export { type AnyUpdate, defineModel, type Meta, type ModelDefinition } from "./models/reducer.ts";
export type { NewUser, UserLinked } from "./objects/guests.ts";
export type { Linked, OldEpoch, SpaceInfo } from "./objects/space.ts";
export type { TransientAnswer } from "./objects/wire.ts";
export { PACE, type Pace } from "./plan/pace.ts";
export { browserPlatform, type Platform } from "./platform.ts";
export type {
  Chance,
  Channels,
  Clock,
  Fetch,
  Locks,
  Page,
  StorageManager,
} from "./ports.ts";
export { open } from "./space/space.ts";
export type {
  Forget,
  Phase,
  Receipt,
  Space,
  SpaceOptions,
  SpacePhase,
  SpaceStatus,
  UpdateInput,
} from "./space/types.ts";
export type { StorageHealth, StorageRisk } from "./store/health.ts";
export type {
  Durability,
  Row,
  RowKey,
  Store,
  StoreEvents,
  Stores,
  Table,
  Tx,
} from "./store/port.ts";
export type { Witness } from "./store/witness.ts";
export type { Kept, Lost, Recorded, SessionStatus } from "./sync/report.ts";
export type { Role } from "./tabs/leader.ts";
export type { GatewayOptions } from "./wire/calls.ts";
export { createSpace, type SpaceToCreate } from "./wire/create-space.ts";
export { createGuest, eraseSpace, type GuestSpace, linkGuest } from "./wire/guests.ts";
export type { TokenSource, TokenWhy } from "./wire/token.ts";
