/** Storage that was taken away while nobody can be reached: what can be written at once, and as whom; and that it is told for as long as it is so. */

import { expect, test } from "vitest";
import { todoInTab } from "../../test/todo.ts";
import type { Author } from "../core/ids.ts";
import { open } from "./space.ts";

const BOUND = "019aa122-be00-7000-8000-0000000000aa" as Author;

function world(author?: Author) {
  const { clock, gateway, browser, page, platform, options } = todoInTab(author);
  const space = open({ ...options, platform });
  const evict = () => browser.stores.remove(`icecore ${gateway.url} todo`);
  /** Somebody opens the page anew, and looks at it for a while. */
  const visit = async () => {
    const again = open({ ...options, platform });
    again.retain();
    await clock.advance(5_000);
    const { status } = again;
    again.close();
    return status;
  };
  return { clock, page, space, evict, visit };
}

const milk = { kind: "merge", data: { milk: 1 } };

test.each([
  ["of no author", undefined],
  ["bound to an author", BOUND],
])("offline, a page that is opened again writes at once, by a token %s", async (_, author) => {
  const { clock, page, space, evict } = world(author);
  space.retain();
  await clock.advance(1_000);
  const first = space.update(milk);
  await clock.advance(1_000);
  expect(first.phase).toBe("confirmed");
  page.faults = () => "lost";
  await evict();
  await clock.advance(1_000);
  const refused = space.update({ kind: "merge", data: { salt: 1 } });
  await expect(refused.durable).rejects.toMatchObject({ code: "evicted" });
  space.close();
  space.retain();
  const again = space.update({ kind: "merge", data: { bread: 1 } });
  await clock.advance(1_000);
  expect(again.phase).toBe("durable");
  expect(space.state).toEqual({ bread: 1 });
  expect(space.status.unsent).toBe(1);
  page.faults = undefined;
  await clock.advance(60_000);
  if (author === undefined) {
    expect(again.phase).toBe("confirmed");
    expect(space.state).toEqual({ milk: 1, bread: 1 });
    expect(again.id?.split(":")[0]).not.toBe(first.id?.split(":")[0]);
    return;
  }
  // Somebody has to say that no other device writes as this author.
  expect(space.status).toMatchObject({ phase: "stuck", unsent: 1 });
  const resumed = space.resumeAuthor();
  await clock.advance(600_000);
  await resumed;
  expect(again.phase).toBe("confirmed");
  expect(space.state).toEqual({ milk: 1, bread: 1 });
});

// The marker named the new author as soon as the first try to sync had failed: who opened the page once more was told `offline`, as though
// nothing had happened.
test.each([
  ["under a running page", true],
  ["between two visits", false],
])(
  "deleted %s and opened again without a network, it says so each time, until all was fetched",
  async (_, isRunning) => {
    const { clock, page, space, evict, visit } = world();
    space.retain();
    await clock.advance(1_000);
    space.update(milk);
    await clock.advance(1_000);
    const before = space.status.replica?.author;
    page.faults = () => "lost";
    if (!isRunning) space.close();
    await evict();
    await clock.advance(5_000);
    space.close();
    for (let n = 0; n < 3; n += 1) {
      expect(await visit()).toMatchObject({ phase: "evicted", evicted: before });
    }
    page.faults = undefined;
    expect(await visit()).toMatchObject({ phase: "live", evicted: before });
    page.faults = () => "lost";
    expect(await visit()).toMatchObject({ phase: "offline", evicted: undefined });
  },
);

test("what was made before anybody could be reached is missed, too", async () => {
  const { page, space, evict, visit } = world();
  page.faults = () => "lost";
  expect(await space.update(milk).durable).toContain(":");
  const author = space.status.replica?.author;
  space.close();
  await evict();
  expect(await visit()).toMatchObject({ phase: "evicted", evicted: author });
});
