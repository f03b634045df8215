/**
 * What the tabs of one replica tell each other. Only hints: whoever misses one finds the same in the local store later.
 *
 * @module
 */

import type { Channels } from "../ports.ts";

/**
 * A message to all other tabs.
 *
 * - `beat`: the leader is alive
 * - `changed`: rows of the local store were changed: read them again
 * - `sync`: something waits to be sent: the leader is asked to do it now
 * - `told`: what the leader learnt and does not store (its status, transient events); whoever hears it checks its form
 */
export type TabMessage =
  | { readonly kind: "beat" | "changed" | "sync" }
  | { readonly kind: "told"; readonly topic: string; readonly value: unknown };

/** Stands in every message. Tabs of another version of the program share the rows, not the messages. */
const VERSION = 1;

/** A message as it came, or `undefined` if it is none, or one of another version of the program. */
export function parseTabMessage(message: unknown): TabMessage | undefined {
  if (typeof message !== "object" || message === null) return undefined;
  const { version, kind, topic, value } = message as Partial<Record<string, unknown>>;
  if (version !== VERSION) return undefined;
  if (kind === "beat" || kind === "changed" || kind === "sync") return { kind };
  return kind === "told" && typeof topic === "string" ? { kind, topic, value } : undefined;
}

/** What the channel of a replica's tabs is called, and their lock. */
export function tabsName(replica: string): string {
  return `icecore:${replica}`;
}

/** Joins the tabs of one replica until the signal ends. Returns what tells all others. */
export function joinChannel(
  channels: Channels,
  name: string,
  heard: (message: TabMessage) => void,
  signal: AbortSignal,
): (message: TabMessage) => void {
  const listen = (raw: unknown): void => {
    const message = parseTabMessage(raw);
    if (message !== undefined && !signal.aborted) heard(message);
  };
  const tell = channels.join(name, listen, signal);
  return (message) => {
    if (!signal.aborted) tell({ version: VERSION, ...message });
  };
}
