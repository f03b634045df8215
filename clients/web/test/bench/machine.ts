/** On what is measured, and what else went on there: told before and after. */

import { execFileSync } from "node:child_process";
import { cpus, loadavg, release, type } from "node:os";

function chromium(): string {
  const program = process.env["CHROMIUM"] ?? "/usr/bin/chromium";
  return execFileSync(program, ["--version"], { stdio: ["ignore", "pipe", "ignore"] })
    .toString()
    .trim();
}

const load = (): string => `load ${loadavg().map((one) => one.toFixed(1))}`;

/** Runs before all. */
export function setup(): () => void {
  const node = `Node ${process.versions.node}`;
  console.log(`${cpus().length} cores, ${type()} ${release()}, ${chromium()}, ${node}; ${load()}`);
  return () => console.log(`at the end: ${load()}`);
}
