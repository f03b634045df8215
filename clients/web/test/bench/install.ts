/** The other clients: installed by the bench alone, outside of what is shipped and tested. */

import { execFileSync } from "node:child_process";
import { copyFileSync, existsSync, mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { type BuildOptions, build } from "esbuild";

const here = import.meta.dirname;
const there = join(here, "../../../../target/tools/web-bench");
const FILES = ["package.json", "package-lock.json"];

/** Installs them as the lock beside this file says, where they are not there. Returns the folder. */
export function install(): string {
  const isThere = FILES.every((name) => {
    const copy = join(there, name);
    return existsSync(copy) && readFileSync(copy).equals(readFileSync(join(here, name)));
  });
  if (isThere && existsSync(join(there, "node_modules"))) return there;
  mkdirSync(there, { recursive: true });
  for (const name of FILES) copyFileSync(join(here, name), join(there, name));
  const quiet = ["--ignore-scripts", "--no-audit", "--no-fund"];
  execFileSync("npm", ["ci", "--legacy-peer-deps", ...quiet], { cwd: there, stdio: "inherit" });
  return there;
}

function bundled(input: BuildOptions): BuildOptions {
  return {
    bundle: true,
    minify: true,
    format: "esm",
    target: "es2022",
    nodePaths: [join(there, "node_modules")],
    logLevel: "silent",
    ...input,
  };
}

/** Bundles the page that runs them; returns the path of the script. */
export async function buildOthers(): Promise<string> {
  const outfile = join(there, "others-page.js");
  await build(bundled({ entryPoints: [join(here, "others.js")], outfile }));
  return outfile;
}

/** What an import takes, minified and gzipped, in bytes: sizes of this package's entries are measured in the same way. */
export async function weighOther(contents: string): Promise<number> {
  const stdin = { contents, resolveDir: here, loader: "js" as const };
  const { outputFiles } = await build({ ...bundled({ stdin }), write: false });
  return gzipSync(outputFiles[0]?.contents ?? "", { level: 9 }).length;
}
