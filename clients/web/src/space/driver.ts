/**
 * When to sync: at once when something was written, and again and again to see what others wrote.
 *
 * @module
 */

import type { Pace } from "../plan/pace.ts";
import { pauseMs } from "../plan/poll.ts";
import type { Chance, Clock, Page } from "../ports.ts";
import type { Synced } from "../sync/report.ts";
import { aborted } from "../sync/wait.ts";

/** What a driver needs. */
export interface DriverOptions {
  /** Time. */
  readonly clock: Clock;
  /** Spreads the polls of many pages. */
  readonly chance: Chance;
  /** Whether people can see the page. */
  readonly page: Page;
  /** How often to poll. */
  readonly pace: Pace;
  /** One sync. Never rejects. */
  readonly sync: (signal: AbortSignal, everything: boolean) => Promise<Synced>;
  /** Runs after each sync. */
  readonly done: (synced: Synced) => void;
  /** Ends it. */
  readonly signal: AbortSignal;
}

/** Syncs of one page. */
export interface Driver {
  /** From now on this page syncs by itself, or does no more. */
  lead(leads: boolean): void;
  /** Something waits to be sent: soon, so that what is written in one go is sent in one object. */
  soon(): void;
  /** Somebody came back to the page, or the network did: now. */
  wake(): void;
  /** A sync that begins now, whoever leads, or the next one where one is under way. */
  now(everything: boolean): Promise<Synced>;
}

/** How long what is written is gathered before it is sent. */
const GATHER_MS = 50;

/** Drives the syncs of a page. */
export function driver(options: DriverOptions): Driver {
  return new PageDriver(options);
}

class PageDriver implements Driver {
  readonly #with: DriverOptions;
  #leads = false;
  #running: Promise<Synced> | undefined;
  #next: Promise<Synced> | undefined;
  #isNextFull = false;
  #cancel: (() => void) | undefined;
  #dueAt = 0;
  #busyAt: number;
  #failures = 0;
  #retryAfterMs: number | undefined;

  constructor(options: DriverOptions) {
    this.#with = options;
    this.#busyAt = options.clock.monotonic();
  }

  lead(leads: boolean): void {
    this.#leads = leads;
    this.#cancel?.();
    this.#cancel = undefined;
    this.#schedule(0);
  }

  soon(): void {
    this.#busyAt = this.#with.clock.monotonic();
    // Who was asked to wait, waits.
    const asked = this.#failures > 0 ? (this.#retryAfterMs ?? 0) : 0;
    this.#schedule(Math.max(GATHER_MS, asked));
  }

  wake(): void {
    this.#busyAt = this.#with.clock.monotonic();
    this.#failures = 0;
    this.#schedule(0);
  }

  now(everything: boolean): Promise<Synced> {
    return this.#run(everything);
  }

  /** The next sync, unless one is to be made earlier anyway. */
  #schedule(ms: number): void {
    const { clock, signal } = this.#with;
    if (signal.aborted || !this.#leads) return;
    const at = clock.monotonic() + ms;
    if (this.#cancel && at >= this.#dueAt) return;
    this.#cancel?.();
    this.#dueAt = at;
    this.#cancel = clock.after(ms, () => {
      this.#cancel = undefined;
      void this.#turn();
    });
  }

  async #turn(): Promise<void> {
    const { chance, clock, page, pace, signal } = this.#with;
    if (signal.aborted || !this.#leads) return;
    try {
      await this.#run(false);
    } catch {
      return; // It was ended meanwhile.
    }
    const facts = {
      isVisible: page.isVisible(),
      quietMs: clock.monotonic() - this.#busyAt,
      failures: this.#failures,
      retryAfterMs: this.#retryAfterMs,
    };
    const draw = (from: number, to: number): number => from + chance.below(to - from + 1);
    this.#schedule(pauseMs(facts, pace, draw));
  }

  /** One at a time; who asks meanwhile gets the next one, which begins after it was asked for. */
  #run(everything: boolean): Promise<Synced> {
    if (this.#running) {
      this.#isNextFull ||= everything;
      const follow = (): Promise<Synced> => this.#follow();
      this.#next ??= this.#running.then(follow, follow);
      return this.#next;
    }
    const started = this.#one(everything);
    this.#running = started;
    const ended = (): void => {
      if (this.#running === started) this.#running = undefined;
    };
    started.then(ended, ended);
    return started;
  }

  #follow(): Promise<Synced> {
    const everything = this.#isNextFull;
    this.#next = undefined;
    this.#isNextFull = false;
    this.#running = undefined;
    return this.#run(everything);
  }

  async #one(everything: boolean): Promise<Synced> {
    const { signal, clock, sync, done } = this.#with;
    if (signal.aborted) throw aborted(signal);
    const synced = await sync(signal, everything);
    if (synced.changed || synced.confirmed.length > 0) this.#busyAt = clock.monotonic();
    this.#failures = synced.error ? this.#failures + 1 : 0;
    this.#retryAfterMs = synced.error?.retryAfterMs;
    done(synced);
    return synced;
  }
}
