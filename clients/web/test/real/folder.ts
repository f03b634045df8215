/** What lies in a bucket in memory, as a store in a folder that programs in Rust read. */

import { mkdirSync, mkdtempSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import type { MemoryGateway } from "../../src/testing/gateway.ts";

/** Writes all objects into a new folder, with their times. */
export function asFolder(gateway: MemoryGateway): string {
  const dir = mkdtempSync(join(tmpdir(), "icecore-memory-"));
  for (const path of gateway.bucket.paths()) {
    const object = gateway.bucket.get(path);
    if (object !== undefined) {
      const file = join(dir, path);
      mkdirSync(dirname(file), { recursive: true });
      writeFileSync(file, object.bytes);
      utimesSync(file, object.lastModified / 1_000, object.lastModified / 1_000);
    }
  }
  return dir;
}
