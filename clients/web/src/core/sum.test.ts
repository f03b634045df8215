import fc from "fast-check";
import { expect, test } from "vitest";
import { sumOf } from "./sum.ts";

test("another byte, another length, another order make another sum", () => {
  fc.assert(
    fc.property(
      fc.uint8Array({ minLength: 1, maxLength: 200 }),
      fc.nat(),
      fc.nat(),
      (bytes, n, by) => {
        const sum = sumOf(bytes);
        const other = bytes.slice();
        const at = n % bytes.length;
        other[at] = (other[at] ?? 0) ^ (1 + (by % 255));
        expect(sumOf(other)).not.toBe(sum);
        expect(sumOf(bytes.subarray(0, -1))).not.toBe(sum);
      },
    ),
  );
  expect(sumOf(Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8))).not.toBe(
    sumOf(Uint8Array.of(5, 6, 7, 8, 1, 2, 3, 4)),
  );
});

test("of a part of a buffer that of this part", () => {
  const whole = Uint8Array.from({ length: 100 }, (_, n) => n);
  expect(sumOf(whole.subarray(3, 90))).toBe(sumOf(whole.slice(3, 90)));
});
