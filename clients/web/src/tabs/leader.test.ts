import { expect, test } from "vitest";
import { joined, type Tab, type TabsWorld, tabsWorld } from "../../test/tabs.ts";
import type { Channels, Locks } from "../ports.ts";
import type { TabMessage } from "./channel.ts";
import type { Role } from "./leader.ts";

interface Member extends Tab {
  readonly tabs: ReturnType<typeof joined>;
  readonly roles: Role[];
  readonly heard: TabMessage[];
  close(): void;
}

interface Instead {
  readonly origin?: number;
  readonly locks?: Locks | undefined;
  readonly channels?: Channels;
}

function member(world: TabsWorld, instead: Instead = {}): Member {
  const tab = world.tab(instead.origin);
  const end = new AbortController();
  const roles: Role[] = [];
  const heard: TabMessage[] = [];
  const { clock, locks, channels } = tab;
  const tabs = joined({
    name: "a",
    clock,
    locks,
    channels,
    ...instead,
    signal: end.signal,
    heard: (message) => heard.push(message),
    onRole: (role) => roles.push(role),
  });
  return { ...tab, tabs, roles, heard, close: () => end.abort() };
}

const roles = (members: readonly Member[]): Role[] => members.map(({ tabs }) => tabs.role);

test("one tab leads at once, the others follow, and it stays so", async () => {
  const world = tabsWorld();
  const all = [member(world), member(world, { origin: 5_000_000 }), member(world, { origin: -9 })];
  await world.advance(0);
  expect(roles(all)).toEqual(["leader", "follower", "follower"]);
  await world.advance(3_600_000);
  expect(all.map((each) => each.roles)).toEqual([["leader"], [], []]);
});

test.each(["close", "kill"] as const)(
  "a leader that ends by %s is followed at once",
  async (how) => {
    const world = tabsWorld();
    const all = [member(world), member(world), member(world)] as const;
    await world.advance(10_000);
    all[0][how]();
    await world.advance(0);
    expect(all[1].tabs.role).toBe("leader");
    expect(all[2].tabs.role).toBe("follower");
    await world.advance(60_000);
    expect(all[1].roles).toEqual(["leader"]);
    expect(all[0].roles).toEqual(["leader"]);
  },
);

test.each([0, 1, 1_499, 2_999])("a frozen leader is replaced within 15 s: at %d ms", async (ms) => {
  const world = tabsWorld();
  const first = member(world);
  await world.advance(ms);
  const others = [member(world), member(world), member(world)];
  await world.advance(31_000);
  first.freeze();
  await world.advance(15_000);
  expect(roles(others).filter((role) => role === "leader")).toHaveLength(1);
});

test("thawed, it follows: no ping-pong", async () => {
  const world = tabsWorld();
  const first = member(world);
  await world.advance(100);
  const second = member(world);
  await world.advance(31_000);
  first.freeze();
  await world.advance(120_000);
  first.thaw();
  await world.advance(3_600_000);
  expect(first.roles).toEqual(["leader", "follower"]);
  expect(second.roles).toEqual(["leader"]);
});

test("a follower that was frozen does not take the lead from one that is well", async () => {
  const world = tabsWorld();
  const first = member(world);
  await world.advance(100);
  const second = member(world);
  for (let i = 0; i < 20; i += 1) {
    await world.advance(11_000);
    second.freeze();
    await world.advance(600_000 + i * 997);
    second.thaw();
  }
  await world.advance(11_000);
  expect(first.roles).toEqual(["leader"]);
  expect(second.roles).toEqual([]);
});

test("a frozen follower that is granted the lock does not keep the others waiting", async () => {
  const world = tabsWorld();
  const all = [member(world), member(world), member(world)] as const;
  await world.advance(10_000);
  all[1].freeze();
  all[0].kill();
  await world.advance(15_000);
  expect(all[2].tabs.role).toBe("leader");
  all[1].thaw();
  await world.advance(60_000);
  expect(roles([all[1], all[2]])).toEqual(["follower", "leader"]);
});

test("a tab that is opened while the leader is frozen leads soon", async () => {
  const world = tabsWorld();
  member(world).freeze();
  await world.advance(600_000);
  const late = member(world);
  await world.advance(15_000);
  expect(late.tabs.role).toBe("leader");
});

test("a leader whose timers run once a minute is replaced by one that ticks, and does not come back", async () => {
  const world = tabsWorld();
  const slow = world.tab();
  const throttled = {
    ...slow.clock,
    after: (ms: number, task: () => void) => slow.clock.after(Math.max(ms, 60_000), task),
  };
  const roles: Role[] = [];
  joined({
    name: "a",
    clock: throttled,
    locks: slow.locks,
    channels: slow.channels,
    signal: new AbortController().signal,
    heard: () => undefined,
    onRole: (role) => roles.push(role),
  });
  await world.advance(100);
  const visible = member(world);
  await world.advance(3_600_000);
  expect(roles).toEqual(["leader", "follower"]);
  expect(visible.roles).toEqual(["leader"]);
});

test("without locks each tab sends for itself", async () => {
  const world = tabsWorld();
  const all = [member(world, { locks: undefined }), member(world, { locks: undefined })];
  await world.advance(60_000);
  expect(roles(all)).toEqual(["alone", "alone"]);
  expect(world.messages).toBe(0);
});

test("locks that are refused are as none", async () => {
  const refusing: Locks = { hold: () => Promise.reject(new DOMException("", "SecurityError")) };
  const world = tabsWorld();
  const one = member(world, { locks: refusing });
  await world.advance(600_000);
  expect(one.roles).toEqual(["alone"]);
});

test("where no beats can be heard the lead changes less and less often", async () => {
  const deaf: Channels = { join: () => () => undefined };
  const world = tabsWorld();
  const all = [member(world, { channels: deaf }), member(world, { channels: deaf })];
  await world.advance(24 * 3_600_000);
  const changes = all.flatMap((each) => each.roles.filter((role) => role === "leader"));
  expect(changes.length).toBeLessThan(30);
});

test("after its end a tab tells nothing, hears nothing, and takes no lock", async () => {
  const world = tabsWorld();
  const all = [member(world), member(world)] as const;
  await world.advance(1_000);
  all[1].close();
  await world.advance(1_000);
  all[0].close();
  await world.advance(60_000);
  const sent = world.messages;
  all[0].tabs.tell({ kind: "changed" });
  await world.advance(60_000);
  expect(world.messages).toBe(sent);
  expect(all.map((each) => each.roles)).toEqual([["leader"], []]);
  const next = member(world);
  await world.advance(0);
  expect(next.tabs.role).toBe("leader");
});

test("messages reach all others, and beats nobody", async () => {
  const world = tabsWorld();
  const all = [member(world), member(world), member(world)] as const;
  await world.advance(10_000);
  all[1].tabs.tell({ kind: "sync" });
  all[1].tabs.tell({ kind: "told", topic: "status", value: { unsent: 3 } });
  await world.advance(0);
  const expected = [{ kind: "sync" }, { kind: "told", topic: "status", value: { unsent: 3 } }];
  expect(all.map((each) => each.heard)).toEqual([expected, [], expected]);
});
