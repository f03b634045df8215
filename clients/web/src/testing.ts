/**
 * For tests of apps: a store with its gateway, a clock and chance that a test holds in its hands, and local stores in memory.
 *
 * @module
 */

export { memoryStores } from "./store/memory.ts";
export { type MemoryBrowser, type MemoryTab, memoryBrowser } from "./testing/browser.ts";
export type { BucketObject, MemoryBucket } from "./testing/bucket.ts";
export { seededChance } from "./testing/chance.ts";
export { type ManualClock, manualClock } from "./testing/clock.ts";
export {
  type MemoryGateway,
  memoryGateway,
  type NewSpace,
  type OthersUpdates,
  type RollUp,
} from "./testing/gateway.ts";
export type {
  Fault,
  Faults,
  MemoryGatewayOptions,
  MemoryPage,
  RolledUp,
  SeenRequest,
  TokenClaims,
  Traffic,
} from "./testing/types.ts";
