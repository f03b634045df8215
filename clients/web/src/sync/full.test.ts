import { expect, test } from "vitest";
import { site } from "../../test/site.ts";
import { IcecoreError } from "../errors.ts";
import { memoryStores } from "../store/memory.ts";
import type { Stores } from "../store/port.ts";

test("a device without room tells it at once, instead of trying the network again and again", async () => {
  const stores = memoryStores();
  let isFull = false;
  const full: Stores = {
    ...stores,
    async open(name, events) {
      const store = await stores.open(name, events);
      return {
        ...store,
        write: (tables, durability, body) =>
          isFull
            ? Promise.reject(new IcecoreError("unavailable", "quota", "no room"))
            : store.write(tables, durability, body),
      };
    },
  };
  const at = await site();
  const a = await at.open({ stores: full });
  await a.synced();
  await a.merge({ a: 1 });
  isFull = true;
  const before = at.clock.now();
  const { error } = await a.sync();
  expect(error).toMatchObject({ code: "quota" });
  expect(at.clock.now() - before).toBeLessThan(1_000);
  expect(a.page.traffic.puts).toBe(0);
  isFull = false;
  expect((await a.synced()).confirmed).toHaveLength(1);
});
