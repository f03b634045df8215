import { defineConfig } from "vitest/config";

/** Measurements, one after the other: `npm run bench`, or `npm run bench -- start fold` for some of them. */
// biome-ignore lint/style/noDefaultExport: what vitest asks for
export default defineConfig({
  test: {
    include: ["test/bench/*.bench.ts"],
    globalSetup: ["test/bench/machine.ts"],
    fileParallelism: false,
    disableConsoleIntercept: true,
    reporters: ["dot"],
    testTimeout: 600_000,
  },
});
