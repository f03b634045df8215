/**
 * Tabs of one origin in one process, with one time: they can be frozen, thawed, and killed.
 *
 * Frozen, as browsers do it: nothing runs, locks are kept and even granted, messages wait. Timers run first after
 * thawing, the worst order for whoever counts beats.
 */

import type { Channels, Clock, Locks } from "../src/ports.ts";
import { joinChannel, type TabMessage, tabsName } from "../src/tabs/channel.ts";
import { joinTabs, type Tabs, type TabsOptions } from "../src/tabs/leader.ts";

export interface Tab {
  readonly clock: Clock;
  readonly locks: Locks;
  readonly channels: Channels;
  freeze(): void;
  thaw(): void;
  /** Gone from one moment to the other; the browser lets its locks go. */
  kill(): void;
}

export interface TabsWorld {
  /** A new tab; its clocks begin at `origin`. */
  tab(origin?: number): Tab;
  /** Lets time pass. */
  advance(ms: number): Promise<void>;
  /** Messages that were sent so far. */
  readonly messages: number;
}

interface Inside extends Tab {
  run(kind: "timer" | "message", task: () => void): void;
  isAlive(): boolean;
}

interface Request {
  readonly tab: Inside;
  readonly lost: AbortController;
  readonly grant: () => void;
}

interface Listener {
  readonly tab: Inside;
  readonly name: string;
  readonly heard: (message: unknown) => void;
}

export function tabsWorld(): TabsWorld {
  let now = 0;
  let messages = 0;
  const timers = new Set<{ at: number; task: () => void }>();
  const listeners = new Set<Listener>();
  const held = new Map<string, Request>();
  const queues = new Map<string, Request[]>();

  const queueOf = (name: string): Request[] => {
    const queue = queues.get(name) ?? [];
    queues.set(name, queue);
    return queue;
  };
  const grantNext = (name: string): void => {
    if (held.has(name)) return;
    const next = queueOf(name).shift();
    if (next === undefined) return;
    held.set(name, next);
    next.tab.run("message", next.grant);
  };
  const leave = (name: string, request: Request): void => {
    if (held.get(name) === request) held.delete(name);
    queues.set(
      name,
      queueOf(name).filter((other) => other !== request),
    );
    grantNext(name);
  };

  const locksOf = (tab: Inside): Locks => ({
    hold: (name, { signal, steal }, work) =>
      new Promise((resolve, reject) => {
        const settle = (task: () => void): void => {
          leave(name, request);
          tab.run("message", task);
        };
        const request: Request = {
          tab,
          lost: new AbortController(),
          grant: () => {
            signal.removeEventListener("abort", onAbort);
            work(request.lost.signal).then(
              () => settle(resolve),
              (error: unknown) => settle(() => reject(error)),
            );
          },
        };
        const onAbort = (): void => settle(() => reject(signal.reason));
        if (steal === true) {
          const robbed = held.get(name);
          held.delete(name);
          robbed?.tab.run("message", () => robbed.lost.abort());
          queueOf(name).unshift(request);
        } else {
          if (signal.aborted) return reject(signal.reason);
          signal.addEventListener("abort", onAbort);
          queueOf(name).push(request);
        }
        grantNext(name);
      }),
  });

  const channelsOf = (tab: Inside): Channels => ({
    join(name, heard, signal) {
      const me: Listener = { tab, name, heard };
      listeners.add(me);
      signal.addEventListener("abort", () => listeners.delete(me));
      return (message) => {
        messages += 1;
        for (const other of listeners) {
          if (other === me || other.name !== name) continue;
          const copy: unknown = JSON.parse(JSON.stringify(message));
          other.tab.run("message", () => other.heard(copy));
        }
      };
    },
  });

  const makeTab = (origin: number): Inside => {
    let state: "alive" | "frozen" | "dead" = "alive";
    const timersDue: (() => void)[] = [];
    const messagesDue: (() => void)[] = [];
    const tab: Inside = {
      clock: {
        now: () => origin + now,
        monotonic: () => now - origin,
        after(ms, task) {
          const timer = { at: now + ms, task: () => tab.run("timer", task) };
          timers.add(timer);
          return () => timers.delete(timer);
        },
      },
      get locks() {
        return locksOf(tab);
      },
      get channels() {
        return channelsOf(tab);
      },
      isAlive: () => state !== "dead",
      run(kind, task) {
        if (state === "alive") queueMicrotask(task);
        else if (state === "frozen") (kind === "timer" ? timersDue : messagesDue).push(task);
      },
      freeze: () => {
        state = "frozen";
      },
      thaw: () => {
        state = "alive";
        for (const task of [...timersDue.splice(0), ...messagesDue.splice(0)]) task();
      },
      kill: () => {
        state = "dead";
        for (const name of queues.keys()) {
          for (const request of [held.get(name), ...queueOf(name)]) {
            if (request?.tab === tab) leave(name, request);
          }
        }
      },
    };
    return tab;
  };

  const settle = async (): Promise<void> => {
    for (let turn = 0; turn < 50; turn += 1) await Promise.resolve();
  };
  const nextTimer = (until: number) =>
    [...timers].filter(({ at }) => at <= until).sort((a, b) => a.at - b.at)[0];

  return {
    tab: (origin = 0) => makeTab(origin),
    async advance(ms) {
      const end = now + ms;
      await settle();
      for (let timer = nextTimer(end); timer !== undefined; timer = nextTimer(end)) {
        timers.delete(timer);
        now = timer.at;
        timer.task();
        await settle();
      }
      now = end;
    },
    get messages() {
      return messages;
    },
  };
}

/** What a tab of a space joins: the channel, and those that may lead. `heard` runs for each message but beats. */
export function joined(
  options: Omit<TabsOptions, "tell"> & {
    readonly channels: Channels;
    readonly heard: (message: TabMessage) => void;
  },
): Tabs & { readonly tell: (message: TabMessage) => void } {
  const { channels, name, signal, heard } = options;
  const tell = joinChannel(
    channels,
    tabsName(name),
    (message) => (message.kind === "beat" ? tabs.beaten() : heard(message)),
    signal,
  );
  const tabs = joinTabs({ ...options, tell });
  return Object.assign(tabs, { tell });
}
