/**
 * The models of the examples' pages, judged by the examples' own programs: both fold the same histories, with everything in them that is odd, and
 * the programs read the snapshots that the pages' models write.
 */

import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { type Attempts, activityModel } from "../../../../examples/activity/web/attempts.ts";
import { project } from "../../../../examples/activity/web/projection.ts";
import { notesModel } from "../../../../examples/notes/web/model.ts";
import { stepsIn, stepsModel } from "../../../../examples/steps/web/fitness.ts";
import { compareText, type Json, type JsonObject } from "../../src/core/json.ts";
import type { Model } from "../../src/models/model.ts";
import { seededChance } from "../../src/testing/chance.ts";
import { manualClock } from "../../src/testing/clock.ts";
import { type MemoryGateway, memoryGateway } from "../../src/testing/gateway.ts";
import { author } from "../remote-contract.ts";
import * as histories from "./examples.ts";
import { asFolder } from "./folder.ts";

const PROGRAMS = fileURLToPath(new URL("../../../../target/debug/", import.meta.url));

/** What the program is asked, and what the page's model says to that. */
const EXAMPLES = [
  {
    name: "activity",
    model: activityModel as Model<unknown>,
    write: histories.activity,
    asked: ["state"],
    more: ["show", "--json"],
    says: (text: string): Json => {
      const attempts = JSON.parse(text) as Attempts;
      const ids = Object.keys(attempts).sort(compareText);
      return ids.map((id) => ({ ...project(id, attempts[id] ?? []) })) as unknown as Json;
    },
    // It depends on the present.
    said: (text: string): Json =>
      (JSON.parse(text) as JsonObject[]).map(({ durationNow: _, ...attempt }) => attempt),
  },
  {
    name: "notes",
    model: notesModel as Model<unknown>,
    write: histories.notes,
    asked: ["state"],
    more: ["conflicts", "--json"],
    says: (text: string): Json =>
      notesModel.check(JSON.parse(text)).map(({ rule, paths }) => ({ rule, paths })),
    said: (text: string): Json =>
      text.split("\n").flatMap((line) => {
        if (line === "") return [];
        const { rule = null, paths = null } = JSON.parse(line) as JsonObject;
        return [{ rule, paths }];
      }),
  },
  {
    name: "steps",
    model: stepsModel as Model<unknown>,
    write: histories.steps,
    asked: ["show", "--json"],
    more: ["today", "--json"],
    says: (text: string): Json => stepsIn(JSON.parse(text)),
    said: (text: string): Json => (JSON.parse(text) as JsonObject)["total"] ?? null,
  },
] as const;

/** What the example's program says of what lies in the bucket. */
function byProgram(
  name: string,
  gateway: MemoryGateway,
  ...commands: readonly (readonly string[])[]
): string[] {
  const store = asFolder(gateway);
  const replica = `${store}-replica`;
  const run = (args: readonly string[]): string =>
    execFileSync(join(PROGRAMS, name), args, {
      encoding: "utf8",
      env: { ICECORE_STORE: store, ICECORE_REPLICA: replica },
    }).trim();
  try {
    if (name === "steps") {
      const account = { who: "known", store, guest: { space: name } };
      mkdirSync(replica);
      writeFileSync(join(replica, "account.json"), JSON.stringify(account));
    }
    run(["sync"]);
    return commands.map(run);
  } finally {
    for (const dir of [store, replica]) rmSync(dir, { recursive: true, force: true });
  }
}

describe.each(EXAMPLES)("$name", ({ name, model, write, asked, more, says, said }) => {
  test.skipIf(!existsSync(join(PROGRAMS, name))).each([1, 2])(
    "page and program come to one state, byte for byte, seed %i",
    async (seed) => {
      const clock = manualClock();
      const chance = seededChance(seed);
      const gateway = memoryGateway({ clock, chance, models: [model] });
      gateway.createSpace(name, { model: name });
      const next = new Map<number, number>();
      for (let n = 0; n < 120; n += 1) {
        await clock.advance(chance.below(600_000));
        const who = 1 + chance.below(3);
        const seq = next.get(who) ?? 1;
        const updates = Array.from({ length: 1 + chance.below(3) }, () =>
          write(clock.now(), chance),
        );
        // Some of them late.
        const key = clock.now() - (chance.below(4) === 0 ? chance.below(1_200_000) : 0);
        gateway.write(name, { author: author(who), seq, updates, key });
        next.set(who, seq + updates.length);
        if (n === 60) await gateway.rollUp(name, { snapshot: true });
      }
      // One snapshot that the page's model wrote, and what came after it.
      const [state = "", told = ""] = byProgram(name, gateway, asked, more);
      expect(said(told)).toEqual(says(state));
      expect((await gateway.rollUp(name, { snapshot: true })).snapshots).toBe(1);
      expect(state).toBe(await gateway.state(name));
      expect(byProgram(name, gateway, asked)).toEqual([state]);
      // Nearly all of it counted.
      expect(state.length).toBeGreaterThan(1_000);
    },
    // Programs are started, and this machine may be busy.
    120_000,
  );
});
