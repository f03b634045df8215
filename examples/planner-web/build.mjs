// Builds the app into `dist/`: scripts and styles with their hashes in their names, the page that names them, and the
// service worker that knows them all. `icecore serve --app dist` serves the folder.

import { createHash } from "node:crypto";
import { copyFile, mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { basename, join, resolve } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

// This example shares the tools of clients/web. In an app of your own: `import { build } from "esbuild"`.
const tools = createRequire(new URL("../../clients/web/package.json", import.meta.url));
const { build: bundle } = await import(pathToFileURL(tools.resolve("esbuild")).href);

const here = (path) => fileURLToPath(new URL(path, import.meta.url));

/**
 * @param {object} [options]
 * @param {string} [options.outdir] where to
 * @param {string} [options.server] the app's own server, which hands out tokens: an address, or a path of the app's own origin
 * @param {string[]} [options.connect] further origins that the page talks to: the bucket's, where it lies on another one
 * @param {string} [options.name] what the page calls itself
 */
export async function build({
  outdir = here("dist"),
  server = process.env.PLANNER_SERVER ?? "http://127.0.0.1:8334",
  connect = (process.env.PLANNER_CONNECT ?? "").split(" ").filter(Boolean),
  name = "Planner",
} = {}) {
  await rm(outdir, { recursive: true, force: true });
  await mkdir(outdir, { recursive: true });
  const common = {
    bundle: true,
    format: "esm",
    target: "es2022",
    minify: true,
    absWorkingDir: here("."),
    define: { SERVER: JSON.stringify(server), NAME: JSON.stringify(name) },
  };
  const { metafile } = await bundle({
    ...common,
    entryPoints: ["src/main.ts", "src/style.css"],
    splitting: true, // What only encrypted planners need is loaded by these alone.
    entryNames: "[name]-[hash]",
    chunkNames: "part-[hash]",
    outdir,
    metafile: true,
  });
  const built = Object.keys(metafile.outputs).map((path) => basename(path));
  const named = (start, end) => built.find((file) => file.startsWith(start) && file.endsWith(end));

  for (const file of await readdir(here("public"))) {
    if (file !== "index.html") await copyFile(join(here("public"), file), join(outdir, file));
  }
  const servers = [server, ...connect].filter((address) => !address.startsWith("/"));
  const page = (await readFile(here("public/index.html"), "utf8"))
    .replaceAll("%SCRIPT%", named("main-", ".js"))
    .replaceAll("%STYLE%", named("style-", ".css"))
    .replaceAll(
      "%CONNECT%",
      ["'self'", ...servers.map((address) => new URL(address).origin)].join(" "),
    )
    .replaceAll("%NAME%", name);
  await writeFile(join(outdir, "index.html"), page);

  // Each change of any file is another version: the browser compares sw.js byte by byte.
  const files = (await readdir(outdir)).sort();
  const digest = createHash("sha256");
  for (const file of files) digest.update(file).update(await readFile(join(outdir, file)));
  const version = digest.digest("hex").slice(0, 16);
  await bundle({
    ...common,
    entryPoints: ["src/sw.ts"],
    outfile: join(outdir, "sw.js"),
    define: {
      FILES: JSON.stringify(files.map((file) => (file === "index.html" ? "./" : file))),
      VERSION: JSON.stringify(version),
    },
  });
  return { outdir, version, files: [...files, "sw.js"] };
}

if (process.argv[1] !== undefined && resolve(process.argv[1]) === here("build.mjs")) {
  const { files, version } = await build();
  console.log(`dist: ${files.length} files, version ${version}`);
}
