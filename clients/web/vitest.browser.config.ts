import { defineConfig } from "vitest/config";

/** Tests in real browsers: one after the other, for browsers are heavy. */
export default defineConfig({
  test: {
    include: ["test/browser/**/*.test.ts"],
    fileParallelism: false,
    testTimeout: 120_000,
    hookTimeout: 120_000,
  },
});
