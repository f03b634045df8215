/**
 * The local copy of a space while it is open: read, among the tabs, and synced by one of them.
 *
 * @module
 */

import type { Author } from "../core/ids.ts";
import { asError, IcecoreError } from "../errors.ts";
import { PACE } from "../plan/poll.ts";
import type { Platform } from "../platform.ts";
import { type StorageHealth, storageHealth } from "../store/health.ts";
import { noteAuthor, witnessedAuthor } from "../store/witness.ts";
import type { Synced } from "../sync/report.ts";
import { openSession, type Session } from "../sync/session.ts";
import type { TabMessage } from "../tabs/channel.ts";
import { joinTabs, type Role, type Tabs } from "../tabs/leader.ts";
import type { Remote } from "../wire/remote.ts";
import { type Driver, driver } from "./driver.ts";
import type { Receipts } from "./receipts.ts";
import { heard, statusOf, tell } from "./status.ts";
import type { SpaceOptions, SpaceStatus } from "./types.ts";

/** How often the browser is asked about its storage. */
const HEALTH_MS = 300_000;

/** What a copy is made of. */
export interface CopyOptions<S> {
  /** What the app gave. */
  readonly options: SpaceOptions<S>;
  /** The world around. */
  readonly platform: Platform;
  /** The store. */
  readonly remote: Remote;
  /** The name of the local copy. */
  readonly name: string;
  /** Updates of this page that are not settled. */
  readonly receipts: Receipts;
  /** Under whom this page wrote before the browser took its last copy away. */
  readonly evicted: Author | undefined;
  /** Runs when the state, the status or both may have changed. */
  readonly changed: () => void;
  /** Runs when the browser has taken the copy away. What it showed it shows still. */
  readonly vanished: (copy: Copy<S>, error: IcecoreError) => void;
}

/** The local copy, from its opening to its end. */
export class Copy<S> {
  /** Resolves when it is read; rejects where it cannot be. */
  readonly opened: Promise<Session<S>>;
  readonly #with: CopyOptions<S>;
  readonly #ending = new AbortController();
  #session: Session<S> | undefined;
  #tabs: Tabs | undefined;
  #driver: Driver | undefined;
  #error: IcecoreError | undefined;
  #hasSynced = false;
  #clockOffMs: number | undefined;
  #evicted: Author | undefined;
  #storage: StorageHealth | undefined;
  #hasAsked = false;
  #isStale = false;
  #refreshing: Promise<void> | undefined;

  constructor(using: CopyOptions<S>) {
    this.#with = using;
    this.#evicted = using.evicted;
    this.opened = this.#open();
    this.opened.catch((error: unknown) => this.#failed(asError(error)));
  }

  /** The session, once the copy is read. */
  get session(): Session<S> | undefined {
    return this.#session;
  }

  /** Ends with the copy. */
  get signal(): AbortSignal {
    return this.#ending.signal;
  }

  /** Whether it was complete once since the page was opened. */
  get hasSynced(): boolean {
    return this.#hasSynced;
  }

  /** Under whom was written what the browser took away. */
  get evicted(): Author | undefined {
    return this.#evicted;
  }

  /** How it is. */
  status(isOpen: boolean): SpaceStatus {
    const { platform, remote } = this.#with;
    return statusOf({
      isOpen,
      isOffline: platform.page.isOffline(),
      error: this.#error,
      replica: this.#session?.status,
      hasSynced: this.#hasSynced,
      role: this.#role,
      clockOffMs: remote.offsetMs ?? this.#clockOffMs,
      storage: this.#storage,
      evicted: this.#evicted,
      now: platform.clock.now(),
    });
  }

  get #role(): Role {
    return this.#tabs?.role ?? "follower";
  }

  async #open(): Promise<Session<S>> {
    const { options, platform, remote, name } = this.#with;
    const { model, secret } = options;
    const session = await openSession<S>({
      stores: platform.stores,
      name,
      remote,
      model: typeof model === "function" ? model : () => model,
      ...(secret && { content: (info) => secret.content(info, platform.chance) }),
      clock: platform.clock,
      chance: platform.chance,
      events: { superseded: () => this.#superseded(), gone: () => this.#vanished() },
      pause: () => new Promise((resolve) => void platform.clock.after(0, resolve)),
    });
    if (this.signal.aborted) {
      session.close();
      throw ended();
    }
    this.#session = session;
    this.#lookForEviction(session);
    this.#start();
    return session;
  }

