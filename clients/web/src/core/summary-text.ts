/**
 * What is said of a state, as JSON.
 *
 * @module
 */

import type { UpdateId } from "./ids.ts";
import { canonical, compareText } from "./json.ts";
import type { Reason } from "./reason.ts";
import type { Conflict, RejectedList, Summary } from "./summary.ts";

function idJson({ author, seq }: UpdateId): string {
  return `{"author":"${author}","seq":${seq}}`;
}

/** The members of a reason, without braces. */
function reasonJson({ code, params }: Reason): string {
  const more = canonical(params).slice(1, -1);
  return `"code":${canonical(code)}${more && `,${more}`}`;
}

/** The JSON of the member `rejected`. */
export function rejectedJson({ count, list }: RejectedList): string {
  const items = list.map((r) => `{"id":${idJson(r.id)},"key":${r.key},${reasonJson(r.reason)}}`);
  return `{"count":${count},"list":[${items.join()}]}`;
}

/** The JSON of the member `conflicts`. */
export function conflictsJson(conflicts: readonly Conflict[]): string {
  const items = conflicts.map(
    ({ id, rule, paths, updates, reason }) =>
      `{"id":${canonical(id)},"rule":${canonical(rule)},"paths":${canonical(paths)},` +
      `"updates":[${updates.map(idJson).join()}],${reasonJson(reason)}}`,
  );
  return `[${items.join()}]`;
}

/** The JSON of the member `touched`, its names sorted. */
export function touchedJson(touched: ReadonlyMap<string, UpdateId>): string {
  const entries = [...touched].sort(([left], [right]) => compareText(left, right));
  return `{${entries.map(([path, id]) => `${canonical(path)}:${idJson(id)}`).join()}}`;
}

/** The JSON of a summary: what is sealed with a state. All three members are there. */
export function summaryJson({ rejected, conflicts, touched }: Summary): string {
  return `{"rejected":${rejectedJson(rejected)},"conflicts":${conflictsJson(conflicts)},"touched":${touchedJson(touched)}}`;
}
