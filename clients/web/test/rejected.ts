/**
 * `rejected.json`: what the fold rejects before a model is asked. The sealed cases need keys: whoever has them gives the way to open an update.
 *
 * @module
 */

import { Folded } from "../src/core/fold.ts";
import type { Author } from "../src/core/ids.ts";
import { parseJson } from "../src/core/json.ts";
import type { Reason } from "../src/core/reason.ts";
import { rejectedJson } from "../src/core/summary-text.ts";
import { documentModel } from "../src/models/document.ts";
import { logModel } from "../src/models/log.ts";
import type { Model } from "../src/models/model.ts";
import { cases } from "./vectors.ts";

/** A case of `rejected.json`. */
export interface RejectedCase {
  readonly name: string;
  /** The text of `space.json`. */
  readonly space: string;
  /** Base64: the X25519 secret of a holder of its keyring. */
  readonly secret?: string;
  readonly id: { readonly author: Author; readonly seq: number };
  readonly key: number;
  /** As it is stored. */
  readonly update: string;
  /** Canonical. */
  readonly state: string;
  readonly rejected: unknown;
}

/** The cases, of encrypted spaces or of others. */
export function rejectedCases(isSealed: boolean): readonly RejectedCase[] {
  const all = cases<RejectedCase>("rejected", "cases");
  return all.filter((one) => (one.secret !== undefined) === isSealed);
}

/** The model that a `space.json` names. */
export function modelOf(space: string): Model<unknown> {
  const { model } = JSON.parse(space) as { model: { name: string; settings?: unknown } };
  const found: unknown = model.name === "log" ? logModel : documentModel(model.settings);
  return found as Model<unknown>;
}

/** What the fold makes of a case whose update was opened, or could not be; beside it what it must make of it. */
export function foldCase(
  one: RejectedCase,
  opened: string | Reason,
): { readonly made: unknown; readonly expected: unknown } {
  const folded = new Folded(modelOf(one.space));
  folded.fold({ ...one.id, key: one.key, update: opened });
  return {
    made: { state: folded.stateText(), rejected: parseJson(rejectedJson(folded.rejected)) },
    expected: { state: one.state, rejected: one.rejected },
  };
}
