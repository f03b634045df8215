import { expect, test } from "vitest";
import { SPACE, site, update } from "../../test/site.ts";
import type { Author } from "../core/ids.ts";
import { type DocumentState, documentModel } from "../models/document.ts";
import { logModel } from "../models/log.ts";
import type { Model } from "../models/model.ts";

const OTHER = "019aa122-be00-7000-8000-0000000000bb" as Author;

test("an update on top is applied once; only one that sorts before others folds the tail again", async () => {
  const at = await site({ model: "log" });
  let applied = 0;
  const counting: Model<readonly unknown[]> = {
    ...(logModel as unknown as Model<readonly unknown[]>),
    apply: (...args) => {
      applied += 1;
      return (logModel as unknown as Model<readonly unknown[]>).apply(...args);
    },
  };
  const a = await at.open({ model: () => counting });
  await a.synced();
  const spent = async (work: () => Promise<unknown>) => {
    const before = applied;
    await work();
    return applied - before;
  };
  const append = () => a.session.append([update("note", 1)]).durable;
  for (let n = 0; n < 50; n += 1) expect(await spent(append)).toBe(1);
  // Once more, at the place where they are stored.
  expect(await spent(() => a.synced())).toBe(50);
  const before = a.session.state;
  expect(await spent(append)).toBe(1);
  expect(before).toHaveLength(50);
  expect(a.session.state).toHaveLength(51);
  await at.clock.advance(20_000);
  at.gateway.write(SPACE, { author: OTHER, seq: 1, updates: [{ kind: "note", data: 2 }] });
  // The other's, and the own one on top of it, and again where it is stored.
  expect(await spent(() => a.synced())).toBeLessThanOrEqual(3);
  at.gateway.write(SPACE, {
    author: OTHER,
    seq: 2,
    updates: [{ kind: "note", data: 4 }],
    key: at.clock.now() - 30_000,
  });
  expect(await spent(() => a.synced(true))).toBeGreaterThan(50);
  expect(await spent(() => at.pass(a.session.refresh()))).toBe(0);
});

test("a state is copied once for each time that it was seen, not once for each update", async () => {
  const at = await site();
  let copies = 0;
  const counting: Model<DocumentState> = {
    ...documentModel(),
    apply: (state, made, place, own) => {
      if (!own.has(state)) copies += 1;
      return documentModel().apply(state, made, place, own);
    },
  };
  const a = await at.open({ model: () => counting });
  const set = (n: number) => a.session.append([update("merge", { tasks: { [`t${n}`]: n } })]);
  const made = Array.from({ length: 20 }, (_, n) => set(n));
  expect(copies).toBe(1);
  const seen = a.session.state;
  const before = JSON.stringify(seen);
  made.push(set(20), set(21));
  expect(copies).toBe(2);
  expect(JSON.stringify(seen)).toBe(before);
  expect(a.session.state).not.toBe(seen);
  expect(Object.keys(a.session.state["tasks"] ?? {})).toHaveLength(22);
  // To ask how many rules are broken hands nothing out.
  copies = 0;
  made.push(set(22));
  expect(a.session.status.conflicts).toBe(0);
  made.push(set(23));
  expect(copies).toBe(1);
  await Promise.all(made.map(({ durable }) => durable));
});
