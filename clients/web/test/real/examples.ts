/** Histories at random for the models of the examples: what their programs write, and what only somebody else does. */

import type { Json } from "../../src/core/json.ts";
import type { Chance } from "../../src/ports.ts";
import { author } from "../remote-contract.ts";

/** An update, as any program may write it. */
export interface Written {
  readonly kind: string;
  readonly data: Json;
  readonly at: string;
}

/** The time of an update that was made now, give or take; now and then a year ahead. */
function timeNear(now: number, chance: Chance): number {
  const off = chance.below(12) === 0 ? 366 * 86_400_000 : chance.below(600_000) - 300_000;
  return now + off;
}

const text = (millis: number): string => new Date(millis).toISOString();

function one<T>(chance: Chance, ...list: readonly T[]): T {
  return list[chance.below(list.length)] as T;
}

/** Names that mean something to JavaScript, and texts that sort otherwise by UTF-16 than by UTF-8. */
const ODD = ["__proto__", "constructor", "\u{1f600}", "\uffee", "é", "$x", "a/b~c"] as const;
const LONG = "x".repeat(201);

/** An event of an attempt. */
export function activity(now: number, chance: Chance): Written {
  const occurredAt = timeNear(now, chance);
  const types = ["CREATE", "START", "PAUSE", "RESUME", "COMPLETE", "ABANDON", "SCORE", "LAP"];
  const event: Record<string, Json> = {
    id: one(chance, ...ODD, ...Array.from({ length: 60 }, (_, n) => `e${n}`)),
    attemptId: one(chance, "run-1", "run-2", ...ODD),
    type: one(chance, ...types),
    source: one(chance, "user", "watch", ""),
    occurredAt,
    createdAt: occurredAt + chance.below(3),
  };
  const members: readonly (readonly [string, Json])[] = [
    ["title", one<Json>(chance, "Park", "", 7)],
    ["points", one<Json>(chance, 10, -3, 5.5, 1_000_001, 2n ** 60n, "10")],
    ["serverTime", 5],
    ["length", 400.5],
    ["tiny", 1e-7],
    ["more", { z: [1, { "\u{1f600}": null, "\uffee": true }], a: "\u2028" }],
  ];
  for (const [name, value] of members) if (chance.below(3) === 0) event[name] = value;
  if (chance.below(6) > 0) return { kind: "event", data: event, at: text(occurredAt) };
  const [name, value] = one<readonly [string, Json]>(
    chance,
    ["id", ""],
    ["id", LONG],
    ["attemptId", null],
    ["type", "x".repeat(101)],
    ["source", 5],
    ["occurredAt", -1],
    ["occurredAt", 1.5],
    ["createdAt", 253_402_300_800_000],
    ["deep", nested(33)],
    ["deep", nested(32)],
    ["long", "y".repeat(16_384)],
  );
  const kind = one(chance, "event", "event", "event", "other");
  return { kind, data: { ...event, [name]: value }, at: text(occurredAt) };
}

function nested(depth: number): Json {
  return depth === 0 ? 1 : [nested(depth - 1)];
}

/** An update of a device that counts steps. */
export function steps(now: number, chance: Chance): Written {
  const at = text(timeNear(now, chance));
  const session = one(chance, "s1", "s2", "constructor", "__proto__");
  const [kind, data] = one<readonly [string, Json]>(
    chance,
    ["start_session", { session, device: one(chance, "phone", "watch", ...ODD) }],
    ["end_session", { session }],
    ["add_steps", { session, count: 1 + chance.below(5_000), more: 1 }],
    [
      "add_activity",
      {
        session,
        id: one(chance, "a1", "a2", "a3", "valueof"),
        sport: one(chance, "walk", "run", "ride", "swim", "other"),
        minutes: 1 + chance.below(90),
      },
    ],
    ["set_name", { name: one(chance, "Ada", "Ben", ...ODD) }],
    ["set_height", { cm: 30 + chance.below(271) }],
    ["set_goal", { steps: 1 + chance.below(100_000) }],
  );
  if (chance.below(6) > 0) return { kind, data, at };
  const [wrong, what] = one<readonly [string, Json]>(
    chance,
    ["set_steps", { session, count: 110 }],
    ["add_steps", { session, count: 0 }],
    ["add_steps", { session, count: 100_001 }],
    ["add_steps", { session, count: 1.5 }],
    ["add_steps", { session: "S", count: 1 }],
    ["add_steps", null],
    ["add_activity", { session, id: "a9", sport: "chess", minutes: 1 }],
    ["add_activity", { session, id: "a9", sport: "run", minutes: 1_441 }],
    ["set_name", { name: "" }],
    ["set_name", { name: "a\u0085b" }],
    ["set_name", { name: "é".repeat(51) }],
    ["set_goal", { steps: "8000" }],
  );
  return { kind: wrong, data: what, at: chance.below(9) === 0 ? "yesterday" : at };
}

/** A call of a notebook, or one that is replayed. */
export function notes(now: number, chance: Chance): Written {
  const at = text(timeNear(now, chance));
  const id = one(chance, "n1", "n2", "n3", "n4", ...ODD);
  const title = one(chance, "Pack", "Go", "Sleep", ...ODD);
  const due = one<Json>(chance, null, { $date: "2026-12-24T19:00:00+01:00" }, { $date: at });
  const status = one<Json>(
    chance,
    { $enum: "Status", name: "Open" },
    { $enum: "Status", name: "Started", value: null },
    { $enum: "Status", name: "Done", value: { $date: at } },
  );
  const note = { $type: "Note", title, text: "", due, status, more: 1 };
  const call = one<readonly [string, Json]>(
    chance,
    ["add", { $type: "Add", id, note }],
    ["add", { $type: "Add", id, note }],
    ["rename", { $type: "Rename", id, title }],
    ["write", { $type: "Write", id, text: title }],
    ["postpone", { $type: "Postpone", id, due }],
    ["mark", { $type: "Mark", id, status }],
    ["remove", id],
  );
  const wrong = one<readonly [string, Json]>(
    chance,
    ["rename", { $type: "Rename", id, title: " \u0085\u2003" }],
    ["rename", { $type: "Rename", id, title: "\ufeff" }],
    ["rename", { $type: "Write", id, title }],
    ["rename", { id, title }],
    ["add", { $type: "Add", id, note: { $type: "Note", title } }],
    ["mark", { $type: "Mark", id, status: "Open" }],
    ["mark", { $type: "Mark", id, status: { $enum: "Status", name: "Done" } }],
    ["mark", { $type: "Mark", id, status: { $enum: "Status", name: "Open", value: 1 } }],
    ["postpone", { $type: "Postpone", id, due: { $date: "2026-12-24" } }],
    ["postpone", { $type: "Postpone", id }],
    ["remove", 7],
    ["clear", null],
    ["replay", { kind: "remove", data: "n1" }],
  );
  const [kind, data] = chance.below(6) > 0 ? call : wrong;
  if (chance.below(4) > 0) return { kind, data, at };
  const named = `${author(1 + chance.below(3))}:${1 + chance.below(20)}`;
  return { kind: "replay", data: { id: named, kind, data, at }, at };
}
