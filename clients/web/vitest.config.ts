import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";

const src: string = fileURLToPath(new URL("src/", import.meta.url));

export default defineConfig({
  // The models of the examples' pages name the package.
  resolve: {
    alias: [
      { find: /^icecore$/, replacement: `${src}index.ts` },
      { find: /^icecore\/(\w+)$/, replacement: `${src}$1.ts` },
    ],
  },
  test: {
    include: ["src/**/*.test.ts", "src/**/*.test.tsx", "test/**/*.test.ts"],
    exclude: ["test/browser/**", "node_modules/**"],
    testTimeout: 30_000,
  },
});