  /** The marker is there and what it vouches for is not: the browser deleted it between two visits. */
  #lookForEviction(session: Session<S>): void {
    const { platform, name } = this.#with;
    const { author } = session.status;
    const before = witnessedAuthor(platform.witness, name);
    if (before !== undefined && before !== author && session.info === undefined) {
      this.#evicted = before;
    }
    if (session.info !== undefined) noteAuthor(platform.witness, name, author);
  }

  #start(): void {
    const { options, platform, name } = this.#with;
    const { clock, chance, page } = platform;
    const { signal } = this;
    this.#driver = driver({
      clock,
      chance,
      page,
      pace: options.pace ?? PACE,
      signal,
      sync: (stop, everything) => this.#sync(stop, everything),
      done: () => this.#with.changed(),
    });
    this.#tabs = joinTabs({
      name,
      clock,
      locks: platform.locks,
      channels: platform.channels,
      signal,
      heard: (message) => this.#heard(message),
      onRole: () => this.#lead(),
    });
    this.#tabs.tell({ kind: "told", topic: "ask", value: null });
    this.#lead();
    page.onChange(() => this.#woken(), signal);
    void this.#lookAtStorage();
    this.#with.changed();
  }

  #lead(): void {
    this.#driver?.lead(this.#role !== "follower");
    this.#with.changed();
  }

  async #sync(stop: AbortSignal, everything: boolean): Promise<Synced> {
    const session = await this.opened;
    const synced = await session.sync(stop, everything);
    // What ended it meanwhile says more than that it was given up.
    if (this.signal.aborted) return synced;
    this.#error = synced.error;
    if (!synced.error) this.#hasSynced = true;
    this.#clockOffMs = this.#with.remote.offsetMs;
    noteAuthor(this.#with.platform.witness, this.#with.name, session.status.author);
    this.#with.receipts.settle(session.pending, session.kept);
    this.#tellStatus();
    if (synced.changed || synced.confirmed.length > 0 || synced.refused || synced.requeued > 0) {
      this.#tabs?.tell({ kind: "changed" });
    }
    return synced;
  }

  #tellStatus(): void {
    const told = {
      error: this.#error,
      hasSynced: this.#hasSynced,
      clockOffMs: this.#clockOffMs,
    };
    this.#tabs?.tell({ kind: "told", topic: "status", value: tell(told) });
  }

  #heard(message: TabMessage): void {
    if (message.kind === "changed") void this.refresh();
    else if (message.kind === "sync") {
      if (this.#role !== "follower") this.#driver?.soon();
    } else if (message.kind === "told" && message.topic === "ask") {
      // A tab that joins would else hear of it only after the next sync, which may be minutes away.
      if (this.#role === "leader") this.#tellStatus();
    } else if (message.kind === "told" && message.topic === "status") {
      const told = heard(message.value);
      if (told === undefined || this.#role === "leader") return;
      this.#error = told.error;
      this.#hasSynced ||= told.hasSynced;
      this.#clockOffMs = told.clockOffMs;
      this.#with.changed();
    }
  }

  /** Reads what another tab stored: once more, however often it is asked for while it reads. */
  async refresh(): Promise<void> {
    const session = this.#session;
    if (session === undefined || this.signal.aborted) return;
    this.#isStale = true;
    this.#refreshing ??= this.#readAgain(session);
    await this.#refreshing;
  }

  async #readAgain(session: Session<S>): Promise<void> {
    while (this.#isStale && !this.signal.aborted) {
      this.#isStale = false;
      try {
        await session.refresh();
        this.#with.receipts.settle(session.pending, session.kept);
      } catch (error) {
        this.#failed(asError(error));
      }
      this.#with.changed();
    }
    this.#refreshing = undefined;
  }

  /** Updates were made here and are on the disk: all tabs show them, and one sends them. */
  made(): void {
    this.#tabs?.tell({ kind: "changed" });
    if (this.#role === "follower") this.#tabs?.tell({ kind: "sync" });
    this.#driver?.soon();
    void this.#keep();
  }

  /** The browser is asked to keep what is stored as soon as there is something that only this device has. */
  async #keep(): Promise<void> {
    if (this.#hasAsked || !this.#with.platform.stores.isDurable) return;
    this.#hasAsked = true;
    const { storage } = this.#with.platform;
    if ((await storage.persisted()) === false) await storage.persist();
    await this.#lookAtStorage(false);
  }

  async #lookAtStorage(isAgain = true): Promise<void> {
    const { clock, storage, stores } = this.#with.platform;
    this.#storage = await storageHealth(storage, stores.isDurable);
    if (this.signal.aborted) return;
    if (isAgain) clock.after(HEALTH_MS, () => void this.#lookAtStorage());
    this.#with.changed();
  }

  #woken(): void {
    if (this.#with.platform.page.isVisible()) this.#driver?.wake();
    this.#with.changed();
  }

  /** Syncs now. */
  async syncNow(everything: boolean): Promise<Synced> {
    await this.opened;
    if (this.signal.aborted) throw this.#error ?? ended();
    if (this.#driver === undefined) throw ended();
    return this.#driver.now(everything);
  }

  #superseded(): void {
    this.#stop(
      new IcecoreError("invalid", "storage-superseded", "a newer version of this app waits", {
        hint: "load this page anew; nothing is lost",
      }),
    );
  }

  #vanished(): void {
    if (this.signal.aborted) return;
    this.#evicted = this.#session?.status.author ?? this.#evicted;
    const error = new IcecoreError(
      "unavailable",
      "evicted",
      "the browser deleted what was stored here",
      {
        object: this.#with.name,
        hint: "what was acknowledged is fetched anew; what was not is in `exportQueue`",
      },
    );
    this.#stop(error);
    this.#with.vanished(this, error);
  }

  #failed(error: IcecoreError): void {
    if (this.signal.aborted) return;
    this.#error = error;
    this.#with.changed();
  }

  /** It shows what it holds, and does no more: another tab, or another copy, may lead. */
  #stop(error: IcecoreError): void {
    if (this.signal.aborted) return;
    this.#error = error;
    this.#ending.abort(error);
    this.#with.changed();
  }

  /** Ends it. */
  close(): void {
    this.#ending.abort(ended());
    this.#session?.close();
  }
}

/** The error of what a closed space was asked for. */
function ended(): IcecoreError {
  return new IcecoreError("unavailable", "closed", "the space was closed", {
    hint: "open it again: nothing is lost",
  });
}
