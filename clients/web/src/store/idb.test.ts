import "fake-indexeddb/auto";
import { IDBFactory } from "fake-indexeddb";
import { expect, test, vi } from "vitest";
import { append, failure, queued, raw, spoiled, world } from "../../test/idb.ts";

test("a connection that is lost before the commit is opened again and the transaction tried again", async () => {
  let begun = 0;
  const { open } = world(
    spoiled((_, begin) => {
      const tx = begin();
      begun += 1;
      // What a lost connection does: it aborts, and nobody called abort().
      if (begun === 1) tx.objectStore("queue").get(0).onsuccess = () => tx.abort();
      return tx;
    }),
  );
  const store = await open();
  const body = vi.fn(append);
  expect(await store.write(["queue"], "strict", body)).toBe(1);
  expect(body).toHaveBeenCalledTimes(2);
  expect(begun).toBe(2);
  expect(await queued(store)).toEqual(["update 1"]);
});

/** The commit succeeds, but the page hears that the connection was lost. */
function loseAfterCommit(tx: IDBTransaction): IDBTransaction {
  let aborted: (event: Event) => void = () => undefined;
  return new Proxy(tx, {
    get(_, name) {
      if (name === "error") return failure("UnknownError");
      const value: unknown = Reflect.get(tx, name, tx);
      return typeof value === "function" ? value.bind(tx) : value;
    },
    set(_, name, value) {
      if (name === "onabort") aborted = value;
      else if (name === "oncomplete") tx.oncomplete = () => aborted(new Event("abort"));
      else return Reflect.set(tx, name, value, tx);
      return true;
    },
  });
}

test("an update is not put twice where the connection was lost after the commit", async () => {
  let begun = 0;
  const { open } = world(
    spoiled((_, begin) => {
      begun += 1;
      return begun === 1 ? loseAfterCommit(begin()) : begin();
    }),
  );
  const store = await open();
  const body = vi.fn(append);
  expect(await store.write(["queue", "meta"], "strict", body)).toBe(1);
  expect(body).toHaveBeenCalledTimes(1);
  expect(begun).toBe(2);
  expect(await queued(store)).toEqual(["update 1"]);
  expect(await store.write(["queue"], "strict", append)).toBe(2);
});

test("an update of another tab that came between does not pass for the own", async () => {
  let begun = 0;
  const factory = new IDBFactory();
  const one = world(
    spoiled((_, begin) => {
      begun += 1;
      const tx = begin();
      if (begun === 1) tx.abort();
      return tx;
    }, factory),
  );
  const store = await one.open();
  const other = await world(factory, 2).open();
  const mine = store.write(["queue"], "strict", append);
  await other.write(["queue"], "strict", append);
  await mine;
  expect(await queued(store)).toEqual(["update 1", "update 2"]);
});

test("a connection that is lost twice is told", async () => {
  const { open } = world(
    spoiled((_, begin) => {
      const tx = begin();
      tx.abort();
      return tx;
    }),
  );
  const store = await open();
  await expect(store.write(["queue"], "strict", append)).rejects.toMatchObject({
    kind: "unavailable",
    code: "storage-closed",
  });
});

test("a connection that the browser closed while nothing ran is opened again", async () => {
  const closed = new Set<IDBDatabase>();
  const { open } = world(
    spoiled((db, begin) => {
      if (closed.size === 0) {
        closed.add(db);
        db.close();
      }
      return begin();
    }),
  );
  const store = await open();
  expect(await Promise.all([queued(store), queued(store), queued(store)])).toEqual([[], [], []]);
});

test("an abort that the body throws itself is the body's", async () => {
  const { open } = world();
  const store = await open();
  const body = vi.fn(async () => {
    throw failure("AbortError");
  });
  await expect(store.write(["queue"], "strict", body)).rejects.toMatchObject({
    name: "AbortError",
  });
  expect(body).toHaveBeenCalledTimes(1);
});

test.each(["QuotaExceededError on a request", "at the commit", "as a class of its own"])(
  "no room is told by name: %s",
  async (form) => {
    class QuotaExceededError extends DOMException {
      constructor() {
        super("", "QuotaExceededError");
      }
    }
    const error = form.endsWith("own") ? new QuotaExceededError() : failure("QuotaExceededError");
    let isFull = false;
    const { open } = world(
      spoiled((_, begin) => {
        const tx = begin();
        if (!isFull) return tx;
        if (form.includes("request")) {
          const { objectStore } = tx;
          tx.objectStore = (name) => {
            const table = objectStore.call(tx, name);
            table.put = () => {
              throw error;
            };
            return table;
          };
        } else {
          Object.defineProperty(tx, "error", { value: error });
          tx.commit = () => tx.abort();
        }
        return tx;
      }),
    );
    const store = await open();
    await store.write(["queue"], "strict", append);
    isFull = true;
    await expect(store.write(["queue"], "strict", append)).rejects.toMatchObject({
      kind: "unavailable",
      code: "quota",
    });
    isFull = false;
    expect(await queued(store)).toEqual(["update 1"]);
    expect(await store.write(["queue"], "strict", append)).toBe(2);
  },
);

test("a transaction that gets no turn ends after a while, with nothing stored", async () => {
  const { open, factory, clock } = world();
  const store = await open();
  const frozen = await raw(factory);
  const held = frozen.transaction("queue", "readwrite");
  let isFrozen = true;
  const hold = (): void => {
    if (isFrozen) held.objectStore("queue").get(1).onsuccess = hold;
  };
  hold();
  const writing = store.write(["queue"], "strict", append);
  writing.catch(() => undefined);
  await new Promise((resolve) => setTimeout(resolve, 20));
  await clock.advance(30_000);
  await expect(writing).rejects.toMatchObject({ kind: "unavailable", code: "storage-failed" });
  isFrozen = false;
  expect(await queued(store)).toEqual([]);
});

test("marks of writes do not pile up", async () => {
  const { open, factory } = world();
  const store = await open();
  for (let i = 0; i < 20; i += 1) await store.write(["queue"], "strict", append);
  const db = await raw(factory);
  const marks = [...db.objectStoreNames].find((name) => name.startsWith("marks")) ?? "";
  const counted = async (): Promise<number> => {
    const request = db.transaction(marks).objectStore(marks).count();
    return new Promise((resolve) => {
      request.onsuccess = () => resolve(request.result);
    });
  };
  expect(await counted()).toBe(1);
  const later = world(factory, 2);
  later.clock.set(later.clock.now() + 2 * 86_400_000);
  await (await later.open()).write(["queue"], "strict", append);
  expect(await counted()).toBe(1);
});
