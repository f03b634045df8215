/**
 * The Rust core as WebAssembly, which judges this client. Built by `cargo build -p icecore-oracle --target
 * wasm32-unknown-unknown`; `cargo xtask test` does so.
 *
 * @module
 */

import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

const BUILT = fileURLToPath(
  new URL("../../../../target/wasm32-unknown-unknown/debug/icecore_oracle.wasm", import.meta.url),
);

const path: string = process.env["ICECORE_ORACLE"] ?? BUILT;

/** Whether the oracle was built; a test that needs it says so where it was not. */
export const hasOracle: boolean = existsSync(path);

interface Exports {
  readonly memory: WebAssembly.Memory;
  reserve(bytes: number): number;
  answer(): number;
  answers(): number;
}

function load(): Exports {
  const module = new WebAssembly.Module(readFileSync(path));
  return new WebAssembly.Instance(module, {}).exports as unknown as Exports;
}

let loaded: Exports | undefined;

/** Asks several questions at once; the answers come in their order. */
export function askAll(questions: readonly object[]): unknown[] {
  loaded ??= load();
  const bytes = new TextEncoder().encode(JSON.stringify(questions));
  const to = loaded.reserve(bytes.length);
  new Uint8Array(loaded.memory.buffer, to, bytes.length).set(bytes);
  const length = loaded.answer();
  const answers = new Uint8Array(loaded.memory.buffer, loaded.answers(), length);
  return JSON.parse(new TextDecoder().decode(answers)) as unknown[];
}

/** Asks one question. */
export function ask(question: object): unknown {
  return askAll([question])[0];
}
