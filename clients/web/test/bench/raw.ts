/** IndexedDB with nothing around it: the floor. */

/** A database with one table. */
export interface Raw {
  /** Puts one row; resolves when it is durable, by its own promise. */
  put(key: string, value: unknown): Promise<void>;
  /** Puts many rows at once. */
  putAll(rows: Readonly<Record<string, unknown>>): Promise<void>;
  /** Reads one row. */
  get(key: string): Promise<unknown>;
  /** Reads all of them. */
  all(): Promise<readonly unknown[]>;
  close(): void;
}

/** Opens it. */
export async function openRaw(name: string): Promise<Raw> {
  const opening = indexedDB.open(name, 1);
  opening.onupgradeneeded = () => opening.result.createObjectStore("rows");
  const db = await resultOf(opening);
  const write = (durability: IDBTransactionDurability, fill: (to: IDBObjectStore) => void) =>
    new Promise<void>((resolve, reject) => {
      const transaction = db.transaction("rows", "readwrite", { durability });
      transaction.oncomplete = () => resolve();
      transaction.onabort = () => reject(transaction.error);
      fill(transaction.objectStore("rows"));
      transaction.commit();
    });
  const read = (): IDBObjectStore => db.transaction("rows").objectStore("rows");
  return {
    put: (key, value) => write("strict", (to) => to.put(value, key)),
    putAll: (all) =>
      write("strict", (to) => {
        for (const [key, value] of Object.entries(all)) to.put(value, key);
      }),
    get: (key) => resultOf(read().get(key) as IDBRequest<unknown>),
    all: () => resultOf<unknown[]>(read().getAll()),
    close: () => db.close(),
  };
}

function resultOf<T>(request: IDBRequest<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}
