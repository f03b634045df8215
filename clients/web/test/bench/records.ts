/** Records as an app has them: about 150 bytes of JSON each, with their name. */

/** A record. */
export type Row = Readonly<Record<string, string | number | boolean>>;

/** The name of the record with this number. */
export function rowName(n: number): string {
  return `task-${String(n).padStart(6, "0")}`;
}

/** The record with this number. */
export function row(n: number): Row {
  return {
    title: `Buy ${n} pounds of apples, and whatever else is there`,
    done: n % 3 === 0,
    due: "2026-11-20T12:00:00.000Z",
    slot: n % 97,
    by: "ada",
  };
}

/** So many of them, by name. */
export function rows(count: number, from = 0): Record<string, Row> {
  const numbers = Array.from({ length: count }, (_, n) => from + n);
  return Object.fromEntries(numbers.map((n) => [rowName(n), row(n)]));
}
