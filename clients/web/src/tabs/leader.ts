/**
 * Which tab sends. Every tab writes to the local store itself; one of them, the leader, talks to the gateway for all.
 *
 * Two leaders at once are harmless, for what they write is equal. So nothing here proves that there is one only: it sees to it
 * that soon somebody leads, and that the lead does not wander.
 *
 * ```text
 *            lock granted                      no beat in 4 own ticks
 *  follower ─────────────▶ leader    follower ───────────────────────▶ steals the lock, leader
 *           ◀───────────── stolen    (a browser without locks: alone, for good)
 * ```
 *
 * A frozen tab keeps its lock, and so may a hidden one whose timers hardly run. Its silence is measured in the ticks of
 * whoever waits, not in time: a tab that itself was frozen has not ticked, and does not take the lead from the one that
 * took over meanwhile.
 *
 * @module
 */

import type { Clock, Locks } from "../ports.ts";
import { type TabMessage, tabsName } from "./channel.ts";

/**
 * What this tab does.
 *
 * - `follower`: another tab sends
 * - `leader`: this tab sends for all
 * - `alone`: the browser offers no locks here (pages over plain http): each tab sends for itself
 */
export type Role = "follower" | "leader" | "alone";

/** What joining needs. */
export interface TabsOptions {
  /** The name of the replica: tabs with the same name belong together. */
  readonly name: string;
  /** For heartbeats. */
  readonly clock: Clock;
  /** Absent where the browser has none. */
  readonly locks: Locks | undefined;
  /** Tells all other tabs. */
  readonly tell: (message: TabMessage) => void;
  /** Ends the membership: the lock is let go. */
  readonly signal: AbortSignal;
  /** Runs when the role has changed. It is `follower` at first, or `alone`; nothing runs for that, nor after the signal. */
  readonly onRole: (role: Role) => void;
}

/** This tab among the tabs of its replica. */
export interface Tabs {
  /** What this tab does at the moment. */
  readonly role: Role;
  /** The leader was heard: it is alive. */
  beaten(): void;
}

/** How often the leader says that it lives, and how often the others count. */
const TICK_MS = 3_000;
/** After so many ticks without a beat the lead is taken: within 12 s. */
const PATIENCE = 4;

/** Joins the tabs of a replica: from now on this one may lead them. */
export function joinTabs(options: TabsOptions): Tabs {
  const { clock, signal, tell } = options;
  const name = tabsName(options.name);
  let role: Role = options.locks === undefined ? "alone" : "follower";
  let missed = 0;
  let patience = PATIENCE;
  let waiting = new AbortController();

  function become(next: Role): void {
    role = next;
    missed = 0;
    if (!signal.aborted) options.onRole(next);
  }

  function tick(): void {
    if (signal.aborted) return;
    clock.after(TICK_MS, tick);
    if (role === "leader") tell({ kind: "beat" });
    else if (++missed === patience) waiting.abort();
  }

  async function lead(lost: AbortSignal): Promise<void> {
    become("leader");
    tell({ kind: "beat" });
    await new Promise((resolve) => {
      lost.addEventListener("abort", resolve);
      signal.addEventListener("abort", resolve, { signal: lost });
      if (signal.aborted) resolve(undefined);
    });
    become("follower");
  }

  async function campaign(locks: Locks): Promise<void> {
    for (let steal = false; !signal.aborted; ) {
      waiting = new AbortController();
      try {
        await locks.hold(name, { signal: waiting.signal, steal }, lead);
        steal = false;
      } catch {
        // Where no beats can be heard at all, taking the lead soon stops.
        patience *= 2;
        steal = waiting.signal.aborted;
        if (!steal) return become("alone");
      }
    }
  }

  if (options.locks !== undefined) {
    clock.after(TICK_MS, tick);
    signal.addEventListener("abort", () => waiting.abort());
    void campaign(options.locks);
  }
  return {
    get role() {
      return role;
    },
    beaten() {
      missed = 0;
      patience = PATIENCE;
    },
  };
}
