/**
 * A space as one page uses it.
 *
 * ```text
 *  open() ── nothing happens ──▶ first use: the local copy is read, the tabs are joined
 *                                  │ every tab writes to the local copy itself
 *                                  ▼
 *                               one tab syncs; the others read what it stored
 * ```
 *
 * @module
 */

import type { Author, Key } from "../core/ids.ts";
import { canonical, type Json } from "../core/json.ts";
import type { Conflict, RejectedUpdate } from "../core/summary.ts";
import { asError, IcecoreError } from "../errors.ts";
import type { Model } from "../models/model.ts";
import type { SpaceInfo } from "../objects/space.ts";
import type { TransientAnswer } from "../objects/wire.ts";
import { browserPlatform, type Platform } from "../platform.ts";
import { mark } from "../store/witness.ts";
import type { NewUpdate, Pending } from "../sync/append.ts";
import type { OpenCopy } from "../sync/open.ts";
import type { Kept, Lost, Recorded } from "../sync/report.ts";
import type { Syncing } from "../sync/session.ts";
import { checkSpaceName, gatewayAddress } from "../wire/address.ts";
import { type Connected, Copy } from "./copy.ts";
import { forget, linesOf } from "./forget.ts";
import { at, listeners } from "./listeners.ts";
import { notLoaded } from "./load.ts";
import { receipts } from "./receipts.ts";
import { CLOSED } from "./status.ts";
import type { Forget, Receipt, Space, SpaceOptions, SpaceStatus, UpdateInput } from "./types.ts";

/** How long a space that nobody uses stays open: longer than a page takes that mounts a component twice. */
const LINGER_MS = 1_000;

/**
 * A space, to be used. No request is made and nothing is read before it is used, so that a server can make one to render a page.
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
 * @throws IcecoreError `invalid`: the address of the gateway, the name of the space.
 */
export function open<S>(
  // Alone: a function has an `apply` too, from which the compiler would infer that the state may be anything.
  options: Omit<SpaceOptions<S>, "model"> & { readonly model: (settings: unknown) => Model<S> },
): Space<S>;
export function open<S>(options: SpaceOptions<S>): Space<S>;
export function open<S>(options: SpaceOptions<S>): Space<S> {
  return new PageSpace(options);
}

class PageSpace<S> implements Space<S> {
  readonly name: string;
  readonly #options: SpaceOptions<S>;
  readonly #platform: Platform;
  readonly #copyName: string;
  readonly initial: Space<S>["initial"];
  readonly #states = listeners();
  readonly #statuses = listeners();
  readonly #receipts = receipts();
  #connecting: Promise<Connected> | undefined;
  #copy: Copy<S> | undefined;
  /** What takes the place of a copy that the browser took away, as soon as it has fetched what was acknowledged. */
  #next: Copy<S> | undefined;
  /** What was not sent of copies that the browser took away. */
  #unsent = "";
  #users = 0;
  #stopLinger: (() => void) | undefined;
  #status: SpaceStatus | undefined;
  #conflicts: { readonly of: S; readonly list: readonly Conflict[] } | undefined;

  constructor(options: SpaceOptions<S>) {
    const { gateway, space, model, allowPlainHttp } = options;
    const own = options.stores && { stores: options.stores };
    this.#platform = { ...browserPlatform(), ...options.platform, ...own };
    // What cannot be a gateway or a space is told here, and not once the page is on its way.
    gatewayAddress(gateway, allowPlainHttp);
    checkSpaceName(space);
    this.name = space;
    this.#options = options;
    const account = options.account ? ` ${options.account}` : "";
    this.#copyName = `icecore ${gateway.replace(/\/+$/, "")} ${space}${account}`;
    const state = (typeof model === "function" ? model(undefined) : model).initial();
    this.initial = { state, status: CLOSED };
  }

  get state(): S {
    return this.#copy?.session?.state ?? this.initial.state;
  }

  get ready(): Promise<void> {
    return this.#with(async () => undefined);
  }

  get status(): SpaceStatus {
    this.#status ??= this.#copy?.status(true) ?? CLOSED;
    return this.#status;
  }

  get conflicts(): readonly Conflict[] {
    const folded = this.#copy?.session?.folded;
    if (folded === undefined) return [];
    // Computed from the state alone: the same as long as that is.
    if (this.#conflicts?.of !== this.state) {
      this.#conflicts = { of: this.state, list: folded.conflicts() };
    }
    return this.#conflicts.list;
  }

