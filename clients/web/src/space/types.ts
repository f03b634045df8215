/**
 * What an app sees of a space.
 *
 * @module
 */

import type { Author, Key, UpdateId } from "../core/ids.ts";
import type { Json } from "../core/json.ts";
import type { Conflict, RejectedUpdate } from "../core/summary.ts";
import type { IcecoreError } from "../errors.ts";
import type { Model } from "../models/model.ts";
import type { SpaceInfo } from "../objects/space.ts";
import type { TransientAnswer } from "../objects/wire.ts";
import type { Pace } from "../plan/pace.ts";
import type { Platform } from "../platform.ts";
import type { Secret } from "../seal/port.ts";
import type { StorageHealth } from "../store/health.ts";
import type { Stores } from "../store/port.ts";
import type { Kept, Lost, Recorded, SessionStatus } from "../sync/report.ts";
import type { Role } from "../tabs/leader.ts";
import type { TokenSource } from "../wire/token.ts";

/** What a space is opened with. */
export interface SpaceOptions<S> {
  /** The gateway's address, e.g. `https://sync.example.org`; a page's own origin is `location.origin`. */
  readonly gateway: string;
  /** The space's name. */
  readonly space: string;
  /** How updates change the state: `document`, `log`, or what `defineModel` made. */
  readonly model: Model<S> | ((settings: unknown) => Model<S>);
  /** Where tokens come from: the app's own server. Asked when one is needed, never in advance. */
  readonly token: TokenSource;
  /** What opens an encrypted space, from the entry `icecore/seal`. */
  readonly secret?: Secret | undefined;
  /**
   * Whose copy it is, where several people use one browser: a name of the account. Copies of different names share nothing.
   * @default ""
   */
  readonly account?: string | undefined;
  /**
   * How often to look whether others wrote.
   * @default every 5 s while something happens, 30 s while nothing does, 5 minutes while nobody sees the page
   */
  readonly pace?: Pace | undefined;
  /** See {@link GatewayOptions.allowPlainHttp}. */
  readonly allowPlainHttp?: boolean | undefined;
  /** Where the device keeps its copy. IndexedDB without. */
  readonly stores?: Stores | undefined;
  /** Parts of the browser that a test stands in for. */
  readonly platform?: Partial<Platform> | undefined;
}

/** An update to make. */
export interface UpdateInput {
  /** Which instruction, e.g. `merge`. */
  readonly kind: string;
  /** Its argument: JSON. */
  readonly data: Json;
  /** What it settles: the id of a conflict, or of a rejected update. */
  readonly resolves?: string | undefined;
  /**
   * When it happened, as RFC 3339 has it.
   * @default now, by the device's clock
   */
  readonly at?: string | undefined;
}

/**
 * How far an update got.
 *
 * - `making`: part of the state, not yet on the disk
 * - `durable`: on the disk of this device: it will be sent, however often the page is closed meanwhile
 * - `confirmed`: stored in the bucket: everybody gets it
 * - `failed`: not made, or set aside: the promise that rejected says why
 */
export type Phase = "making" | "durable" | "confirmed" | "failed";

/** What becomes of an update that was made just now. Nobody has to look: what fails is told by the status, too. */
export interface Receipt {
  /**
   * `AUTHOR:SEQ`; only once the update is durable there is one for certain. It goes on under another id where somebody else writes as its author, where
   * the token is bound to another one, or where an update before it was refused. Where another tab sends, this is the id as last seen while it waited.
   */
  readonly id: string | undefined;
  /** How far it got. */
  readonly phase: Phase;
  /** Resolves with the id when the update is on this device's disk; rejects with an `IcecoreError` (`quota`) where it could not be. */
  readonly durable: Promise<string>;
  /** Resolves when the update is stored in the bucket; rejects where a sequenced space refused it (`refused`), or it was never durable. */
  readonly confirmed: Promise<void>;
}

/**
 * How a space is, in a word.
 *
 * - `opening`: the local copy is being read
 * - `offline`: nobody answers; updates wait on this device
 * - `live`: reads and sends
 * - `stuck`: a person or a newer program is needed: `error` says for what
 * - `locked`: the space is encrypted, and no secret opens it
 * - `evicted`: the browser deleted what this device had stored; it is fetched anew
 * - `read-only`: the token allows no writing
 * - `closed`: nobody uses it
 */
export type SpacePhase =
  | "opening"
  | "offline"
  | "live"
  | "stuck"
  | "locked"
  | "evicted"
  | "read-only"
  | "closed";

