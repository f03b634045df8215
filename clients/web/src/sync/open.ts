/**
 * The copy of a space on this device: what the store was last seen to hold, what waits to get there, and the state of both. It is read, shown and
 * written to with nobody asked. What syncs is put on top of it: {@link syncing}.
 *
 * @module
 */

import type { Folded } from "../core/fold.ts";
import type { Model } from "../models/model.ts";
import type { Content } from "../objects/content.ts";
import { platformOf } from "../objects/platform.ts";
import type { SpaceInfo } from "../objects/space.ts";
import type { Chance, Clock } from "../ports.ts";
import type { StoreEvents, Stores } from "../store/port.ts";
import { type Appended, type NewUpdate, type Pending, queueingOf } from "./append.ts";
import { type Local, openCopy, peek, reload } from "./local.ts";
import type { Kept, Lost, SessionStatus } from "./report.ts";
import { statusOf } from "./status.ts";

/** What a local copy is opened with. */
export interface OpenOptions<S> {
  /** Where the device keeps its copy. */
  readonly stores: Stores;
  /** The name of that copy: one for each store and space. */
  readonly name: string;
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

/** The copy of a space, open. */
export interface OpenCopy<S> {
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

  /**
   * Makes updates: they are part of the state at once, and sent by the next sync. With `name` only once, however often it is called with the same
   * name by whatever tab (the last 10,000 are remembered).
   *
   * @throws IcecoreError `invalid`: `update-too-large`, `update-invalid`, `name-invalid`.
   */
  append(updates: readonly NewUpdate[], name?: string): Appended;
  /** Reads what another tab has stored on the device. Whether the state may have changed. */
  refresh(): Promise<boolean>;
  /** Closes the local store. Nothing is lost. */
  close(): void;
  /** What syncing goes on with. */
  readonly inside: Inside<S>;
}

/** What an open copy is made of. */
export interface Inside<S> {
  readonly local: Local<S>;
  /** Runs one piece of work after the other. */
  readonly one: <T>(work: () => Promise<T>) => Promise<T>;
  /** Shows what was read, and what waits on top. */
  readonly show: () => void;
}

/**
 * Opens the copy of a space on this device, and makes one if there is none. No request is made.
 *
 * @throws IcecoreError as {@link Stores.open}; `invalid` with `storage-foreign` where the copy holds what this program cannot read.
 */
export async function openLocal<S>(options: OpenOptions<S>): Promise<OpenCopy<S>> {
  const { stores, name, model, content, clock, chance } = options;
  const store = await stores.open(name, options.events ?? { superseded() {}, gone() {} });
  const pause = options.pause ?? (async () => undefined);
  const platform = platformOf(globalThis.crypto?.subtle);
  const loading = { guide: { model, content }, platform, pause };
  return shown(await openCopy<S>({ store, clock, chance, loading }));
}

function shown<S>(local: Local<S>): OpenCopy<S> {
  const { view } = local;
  const { append, pending, show } = queueingOf(local);
  const one = oneAtATime();
  show();
  return {
    get state() {
      return view.folded.state;
    },
    get folded() {
      return view.folded;
    },
    get info() {
      return local.reader?.way.info;
    },
    get pending() {
      return pending();
    },
    get status() {
      return statusOf(local, pending());
    },
    get kept() {
      return local.kept.map(([number, { author, seq, ...kept }]) => ({
        number,
        id: { author, seq },
        ...kept,
      }));
    },
    get lost() {
      return local.lost;
    },
    append,
    async refresh() {
      const queued = local.queue.length;
      // What another tab has queued is shown while this one syncs, however long that takes; what it has read, after that.
      const isRead = !(await peek(local)) && (await one(() => reload(local)));
      show();
      return isRead || local.queue.length !== queued;
    },
    close: () => local.store.close(),
    inside: { local, one, show },
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
