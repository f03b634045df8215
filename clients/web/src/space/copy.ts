/**
 * The local copy of a space while it is open: read, among the tabs, and synced by one of them.
 *
 * @module
 */

import type { Author } from "../core/ids.ts";
import { asError, type IcecoreError } from "../errors.ts";
import { backoffMs } from "../plan/backoff.ts";
import type { Platform } from "../platform.ts";
import { mark, witnessed } from "../store/witness.ts";
import { type OpenCopy, openLocal } from "../sync/open.ts";
import type { Synced } from "../sync/report.ts";
import { joinChannel, type TabMessage, tabsName } from "../tabs/channel.ts";
import type { Remote } from "../wire/remote.ts";
import { ended, superseded, vanished } from "./ends.ts";
import type { Engine } from "./engine.ts";
import type { Receipts } from "./receipts.ts";
import { markOf, noFacts, statusOf } from "./status.ts";
import type { Syncer } from "./syncer.ts";
import type { SpaceOptions, SpaceStatus } from "./types.ts";

/** The first pause before what syncs is loaded again is longer than that of a request: so many doublings. */
const RELOADS = 4;

/** What syncs, loaded. */
export interface Connected {
  readonly engine: Engine;
  /** The store. */
  readonly remote: Remote;
}

/** What a copy is made of. */
export interface CopyOptions<S> {
  /** What the app gave. */
  readonly options: SpaceOptions<S>;
  /** The world around. */
  readonly platform: Platform;
  /** Loads what syncs; rejects with an `IcecoreError` where it does not come. */
  readonly connect: () => Promise<Connected>;
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
  readonly opened: Promise<OpenCopy<S>>;
  readonly #with: CopyOptions<S>;
  readonly #ending = new AbortController();
  readonly #facts: ReturnType<typeof noFacts>;
  #session: OpenCopy<S> | undefined;
  #tell: (message: TabMessage) => void = () => undefined;
  #syncer: Syncer<S> | undefined;
  #connecting: Promise<Syncer<S>> | undefined;
  #failures = 0;
  #stopRetry: (() => void) | undefined;
  #hasMade = false;
  #isStale = false;
  #refreshing: Promise<void> | undefined;

  constructor(using: CopyOptions<S>) {
    this.#with = using;
    this.#facts = noFacts(using.evicted);
    this.opened = this.#open();
    this.opened.catch((error: unknown) => this.#failed(asError(error)));
  }

  /** The session, once the copy is read. */
  get session(): OpenCopy<S> | undefined {
    return this.#session;
  }

  /** Ends with the copy. */
  get signal(): AbortSignal {
    return this.#ending.signal;
  }

  /** Whether it was complete once since the page was opened. */
  get hasSynced(): boolean {
    return this.#facts.hasSynced;
  }

  /** Under whom was written what the browser took away. */
  get evicted(): Author | undefined {
    return this.#facts.evicted;
  }

  /** How it is. */
  status(isOpen: boolean): SpaceStatus {
    const { platform } = this.#with;
    return statusOf({
      ...this.#facts,
      isOpen,
      isOffline: platform.page.isOffline(),
      replica: this.#session?.status,
      role: this.#syncer?.role ?? (platform.locks ? "follower" : "alone"),
      clockOffMs: this.#syncer?.offsetMs ?? this.#facts.clockOffMs,
      now: platform.clock.now(),
    });
  }

  async #open(): Promise<OpenCopy<S>> {
    const { options, platform, name } = this.#with;
    const { model, secret } = options;
    const session = await openLocal<S>({
      stores: platform.stores,
      name,
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

  /** The marker is there and what it vouches for is not: the browser deleted it between two visits, the last two or earlier ones. */
  #lookForEviction({ status, info }: OpenCopy<S>): void {
    const { platform, name } = this.#with;
    const { author, syncedAt } = status;
    const before = witnessed(platform.witness, name);
    if (before && before.author !== author && info === undefined) {
      this.#facts.evicted = before.author;
    } else if (syncedAt === undefined) this.#facts.evicted ??= before?.evicted;
    if (info !== undefined) this.#mark();
  }

  /** From now on it is told when what this device has is deleted. */
  #mark(): void {
    const { platform, name } = this.#with;
    const author = this.#session?.status.author;
    if (author && !this.signal.aborted) mark(platform.witness, name, markOf(author, this.#facts));
  }

  #start(): void {
    const { platform, name, changed } = this.#with;
    const { signal } = this;
    const heard = (message: TabMessage): void => {
      if (message.kind === "changed") void this.refresh();
      else this.#syncer?.heard(message);
    };
    this.#tell = joinChannel(platform.channels, tabsName(name), heard, signal);
    platform.page.onChange(() => this.#woken(), signal);
    changed();
    this.#connect();
  }

  /** Without what syncs the page shows and keeps everything: it is asked for again and again. */
  #connect(): void {
    // Whoever waits for it is told; the status tells it to all others.
    this.syncer().catch(() => undefined);
  }

  /** What syncs: rejects where it could not be loaded this time. */
  syncer(): Promise<Syncer<S>> {
    this.#connecting ??= this.#load().catch((error: unknown) => {
      this.#connecting = undefined;
      throw error;
    });
    return this.#connecting;
  }

