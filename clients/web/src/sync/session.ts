/**
 * One space of a replica on this device: what the store is known to hold, what waits to get there, and the state of both.
 *
 * @module
 */

import type { Folded } from "../core/fold.ts";
import type { Author, Key } from "../core/ids.ts";
import type { Json } from "../core/json.ts";
import { IcecoreError } from "../errors.ts";
import type { Model } from "../models/model.ts";
import type { Content } from "../objects/content.ts";
import { platformOf } from "../objects/platform.ts";
import type { SpaceInfo } from "../objects/space.ts";
import type { TransientAnswer } from "../objects/wire.ts";
import type { Chance, Clock } from "../ports.ts";
import type { StoreEvents, Stores } from "../store/port.ts";
import type { Remote } from "../wire/remote.ts";
import { type Appended, type NewUpdate, type Pending, queueingOf } from "./append.ts";
import { logOf, stateAt } from "./past.ts";
import type { Reader } from "./reader.ts";
import { lookOf, openReplica, peek, type Replica, reload, writeAll } from "./replica.ts";
import type { Kept, Lost, Recorded, SessionStatus, Synced } from "./report.ts";
import { resumeAuthor } from "./resume.ts";
import { countSave } from "./save.ts";
import { statusOf } from "./status.ts";
import { sync } from "./sync.ts";

/** What a session is made of. */
export interface SessionOptions<S> {
  /** Where the device keeps its copy. */
  readonly stores: Stores;
  /** The name of that copy: one for each store and space. */
  readonly name: string;
  /** The store, through a gateway. */
  readonly remote: Remote;
  /** The model, made for the settings that `space.json` names; it is asked with `undefined` before they are known. */
  readonly model: (settings: unknown) => Model<S>;
  /** How the content of the space is read: asked again when its keyring changes. Plain without it. */
  readonly content?: (info: SpaceInfo) => Promise<Content>;
  /** Time. */
  readonly clock: Clock;
  /** Chance. */
  readonly chance: Chance;
  /** What happens to the local store while nobody asks it anything. */
  readonly events?: StoreEvents;
  /** Lets the page do something else between two stretches of long work; at once without it. */
  readonly pause?: () => Promise<void>;
}

/** The past of a space, read from its segments: each call reads them. */
export interface Past<S> {
  /** The state after the last update with this key or a lower one. */
  at(key: Key, signal: AbortSignal): Promise<Folded<S>>;
  /**
   * All updates that are known to be stored, in canonical order, from and to these keys. A compressed history begins with a state instead,
   * and these are the updates after it.
   */
  log(
    range: { readonly from?: Key; readonly to?: Key },
    signal: AbortSignal,
  ): Promise<readonly Recorded[]>;
}

/** One space of a replica, open. */
export interface Session<S> {
  /** The state: what the store was last seen to hold, and the own updates on top. Immutable; another object after each change. */
  readonly state: S;
  /** The same with what is rejected and what breaks rules. */
  readonly folded: Folded<S>;
  /** `space.json` as last read; `undefined` before the first sync. */
  readonly info: SpaceInfo | undefined;
  /** What waits to be acknowledged, in the order in which it is sent. */
  readonly pending: readonly Pending[];
  /** How far this replica is. */
  readonly status: SessionStatus;
  /** What was set aside for a person. */
  readonly kept: readonly Kept[];
  /** Updates of others that the store holds no more. */
  readonly lost: readonly Lost[];
  /** The past. */
  readonly past: Past<S>;

  /**
   * Makes updates: they are part of the state at once, and sent by the next sync. With `name` only once, however often it is called with the same
   * name by whatever tab (the last 10,000 are remembered).
   *
   * @throws IcecoreError `invalid`: `update-too-large`, `update-invalid`, `name-invalid`.
   */
  append(updates: readonly NewUpdate[], name?: string): Appended;
  /**
   * Reads what others wrote, then sends what is queued. Never rejects: what stops it stands in {@link Synced.error}. One at a time; another call
   * waits. Two tabs that do it at once do no harm.
   */
  sync(signal: AbortSignal, everything?: boolean): Promise<Synced>;
  /** Reads what another tab has stored on the device. Whether the state may have changed. */
  refresh(): Promise<boolean>;
  /**
   * Goes on as the author that the token is bound to, although a replica has written as it, which must be gone for good. Waits for two minutes at
   * least. `undefined` where the token is bound to no such author: nothing was done.
   *
   * @throws IcecoreError `conflict` with `author-bound` when updates of that author go on arriving.
   */
  resumeAuthor(signal: AbortSignal): Promise<Author | undefined>;
  /** Drops what was set aside, once a person has settled it. Whether there was one of this number. */
  drop(number: number): Promise<boolean>;
  /** Tells others what matters for seconds and is part of no history. It is sent once. */
  sendTransient(event: TransientEvent, signal: AbortSignal): Promise<void>;
  /** The transient events of everybody that live now. What cannot be read is passed over. */
  transients(signal: AbortSignal): Promise<readonly TransientAnswer[]>;
  /** Closes the local store. Nothing is lost. */
  close(): void;
}