/** How a space is. Another object after each change. */
export interface SpaceStatus {
  /** In a word. */
  readonly phase: SpacePhase;
  /** What stopped the last sync, or the opening. */
  readonly error: IcecoreError | undefined;
  /** Updates that are not acknowledged. */
  readonly unsent: number;
  /** Age of the oldest of them when this status was made, in milliseconds. */
  readonly oldestUnsentMs: number | undefined;
  /** When the last sync was complete, by the device's clock: milliseconds since 1970 UTC. */
  readonly lastSync: number | undefined;
  /** Whether this tab sends, or another one does. */
  readonly role: Role;
  /** How much the device's clock is behind the server's, in milliseconds; `undefined` before any answer told the time. */
  readonly clockOffMs: number | undefined;
  /** How safe what is stored on this device is; `undefined` until the browser has said so. */
  readonly storage: StorageHealth | undefined;
  /** The author under whom this device wrote before the browser deleted what it had stored; until all was fetched again, and as long as the page lives. */
  readonly evicted: Author | undefined;
  /** The rest: gaps, what is unreadable, lost or refused, the epoch, the model's version. `undefined` while opening. */
  readonly replica: SessionStatus | undefined;
}

/** What to do with updates that were not sent, when the local copy is removed. */
export type Forget = "send" | "export" | "drop";

/** A space, as one page uses it. */
export interface Space<S> {
  /** Its name. */
  readonly name: string;
  /** The state, own updates on top. Immutable; another object after each change. The model's initial one while it opens. */
  readonly state: S;
  /** What a server renders, whatever was read since: the model's initial state, and the status of a space that nobody uses. */
  readonly initial: { readonly state: S; readonly status: SpaceStatus };
  /** Resolves when the local copy is read: no network is needed. Rejects where there is none to be had. Asking opens the space. */
  readonly ready: Promise<void>;
  /** How it is. */
  readonly status: SpaceStatus;
  /** Rules that the state breaks, for a person to settle. */
  readonly conflicts: readonly Conflict[];
  /** Updates of the history that the model did not apply, the newest thousand. */
  readonly rejected: readonly RejectedUpdate[];
  /** Own updates that were set aside for a person. */
  readonly refused: readonly Kept[];
  /** Updates of others that the store holds no more. */
  readonly lost: readonly Lost[];
  /** `space.json`, once it was read. */
  readonly info: SpaceInfo | undefined;

  /**
   * Makes an update, or several that get their seqs together: part of the state at once. With `once` only the first time that this name is used.
   *
   * @throws IcecoreError `invalid` where it can be no update: too large, no JSON.
   */
  update(update: UpdateInput | readonly UpdateInput[], once?: string): Receipt;
  /** Makes an update that settles a conflict, or a rejected or refused one: its id as {@link Space.conflicts} and {@link Space.rejected} have it. */
  resolve(id: string, update: UpdateInput): Receipt;
  /** Removes a refused update from {@link Space.refused}, once a person has settled it. */
  dismiss(number: number): Promise<boolean>;
  /**
   * Runs `changed` after each change of the state; with `path`, a JSON pointer, only when what stands there has changed. Keeps the space open
   * until the function that it returns is called, or the signal ends.
   */
  subscribe(
    changed: () => void,
    options?: { readonly path?: string | undefined; readonly signal?: AbortSignal | undefined },
  ): () => void;
  /** Runs `changed` after each change of the status, conflicts and refused updates among it. Keeps the space open, too. */
  subscribeStatus(changed: () => void): () => void;
  /** Keeps the space open until the function that it returns is called. Counted: two calls need two ends. */
  retain(): () => void;
  /** Reads and sends now. Resolves when that is done; rejects with what stopped it. */
  sync(signal?: AbortSignal): Promise<void>;
  /** The state as it was at a time, or after a key. Reads the history. */
  at(time: Date | Key, signal?: AbortSignal): Promise<S>;
  /** The history, in canonical order. Reads it. */
  log(
    range?: { readonly from?: Date | Key; readonly to?: Date | Key },
    signal?: AbortSignal,
  ): Promise<readonly Recorded[]>;
  /** Tells others what matters for seconds: who is typing, who is here. Part of no history; lives 30 s unless `ttlMs` says otherwise. */
  transient(kind: string, data: Json, ttlMs?: number): Promise<void>;
  /** What of that lives now. */
  transients(signal?: AbortSignal): Promise<readonly TransientAnswer[]>;
  /**
   * Changes `space.json`, e.g. its keyring: `make` gives the new text from what is there now, and is asked again where somebody else was faster.
   * Needs a token with the right `admin`.
   */
  changeInfo(make: (info: SpaceInfo) => Promise<string>, signal?: AbortSignal): Promise<void>;
  /**
   * Goes on as the author that the token is bound to, where the device that wrote as it is gone for good: see the status `stuck` with the code
   * `author-taken`. Takes two minutes at least.
   */
  resumeAuthor(signal?: AbortSignal): Promise<void>;
  /** What was not sent, as lines of JSON that `icecore import` takes. */
  exportQueue(): Promise<string>;
  /**
   * Removes the local copy, as when somebody logs out. With updates that were not sent: `send` sends them first, `export` returns them as
   * {@link Space.exportQueue} does, `drop` drops them. Without a choice it stays where there are any.
   *
   * @throws IcecoreError `conflict` with code `unsent`, with their number; what stopped the sending.
   */
  forget(unsent?: Forget): Promise<string | undefined>;
  /** Ends it, whoever uses it. Nothing is lost. */
  close(): void;
}

/** What a listener gets to know an update by. */
export type { UpdateId };