  async #load(): Promise<Syncer<S>> {
    const copy = await this.opened;
    const { connect, platform } = this.#with;
    let connected: Connected;
    try {
      connected = await connect();
    } catch (thrown) {
      const { chance, clock } = platform;
      const draw = (min: number, max: number): number => min + chance.below(max - min + 1);
      this.#stopRetry?.();
      this.#stopRetry = clock.after(backoffMs(RELOADS + this.#failures++, draw), () => {
        if (!this.signal.aborted) this.#connect();
      });
      const error = asError(thrown);
      this.#failed(error);
      throw error;
    }
    if (this.signal.aborted) throw this.#facts.error ?? ended();
    return this.#attach(copy, connected);
  }

  #attach(copy: OpenCopy<S>, { engine, remote }: Connected): Syncer<S> {
    const { options, platform, name, receipts, changed } = this.#with;
    this.#facts.error = undefined;
    const syncer = new engine.Syncer<S>({
      copy,
      remote,
      platform,
      name,
      pace: options.pace,
      receipts,
      facts: this.#facts,
      tell: this.#tell,
      changed,
      signal: this.signal,
    });
    this.#syncer = syncer;
    if (this.#hasMade) syncer.made();
    changed();
    return syncer;
  }

  /** Reads what another tab stored: once more, however often it is asked for while it reads. */
  async refresh(): Promise<void> {
    const session = this.#session;
    if (session === undefined || this.signal.aborted) return;
    this.#isStale = true;
    this.#refreshing ??= this.#readAgain(session);
    await this.#refreshing;
  }

  async #readAgain(session: OpenCopy<S>): Promise<void> {
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
    this.#hasMade = true;
    this.#mark();
    this.#tell({ kind: "changed" });
    if ((this.#syncer?.role ?? "follower") === "follower") this.#tell({ kind: "sync" });
    this.#syncer?.made();
  }

  #woken(): void {
    if (this.#with.platform.page.isVisible()) {
      if (this.#syncer) this.#syncer.wake();
      else this.#connect();
    }
    this.#with.changed();
  }

  /** Syncs now. */
  async syncNow(everything: boolean): Promise<Synced> {
    await this.opened;
    if (this.signal.aborted) throw this.#facts.error ?? ended();
    return (await this.syncer()).now(everything);
  }

  #superseded(): void {
    this.#stop(superseded());
  }

  #vanished(): void {
    if (this.signal.aborted) return;
    this.#facts.evicted = this.#session?.status.author ?? this.#facts.evicted;
    const error = vanished(this.#with.name);
    this.#stop(error);
    this.#with.vanished(this, error);
  }

  #failed(error: IcecoreError): void {
    if (this.signal.aborted) return;
    this.#facts.error = error;
    this.#with.changed();
  }

  /** It shows what it holds, and does no more: another tab, or another copy, may lead. */
  #stop(error: IcecoreError): void {
    if (this.signal.aborted) return;
    this.#facts.error = error;
    this.#ending.abort(error);
    this.#with.changed();
  }

  /** Ends it. */
  close(): void {
    this.#ending.abort(ended());
    this.#session?.close();
  }
}
