/**
 * A clock that tests move.
 *
 * @module
 */

import type { Clock } from "../ports.ts";
import { engineLoading } from "../space/load.ts";

/** A clock that stands still until a test moves it. */
export interface ManualClock extends Clock {
  /** Moves both times on, running what is due on the way, each at its own moment, with all that follows from it at once. */
  advance(ms: number): Promise<void>;
  /** Sets the device's clock to another time, as a person or the network does; the monotonic one does not move. */
  set(now: number): void;
  /** The device sleeps: its time passes, the monotonic one stands still, and nothing runs. */
  sleep(ms: number): void;
  /** How many tasks wait. */
  readonly waiting: number;
}

interface Task {
  readonly at: number;
  readonly order: number;
  readonly run: () => void;
}

/** How often promises get a turn between two tasks: long enough chains of them are finished by then. */
const TURNS = 50;

/** What the platform is at: it takes no time by the clocks of tests. */
const underWay = new Set<Promise<unknown>>();

/** Lets no time pass by any {@link ManualClock} before this work of the platform is done, e.g. unpacking. */
export function outsideTime<T>(work: Promise<T>): Promise<T> {
  underWay.add(work);
  const done = (): void => {
    underWay.delete(work);
  };
  work.then(done, done);
  return work;
}

/** Lets everything happen that needs no time. */
async function settle(): Promise<void> {
  do {
    for (let turn = 0; turn < TURNS; turn += 1) {
      await Promise.resolve();
    }
    // Streams of the platform come with its own tasks.
    await new Promise<void>((resolve) => {
      const { port1, port2 } = new MessageChannel();
      port1.onmessage = () => {
        port1.close();
        resolve();
      };
      port2.postMessage(undefined);
    });
    // A part of the program that is loaded comes when it comes.
    await engineLoading()?.catch(() => undefined);
  } while (underWay.size > 0);
}

/**
 * A clock for tests; `now` is milliseconds since 1970 UTC.
 *
 * @example
 * ```ts
 * const clock = manualClock(Date.parse("2025-11-20T12:00:00Z"));
 * clock.after(1_000, () => console.log("a second has passed"));
 * await clock.advance(1_000);
 * ```
 */
export function manualClock(now = 1_763_640_000_000): ManualClock {
  let offset = now;
  let monotonic = 0;
  let order = 0;
  const tasks = new Set<Task>();

  const next = (until: number): Task | undefined => {
    const due = [...tasks].filter((task) => task.at <= until);
    return due.sort((a, b) => a.at - b.at || a.order - b.order)[0];
  };

  return {
    now: () => offset + monotonic,
    monotonic: () => monotonic,
    after(ms, run) {
      order += 1;
      const task = { at: monotonic + Math.max(0, ms), order, run };
      tasks.add(task);
      return () => {
        tasks.delete(task);
      };
    },
    async advance(ms) {
      const end = monotonic + ms;
      await settle();
      for (let task = next(end); task !== undefined; task = next(end)) {
        tasks.delete(task);
        monotonic = Math.max(monotonic, task.at);
        task.run();
        await settle();
      }
      monotonic = end;
      await settle();
    },
    set(time) {
      offset = time - monotonic;
    },
    sleep(ms) {
      offset += ms;
    },
    get waiting() {
      return tasks.size;
    },
  };
}
