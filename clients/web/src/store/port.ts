/**
 * The local store: what a replica keeps on the device. A port: IndexedDB in a page, memory in tests.
 *
 * @module
 */

/**
 * The tables of one replica.
 *
 * - `meta`: small things by name: the writer, `space.json`, how far was read
 * - `queue`: one row per update that is not acknowledged, in the order in which they are sent
 * - `own`: own acknowledged updates, kept until no older store can lack them
 * - `layers`: the newest snapshot and the segments after it, one buffer each
 * - `tail`: update objects that no segment covers, by key
 * - `kept`: what a person has to decide on: refused updates, updates of others that the store lost
 */
export type Table = "meta" | "queue" | "own" | "layers" | "tail" | "kept";

/** The name of a row in its table. Numbers sort before texts; texts by code units. */
export type RowKey = string | number;

/** Values are copied on the way in and out (structured clone); nothing shares memory with a row. */
export interface Row {
  /** Its name. */
  readonly key: RowKey;
  /** What was put. Whoever reads it checks its form: another version of the program may have written it. */
  readonly value: unknown;
}

/** A transaction: all of it happens, or nothing. Nothing but its own requests may be awaited in it, else it ends. */
export interface Tx {
  /** The value of a row; `undefined` where there is none. */
  get(table: Table, key: RowKey): Promise<unknown>;
  /** Rows in the order of their keys, `from` and `to` included. */
  rows(table: Table, from?: RowKey, to?: RowKey): Promise<Row[]>;
  /** Puts a row in the place of whatever was there. Not awaited: that it fails fails the transaction. */
  put(table: Table, key: RowKey, value: unknown): void;
  /** Removes a row, if there is one. */
  delete(table: Table, key: RowKey): void;
  /** Removes all rows of a table. */
  clear(table: Table): void;
}

/** How sure a write is when its promise resolves: `strict` survives power loss where the platform can do it. */
export type Durability = "strict" | "relaxed";

/** An open local store of one replica. Several tabs may have it open at once. */
export interface Store {
  /** A transaction that reads. It may run twice, and throws, as `write` does. */
  read<T>(tables: readonly Table[], body: (tx: Tx) => Promise<T>): Promise<T>;
  /**
   * A transaction that writes. Two that share a table run one after the other, across all tabs. Resolves when it is committed.
   *
   * `body` may run twice: where the browser closed the connection, the whole transaction is tried once more. It decides by what
   * it reads in the transaction, and what it does outside is replaced by the second run. Where `queue` is among the tables, a
   * transaction that turns out to be committed already is not repeated; all others may be done twice.
   *
   * What `body` throws fails the transaction, and is thrown as it is; nothing was stored then.
   *
   * @throws IcecoreError `unavailable` with code `quota` (nothing of it was stored), `storage-closed` (the connection was lost, and opening
   * again failed; whether it was stored is not known), or `storage-failed` (nothing was stored); `corrupt` with `evicted` (the store was
   * deleted in the meantime) or `storage-damaged`; `invalid` with `storage-newer` (a newer version took the store over); `internal` with
   * `storage-misused` (a table that was not named, a value that cannot be copied, or something foreign was awaited).
   */
  write<T>(
    tables: readonly Table[],
    durability: Durability,
    body: (tx: Tx) => Promise<T>,
  ): Promise<T>;
  /** Closes it. Under way transactions end first. */
  close(): void;
}

/** What may happen to an open store while nobody asks it anything. */
export interface StoreEvents {
  /** A newer version of the program waits to open it: this connection was closed so that it can. */
  readonly superseded: () => void;
  /** It was deleted, or the browser closed it for good: what it held is gone. Whatever is asked then rejects with code `evicted`. */
  readonly gone: () => void;
}

/** Opens stores, and removes them. */
export interface Stores {
  /** Whether what it holds outlives the page. */
  readonly isDurable: boolean;
  /**
   * Opens the store of this name, which is made if there is none.
   *
   * @throws IcecoreError `invalid` with code `storage-newer` (a newer version of the program made it: it is left as it is), `unavailable` with
   * `storage-blocked` (another tab holds an older version and does not let go), `storage-unavailable` (the browser offers none: a private
   * window, or it is switched off), or `corrupt` with `storage-damaged` (its tables are missing).
   */
  open(name: string, events: StoreEvents): Promise<Store>;
  /**
   * Removes the store of this name with all it holds. Whoever has it open is told by `gone`; a caller that has it open closes it first.
   *
   * @throws IcecoreError as `open` does.
   */
  remove(name: string): Promise<void>;
}
