import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type Content, plainContent } from "../../src/objects/content.ts";
import { plan, type Story, storyOf } from "./histories.ts";
import { guestStory, linkedPlan, targetStory } from "./linked.ts";
import { ask, hasOracle } from "./oracle.ts";
import { contentOf, meddled, opened, sealed, sealedPlan } from "./sealed.ts";
import { type Told, type ToldStep, tell } from "./told.ts";

const RUNS = Number(process.env["ICECORE_ORACLE_RUNS"] ?? 300);
const SEED = process.env["ICECORE_ORACLE_SEED"];

const options = {
  ...(SEED === undefined ? {} : { seed: Number(SEED) }),
};

/** How many histories of a kind there are: of those that take longer, fewer. */
const part = (share: number): number => Math.ceil(RUNS * share);

/** Both tell a story alike; what the oracle told of its steps. */
async function judge(asked: Story, content: Content): Promise<readonly ToldStep[]> {
  const theirs = ask(asked) as Told & { readonly fault?: string };
  expect(theirs.fault).toBeUndefined();
  expect(await tell(asked, theirs.steps, content)).toEqual(theirs);
  return theirs.steps;
}

describe.skipIf(!hasOracle)("the Rust core", () => {
  test(
    "histories at random come to the same bytes",
    async () => {
      await fc.assert(
        fc.asyncProperty(plan, async (planned) => {
          await judge(storyOf(planned), plainContent);
        }),
        { ...options, numRuns: part(0.75) },
      );
    },
    RUNS * 100 + 30_000,
  );

  test(
    "encrypted histories are sealed to the same bytes, and come to the same state",
    async () => {
      await fc.assert(
        fc.asyncProperty(sealedPlan, async (planned) => {
          const { story, ours, theirs } = await sealed(planned);
          expect(ours).toEqual(theirs);
          await judge(story, await contentOf(story));
        }),
        { ...options, numRuns: part(0.1) },
      );
    },
    RUNS * 100 + 30_000,
  );

  test(
    "histories of guests who were linked come to the same bytes, in both spaces",
    async () => {
      await fc.assert(
        fc.asyncProperty(linkedPlan, async (planned) => {
          const told = await judge(guestStory(planned), plainContent);
          await judge(await targetStory(planned, told), plainContent);
        }),
        { ...options, numRuns: part(0.15) },
      );
    },
    RUNS * 100 + 30_000,
  );

  test(
    "a keyring that somebody meddled with opens alike, or not at all",
    async () => {
      const edit = fc.tuple(
        fc.nat(5_000),
        fc.nat(2),
        fc.constantFrom("", "A", "w", "0", "-", '"', ",", "é", "\\u0041"),
      );
      await fc.assert(
        fc.asyncProperty(sealedPlan, edit, async (planned, made) => {
          const { plan: whole, ...rest } = planned;
          const { story } = await sealed({ ...rest, plan: { ...whole, puts: [] } });
          const broken = meddled(story, made);
          const { space, secret } = broken;
          expect(await opened(broken)).toEqual(ask({ ask: "opening", space, secret }));
        }),
        { ...options, numRuns: part(0.02) },
      );
    },
    RUNS * 100 + 30_000,
  );
});
