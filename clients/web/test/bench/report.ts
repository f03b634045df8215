/** How numbers are told: beside a floor that was measured in the same run. */

/** How much of everything is measured: `BENCH_SCALE=0.01` for a first look. */
const SCALE = Number(process.env["BENCH_SCALE"] ?? 1);

/** So many, or fewer for a first look. */
export function scaled(count: number): number {
  return Math.max(1, Math.round(count * SCALE));
}

/** What lies at this part of a sorted list: 0.5 is the median. */
export function quantile(numbers: readonly number[], part: number): number {
  const sorted = [...numbers].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? Number.NaN;
}

/** The median. */
export function median(numbers: readonly number[]): number {
  return quantile(numbers, 0.5);
}

/** A time in the unit that suits it. */
export function time(ms: number): string {
  if (ms < 0.001) return `${(ms * 1e6).toFixed(0)} ns`;
  if (ms < 1) return `${(ms * 1e3).toFixed(ms < 0.01 ? 1 : 0)} µs`;
  return `${ms.toFixed(ms < 10 ? 1 : 0)} ms`;
}

/** A ratio. */
export function times(value: number, floor: number): string {
  const ratio = value / floor;
  return `${ratio.toFixed(ratio < 10 ? 2 : 0)} ×`;
}

/** Whether a goal was reached. */
export function goal(value: number, limit: number, words: string): string {
  return `goal ≤ ${words}: ${value <= limit ? "reached" : "MISSED"}`;
}

/** A heading, and lines of two columns below it. */
export function tell(heading: string, lines: readonly (readonly [string, string])[]): void {
  const width = Math.max(...lines.map(([name]) => name.length));
  const rows = lines.map(([name, said]) => `  ${name.padEnd(width)}  ${said}`);
  console.log([`\n${heading}`, ...rows].join("\n"));
}
