/**
 * A copy that syncs: by itself where this tab leads, and through the tab that leads where another one does.
 *
 * @module
 */

import { PACE, type Pace } from "../plan/pace.ts";
import type { Platform } from "../platform.ts";
import { storageHealth } from "../store/health.ts";
import { mark } from "../store/witness.ts";
import type { OpenCopy } from "../sync/open.ts";
import type { Synced } from "../sync/report.ts";
import { type Syncing, syncing } from "../sync/session.ts";
import type { TabMessage } from "../tabs/channel.ts";
import { joinTabs, type Role, type Tabs } from "../tabs/leader.ts";
import type { Remote } from "../wire/remote.ts";
import { type Driver, driver } from "./driver.ts";
import type { Receipts } from "./receipts.ts";
import { type Facts, markOf } from "./status.ts";
import { heard, tell } from "./told.ts";

/** How often the browser is asked about its storage. */
const HEALTH_MS = 300_000;

/** What a syncer is made of. */
export interface SyncerOptions<S> {
  /** The copy. */
  readonly copy: OpenCopy<S>;
  /** The store. */
  readonly remote: Remote;
  /** The world around. */
  readonly platform: Platform;
  /** The name of the copy. */
  readonly name: string;
  /** How often to poll. */
  readonly pace: Pace | undefined;
  /** Updates of this page that are not settled. */
  readonly receipts: Receipts;
  /** What the page shows of it, to be kept up to date. */
  readonly facts: Facts;
  /** Tells all other tabs. */
  readonly tell: (message: TabMessage) => void;
  /** Runs when the state, the status or both may have changed. */
  readonly changed: () => void;
  /** Ends it. */
  readonly signal: AbortSignal;
}

/** Syncs a copy, from its making to the end of its signal. */
export class Syncer<S> {
  /** What can be asked of the store. */
  readonly asks: Syncing<S>;
  readonly #with: SyncerOptions<S>;
  readonly #driver: Driver;
  readonly #tabs: Tabs | undefined;
  #hasAsked = false;

  constructor(using: SyncerOptions<S>) {
    const { copy, remote, platform, name, pace, signal, changed } = using;
    const { clock, chance, page, locks } = platform;
    this.#with = using;
    this.asks = syncing(copy.inside, remote);
    this.#driver = driver({
      clock,
      chance,
      page,
      pace: pace ?? PACE,
      signal,
      sync: (stop, everything) => this.#sync(stop, everything),
      done: changed,
    });
    const onRole = (): void => this.#lead();
    this.#tabs = joinTabs({ name, clock, locks, tell: using.tell, signal, onRole });
    using.tell({ kind: "told", topic: "ask", value: null });
    this.#lead();
    void this.#lookAtStorage();
  }

  /** What this tab does at the moment. */
  get role(): Role {
    // A lock that is free may be granted while the tabs are joined.
    return this.#tabs?.role ?? "follower";
  }

  /** See {@link Remote.offsetMs}. */
  get offsetMs(): number | undefined {
    return this.#with.remote.offsetMs;
  }

  #lead(): void {
    this.#driver.lead(this.role !== "follower");
    this.#with.changed();
  }

  async #sync(stop: AbortSignal, everything: boolean): Promise<Synced> {
    const { copy, facts, platform, name, receipts, signal } = this.#with;
    const synced = await this.asks.sync(stop, everything);
    // What ended it meanwhile says more than that it was given up.
    if (signal.aborted) return synced;
    facts.error = synced.error;
    if (!synced.error) facts.hasSynced = true;
    facts.clockOffMs = this.offsetMs;
    mark(platform.witness, name, markOf(copy.status.author, facts));
    receipts.settle(copy.pending, copy.kept, synced.confirmed);
    this.#tellStatus();
    if (synced.changed || synced.confirmed.length > 0 || synced.refused || synced.requeued > 0) {
      this.#with.tell({ kind: "changed" });
    }
    return synced;
  }

  #tellStatus(): void {
    this.#with.tell({ kind: "told", topic: "status", value: tell(this.#with.facts) });
  }

  /** Another tab said this. */
  heard(message: TabMessage): void {
    if (message.kind === "beat") this.#tabs?.beaten();
    else if (message.kind === "sync") {
      if (this.role !== "follower") this.#driver.soon();
    } else if (message.kind === "told" && message.topic === "ask") {
      // A tab that joins would else hear of it only after the next sync, which may be minutes away.
      if (this.role === "leader") this.#tellStatus();
    } else if (message.kind === "told" && message.topic === "status") {
      const { facts, changed } = this.#with;
      const told = heard(message.value);
      if (told === undefined || this.role === "leader") return;
      facts.error = told.error;
      facts.hasSynced ||= told.hasSynced;
      facts.clockOffMs = told.clockOffMs;
      changed();
    }
  }

  /** Updates were made here and are on the disk. */
  made(): void {
    this.#driver.soon();
    void this.#keep();
  }

  /** Somebody came back to the page, or the network did. */
  wake(): void {
    this.#driver.wake();
  }

  /** A sync that begins now, whoever leads. */
  now(everything: boolean): Promise<Synced> {
    return this.#driver.now(everything);
  }

  /** The browser is asked to keep what is stored as soon as there is something that only this device has. */
  async #keep(): Promise<void> {
    const { stores, storage } = this.#with.platform;
    if (this.#hasAsked || !stores.isDurable) return;
    this.#hasAsked = true;
    if ((await storage.persisted()) === false) await storage.persist();
    await this.#lookAtStorage(false);
  }

  async #lookAtStorage(isAgain = true): Promise<void> {
    const { facts, signal, changed, platform } = this.#with;
    const { clock, storage, stores } = platform;
    facts.storage = await storageHealth(storage, stores.isDurable);
    if (signal.aborted) return;
    if (isAgain) clock.after(HEALTH_MS, () => void this.#lookAtStorage());
    changed();
  }
}
