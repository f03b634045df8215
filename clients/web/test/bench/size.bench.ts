/** What a page loads. */

import { test } from "vitest";
import { figure, sizes } from "../size.ts";
import { install, sharesOf, weighOther } from "./install.ts";
import { goal, tell, times } from "./report.ts";

const OTHERS = {
  "Yjs + y-indexeddb":
    'import * as Y from "yjs"; import { IndexeddbPersistence } from "y-indexeddb"; globalThis.used = [Y.Doc, IndexeddbPersistence];',
  "TinyBase (mergeable, IndexedDB)":
    'import { createMergeableStore } from "tinybase/mergeable-store"; import { createIndexedDbPersister } from "tinybase/persisters/persister-indexed-db"; globalThis.used = [createMergeableStore, createIndexedDbPersister];',
  Dexie: 'import Dexie from "dexie"; globalThis.used = Dexie;',
  PouchDB: 'import PouchDB from "pouchdb-browser"; globalThis.used = PouchDB;',
};

/** What was aimed at, where the gate in package.json holds what was reached. */
const GOALS: Readonly<Record<string, number>> = {
  icecore: 12_288,
  "icecore/seal": 3_072,
  "icecore/react": 614,
  "icecore/svelte": 614,
  "icecore/vue": 614,
  "icecore/solid": 614,
};

test("size", async () => {
  install();
  const own = await sizes();
  const core = own[0]?.bytes ?? Number.NaN;
  const shares = (await sharesOf("../../src/index.ts")).map(
    ([folder, part]) => `${folder} ${Math.round(part * 100)} %`,
  );
  const lines = own.map(({ entry, bytes }, n): [string, string] => {
    const limit = GOALS[entry];
    const said = limit === undefined ? "" : `; ${goal(bytes, limit, figure(limit))}`;
    return [n === 0 ? entry : `  + ${entry}`, `${figure(bytes)}${said}`];
  });
  lines.splice(1, 0, ["  made of", shares.join(", ")]);
  for (const [name, contents] of Object.entries(OTHERS)) {
    const bytes = await weighOther(contents);
    lines.push([name, `${figure(bytes)}, ${times(bytes, core)} icecore`]);
  }
  tell("Size: minified and gzipped", lines);
});
