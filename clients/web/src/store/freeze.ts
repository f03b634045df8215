/**
 * Pages that the browser freezes. A frozen page keeps its transactions, and all other tabs wait for them; and it may still hear messages of
 * other tabs, though no answer of the storage reaches it any more.
 *
 * @module
 */

/**
 * Runs `giveUp` before the page is frozen, until the function that it returns is called. A transaction that is given up counts as lost with its
 * connection: it is run again when the page runs again.
 */
export function onFreeze(giveUp: () => void): () => void {
  const listen = (): void => {
    try {
      giveUp();
    } catch {
      // It has ended, or is being committed, which needs this page no more.
    }
  };
  globalThis.document?.addEventListener("freeze", listen);
  return () => globalThis.document?.removeEventListener("freeze", listen);
}

/** Whether the page is frozen. */
export interface Freezing {
  /** Resolves when it runs; `undefined` while it does. */
  readonly thaw: Promise<void> | undefined;
  /** Looks no more. */
  end(): void;
}

/** Watches for it. */
export function freezing(): Freezing {
  let thaw: Promise<void> | undefined;
  let thawed: () => void = () => undefined;
  const unwatch = onFreeze(() => {
    thaw ??= new Promise((resolve) => {
      thawed = resolve;
    });
  });
  const resume = (): void => {
    thaw = undefined;
    thawed();
  };
  globalThis.document?.addEventListener("resume", resume);
  return {
    get thaw() {
      return thaw;
    },
    end() {
      unwatch();
      globalThis.document?.removeEventListener("resume", resume);
      resume();
    },
  };
}
