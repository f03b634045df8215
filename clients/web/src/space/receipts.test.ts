/** What a receipt says of an update that goes on under another id. */

import { expect, test } from "vitest";
import { todoInTab } from "../../test/todo.ts";
import type { Author } from "../core/ids.ts";
import { open } from "./space.ts";

const BOUND = "019aa122-be00-7000-8000-0000000000aa" as Author;

// A token that is bound to an author names it with the first answer: what was made before got its new id and was stored within one sync, and its
// receipt kept the first one, under which nothing is stored.
test("an update that gets another id and is stored in one sync has the id that it is stored under", async () => {
  const { clock, page, platform, options } = todoInTab(BOUND);
  const space = open({ ...options, platform });
  page.faults = () => "lost";
  const receipts = [1, 2].map((n) => space.update({ kind: "merge", data: { [n]: n } }));
  await clock.advance(1_000);
  expect(receipts.map(({ phase }) => phase)).toEqual(["durable", "durable"]);
  expect(receipts[0]?.id).not.toContain(BOUND);
  page.faults = undefined;
  await clock.advance(60_000);
  expect(receipts.map(({ phase }) => phase)).toEqual(["confirmed", "confirmed"]);
  expect(receipts.map(({ id }) => id)).toEqual([`${BOUND}:1`, `${BOUND}:2`]);
});
