import { createRoot } from "solid-js";
import { get } from "svelte/store";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { effectScope, watchSyncEffect } from "vue";
import { todoInTab } from "../test/todo.ts";
import type { DocumentState } from "./models/document.ts";
import { fromSpace, fromStatus } from "./solid.ts";
import { open } from "./space/space.ts";
import type { Space } from "./space/types.ts";
import { stateOf, statusOf } from "./svelte.ts";
import type { ManualClock } from "./testing.ts";
import { useSpace, useStatus } from "./vue.ts";

let clock: ManualClock;
let space: Space<DocumentState>;
beforeEach(() => {
  const world = todoInTab();
  clock = world.clock;
  space = open({ ...world.options, platform: world.platform });
  vi.stubGlobal("window", {});
});
afterEach(() => vi.unstubAllGlobals());

const put = (name: string, value: number): void =>
  void space.update({ kind: "merge", data: { [name]: value } });

/** Nobody uses the space any more: it is closed after a while. */
async function isLetGo(): Promise<boolean> {
  await clock.advance(10_000);
  return space.status.phase === "closed";
}

describe("Vue", () => {
  test("a ref follows the part that was picked, until its scope ends", async () => {
    const scope = effectScope();
    const seen: unknown[] = [];
    const refs = scope.run(() => {
      const milk = useSpace(space, (state) => state["milk"]);
      watchSyncEffect(() => void seen.push(milk.value));
      return { milk, status: useStatus(space) };
    });
    await clock.advance(1_000);
    put("milk", 1);
    put("bread", 1);
    put("milk", 2);
    expect(seen).toEqual([undefined, 1, 2]);
    expect(refs?.status.value.unsent).toBe(3);
    await clock.advance(1_000);
    expect(refs?.status.value).toMatchObject({ phase: "live", unsent: 0 });
    scope.stop();
    expect(await isLetGo()).toBe(true);
  });

  test("on a server nothing is opened", async () => {
    vi.unstubAllGlobals();
    expect(useSpace(space).value).toEqual({});
    await clock.advance(1_000);
    expect(space.status.phase).toBe("closed");
  });
});

describe("Svelte", () => {
  test("a store gives the value at once, then each other one, until nobody subscribes", async () => {
    const seen: unknown[] = [];
    const end = stateOf(space, (state) => state["milk"]).subscribe((milk) => seen.push(milk));
    await clock.advance(1_000);
    put("milk", 1);
    put("bread", 1);
    expect(seen).toEqual([undefined, 1]);
    expect(get(stateOf(space))).toEqual({ milk: 1, bread: 1 });
    await clock.advance(1_000);
    expect(get(statusOf(space))).toMatchObject({ phase: "live", unsent: 0 });
    end();
    expect(await isLetGo()).toBe(true);
  });

  test("on a server, which subscribes to render, nothing is opened", async () => {
    vi.unstubAllGlobals();
    const end = stateOf(space).subscribe((state) => expect(state).toEqual({}));
    await clock.advance(1_000);
    expect(space.status.phase).toBe("closed");
    end();
  });
});

describe("Solid", () => {
  test("a signal follows, until its owner is disposed of", async () => {
    const { milk, status, dispose } = createRoot((end) => ({
      milk: fromSpace(space, (state) => state["milk"]),
      status: fromStatus(space),
      dispose: end,
    }));
    await clock.advance(1_000);
    put("milk", 1);
    expect(milk()).toBe(1);
    await clock.advance(1_000);
    expect(status()).toMatchObject({ phase: "live", unsent: 0 });
    dispose();
    expect(await isLetGo()).toBe(true);
  });

  test("on a server nothing is opened", async () => {
    vi.unstubAllGlobals();
    expect(fromSpace(space)()).toEqual({});
    await clock.advance(1_000);
    expect(space.status.phase).toBe("closed");
  });
});
