/**
 * From updates to an acknowledged key.
 *
 * @module
 */

import type { Epoch, Key } from "../core/ids.ts";
import { toBytes } from "../core/utf8.ts";
import { asError, IcecoreError, isKind } from "../errors.ts";
import { compareOwn, writeUpdateObject } from "../objects/own-object.ts";
import { updatePath } from "../objects/paths.ts";
import { readUpdateObject, type UpdateObject } from "../objects/update-object.ts";
import { backoffMs } from "../plan/backoff.ts";
import type { Draw, KeyClock } from "../plan/key.ts";
import type { Chance, Clock } from "../ports.ts";
import type { Remote, Slot } from "../wire/remote.ts";
import { sleep } from "./wait.ts";

/** The most collisions in a row: the stride has long been at its widest by then. */
const BUMPS_MAX = 1_000;

/** Slots beside the first: three collisions in a row are rare even among many writers. */
const SPARE = 3;

/** How long one key is tried again after a request whose outcome is unknown; then a new one is taken. */
const WRITE_WINDOW_MS = 30_000;

/** How long one publish goes on before it gives up for now. */
const PUBLISH_MS = 120_000;

/** How often a gateway is asked for keys, where it gives some that the base remembers. */
const ASKED_MAX = 3;

/** An acknowledged write. */
export interface Published {
  /** The key under which the updates are stored. */
  readonly key: Key;
  /** The object that is stored there: another one than was to be written where an earlier attempt, or another tab, had fewer or more updates. */
  readonly object: UpdateObject;
  /** The tag of the object. */
  readonly tag: string | undefined;
  /** The first attempt, or the first after collisions, went through: it is stored under this key only. */
  readonly certain: boolean;
}

/** What is written, and with what. */
export interface Publishing {
  readonly remote: Remote;
  readonly clock: Clock;
  readonly chance: Chance;
  readonly keys: KeyClock;
  readonly epoch: Epoch;
  readonly object: UpdateObject;
  /** In a sequenced space, the one place that is wanted. */
  readonly place: Key | undefined;
  /** Marks the updates as under way before each attempt. `false` where they are not to be sent any more: another tab was faster. */
  readonly claim: () => Promise<boolean>;
  readonly signal: AbortSignal;
}

/**
 * Writes one update object under the first free key; resolves once it is stored. `undefined` where it is not to be sent any more.
 *
 * An attempt whose outcome is unknown is repeated at the same key while that is young, then at a new one: the same `(author, seq)` stored twice
 * counts once. Two tabs that publish the same updates at once do no harm for the same reason.
 *
 * @throws IcecoreError `unavailable` when the store did not answer for long: the object may be stored or appear later, and publishing it again is
 * safe. `conflict` with `place-taken` or `author-taken`. Others as the gateway says.
 */
export async function publish(to: Publishing): Promise<Published | undefined> {
  const { remote, clock, keys, object, place, signal } = to;
  const body = toBytes(writeUpdateObject(object));
  const start = clock.monotonic();
  const draw: Draw = (min, max) => min + to.chance.below(max - min + 1);
  let [puts, bumps, failures, above, isRenewed] = [0, 0, 0, 0, false];
  let slots: readonly Slot[] = [];
  // The key that is being tried, and since when.
  let tried: { readonly key: Key; readonly at: number } | undefined;
  for (;;) {
    try {
      if (slots.length === 0) slots = await ask(to, body, tried?.key ?? place, above);
      const slot = slots[0];
      if (slot === undefined) throw noKey();
      if (!(await to.claim())) return undefined;
      puts += 1;
      tried ??= { key: slot.key, at: clock.monotonic() };
      const { outcome, ...stored } = await remote.put(slot, body, signal);
      if (outcome === "gone") {
        // It ended on a slow way, or the page slept: once more, under the same key.
        if (isRenewed) throw ended();
        [slots, isRenewed] = [[], true];
        continue;
      }
      const found =
        outcome === "stored"
          ? { object, tag: "tag" in stored ? stored.tag : undefined }
          : await look(to, slot.key);
      if (found) {
        keys.wrote(slot.key, puts === 1);
        return { key: slot.key, certain: puts === bumps + 1, ...found };
      }
      bumps += 1;
      if (place !== undefined || bumps > BUMPS_MAX) throw taken(to, slot.key);
      above = Math.max(above, slot.key);
      keys.bump(slot.key, draw);
      [slots, tried, isRenewed] = [slots.slice(1), undefined, false];
    } catch (error) {
      if (!isWorthARetry(error) || clock.monotonic() - start > PUBLISH_MS) throw error;
      await sleep(clock, backoffMs(failures++, draw, retryAfterOf(error)), signal);
      if (tried && place === undefined && clock.monotonic() - tried.at > WRITE_WINDOW_MS) {
        // Nobody knows whether this key is taken, and it has become too old to be tried on.
        [above, slots, tried, isRenewed] = [Math.max(above, tried.key), [], undefined, false];
      }
    }
  }
}

