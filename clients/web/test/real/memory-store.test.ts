import { execFileSync } from "node:child_process";
import { existsSync, rmSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { canonical, type Json, parseJson } from "../../src/core/json.ts";
import { seededChance } from "../../src/testing/chance.ts";
import { manualClock } from "../../src/testing/clock.ts";
import { type MemoryGateway, memoryGateway } from "../../src/testing/gateway.ts";
import { author } from "../remote-contract.ts";
import { asFolder } from "./folder.ts";

const BUILT = fileURLToPath(new URL("../../../../target/debug/icecore", import.meta.url));
const BINARY = process.env["ICECORE_BIN"] ?? BUILT;

const rules = { rules: [{ rule: "unique", path: "/notes/*/title" }] };

/** What the command says of the store: it judges each object byte for byte. */
function judged(gateway: MemoryGateway, space: string): { verify: string; state: string } {
  const dir = asFolder(gateway);
  const run = (...args: string[]): string =>
    execFileSync(BINARY, [...args, "--store", dir], {
      encoding: "utf8",
      env: { ...process.env, ICECORE_REPLICA: join(dir, "..", `${dir}-replica`) },
    }).trim();
  try {
    return { verify: run("verify"), state: run("state", space) };
  } finally {
    rmSync(dir, { recursive: true, force: true });
    rmSync(`${dir}-replica`, { recursive: true, force: true });
  }
}

function updates(n: number): { kind: string; data: Json }[] {
  const title = ["Milk", "Bread", "Salt"][n % 3] ?? "";
  return [
    { kind: "merge", data: { notes: { [`n${n % 7}`]: { title, n } } } },
    { kind: "increment", data: { "/count": n } },
    ...(n % 5 === 0 ? [{ kind: "increment", data: { "/notes": 1 } }] : []),
    ...(n % 4 === 0 ? [{ kind: "append", data: { "/log": [n, 2n ** 60n + BigInt(n)] } }] : []),
  ];
}

describe.skipIf(!existsSync(BINARY))("the command takes what the store in memory holds", () => {
  test.each([1, 2, 3])("a history of several authors, seed %i", async (seed) => {
    const clock = manualClock();
    const chance = seededChance(seed);
    const gateway = memoryGateway({ clock, chance });
    gateway.createSpace("notes", { settings: rules });
    const next = new Map<number, number>();
    const steps: string[] = [];
    for (let n = 0; n < 60; n += 1) {
      await clock.advance(chance.below(3_600_000));
      const who = 1 + chance.below(4);
      const seq = next.get(who) ?? 1;
      const some = updates(chance.below(50));
      // Some of them late.
      const key = clock.now() - (chance.below(4) === 0 ? chance.below(7_200_000) : 0);
      gateway.write("notes", { author: author(who), seq, updates: some, key });
      next.set(who, seq + some.length);
      const what = chance.below(12);
      if (what < 4) {
        steps.push("rollUp");
        await gateway.rollUp("notes", what === 0 ? { settleMs: 5_000 } : {});
      } else if (what === 4) {
        steps.push("prune");
        await gateway.prune("notes", 3_600_000);
      } else if (what === 5 && seed !== 1) {
        steps.push("compress");
        await gateway.compress("notes");
      }
    }
    expect(steps).toContain("rollUp");
    // What lies in the tail is judged too.
    expect(judged(gateway, "notes").verify).toMatch(/notes/);
    await gateway.rollUp("notes", { snapshot: true });
    const rolled = judged(gateway, "notes");
    expect(rolled.verify).toMatch(/notes/);
    expect(canonical(parseJson(rolled.state))).toBe(await gateway.state("notes"));
  });

  test("a sequenced space, one that begins anew, and what could not be read", async () => {
    const clock = manualClock();
    const gateway = memoryGateway({ clock, chance: seededChance(4) });
    gateway.createSpace("moves", { order: "sequence", model: "log" });
    gateway.createSpace("notes");
    for (let n = 1; n <= 5; n += 1) {
      await clock.advance(10_000);
      const one = [{ kind: "move", data: n }];
      gateway.write("moves", { author: author(n % 2), seq: Math.ceil(n / 2), updates: one });
      gateway.write("notes", {
        author: author(1),
        seq: n,
        updates: [{ kind: "increment", data: { "/n": 1 } }],
      });
    }
    const { epoch } = gateway.space("notes");
    gateway.bucket.put(
      `spaces/notes/${epoch}/updates/1763640000777`,
      new TextEncoder().encode("{"),
    );
    expect((await gateway.rollUp("notes")).quarantined).toHaveLength(1);
    expect(await gateway.rollUp("moves")).toMatchObject({
      generation: 1,
      updates: 5,
      snapshots: 1,
    });
    expect(judged(gateway, "moves").verify).toMatch(/moves/);
    expect(await gateway.state("notes")).toBe('{"n":5}');
    await gateway.reset("notes");
    expect(judged(gateway, "notes").state).toBe("{}");
    const late = [{ kind: "increment", data: { "/n": 1 } }];
    gateway.write("notes", { author: author(1), seq: 6, updates: late });
    await gateway.rollUp("notes");
    expect(JSON.parse(judged(gateway, "notes").state)).toEqual({ n: 1 });
  });

  test("what a linked space holds reaches the other one, and nothing is there twice", async () => {
    const clock = manualClock();
    const gateway = memoryGateway({ clock, chance: seededChance(5) });
    gateway.createSpace("guest");
    gateway.createSpace("user");
    const write = (space: string, who: number, seq: number): void => {
      const one = [{ kind: "increment", data: { "/n": 1 } }];
      gateway.write(space, { author: author(who), seq, updates: one });
    };
    write("guest", 1, 1);
    write("user", 2, 1);
    await gateway.rollUp("guest");
    write("guest", 1, 2);
    const { linkSpaces } = await import("../../src/testing/epochs.ts");
    const at = clock.now();
    const linked = await linkSpaces(
      gateway.bucket,
      gateway.space("guest"),
      gateway.space("user"),
      at,
    );
    expect(linked.updates).toBe(2);
    write("guest", 1, 3);
    await gateway.rollUp("guest");
    await gateway.rollUp("guest");
    await gateway.rollUp("user");
    expect(await gateway.state("user")).toBe('{"n":4}');
    expect(JSON.parse(judged(gateway, "user").state)).toEqual({ n: 4 });
  });
});
