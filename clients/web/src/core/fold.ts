/**
 * Folding: from updates in order to a state, with what was rejected and which rules are broken.
 *
 * @module
 */

import { IcecoreError } from "../errors.ts";
import { compareValues } from "../models/document/value.ts";
import { type Model, newerModel, type Own, type Violation } from "../models/model.ts";
import { compareIds, idText, type Key, parseId, type UpdateId } from "./ids.ts";
import { canonical } from "./json.ts";
import { type Reason, Rejected, reason } from "./reason.ts";
import { sha256Hex } from "./sha256.ts";
import {
  type Conflict,
  REJECTED_LIST_MAX,
  type RejectedList,
  type RejectedUpdate,
  type Summary,
} from "./summary.ts";
import { touchedAt } from "./touched.ts";
import { modelVersionOf, readUpdate, type Update } from "./update.ts";

/** An update that is to be folded. */
export interface Entry extends UpdateId {
  /** The key of the object that carries it. */
  readonly key: Key;
  /** Its text, opened; or why it cannot be opened. */
  readonly update: string | Reason;
  /** What the text says, where it was read already. */
  readonly read?: Update | undefined;
}

/** An update by a newer version of the model than this program has. */
export interface Held {
  /** Which update. */
  readonly id: UpdateId;
  /** The version that is needed. */
  readonly needed: number;
}

/** What a fold goes on from. */
export interface Start<S> {
  /** The state: it is never changed. */
  readonly state: S;
  /** How many updates it stands for. */
  readonly count: number;
  /** What was rejected so far. */
  readonly rejected: RejectedList;
  /** Which update last set each path that a rule watches. */
  readonly touched: ReadonlyMap<string, UpdateId>;
}

/** A state as it is stored, opened. */
export interface StoredState {
  /** The version of the model that wrote it. */
  readonly modelVersion: number;
  /** Its JSON. */
  readonly state: string;
  /** How many updates it stands for. */
  readonly count: number;
  /** What is said of it. */
  readonly rejected: RejectedList;
  /** What is said of it. */
  readonly touched: ReadonlyMap<string, UpdateId>;
  /** What it lists as rejected is rejected for good: the history before it is gone. So it is with the base of an epoch. */
  readonly isFinal: boolean;
}

/** What became of an update: `true` where it was applied, why not, or `false` where it was not looked at: see {@link Folded.held}. */
export type Outcome = boolean | Reason;

/** A state with its bookkeeping. */
export class Folded<S> {
  /** The model. */
  readonly model: Model<S>;
  #state: S;
  #own: Own = new Set();
  #count: number;
  #rejected: RejectedList;
  #touched: ReadonlyMap<string, UpdateId>;
  /** The map that may be changed, if there is one: nobody else has it. */
  #touching: Map<string, UpdateId> | undefined;
  #held: Held | undefined;
  #impossible: RejectedUpdate | undefined;

  /** The state before the first update, or one to go on from. */
  constructor(model: Model<S>, start?: Start<S>) {
    this.model = model;
    this.#state = start ? start.state : model.initial();
    this.#count = start?.count ?? 0;
    this.#rejected = start?.rejected ?? { count: 0, list: [] };
    this.#touched = start?.touched ?? new Map();
  }

