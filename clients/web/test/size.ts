/**
 * What each entry adds to a page: bundled and minified by esbuild, then gzipped.
 *
 * The limits stand in package.json under `sizeLimits`, in bytes: for the root those of a small app, for every other entry
 * what it adds to that app. `import` names what is imported.
 */

import { readFile } from "node:fs/promises";
import { gzipSync } from "node:zlib";
import { build } from "esbuild";

export interface Size {
  /** As it is imported: `icecore/seal`. */
  readonly entry: string;
  /** What is imported of it. */
  readonly names: string;
  readonly bytes: number;
  readonly limit: number;
}

interface Limit {
  readonly import: string;
  readonly bytes: number;
}

const FRAMEWORKS = ["react", "vue", "svelte", "svelte/*", "solid-js"];
const folder = new URL("..", import.meta.url).pathname;

/** A figure as README.md has it: KB are 1,024 bytes, rounded up to a tenth. */
export function figure(bytes: number): string {
  return `${(Math.ceil((bytes / 1024) * 10) / 10).toFixed(1)} KB`;
}

/** Measures all entries that package.json limits. */
export async function sizes(): Promise<Size[]> {
  const settings = JSON.parse(await readFile(`${folder}package.json`, "utf8")) as {
    sizeLimits: Record<string, Limit>;
  };
  const { ".": root, ...others } = settings.sizeLimits;
  if (root === undefined) throw new Error("package.json limits no root");
  const app = importing(".", root.import);
  const base = await weigh(app);
  const measured: Size[] = [sizeOf(".", root, base)];
  for (const [path, limit] of Object.entries(others)) {
    const both = await weigh(app + importing(path, limit.import));
    measured.push(sizeOf(path, limit, both - base));
  }
  return measured;
}

/** The rows of a table in Markdown that README.md has to hold. */
export function rows(measured: readonly Size[]): string[] {
  return measured.map(({ entry, bytes }) => `| \`${entry}\` | ${figure(bytes)} |`);
}

function sizeOf(path: string, limit: Limit, bytes: number): Size {
  return {
    entry: `icecore${path.slice(1)}`,
    names: limit.import,
    bytes,
    limit: limit.bytes,
  };
}

function importing(path: string, names: string): string {
  const file = path === "." ? "index" : path.slice(2);
  return `import { ${names} } from "./src/${file}.ts"; globalThis.used = [globalThis.used, ${names}];\n`;
}

async function weigh(contents: string): Promise<number> {
  const { outputFiles } = await build({
    stdin: { contents, resolveDir: folder, loader: "ts" },
    bundle: true,
    minify: true,
    format: "esm",
    target: "es2022",
    external: FRAMEWORKS,
    write: false,
    logLevel: "silent",
  });
  return gzipSync(outputFiles[0]?.contents ?? "", { level: 9 }).length;
}
