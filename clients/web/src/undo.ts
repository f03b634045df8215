/**
 * Undo and redo for the model `document`: new updates that take back what own ones did, and nothing of what others did meanwhile.
 *
 * @example
 * ```ts
 * import { undoFor } from "icecore/undo";
 *
 * const history = undoFor(space);
 * history.update({ kind: "merge", data: { milk: { done: true } } }, "Tick off milk");
 * history.undo(); // { label: "Tick off milk", … }
 * history.redo();
 * ```
 *
 * @module
 */

import type { DocumentState } from "./models/document.ts";
import { listeners } from "./space/listeners.ts";
import type { Receipt, Space, UpdateInput } from "./space/types.ts";
import { applied, type Change, inverseOf, type Part, partsOf } from "./undo/step.ts";

/** What an undo or a redo did. */
export interface Undone {
  /** What it took back, or made again: the label that it was given. `undefined` where there was nothing left to do. */
  readonly label: string | undefined;
  /** The receipt of the new update; `undefined` where none was made. */
  readonly receipt: Receipt | undefined;
  /** The paths that stay as they are, for others changed them since. */
  readonly kept: readonly string[];
  /** The labels of steps that could not be taken back at all any more: they were passed over. */
  readonly skipped: readonly string[];
}

/** The steps of one page, to be taken back. It ends with the page; nothing of it is stored. */
export interface Undo {
  /**
   * Makes an update as {@link Space.update} does, and remembers it: several that are made together are one step. While the space opens, or is
   * locked, nobody knows what an update changes; then it is made, and not remembered. What was undone before can be redone no more.
   *
   * @throws IcecoreError as {@link Space.update}.
   */
  update(update: UpdateInput | readonly UpdateInput[], label?: string): Receipt;
  /** Takes the newest step back that can be, by a new update. */
  undo(): Undone;
  /** Makes the newest step that was undone again, by a new update. */
  redo(): Undone;
  /** The label of what the next {@link Undo.undo} would try first; `undefined` where there is nothing. */
  readonly undoable: string | undefined;
  /** The label of what the next {@link Undo.redo} would try first; `undefined` where there is nothing. */
  readonly redoable: string | undefined;
  /** Runs `changed` when these may have changed. Does not keep the space open. */
  subscribe(changed: () => void): () => void;
}

/** How many steps are remembered. */
const STEPS_MAX = 100;

/** What was done together: the parts of each update, in their order. */
interface Step {
  readonly label: string;
  readonly parts: readonly (readonly Part[])[];
}

/**
 * Undo and redo for a space with the model `document`.
 *
 * What was set is set back, as long as it stands there still; where others changed it since, theirs stays. What was counted up is counted down. What
 * was added to a list, or appended, is removed by value, and what was removed is added again, in a list at its end. The newest 100 steps count.
 */
export function undoFor(space: Space<DocumentState>): Undo {
  const undos: Step[] = [];
  const redos: Step[] = [];
  const watching = listeners();

  const remember = (steps: Step[], step: Step): void => {
    if (step.parts.length === 0) return;
    steps.push(step);
    if (steps.length > STEPS_MAX) steps.shift();
  };

  const back = (from: Step[], to: Step[]): Undone => {
    const skipped: string[] = [];
    for (let step = from.pop(); step; step = from.pop()) {
      const { updates, parts, kept } = reversed(step, space.state);
      if (updates.length === 0) {
        skipped.push(step.label);
        continue;
      }
      const receipt = space.update(updates);
      remember(to, { label: step.label, parts });
      watching.tell();
      return { label: step.label, receipt, kept, skipped };
    }
    watching.tell();
    return { label: undefined, receipt: undefined, kept: [], skipped };
  };

  return {
    update(update, label = "") {
      const { replica } = space.status;
      const before = space.state;
      const receipt = space.update(update);
      const list = Array.isArray(update)
        ? (update as readonly UpdateInput[])
        : [update as UpdateInput];
      if (replica && !replica.locked) {
        remember(undos, { label, parts: partsInTurn(list, before).parts });
        redos.length = 0;
        watching.tell();
      }
      return receipt;
    },
    undo: () => back(undos, redos),
    redo: () => back(redos, undos),
    get undoable() {
      return undos.at(-1)?.label;
    },
    get redoable() {
      return redos.at(-1)?.label;
    },
    subscribe: (changed) => watching.add(changed),
  };
}

/** What updates change, one after the other. */
function partsInTurn(
  updates: readonly Change[],
  before: DocumentState,
  undoes?: readonly Part[],
): { readonly parts: readonly (readonly Part[])[]; readonly after: DocumentState } {
  let after = before;
  const parts: (readonly Part[])[] = [];
  for (const update of updates) {
    const own = partsOf(after, update, undoes);
    if (own.length > 0) parts.push(own);
    after = applied(after, update) ?? after;
  }
  return { parts, after };
}

/** The updates that take a step back, the newest first, and what they change themselves. */
function reversed(
  step: Step,
  now: DocumentState,
): {
  readonly updates: readonly Change[];
  readonly parts: readonly (readonly Part[])[];
  readonly kept: readonly string[];
} {
  let state = now;
  const updates: Change[] = [];
  const parts: (readonly Part[])[] = [];
  const kept: string[] = [];
  for (const own of [...step.parts].reverse()) {
    const inverse = inverseOf(own, state);
    // One that the document does not allow any more is none.
    const allowed = inverse.updates.filter((update) => applied(state, update) !== undefined);
    const done = partsInTurn(allowed, state, own);
    state = done.after;
    updates.push(...allowed);
    parts.push(...done.parts);
    kept.push(...inverse.kept);
  }
  return { updates, parts, kept };
}
