import { describe, expect, test } from "vitest";
import { argon2id } from "./argon2.ts";
import { blake2b } from "./blake2b.ts";
import { toBase64 } from "./bytes.ts";
import { COST_DEFAULT } from "./cost.ts";

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");
const fill = (byte: number, length: number): Uint8Array => new Uint8Array(length).fill(byte);
const noPause = { pause: async (): Promise<void> => {} };

describe("blake2b", () => {
  test("is that of RFC 7693", () => {
    expect(hex(blake2b(Buffer.from("abc"), 64))).toBe(
      "ba80a53f981c4d0d6a2797b69f12f6e94c212f14685ac4b74b12bb6fdbffa2d17d87c5392aab792dc252d5de4533cc9518d38aa8dbf1925ab92386edd4009923",
    );
  });

  test("is that of OpenSSL around the ends of blocks", async () => {
    const { createHash } = await import("node:crypto");
    for (const length of [0, 1, 127, 128, 129, 255, 256, 257, 1000]) {
      const input = Uint8Array.from({ length }, (_, i) => i * 7);
      expect(hex(blake2b(input, 64)), String(length)).toBe(
        createHash("blake2b512").update(input).digest("hex"),
      );
    }
  });
});

describe("argon2id", () => {
  test("is that of RFC 9106", async () => {
    const tag = await argon2id(
      {
        password: fill(1, 32),
        salt: fill(2, 16),
        secret: fill(3, 8),
        data: fill(4, 12),
        cost: { memoryKib: 32, passes: 3, lanes: 4 },
      },
      noPause,
    );
    expect(hex(tag)).toBe("0d640df58d78766c08c037a34a8b53c9d01ef0452d75b65eb52520e96b01e659");
  });

  test("is that of the reference program", async () => {
    const tag = await argon2id(
      {
        password: Buffer.from("password"),
        salt: Buffer.from("somesalt"),
        cost: { memoryKib: 256, passes: 2, lanes: 2 },
      },
      noPause,
    );
    expect(toBase64(tag)).toBe("bQk8UB_VmZZF4Oo79iDXuL5_0ttZwg2f_5U52iv1cDc");
  });

  test("takes no cost that is too high or too low", async () => {
    const tried = ([memoryKib, passes, lanes]: readonly [number, number, number]) =>
      argon2id(
        { password: fill(1, 1), salt: fill(2, 16), cost: { memoryKib, passes, lanes } },
        noPause,
      );
    for (const cost of [
      [262_145, 1, 1],
      [8, 11, 1],
      [128, 1, 9],
      [2 ** 32 - 1, 1, 1],
    ] as const) {
      await expect(tried(cost)).rejects.toMatchObject({ code: "keyring-too-expensive" });
    }
    for (const cost of [
      [7, 1, 1],
      [8, 0, 1],
      [8, 1, 0],
      [8, 1, 2],
      [8.5, 1, 1],
      [Number.NaN, 1, 1],
    ] as const) {
      await expect(tried(cost)).rejects.toMatchObject({ code: "keyring-invalid" });
    }
  });

  test("pauses, so that nothing waits for longer than 50 ms, at the default cost", async () => {
    // In time of the processor: other programs on the machine are none of its doing.
    let [last, longest] = [process.cpuUsage(), 0];
    const begun = performance.now();
    const pause = async (): Promise<void> => {
      const { user, system } = process.cpuUsage(last);
      longest = Math.max(longest, (user + system) / 1000);
      await new Promise(setImmediate);
      last = process.cpuUsage();
    };
    const input = { password: fill(1, 8), salt: fill(2, 16), cost: COST_DEFAULT };
    await argon2id(input, { pause });
    const took = performance.now() - begun;
    console.log(
      `argon2id, 64 MiB, 3 passes: ${took.toFixed(0)} ms, longest slice ${longest.toFixed(1)} ms`,
    );
    expect(longest).toBeLessThan(50);
  });

  test("ends when its signal says so", async () => {
    const input = { password: fill(1, 8), salt: fill(2, 16), cost: COST_DEFAULT };
    const ended = new AbortController();
    let pauses = 0;
    const pause = async (): Promise<void> => {
      pauses += 1;
      if (pauses === 3) ended.abort(new Error("stopped"));
    };
    const running = argon2id(input, { pause, signal: ended.signal });
    await expect(running).rejects.toThrow("stopped");
    expect(pauses).toBeLessThan(20);
  });
});
