/**
 * What each entry adds to a page: bundled and minified by esbuild into files as an app's are, each gzipped.
 *
 * Two figures. *First load* is what a page has to load before it shows its state and takes updates: the file of the app, and what that imports.
 * *In all* is that, and the file that is loaded afterwards by itself.
 *
 * The limits stand in package.json under `sizeLimits`, in bytes: for the root those of a small app, for every other entry
 * what it adds to that app. `import` names what is imported.
 */

import { readFile } from "node:fs/promises";
import { basename } from "node:path";
import { gzipSync } from "node:zlib";
import { build } from "esbuild";

export interface Size {
  /** As it is imported: `icecore/seal`. */
  readonly entry: string;
  /** What is imported of it. */
  readonly names: string;
  /** Bytes of the first load. */
  readonly first: number;
  /** Bytes in all. */
  readonly all: number;
  readonly limit: Weight;
}

/** Bytes, gzipped. */
export interface Weight {
  readonly first: number;
  readonly all: number;
}

interface Limit extends Weight {
  readonly import: string;
}

const FRAMEWORKS = ["react", "vue", "svelte", "svelte/*", "solid-js"];
const folder = new URL("..", import.meta.url).pathname;

/** A figure as README.md has it: KB are 1,024 bytes, rounded up to a tenth. */
export function figure(bytes: number): string {
  return `${(Math.ceil((bytes / 1024) * 10) / 10).toFixed(1)} KB`;
}

/** Measures all entries that package.json limits. */
export async function sizes(): Promise<Size[]> {
  const { root, others } = await limits();
  const app = importing(".", root.import);
  const base = await weigh(app);
  const measured: Size[] = [sizeOf(".", root, base)];
  for (const [path, limit] of Object.entries(others)) {
    const both = await weigh(app + importing(path, limit.import));
    const added = { first: both.first - base.first, all: both.all - base.all };
    measured.push(sizeOf(path, limit, added));
  }
  return measured;
}

/** The rows of a table in Markdown that README.md has to hold. */
export function rows(measured: readonly Size[]): string[] {
  return measured.map(
    ({ entry, first, all }) => `| \`${entry}\` | ${figure(first)} | ${figure(all)} |`,
  );
}

/** What the root is made of: the source modules of its first load, and those that come after it, each with its bytes before they are packed. */
export async function madeOf(): Promise<{ readonly first: Modules; readonly later: Modules }> {
  const { root } = await limits();
  const parts = await bundled(importing(".", root.import));
  const of = (isFirst: boolean): Modules =>
    new Map(parts.filter((part) => part.isFirst === isFirst).flatMap(({ modules }) => modules));
  return { first: of(true), later: of(false) };
}

/** What the root weighs in a bundle of one file. */
export async function inOneFile(): Promise<number> {
  const { root } = await limits();
  const [part] = await bundled(importing(".", root.import), false);
  return part?.gzipped ?? Number.NaN;
}

/** The bytes of each module, by its path. */
export type Modules = ReadonlyMap<string, number>;

async function limits(): Promise<{ root: Limit; others: Record<string, Limit> }> {
  const settings = JSON.parse(await readFile(`${folder}package.json`, "utf8")) as {
    sizeLimits: Record<string, Limit>;
  };
  const { ".": root, ...others } = settings.sizeLimits;
  if (root === undefined) throw new Error("package.json limits no root");
  return { root, others };
}

function sizeOf(path: string, limit: Limit, weight: Weight): Size {
  return { entry: `icecore${path.slice(1)}`, names: limit.import, ...weight, limit };
}

function importing(path: string, names: string): string {
  const file = path === "." ? "index" : path.slice(2);
  return `import { ${names} } from "./src/${file}.ts"; globalThis.used = [globalThis.used, ${names}];\n`;
}

async function weigh(contents: string): Promise<Weight> {
  const parts = await bundled(contents);
  const bytes = (some: typeof parts): number => some.reduce((sum, part) => sum + part.gzipped, 0);
  return { first: bytes(parts.filter(({ isFirst }) => isFirst)), all: bytes(parts) };
}

interface Part {
  readonly gzipped: number;
  /** Whether the app cannot start without it. */
  readonly isFirst: boolean;
  readonly modules: readonly (readonly [path: string, bytes: number])[];
}

async function bundled(contents: string, splitting = true): Promise<Part[]> {
  const { outputFiles, metafile } = await build({
    stdin: { contents, resolveDir: folder, loader: "ts", sourcefile: "app.ts" },
    bundle: true,
    minify: true,
    format: "esm",
    target: "es2022",
    splitting,
    outdir: "/",
    external: FRAMEWORKS,
    write: false,
    metafile: true,
    logLevel: "silent",
  });
  const outputs = new Map(
    Object.entries(metafile.outputs).map(([path, output]) => [basename(path), output]),
  );
  const first = new Set<string>();
  const follow = (name: string): void => {
    if (first.has(name)) return;
    first.add(name);
    for (const { path, kind, external } of outputs.get(name)?.imports ?? [])
      if (kind === "import-statement" && external !== true) follow(basename(path));
  };
  follow("stdin.js");
  return outputFiles.map(({ path, contents: text }) => ({
    gzipped: gzipSync(text, { level: 9 }).length,
    isFirst: first.has(basename(path)),
    modules: Object.entries(outputs.get(basename(path))?.inputs ?? {}).flatMap(
      ([module, { bytesInOutput }]) => (bytesInOutput > 0 ? [[module, bytesInOutput]] : []),
    ),
  }));
}
