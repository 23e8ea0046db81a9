/**
 * The gallery on this machine, in the browser's database: a picture and what is known of it are written in one
 * transaction, so that a crash leaves both or neither. Files are the PNGs as they were made, metadata inside.
 */

import type { Facts } from "./facts";

const NAME = "tintype-gallery";
const VERSION = 1;

/** The pictures, and the pictures that graphs start from. */
export class PictureStore {
  readonly #db: IDBDatabase;

  private constructor(db: IDBDatabase) {
    this.#db = db;
    // Another tab has a newer page, which waits for this one to let go.
    db.onversionchange = () => db.close();
  }

  /** Opens it, or makes it. Rejects where the browser gives no database. */
  static async open(): Promise<PictureStore> {
    const request = indexedDB.open(NAME, VERSION);
    request.onupgradeneeded = () => {
      request.result.createObjectStore("facts", { keyPath: "id" });
      request.result.createObjectStore("files");
      request.result.createObjectStore("inputs");
    };
    return new PictureStore(await answer(request));
  }

  /** Writes a picture. Resolves when it is on the disk. */
  async add(facts: Facts, file: Blob): Promise<void> {
    const { stores, written } = this.#write("facts", "files");
    stores[0].put(facts);
    // A plain Blob: what else the engine hangs on its files is not the gallery's.
    stores[1]?.put(new Blob([file], { type: file.type }), facts.id);
    await written;
  }

  /** What is known of every picture. */
  async all(): Promise<Facts[]> {
    return (await answer(this.#db.transaction("facts").objectStore("facts").getAll())) as Facts[];
  }

  /** A picture's file. */
  async file(id: string): Promise<Blob | null> {
    return ((await answer(this.#db.transaction("files").objectStore("files").get(id))) as Blob | undefined) ?? null;
  }

  /** Writes what is known of a picture anew. */
  async change(facts: Facts): Promise<void> {
    const { stores, written } = this.#write("facts");
    stores[0].put(facts);
    await written;
  }

  /** Deletes pictures for good. */
  async remove(ids: readonly string[]): Promise<void> {
    const { stores, written } = this.#write("facts", "files");
    for (const id of ids) for (const store of stores) store.delete(id);
    await written;
  }

  /** Keeps a picture that graphs start from. */
  async putInput(name: string, file: Blob): Promise<void> {
    const { stores, written } = this.#write("inputs");
    stores[0].put(new Blob([file], { type: file.type }), name);
    await written;
  }

  /** A picture that graphs start from. */
  async input(name: string): Promise<Blob | null> {
    return ((await answer(this.#db.transaction("inputs").objectStore("inputs").get(name))) as Blob | undefined) ?? null;
  }

  #write(first: string, ...more: string[]) {
    const transaction = this.#db.transaction([first, ...more], "readwrite", { durability: "strict" });
    const written = new Promise<void>((resolve, reject) => {
      transaction.oncomplete = () => resolve();
      transaction.onabort = () => reject(transaction.error ?? new Error("the browser gave up writing"));
    });
    // Waited for by the caller; a failure before that must not count as unhandled.
    written.catch(() => {});
    const stores: [IDBObjectStore, ...IDBObjectStore[]] = [transaction.objectStore(first), ...more.map((name) => transaction.objectStore(name))];
    return { stores, written };
  }
}

function answer<T>(request: IDBRequest<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error ?? new Error("the browser's database gave no reason"));
  });
}
