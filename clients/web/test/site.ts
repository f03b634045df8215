/**
 * A store in memory with sessions on it: for tests of the engine that syncs.
 */

import type { Author } from "../src/core/ids.ts";
import type { Json } from "../src/core/json.ts";
import { documentModel } from "../src/models/document.ts";
import { logModel } from "../src/models/log.ts";
import type { Model } from "../src/models/model.ts";
import { memoryStores } from "../src/store/memory.ts";
import type { Stores } from "../src/store/port.ts";
import type { NewUpdate } from "../src/sync/append.ts";
import type { Synced } from "../src/sync/report.ts";
import { openSession, type Session, type SessionOptions } from "../src/sync/session.ts";
import { seededChance } from "../src/testing/chance.ts";
import { type ManualClock, manualClock } from "../src/testing/clock.ts";
import { type MemoryGateway, memoryGateway, type NewSpace } from "../src/testing/gateway.ts";
import type { MemoryPage } from "../src/testing/types.ts";
import { gatewayRemote } from "../src/wire/gateway.ts";

/** A session with what it runs on. */
export interface Device<S = unknown> {
  readonly session: Session<S>;
  readonly page: MemoryPage;
  readonly stores: Stores;
  /** Syncs, letting the time pass that it takes. */
  sync(everything?: boolean): Promise<Synced>;
  /** Syncs, and throws what stopped it. */
  synced(everything?: boolean): Promise<Synced>;
  /** Makes an update of a document: a merge. */
  merge(data: Json): Promise<readonly { author: Author; seq: number }[]>;
}

/** A store. */
export interface Site {
  readonly clock: ManualClock;
  readonly gateway: MemoryGateway;
  /** Lets time pass until a promise is settled. */
  pass<T>(work: Promise<T>): Promise<T>;
  /** Opens a session on a device of its own, or one more on that of another. */
  open<S = unknown>(options?: Partial<DeviceOptions<S>>): Promise<Device<S>>;
}

/** How a device is opened. */
export interface DeviceOptions<S> {
  readonly stores: Stores;
  readonly model: (settings: unknown) => Model<S>;
  readonly author: Author;
  readonly content: SessionOptions<S>["content"];
  readonly token: (why: string) => string | null;
}

export const SPACE = "todo";

/** An update, as an app makes it. */
export function update(kind: string, data: Json, at = "2025-11-20T12:00:00.000Z"): NewUpdate {
  return { at, kind, data: JSON.stringify(data) };
}

const models: Record<string, (settings: unknown) => Model<never>> = {
  document: (settings) => documentModel(settings) as Model<never>,
  log: () => logModel as Model<never>,
};

/** A store with one space. */
export async function site(space: NewSpace = {}, seed = 1): Promise<Site> {
  const clock = manualClock();
  const chance = seededChance(seed);
  const gateway = memoryGateway({ clock, chance });
  gateway.createSpace(SPACE, space);
  const pass = async <T>(work: Promise<T>): Promise<T> => {
    let done = false;
    const watched = work.finally(() => {
      done = true;
    });
    watched.catch(() => undefined);
    for (let n = 0; n < 100_000 && !done; n += 1) await clock.advance(n < 3 ? 0 : 50);
    return watched;
  };
  return {
    clock,
    gateway,
    pass,
    async open<S>(options: Partial<DeviceOptions<S>> = {}) {
      const { stores = memoryStores(), author } = options;
      const page = gateway.page();
      const token =
        options.token ??
        (() => gateway.token({ spaces: [SPACE], rights: ["read", "write"], author }));
      const remote = gatewayRemote({
        gateway: gateway.url,
        space: SPACE,
        token: async (why) => token(why),
        fetch: page.fetch,
        clock,
        chance,
      });
      const model =
        options.model ??
        (models[space.model ?? "document"] as unknown as (settings: unknown) => Model<S>);
      const session = await openSession<S>({
        stores,
        name: "replica",
        remote,
        model,
        content: options.content,
        clock,
        chance,
      } as SessionOptions<S>);
      const sync = (everything?: boolean) =>
        pass(session.sync(new AbortController().signal, everything));
      return {
        session,
        page,
        stores,
        sync,
        async synced(everything) {
          const synced = await sync(everything);
          if (synced.error) throw synced.error;
          return synced;
        },
        merge: async (data) => (await session.append([update("merge", data)]).durable).ids,
      };
    },
  };
}