  get rejected(): readonly RejectedUpdate[] {
    return this.#copy?.session?.folded.rejected.list ?? [];
  }

  get refused(): readonly Kept[] {
    return this.#copy?.session?.kept ?? [];
  }

  get lost(): readonly Lost[] {
    return this.#copy?.session?.lost ?? [];
  }

  get info(): SpaceInfo | undefined {
    return this.#copy?.session?.info;
  }

  update(update: UpdateInput | readonly UpdateInput[], once?: string): Receipt {
    const list = Array.isArray(update)
      ? (update as readonly UpdateInput[])
      : [update as UpdateInput];
    const now = new Date(this.#platform.clock.now()).toISOString();
    const updates = list.map((one) => toNew(one, now));
    const copy = this.#opening();
    const { session } = copy;
    // At once where it can be: whoever reads the state next sees it.
    const appended = session
      ? Promise.resolve(session.append(updates, once))
      : copy.opened.then((opened) => opened.append(updates, once));
    const receipt = this.#receipts.give(appended);
    this.#changed();
    const told = receipt.durable.then(
      () => copy.made(),
      () => this.#changed(),
    );
    void this.#during(told);
    return receipt;
  }

  resolve(id: string, update: UpdateInput): Receipt {
    return this.update({ ...update, resolves: id });
  }

  dismiss(number: number): Promise<boolean> {
    return this.#asking(async (session) => {
      const dropped = await session.drop(number);
      this.#changed();
      return dropped;
    });
  }

  subscribe(
    changed: () => void,
    {
      path,
      signal,
    }: { readonly path?: string | undefined; readonly signal?: AbortSignal | undefined } = {},
  ): () => void {
    const end = this.retain();
    const remove = this.#states.add(changed, () => (path ? at(this.state, path) : this.state));
    const stop = (): void => {
      remove();
      end();
    };
    if (signal?.aborted) stop();
    signal?.addEventListener("abort", stop, { once: true });
    return stop;
  }

  subscribeStatus(changed: () => void): () => void {
    const end = this.retain();
    const remove = this.#statuses.add(changed);
    return () => {
      remove();
      end();
    };
  }

  retain(): () => void {
    this.#users += 1;
    let isHeld = true;
    this.#opening();
    return () => {
      if (!isHeld) return;
      isHeld = false;
      this.#users -= 1;
      this.#linger();
    };
  }

  async sync(signal?: AbortSignal): Promise<void> {
    const copy = this.#opening();
    const { error } = await until(signal, this.#during((this.#next ?? copy).syncNow(true)));
    if (error) throw error;
  }

  at(time: Date | Key, signal?: AbortSignal): Promise<S> {
    const read = this.#until(signal);
    return this.#asking(async ({ past }) => (await past.at(keyOf(time), read)).state);
  }

  log(
    range: { readonly from?: Date | Key; readonly to?: Date | Key } = {},
    signal?: AbortSignal,
  ): Promise<readonly Recorded[]> {
    const { from, to } = range;
    const keys = {
      ...(from !== undefined && { from: keyOf(from) }),
      ...(to !== undefined && { to: keyOf(to) }),
    };
    const read = this.#until(signal);
    return this.#asking(({ past }) => past.log(keys, read));
  }

  transient(kind: string, data: Json, ttlMs?: number): Promise<void> {
    const sent = this.#until();
    return this.#asking((session) => session.sendTransient({ kind, data, ttlMs }, sent));
  }

  transients(signal?: AbortSignal): Promise<readonly TransientAnswer[]> {
    const read = this.#until(signal);
    return this.#asking((session) => session.transients(read));
  }

  changeInfo(make: (info: SpaceInfo) => Promise<string>, signal?: AbortSignal): Promise<void> {
    const copy = this.#opening();
    const until = this.#until(signal);
    const changed = this.#connect().then(({ engine, remote }) =>
      engine.changeInfo(remote, make, until),
    );
    return this.#during(changed.then(() => copy.syncNow(true)).then(() => undefined));
  }

  resumeAuthor(signal?: AbortSignal): Promise<void> {
    const resumed = this.#until(signal);
    return this.#asking(async (session) => {
      await session.resumeAuthor(resumed);
      await this.sync(signal);
    });
  }

  exportQueue(): Promise<string> {
    return this.#with(async ({ pending }) => this.#unsentWith(pending));
  }

  forget(unsent?: Forget): Promise<string | undefined> {
    return this.#with((session) =>
      forget(
        {
          session,
          send: () => this.sync(),
          remove: async () => {
            this.close();
            // On purpose: its absence is no eviction.
            mark(this.#platform.witness, this.#copyName, undefined);
            await this.#platform.stores.remove(this.#copyName);
          },
        },
        unsent,
      ),
    );
  }

  close(): void {
    const copies = [this.#copy, this.#next];
    this.#copy = undefined;
    this.#next = undefined;
    for (const copy of copies) copy?.close();
    this.#changed();
  }

  #opening(): Copy<S> {
    this.#copy ??= this.#make(undefined);
    return this.#copy;
  }

  #make(evicted: Author | undefined): Copy<S> {
    return new Copy<S>({
      options: this.#options,
      platform: this.#platform,
      connect: () => this.#connect(),
      name: this.#copyName,
      receipts: this.#receipts,
      evicted,
      changed: () => this.#changed(),
      vanished: (copy, error) => this.#vanished(copy, error),
    });
  }

  /** The page shows what it showed until another copy holds what was acknowledged; what was not stays for a person. */
  #vanished(copy: Copy<S>, error: IcecoreError): void {
    if (copy === this.#copy) this.#unsent = this.#unsentWith(copy.session?.pending ?? []);
    else if (copy === this.#next) copy.close();
    else return;
    this.#receipts.fail(error);
    this.#next = this.#make(copy.evicted);
  }

  #unsentWith(pending: readonly Pending[]): string {
    // A copy that vanished lists for ever what was added here when it did.
    const isAdded = this.#next !== undefined;
    return this.#unsent + (isAdded ? "" : linesOf(pending));
  }

  /** Loads what syncs. Made once: with its token, and what it learnt of the server's time, it outlives a copy. */
  #connect(): Promise<Connected> {
    this.#connecting ??= this.#platform
      .engine()
      .then((engine) => {
        const { gateway, space, token, allowPlainHttp } = this.#options;
        const { fetch, clock, chance } = this.#platform;
        const at = { gateway, space, token, fetch, clock, chance, allowPlainHttp };
        return { engine, remote: engine.gatewayRemote(at) };
      })
      .catch((error: unknown) => {
        this.#connecting = undefined;
        throw notLoaded(error);
      });
    return this.#connecting;
  }

  /** Work that asks the store. */
  #asking<T>(work: (asks: Syncing<S>) => Promise<T>): Promise<T> {
    const copy = this.#opening();
    return this.#with(async () => work((await copy.syncer()).asks));
  }

  /** Work on the local copy, which stays open meanwhile. */
  #with<T>(work: (session: OpenCopy<S>) => Promise<T>): Promise<T> {
    const { opened } = this.#opening();
    return this.#during(opened.then(work)).catch((error: unknown) => {
      throw asError(error);
    });
  }

  /** Keeps the space open until this is done. */
  #during<T>(work: Promise<T>): Promise<T> {
    return work.finally(this.retain());
  }

  #until(signal?: AbortSignal): AbortSignal {
    const own = this.#opening().signal;
    return signal ? AbortSignal.any([own, signal]) : own;
  }

  /** A space that nobody uses is closed after a while, unless something of it is still under way. */
  #linger(): void {
    this.#stopLinger?.();
    if (this.#users > 0) return;
    this.#stopLinger = this.#platform.clock.after(LINGER_MS, () => {
      if (this.#users > 0 || this.#copy === undefined) return;
      if (this.#receipts.open > 0) this.#linger();
      else this.close();
    });
  }

  #changed(): void {
    if (this.#next?.hasSynced) {
      this.#copy?.close();
      this.#copy = this.#next;
      this.#next = undefined;
    }
    this.#status = undefined;
    this.#states.tell();
    this.#statuses.tell();
  }
}

function toNew({ kind, data, resolves, at: when }: UpdateInput, now: string): NewUpdate {
  return { at: when ?? now, kind, data: canonical(data), ...(resolves && { resolves }) };
}

function keyOf(time: Date | Key): Key {
  return typeof time === "number" ? time : Math.max(0, time.getTime());
}

/** A promise, given up when the signal says so. What it waits for goes on. */
function until<T>(signal: AbortSignal | undefined, work: Promise<T>): Promise<T> {
  if (signal === undefined) return work;
  return new Promise((resolve, reject) => {
    const stop = (): void => reject(new IcecoreError("unavailable", "aborted", "it was given up"));
    if (signal.aborted) stop();
    signal.addEventListener("abort", stop, { once: true });
    work.then(resolve, reject);
  });
}
