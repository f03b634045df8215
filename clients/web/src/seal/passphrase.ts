/**
 * Passphrases: what a person remembers, and the identity that a slow function makes of it.
 *
 * @module
 */

import { toBytes } from "../core/utf8.ts";
import { argon2id } from "./argon2.ts";
import { keyringInvalid } from "./faults.ts";
import { Identity } from "./identity.ts";
import type { DerivesIdentity, PassphraseCost } from "./port.ts";

/** How long a page waits for nothing else. */
const TASK_MS = 20;

/** How a passphrase is tried. */
export interface PassphraseOptions {
  /**
   * Called every few hundred microseconds while a passphrase is tried, and awaited where it gives a promise.
   * @default lets the page do something else every twenty milliseconds
   */
  readonly pause?: (() => Promise<void> | undefined) | undefined;
  /** Ends what is under way. */
  readonly signal?: AbortSignal | undefined;
}

/** A passphrase. Nothing of it shows when it is printed. */
export class Passphrase implements DerivesIdentity {
  readonly #bytes: Uint8Array;
  readonly #options: PassphraseOptions;

  constructor(bytes: Uint8Array, options: PassphraseOptions) {
    this.#bytes = bytes;
    this.#options = options;
  }

  /** The identity that follows from it with this salt (16 bytes) at this cost. Slow, and meant to be. */
  async derive(salt: Uint8Array, cost: PassphraseCost): Promise<Identity> {
    const { signal, pause } = this.#options;
    const input = { password: this.#bytes, salt, cost };
    if (pause !== undefined) return Identity.of(await argon2id(input, { pause, signal }));
    const tasks = new MessageChannel();
    try {
      return await Identity.of(await argon2id(input, { pause: pauseBy(tasks), signal }));
    } finally {
      tasks.port1.close();
    }
  }
}

/** Ends a task when it has run for long. Unlike timers, messages are not slowed down in pages that nobody sees. */
function pauseBy({ port1, port2 }: MessageChannel): () => Promise<void> | undefined {
  let begun = performance.now();
  return () => {
    if (performance.now() - begun < TASK_MS) return undefined;
    return new Promise((resolve) => {
      port1.onmessage = () => {
        begun = performance.now();
        resolve();
      };
      port2.postMessage(0);
    });
  };
}

/**
 * What a person typed as a passphrase, in Unicode's form NFKC: systems differ in whether a letter and its accent are typed as one
 * character or as two. Nothing is trimmed. To try it takes about a second for each holder with a passphrase.
 *
 * @throws IcecoreError `invalid` with code `keyring-invalid` where it is empty, or no text.
 */
export function passphrase(text: string, options: PassphraseOptions = {}): Passphrase {
  if (text === "" || !text.isWellFormed()) throw keyringInvalid("a passphrase has a character");
  return new Passphrase(toBytes(text.normalize("NFKC")), options);
}
