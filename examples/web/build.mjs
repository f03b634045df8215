// Builds the page of an example into its `dist/`, which `icecore serve --app` serves:
//
//   node examples/web/build.mjs activity

import { createHash } from "node:crypto";
import { mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { join, resolve } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

// The examples share the tools of clients/web. In an app of your own: `import { build } from "esbuild"`.
const tools = createRequire(new URL("../../clients/web/package.json", import.meta.url));
const { build: bundle } = await import(pathToFileURL(tools.resolve("esbuild")).href);

const here = (path) => fileURLToPath(new URL(path, import.meta.url));

/** The examples that have a page. */
export const PAGES = ["activity", "notes", "steps"];

/**
 * @param {string} example one of {@link PAGES}
 * @param {string} [outdir] where to
 */
export async function build(example, outdir = here(`../${example}/web/dist`)) {
  await rm(outdir, { recursive: true, force: true });
  await mkdir(outdir, { recursive: true });
  const common = { bundle: true, format: "esm", target: "es2022", minify: true };
  const title = example.charAt(0).toUpperCase() + example.slice(1);
  await bundle({
    ...common,
    entryPoints: [here(`../${example}/web/main.ts`), here("style.css")],
    splitting: true, // What syncs is loaded after what shows.
    entryNames: "[name]",
    chunkNames: "part-[hash]",
    outdir,
  });
  const page = await readFile(here("index.html"), "utf8");
  await writeFile(join(outdir, "index.html"), page.replaceAll("%TITLE%", title));

  // Each change of any file is another version: the browser compares sw.js byte by byte.
  const files = (await readdir(outdir)).sort();
  const digest = createHash("sha256").update(example);
  for (const file of files) digest.update(file).update(await readFile(join(outdir, file)));
  await bundle({
    ...common,
    entryPoints: [here("sw.ts")],
    outfile: join(outdir, "sw.js"),
    define: {
      FILES: JSON.stringify(files.map((file) => (file === "index.html" ? "./" : file))),
      VERSION: JSON.stringify(digest.digest("hex").slice(0, 16)),
    },
  });
  return [...files, "sw.js"];
}

if (process.argv[1] !== undefined && resolve(process.argv[1]) === here("build.mjs")) {
  const example = process.argv[2];
  if (!PAGES.includes(example)) throw new Error(`name one of ${PAGES.join(", ")}`);
  const files = await build(example);
  console.log(`examples/${example}/web/dist: ${files.join(" ")}`);
}
