/** What a page loads. */

import { test } from "vitest";
import { figure, inOneFile, type Modules, madeOf, sizes } from "../size.ts";
import { install, weighOther } from "./install.ts";
import { goal, tell, times } from "./report.ts";

const OTHERS = {
  "Yjs + y-indexeddb":
    'import * as Y from "yjs"; import { IndexeddbPersistence } from "y-indexeddb"; globalThis.used = [Y.Doc, IndexeddbPersistence];',
  "TinyBase (mergeable, IndexedDB)":
    'import { createMergeableStore } from "tinybase/mergeable-store"; import { createIndexedDbPersister } from "tinybase/persisters/persister-indexed-db"; globalThis.used = [createMergeableStore, createIndexedDbPersister];',
  Dexie: 'import Dexie from "dexie"; globalThis.used = Dexie;',
  PouchDB: 'import PouchDB from "pouchdb-browser"; globalThis.used = PouchDB;',
};

/** What was aimed at for the first load, where the gate in package.json holds what was reached. */
const GOALS: Readonly<Record<string, number>> = {
  icecore: 12_288,
  "icecore/seal": 3_072,
  "icecore/react": 614,
  "icecore/svelte": 614,
  "icecore/vue": 614,
  "icecore/solid": 614,
};

/** Which part each folder of `src` is: the largest first. */
function shares(modules: Modules): string {
  const byFolder = new Map<string, number>();
  for (const [path, bytes] of modules) {
    const folder = /src\/([^/]+)\//.exec(path)?.[1] ?? "the rest";
    byFolder.set(folder, (byFolder.get(folder) ?? 0) + bytes);
  }
  const all = [...byFolder.values()].reduce((sum, bytes) => sum + bytes, 0);
  return [...byFolder]
    .sort(([, one], [, other]) => other - one)
    .map(([name, bytes]) => `${name} ${Math.round((bytes / all) * 100)} %`)
    .join(", ");
}

test("size", async () => {
  install();
  const own = await sizes();
  const core = own[0]?.all ?? Number.NaN;
  const lines = own.map(({ entry, first, all }, n): [string, string] => {
    const limit = GOALS[entry];
    const said = limit === undefined ? "" : `; ${goal(first, limit, figure(limit))}`;
    return [
      n === 0 ? entry : `  + ${entry}`,
      `${figure(first)} at first, ${figure(all)} in all${said}`,
    ];
  });
  const { first, later } = await madeOf();
  lines.splice(1, 0, ["  at first", shares(first)], ["  later", shares(later)]);
  lines.splice(3, 0, ["  in one file", figure(await inOneFile())]);
  for (const [name, contents] of Object.entries(OTHERS)) {
    const bytes = await weighOther(contents);
    lines.push([name, `${figure(bytes)}, ${times(bytes, core)} icecore in all`]);
  }
  tell("Size: minified and gzipped", lines);
});