/** Slots under keys above this one, or under one key. */
async function ask(
  to: Publishing,
  body: Uint8Array<ArrayBuffer>,
  at: Key | undefined,
  above: Key,
): Promise<readonly Slot[]> {
  const { remote, keys, epoch, object, signal } = to;
  const { author } = object;
  let least = above;
  for (let asked = 0; asked < ASKED_MAX; asked += 1) {
    const { hints } = keys;
    const wish = at === undefined ? { ...hints, seen: Math.max(hints.seen, least) } : { at };
    const spare = at === undefined ? SPARE : 0;
    const [slots] = await remote.slots(
      { epoch, author, keys: wish, bodies: [body], spare },
      signal,
    );
    const usable = (slots ?? []).filter(({ key }) =>
      at === undefined ? !keys.isKnown(key) : key === at,
    );
    if (usable.length > 0) return usable;
    // The gateway does not know what the base remembers.
    least = Math.max(least, keys.lastKnown(remote.now()) ?? 0);
  }
  throw noKey();
}

/**
 * The key is taken: by an own write, whose answer was lost or that another tab made, or by somebody else's (`undefined`).
 *
 * @throws IcecoreError `conflict` with code `author-taken`: another writer uses this author.
 */
async function look(
  { remote, epoch, object, signal }: Publishing,
  key: Key,
): Promise<Pick<Published, "object" | "tag"> | undefined> {
  const path = updatePath(remote.space, epoch, key);
  const got = await remote.get(path, signal);
  // Pruned or moved aside in between: the next attempt decides.
  if (got === undefined) return undefined;
  let occupant: UpdateObject;
  try {
    occupant = readUpdateObject(got.bytes, path, got.author);
  } catch {
    return undefined;
  }
  const common = compareOwn(object, occupant);
  if (common === "foreign") return undefined;
  if (common !== "another") return { object: occupant, tag: got.tag };
  throw new IcecoreError("conflict", "author-taken", "another writer uses this author", {
    object: path,
    hint: "the local copy was copied or restored; the next sync goes on under a new author",
  });
}

const retryAfterOf = (error: unknown): number | undefined => asError(error).retryAfterMs;

/** Whether an error leaves the outcome open. */
function isWorthARetry(error: unknown): boolean {
  return isKind(error, "unavailable", "conflict") && !FINAL.has(asError(error).code);
}

const FINAL: ReadonlySet<string> = new Set([
  "aborted",
  "slot-ended",
  "keys-taken",
  "place-taken",
  "author-taken",
  // The device's own storage: nothing that the network does will change it.
  "quota",
  "storage-closed",
  "storage-failed",
  "storage-blocked",
  "storage-unavailable",
]);

function noKey(): IcecoreError {
  return new IcecoreError("unavailable", "no-key", "the gateway gave no key", {
    hint: "it is tried again",
  });
}

function ended(): IcecoreError {
  return new IcecoreError(
    "unavailable",
    "slot-ended",
    "the bucket does not take what the gateway signed",
    {
      hint: "nothing is lost, it is tried again; if it stays so, compare the clocks of gateway and bucket",
    },
  );
}

function taken({ remote, epoch, place }: Publishing, key: Key): IcecoreError {
  const object = updatePath(remote.space, epoch, key);
  return place === undefined
    ? new IcecoreError("unavailable", "keys-taken", "a thousand keys in a row were taken", {
        object,
        hint: "fewer writers at once; nothing is lost, it is tried again",
      })
    : new IcecoreError("conflict", "place-taken", "another writer was faster", {
        object,
        hint: "pull, check the update against the new state, and send it again",
      });
}
