import { expect, test } from "vitest";
import { site } from "../../test/site.ts";

test("two devices write and read", async () => {
  const at = await site();
  const [a, b] = [await at.open(), await at.open()];
  await a.merge({ milk: 1 });
  expect(a.session.state).toEqual({ milk: 1 });
  expect(a.session.status.unsent).toBe(1);
  const sent = await a.synced();
  expect(sent.confirmed).toHaveLength(1);
  expect(a.session.status.unsent).toBe(0);
  expect(a.session.state).toEqual({ milk: 1 });
  await b.merge({ bread: 2 });
  const got = await b.synced();
  expect(got.reread).toBe(true);
  expect(b.session.state).toEqual({ milk: 1, bread: 2 });
  const news = await a.synced();
  expect(news.arrived.map(({ update }) => update)).toEqual([
    '{"at":"2025-11-20T12:00:00.000Z","kind":"merge","data":{"bread":2}}',
  ]);
  expect(a.session.state).toEqual(b.session.state);
});
