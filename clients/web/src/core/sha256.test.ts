import { createHash } from "node:crypto";
import fc from "fast-check";
import { expect, test } from "vitest";
import { sha256, sha256Hex } from "./sha256.ts";

const hex = (content: Uint8Array | string): string =>
  createHash("sha256").update(content).digest("hex");

test("the digests are those of the platform", () => {
  for (let length = 0; length < 200; length += 1) {
    const bytes = Uint8Array.from({ length }, (_, n) => (n * 7 + length) % 256);
    expect(sha256Hex(bytes)).toBe(hex(bytes));
  }
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 3_000 }), (bytes) => {
      expect(Buffer.from(sha256(bytes)).toString("hex")).toBe(hex(bytes));
    }),
  );
});

test("of a text that of its UTF-8 bytes", () => {
  expect(sha256Hex("äöü😀")).toBe(hex("äöü😀"));
});

test("of a part of a buffer that of this part", () => {
  const whole = Uint8Array.from({ length: 100 }, (_, n) => n);
  expect(sha256Hex(whole.subarray(10, 90))).toBe(hex(whole.slice(10, 90)));
});

test("the constants stand far from where an engine's rounding would show", () => {
  const primes = Array.from({ length: 312 }, (_, n) => n).filter(
    (n) => n > 1 && !Array.from({ length: n }, (_, d) => d).some((d) => d > 1 && n % d === 0),
  );
  expect(primes).toHaveLength(64);
  for (const root of [...primes.map(Math.cbrt), ...primes.slice(0, 8).map(Math.sqrt)]) {
    const behind = (root % 1) * 2 ** 32;
    const distance = Math.abs(behind - Math.round(behind));
    // A double near 7 is exact to 2^-50: 2^-18 here.
    expect(distance).toBeGreaterThan(2 ** -14);
  }
});
