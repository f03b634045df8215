/**
 * Who wants to know of changes, and of which.
 *
 * @module
 */

/** Listeners of one page. */
export interface Listeners {
  /** Runs `changed` after changes; with `read` only when what it reads is another thing than before. */
  add(changed: () => void, read?: () => unknown): () => void;
  /** Tells them. One that throws stops none of the others: its error is reported as any that nobody catches. */
  tell(): void;
}

/** None yet. */
export function listeners(): Listeners {
  interface One {
    readonly changed: () => void;
    readonly read: (() => unknown) | undefined;
    seen: unknown;
  }
  const all = new Set<One>();
  return {
    add(changed, read) {
      const one: One = { changed, read, seen: read?.() };
      all.add(one);
      return () => {
        all.delete(one);
      };
    },
    tell() {
      for (const one of [...all]) {
        if (!all.has(one)) continue; // Another one ended it.
        if (one.read) {
          const now = one.read();
          if (Object.is(now, one.seen)) continue;
          one.seen = now;
        }
        try {
          one.changed();
        } catch (error) {
          void Promise.reject(error);
        }
      }
    },
  };
}

/** What stands at a JSON pointer of a state; `undefined` for nothing. */
export function at(state: unknown, pointer: string): unknown {
  let value = state;
  for (const token of pointer.split("/").slice(1)) {
    if (typeof value !== "object" || value === null) return undefined;
    const name = token.replaceAll("~1", "/").replaceAll("~0", "~");
    value = Object.hasOwn(value, name)
      ? (value as Readonly<Record<string, unknown>>)[name]
      : undefined;
  }
  return value;
}
