import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { plainContent } from "../../src/objects/content.ts";
import { story } from "./histories.ts";
import { ask, hasOracle } from "./oracle.ts";
import { type Told, tell } from "./told.ts";

const RUNS = Number(process.env["ICECORE_ORACLE_RUNS"] ?? 300);
const SEED = process.env["ICECORE_ORACLE_SEED"];

const options = {
  numRuns: RUNS,
  ...(SEED === undefined ? {} : { seed: Number(SEED) }),
};

describe.skipIf(!hasOracle)("the Rust core", () => {
  test(
    "histories at random come to the same bytes",
    async () => {
      await fc.assert(
        fc.asyncProperty(story, async (asked) => {
          const theirs = ask(asked) as Told & { readonly fault?: string };
          expect(theirs.fault).toBeUndefined();
          expect(await tell(asked, theirs.steps, plainContent)).toEqual(theirs);
        }),
        options,
      );
    },
    RUNS * 100 + 30_000,
  );
});
