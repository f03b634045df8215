/**
 * A local copy that syncs.
 *
 * @module
 */

import type { Folded } from "../core/fold.ts";
import type { Author, Key } from "../core/ids.ts";
import type { Json } from "../core/json.ts";
import { IcecoreError } from "../errors.ts";
import type { TransientAnswer } from "../objects/wire.ts";
import type { Remote } from "../wire/remote.ts";
import { reload, writeAll } from "./local.ts";
import { type Inside, type OpenCopy, type OpenOptions, openLocal } from "./open.ts";
import { logOf, stateAt } from "./past.ts";
import type { Reader } from "./reader.ts";
import { lookOf, replicaOf } from "./replica.ts";
import type { Recorded, Synced } from "./report.ts";
import { resumeAuthor } from "./resume.ts";
import { countSave } from "./save.ts";
import { sync } from "./sync.ts";

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

/** What a local copy can do once it has a store to sync with. */
export interface Syncing<S> {
  /** The past. */
  readonly past: Past<S>;
  /**
   * Reads what others wrote, then sends what is queued. Never rejects: what stops it stands in {@link Synced.error}. One at a time; another call
   * waits. Two tabs that do it at once do no harm.
   */
  sync(signal: AbortSignal, everything?: boolean): Promise<Synced>;
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

/** One space of a replica, open. */
export type Session<S> = OpenCopy<S> & Syncing<S>;

/** What a session is made of. */
export interface SessionOptions<S> extends OpenOptions<S> {
  /** The store, through a gateway. */
  readonly remote: Remote;
}

/**
 * Opens the copy of a space, for syncing.
 *
 * @throws IcecoreError as {@link openLocal}.
 */
export async function openSession<S>(options: SessionOptions<S>): Promise<Session<S>> {
  const copy = await openLocal(options);
  return Object.assign(copy, syncing(copy.inside, options.remote));
}

/** Lets a local copy sync with this store. Once for each copy. */
export function syncing<S>({ local, one, show }: Inside<S>, remote: Remote): Syncing<S> {
  const replica = replicaOf(local, remote);
  const readerOf = (): Reader<S> => {
    if (local.reader) return local.reader;
    throw new IcecoreError("not_found", "not-seen", "this space was not read yet", {
      object: remote.space,
      hint: "sync once while the gateway can be reached",
    });
  };
  return {
    past: {
      at: (key, signal) => stateAt(lookOf(replica, signal), readerOf(), key),
      log: async (range, signal) => logOf(lookOf(replica, signal), readerOf(), range),
    },
    sync: (signal, everything = false) =>
      one(async () => {
        const told = await sync(replica, signal, everything);
        show();
        return told;
      }),
    resumeAuthor: (signal) =>
      one(async () => {
        const author = await resumeAuthor(replica, signal);
        show();
        return author;
      }),
    drop: (number) =>
      one(async () => {
        const isThere = local.kept.some(([other]) => other === number);
        await writeAll(local, "strict", async (tx) => {
          tx.delete("kept", number);
          await countSave(tx);
        });
        await reload(local);
        return isThere;
      }),
    ...transientsOf(remote, readerOf, () => local.writer.author),
  };
}

/** What matters for seconds. */
function transientsOf<S>(
  remote: Remote,
  readerOf: () => Reader<S>,
  authorOf: () => Author,
): Pick<Syncing<S>, "sendTransient" | "transients"> {
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
