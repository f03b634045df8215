/**
 * The built-in model `document`: an object tree of JSON.
 *
 * @module
 */

import { canonical, isObject, type JsonObject } from "../core/json.ts";
import { applyChange, judgeChange } from "./document/change.ts";
import { checkRules, readRules } from "./document/rule.ts";
import { touchedPaths } from "./document/touches.ts";
import { type Model, readState } from "./model.ts";

/** The state of a document: an object. */
export type DocumentState = JsonObject;

/**
 * The model `document` with the settings of its space: null or nothing, or `{"rules": […]}`.
 *
 * @throws IcecoreError `invalid` with code `settings`, naming the rule at fault.
 */
export function documentModel(settings?: unknown): Model<DocumentState> {
  const rules = readRules(settings);
  const reader = { name: "document", version: 1, isState: isObject };
  return {
    ...reader,
    initial: () => ({}),
    apply: applyChange,
    judge: judgeChange,
    ...(rules.length > 0 ? { touches: (update) => touchedPaths(rules, update) } : {}),
    check: (state) => checkRules(rules, state),
    write: canonical,
    read: (version, text) => readState<DocumentState>(reader, version, text),
  };
}
