/** The folder of models that was chosen on an earlier visit: a handle that the browser lets a page keep. */

const DATABASE = "tintype-folder";
const STORE = "folder";
const KEY = "models";

/** What browsers that show folders can do with their handles; TypeScript's own types do not have it yet. */
type Asking = FileSystemDirectoryHandle & {
  queryPermission?(descriptor: { mode: "read" }): Promise<PermissionState>;
  requestPermission?(descriptor: { mode: "read" }): Promise<PermissionState>;
};

/** Lets the person choose a folder; null where that is given up. */
export async function chooseFolder(): Promise<FileSystemDirectoryHandle | null> {
  const { showDirectoryPicker } = window as unknown as { showDirectoryPicker(options: object): Promise<FileSystemDirectoryHandle> };
  try {
    return await showDirectoryPicker({ id: KEY, mode: "read" });
  } catch (error) {
    if ((error as DOMException).name === "AbortError") return null;
    throw error;
  }
}

/** Whether this browser shows folders to pages. */
export const showsFolders = (): boolean => "showDirectoryPicker" in window;

/** Whether a folder may be read; `ask` if not yet, which only a press of a button may do. */
export async function mayRead(folder: Asking, ask: boolean): Promise<boolean> {
  const mode = { mode: "read" } as const;
  if ((await folder.queryPermission?.(mode)) === "granted") return true;
  return ask && (await folder.requestPermission?.(mode)) === "granted";
}

/** Remembers a folder for the next visit; null forgets it. */
export async function remember(folder: FileSystemDirectoryHandle | null): Promise<void> {
  await use("readwrite", (store) => (folder === null ? store.delete(KEY) : store.put(folder, KEY)));
}

/** The remembered folder. A browser that keeps nothing has none. */
export async function remembered(): Promise<FileSystemDirectoryHandle | null> {
  return (await use("readonly", (store) => store.get(KEY)).catch(() => undefined)) as FileSystemDirectoryHandle | undefined ?? null;
}

async function use(mode: IDBTransactionMode, what: (store: IDBObjectStore) => IDBRequest): Promise<unknown> {
  const opening = indexedDB.open(DATABASE, 1);
  opening.onupgradeneeded = () => opening.result.createObjectStore(STORE);
  const database = await done(opening);
  try {
    return await done(what(database.transaction(STORE, mode).objectStore(STORE)));
  } finally {
    database.close();
  }
}

function done<T>(request: IDBRequest<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}
