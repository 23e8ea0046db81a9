/** The work, kept in the browser: the graph in localStorage, where writing is over before a page is gone; pictures in IndexedDB. */

const KEY = "tintype.graph";
const DATABASE = "tintype-editor";
const INPUTS = "inputs";

/** A kept graph. */
export interface Kept {
  name: string;
  workflow: string;
}

/** Keeps the graph for the next visit. False if the browser has no room for it. */
export function keepWork(kept: Kept): boolean {
  const text = JSON.stringify(kept);
  let stored = false;
  // This tab's own first: two tabs do not overwrite each other's work. The other is for new tabs.
  for (const storage of storages()) {
    try {
      storage.setItem(KEY, text);
      stored = true;
    } catch {
      // Full, or forbidden.
    }
  }
  return stored;
}

/** The graph of this tab, else the last one of any. */
export function keptWork(): Kept | null {
  for (const storage of storages()) {
    try {
      const { name, workflow } = JSON.parse(storage.getItem(KEY) ?? "null") as Kept;
      if (typeof name === "string" && typeof workflow === "string") return { name, workflow };
    } catch {
      // Nothing, or nothing of ours.
    }
  }
  return null;
}

function storages(): Storage[] {
  try {
    return [sessionStorage, localStorage];
  } catch {
    return [];
  }
}

/** Keeps a file that a node names. Without room it is there until the page is closed, which is what it was before. */
export async function keepInput(name: string, file: Blob): Promise<void> {
  try {
    const database = await open();
    await done(database.transaction(INPUTS, "readwrite").objectStore(INPUTS).put(file, name));
    database.close();
  } catch {
    // As said.
  }
}

/** The files that were kept. */
export async function keptInputs(): Promise<[name: string, file: Blob][]> {
  try {
    const database = await open();
    const store = database.transaction(INPUTS).objectStore(INPUTS);
    const [names, files] = await Promise.all([done(store.getAllKeys()), done(store.getAll())]);
    database.close();
    return names.map((name, at) => [String(name), files[at] as Blob]);
  } catch {
    return [];
  }
}

function open(): Promise<IDBDatabase> {
  const request = indexedDB.open(DATABASE, 1);
  request.onupgradeneeded = () => request.result.createObjectStore(INPUTS);
  return done(request);
}

function done<T>(request: IDBRequest<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}