/** A transient event to send. */
export interface TransientEvent {
  /** What it is, e.g. `typing`. */
  readonly kind: string;
  /** What there is to say about it. */
  readonly data: Json;
  /** How long it lives: at most 300,000; 30,000 without. */
  readonly ttlMs?: number | undefined;
}

/**
 * Opens the copy of a space on this device, and makes one if there is none. No request is made.
 *
 * @throws IcecoreError as {@link Stores.open}; `invalid` with `storage-foreign` where the copy holds what this program cannot read.
 */
export async function openSession<S>(options: SessionOptions<S>): Promise<Session<S>> {
  const { stores, name, remote, model, content, clock, chance } = options;
  const store = await stores.open(name, options.events ?? { superseded() {}, gone() {} });
  const pause = options.pause ?? (async () => undefined);
  const platform = platformOf(globalThis.crypto?.subtle);
  const loading = { guide: { model, content }, platform, pause };
  return sessionOf(await openReplica<S>({ store, remote, clock, chance, loading }));
}

function sessionOf<S>(replica: Replica<S>): Session<S> {
  const { store, remote, view } = replica;
  const queueing = queueingOf(replica);
  const one = oneAtATime();
  const readerOf = (): Reader<S> => {
    if (replica.reader) return replica.reader;
    throw new IcecoreError("not_found", "not-seen", "this space was not read yet", {
      object: remote.space,
      hint: "sync once while the gateway can be reached",
    });
  };
  queueing.show();
  return {
    get state() {
      return view.folded.state;
    },
    get folded() {
      return view.folded;
    },
    get info() {
      return replica.reader?.way.info;
    },
    get pending() {
      return queueing.pending();
    },
    get status() {
      return statusOf(replica, queueing.pending());
    },
    get kept() {
      return replica.kept.map(([number, { author, seq, ...kept }]) => ({
        number,
        id: { author, seq },
        ...kept,
      }));
    },
    get lost() {
      return replica.lost;
    },
    past: {
      at: (key, signal) => stateAt(lookOf(replica, signal), readerOf(), key),
      log: async (range, signal) => logOf(lookOf(replica, signal), readerOf(), range),
    },
    append: queueing.append,
    sync: (signal, everything = false) =>
      one(async () => {
        const told = await sync(replica, signal, everything);
        queueing.show();
        return told;
      }),
    async refresh() {
      const queued = replica.queue.length;
      // What another tab has queued is shown while this one syncs, however long that takes; what it has read, after that.
      const isRead = !(await peek(replica)) && (await one(() => reload(replica)));
      queueing.show();
      return isRead || replica.queue.length !== queued;
    },
    resumeAuthor: (signal) =>
      one(async () => {
        const author = await resumeAuthor(replica, signal);
        queueing.show();
        return author;
      }),
    drop: (number) =>
      one(async () => {
        const isThere = replica.kept.some(([other]) => other === number);
        await writeAll(replica, "strict", async (tx) => {
          tx.delete("kept", number);
          await countSave(tx);
        });
        await reload(replica);
        return isThere;
      }),
    ...transientsOf(remote, readerOf, () => replica.writer.author),
    close: () => store.close(),
  };
}

/** What matters for seconds. */
function transientsOf<S>(
  remote: Remote,
  readerOf: () => Reader<S>,
  authorOf: () => Author,
): Pick<Session<S>, "sendTransient" | "transients"> {
  return {
    async sendTransient({ kind, data, ttlMs }, signal) {
      const author = authorOf();
      const said = await readerOf().way.content.sealTransient(author, { kind, data });
      await remote.transient({ author, ...said, ttlMs }, signal);
    },
    async transients(signal) {
      const { content } = readerOf().way;
      const events = await remote.transients(signal);
      const opened = events.map(async (event): Promise<TransientAnswer[]> => {
        const said = await content.openTransient(event.author, event);
        return said ? [{ ...event, ...said }] : [];
      });
      return (await Promise.all(opened)).flat();
    },
  };
}

/** Runs one piece of work after the other. */
function oneAtATime(): <T>(work: () => Promise<T>) => Promise<T> {
  let last: Promise<unknown> = Promise.resolve();
  return (work) => {
    const next = last.then(work, work);
    last = next.catch(() => undefined);
    return next;
  };
}
