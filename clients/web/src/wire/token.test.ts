import { expect, test } from "vitest";
import { failure } from "../../test/remote-contract.ts";
import { manualClock } from "../testing/clock.ts";
import { mint } from "../testing/tokens.ts";
import { type TokenWhy, tokens } from "./token.ts";

const signal = new AbortController().signal;

function token(expiresAt: number, id = "a"): string {
  const access = { spaces: ["*"], rights: [], author: undefined, guest: false, expiresAt };
  return mint(access, "secret", id);
}

test("however many ask at once, the source is asked once", async () => {
  const clock = manualClock();
  const asked: TokenWhy[] = [];
  const own = tokens(
    async (why) => {
      asked.push(why);
      await Promise.resolve();
      return `token-${asked.length}`;
    },
    clock,
    clock.now,
  );
  const all = await Promise.all([own.get(signal), own.get(signal), own.get(signal)]);
  expect(all).toEqual(["token-1", "token-1", "token-1"]);
  const renewed = await Promise.all([
    own.renew("refused", "token-1", signal),
    own.renew("refused", "token-1", signal),
  ]);
  expect(renewed).toEqual([true, true]);
  // One that comes late has the new one already.
  expect(await own.renew("refused", "token-1", signal)).toBe(true);
  expect(await own.get(signal)).toBe("token-2");
  expect(asked).toEqual(["first", "refused"]);
  expect(clock.waiting).toBe(0);
});

test("one that ends soon is replaced ahead, and kept where there is nothing newer", async () => {
  const clock = manualClock();
  const asked: TokenWhy[] = [];
  const old = token(clock.now() + 600_000);
  let next: string | null = null;
  const own = tokens(
    async (why) => {
      asked.push(why);
      return why === "first" ? old : next;
    },
    clock,
    clock.now,
  );
  expect(await own.get(signal)).toBe(old);
  await clock.advance(535_000);
  expect(await own.get(signal)).toBe(old);
  expect(asked).toEqual(["first"]);
  await clock.advance(10_000);
  expect(await own.get(signal)).toBe(old);
  expect(await own.get(signal)).toBe(old);
  expect(asked).toEqual(["first", "expiring"]);
  await clock.advance(31_000);
  next = token(clock.now() + 600_000, "b");
  expect(await own.get(signal)).toBe(next);
  expect(asked).toEqual(["first", "expiring", "expiring"]);
});

test("a source that is offline leaves the token that is good still", async () => {
  const clock = manualClock();
  const old = token(clock.now() + 30_000);
  const own = tokens(
    async (why) => {
      if (why !== "first") {
        throw new TypeError("Failed to fetch");
      }
      return old;
    },
    clock,
    clock.now,
  );
  expect(await own.get(signal)).toBe(old);
  await clock.advance(30_000);
  expect(await own.get(signal)).toBe(old);
  expect(await failure(own.renew("refused", old, signal))).toEqual({
    kind: "unavailable",
    code: "no-answer",
  });
});

test("a source that never answers is given up, and asked anew", async () => {
  const clock = manualClock();
  let count = 0;
  const own = tokens(
    () => {
      count += 1;
      return count === 1 ? new Promise(() => {}) : Promise.resolve("late");
    },
    clock,
    clock.now,
  );
  const first = failure(own.get(signal));
  await clock.advance(30_000);
  expect(await first).toEqual({ kind: "unavailable", code: "timeout" });
  expect(await own.get(signal)).toBe("late");
});

test("who gives up waiting takes nobody else along", async () => {
  const clock = manualClock();
  let give: (token: string) => void = () => {};
  const own = tokens(() => new Promise((resolve) => (give = resolve)), clock, clock.now);
  const impatient = new AbortController();
  const one = failure(own.get(impatient.signal));
  const other = own.get(signal);
  impatient.abort();
  expect(await one).toEqual({ kind: "unavailable", code: "aborted" });
  give("token");
  expect(await other).toBe("token");
});

test.each(["two words", "line\nfeed", "nul\0", "\u007f", "ü", "x".repeat(8_193)])(
  "%j is no token",
  async (text) => {
    const clock = manualClock();
    const own = tokens(async () => text, clock, clock.now);
    expect(await failure(own.get(signal))).toEqual({ kind: "denied", code: "token-malformed" });
  },
);

test.each(["token\n", "\r\n token\t\r\n", "\ufefftoken "])(
  "%j is a token with blanks around it",
  async (text) => {
    const clock = manualClock();
    const own = tokens(async () => text, clock, clock.now);
    expect(await own.get(signal)).toBe("token");
  },
);

test.each(["", " \n", null])("%j is as good as none", async (text) => {
  const clock = manualClock();
  const own = tokens(async () => text, clock, clock.now);
  expect(await own.get(signal)).toBeNull();
});

test("a token of no form that is known here never ends", async () => {
  const clock = manualClock();
  for (const text of ["opaque", "a.b.c", `a.${btoa("[]")}.c`, `a.${btoa('{"exp":"soon"}')}.c`]) {
    let asked = 0;
    const own = tokens(
      async () => {
        asked += 1;
        return text;
      },
      clock,
      clock.now,
    );
    await own.get(signal);
    await clock.advance(1_000_000);
    expect(await own.get(signal)).toBe(text);
    expect(asked).toBe(1);
  }
});
