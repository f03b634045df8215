import { existsSync } from "node:fs";
import { defineConfig } from "tsdown";
import settings from "./package.json" with { type: "json" };

/** One entry per export: `./seal` of package.json is src/seal.ts. */
const names = Object.keys(settings.exports)
  .filter((path) => !path.endsWith(".json"))
  .map((path) => (path === "." ? "index" : path.slice(2)));

export default defineConfig({
  entry: names.map((name) => `src/${name}.ts`).filter((file) => existsSync(file)),
  format: "esm",
  // A file for each module: bundlers can leave a part to later only by the file.
  unbundle: true,
  platform: "neutral",
  target: "es2022",
  dts: { sourcemap: true },
  sourcemap: true,
  clean: true,
  fixedExtension: false,
  hash: false,
  tsconfig: "tsconfig.src.json",
});