  /** The state. It never changes any more: what is folded later makes a new one, which shares with it what stays as it was. */
  get state(): S {
    if (this.#own.size > 0) this.#own = new Set();
    return this.#state;
  }

  /** How many updates were folded, the rejected ones too. */
  get count(): number {
    return this.#count;
  }

  /** The updates that were rejected and not settled since. */
  get rejected(): RejectedList {
    return this.#rejected;
  }

  /** Which update last set each path that a rule watches. */
  get touched(): ReadonlyMap<string, UpdateId> {
    this.#touching = undefined;
    return this.#touched;
  }

  /** The first update by a newer version of the model than this program has: nothing after it was applied. */
  get held(): Held | undefined {
    return this.#held;
  }

  /** The first update that the model declared impossible: nothing after it was applied. */
  get impossible(): RejectedUpdate | undefined {
    return this.#impossible;
  }

  /** A fold of its own that goes on from here; this one stays as it is. Costs next to nothing. */
  fork(): Folded<S> {
    const { model, state, count, rejected, touched } = this;
    const fork = new Folded(model, { state, count, rejected, touched });
    fork.#held = this.#held;
    fork.#impossible = this.#impossible;
    return fork;
  }

  /** Applies the next update, or lists it as rejected. Never throws: what the model throws counts as `panicked`. */
  fold(entry: Entry): Outcome {
    if (this.#held) return false;
    this.#count += 1;
    const stored = entry.update;
    if (typeof stored !== "string") return this.#impossible ? false : this.#reject(entry, stored);
    if (this.#impossible) return false;
    const update = entry.read ?? readUpdate(stored);
    const needed = update ? update.modelVersion : modelVersionOf(stored);
    if (needed > this.model.version) {
      this.#held = { id: { author: entry.author, seq: entry.seq }, needed };
      return false;
    }
    return update ? this.#apply(entry, update) : this.#reject(entry, reason("no-parts"));
  }

  #apply(entry: Entry, update: Update): Outcome {
    let made: S | Rejected;
    try {
      made = this.model.apply(this.#state, update, entry, this.#own);
    } catch {
      // Not what it says: that may differ from one engine to the next, and the list of rejected updates must not.
      return this.#reject(entry, reason("panicked"));
    }
    if (made instanceof Rejected) {
      if (!made.isImpossible) return this.#reject(entry, made.reason);
      this.#impossible = rejectedUpdate(entry, made.reason);
      return made.reason;
    }
    this.#state = made;
    if (this.model.touches) this.#touch(entry, this.model.touches, update);
    if (update.resolves !== undefined) this.#settle(update.resolves);
    return true;
  }

  #touch(
    { author, seq }: Entry,
    touches: (update: Update) => readonly string[],
    update: Update,
  ): void {
    let paths: readonly string[] = [];
    try {
      paths = touches(update);
    } catch {
      // One that cannot say what it sets sets nothing that is watched.
    }
    if (paths.length === 0) return;
    this.#touching ??= new Map(this.#touched);
    this.#touched = this.#touching;
    for (const path of paths) this.#touching.set(path, { author, seq });
  }

  #reject(entry: Entry, why: Reason): Reason {
    const { count, list } = this.#rejected;
    const kept = list.length < REJECTED_LIST_MAX ? list : list.slice(1 - REJECTED_LIST_MAX);
    this.#rejected = { count: count + 1, list: [...kept, rejectedUpdate(entry, why)] };
    return why;
  }

  #settle(settled: string): void {
    const { count, list } = this.#rejected;
    const by = count > 0 ? parseId(settled) : undefined;
    if (!by) return;
    const left = list.filter(({ id }) => compareIds(id, by) !== 0);
    // What a snapshot says need not fit its list.
    if (left.length < list.length) {
      this.#rejected = { count: Math.max(0, count - list.length + left.length), list: left };
    }
  }

  /** The rules that the state breaks, with the updates involved, in the order in which they are stored. */
  conflicts(): readonly Conflict[] {
    let violations: readonly Violation[];
    try {
      // A look at it hands nothing out.
      violations = this.model.check(this.#state);
    } catch {
      violations = [{ rule: "check", paths: [], reason: reason("check-panicked") }];
    }
    const updates = touchedAt(this.#touched, violations);
    return [...violations]
      .sort((left, right) => compareValues([left.rule, left.paths], [right.rule, right.paths]))
      .map(({ rule, paths, reason: why }) => {
        const ids = paths.flatMap((path) => updates.get(path) ?? []);
        return {
          id: sha256Hex(canonical([rule, paths])).slice(0, 12),
          rule,
          paths,
          updates: [...new Map(ids.map((id) => [idText(id), id])).values()].sort(compareIds),
          reason: why,
        };
      });
  }

  /** What is said of the state beside it, as snapshots have it. */
  summary(): Summary {
    return { rejected: this.#rejected, conflicts: this.conflicts(), touched: this.touched };
  }

  /**
   * The state as canonical JSON.
   *
   * @throws IcecoreError `invalid` with code `not-json` where an app's state is none.
   */
  stateText(): string {
    return this.model.write(this.state);
  }

  /**
   * Makes sure that this is the state that the history gives.
   *
   * @throws IcecoreError `corrupt` with code `inconsistent`, naming the first update that cannot have happened; `invalid` with code `newer-model`
   * where this program is too old.
   */
  ensureConsistent(): void {
    if (this.#impossible) {
      const { id, key, reason: why } = this.#impossible;
      throw new IcecoreError("corrupt", "inconsistent", "an update cannot have happened", {
        object: idText(id),
        hint: "nothing after it is shown; `icecore redact` begins a history without it",
        params: { key, reason: why.code },
      });
    }
    if (this.#held) throw newerModel(this.model.name, this.#held.needed, this.model.version);
  }
}

/**
 * Goes on from a stored state; `undefined` where it must be folded anew from the segments: the model cannot upgrade it, or it lists what an
 * older version rejected and this one may not.
 *
 * @throws IcecoreError `corrupt` with code `misfit`; `invalid` with code `newer-model`.
 */
export function restoreFold<S>(model: Model<S>, stored: StoredState): Folded<S> | undefined {
  const isOlder = stored.modelVersion < model.version;
  if (isOlder && stored.rejected.count > 0 && !stored.isFinal) return undefined;
  const state = model.read(stored.modelVersion, stored.state);
  if (state === undefined) return undefined;
  const { count, rejected, touched } = stored;
  return new Folded(model, { state, count, rejected, touched });
}

function rejectedUpdate({ author, seq, key }: Entry, why: Reason): RejectedUpdate {
  return { id: { author, seq }, key, reason: why };
}
