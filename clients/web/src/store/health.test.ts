import { expect, test } from "vitest";
import { type StorageRisk, storageHealth } from "./health.ts";

const asked = (kept: boolean | undefined, used?: number, quota = 100) => ({
  persisted: () => Promise.resolve(kept),
  persist: () => Promise.reject(new Error("nobody is to be asked")),
  estimate: () => Promise.resolve(used === undefined ? undefined : { used, quota }),
});

test.each<[StorageRisk, boolean | undefined, number | undefined, boolean]>([
  ["none", true, 90, true],
  ["none", true, undefined, true],
  ["evictable", false, 0, true],
  ["unknown", undefined, 5, true],
  ["nearly-full", true, 91, true],
  ["nearly-full", false, 100, true],
  ["page-only", true, 91, false],
  ["page-only", undefined, undefined, false],
])("%s: kept %s, %s of 100 in use, durable %s", async (risk, kept, used, isDurable) => {
  expect(await storageHealth(asked(kept, used), isDurable)).toEqual({
    kept,
    used,
    quota: used === undefined ? undefined : 100,
    risk,
  });
});
