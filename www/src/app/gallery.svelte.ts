/** The pictures that are kept: found, marked, deleted and brought back, packed. Shared by all tabs of the page. */

import { TintypeError } from "../engine/index";
import { find, fileName, modelsOf, type Facts, type Wanted } from "./gallery/facts";
import { PictureStore } from "./gallery/store";
import type { Picture } from "./runs.svelte";
import type { Studio } from "./studio.svelte";
import { zip } from "./zip";

const FULL = "Make room: delete pictures here or models you do not need, then draw again. What is on the page can still be downloaded.";

/** The gallery. Where the browser keeps nothing it stays empty and says why. */
export class Gallery {
  all: readonly Facts[] = $state.raw([]);
  wanted: Wanted = $state({ words: "", favourites: false, model: null });
  /** Deleted just now, and can be brought back. */
  deleted: readonly Facts[] = $state.raw([]);
  /** Why nothing is kept. */
  closed: string | null = $state(null);
  /** Pictures are being packed. */
  packing = $state(false);

  readonly #studio: Studio;
  readonly #tabs = typeof BroadcastChannel === "undefined" ? null : new BroadcastChannel("tintype-gallery");
  #store: Promise<PictureStore> | null = null;

  constructor(studio: Studio) {
    this.#studio = studio;
  }

  /** The pictures that are wanted, the newest first. */
  get shown(): Facts[] {
    return find(this.all, this.wanted);
  }

  /** The checkpoints there are pictures of. */
  get models(): string[] {
    return modelsOf(this.all);
  }

  /** Opens it. What was deleted on an earlier visit goes now. */
  async start(): Promise<void> {
    if (this.#tabs !== null) this.#tabs.onmessage = () => void this.#read();
    try {
      const store = await this.#open();
      const gone = (await store.all()).filter(({ deleted }) => deleted !== null && deleted < Date.now() - 60_000);
      if (gone.length > 0) await store.remove(gone.map(({ id }) => id));
      await this.#read();
    } catch (error) {
      this.closed = `This browser keeps nothing for the page (${messageOf(error)}), so pictures are gone when it is closed. Download what you want to keep.`;
    }
  }

  /** Keeps a finished picture. Where that fails, says so; the picture stays on the page. */
  async keep(picture: Picture): Promise<void> {
    if (this.closed !== null) return;
    const { file, title, settings, index, note, seconds, device } = picture;
    const id = `${Date.now().toString(36)}-${[...crypto.getRandomValues(new Uint8Array(6))].map((byte) => byte.toString(36)).join("")}`;
    const facts: Facts = {
      id, made: Date.now(), name: file.name, title, settings, index, note, seconds, device, bytes: file.size, favourite: false, deleted: null,
    };
    await this.#try("The picture could not be kept", async (store) => {
      await store.add(facts, file);
      this.all = [...this.all, facts];
    });
  }

  /** Keeps a picture that a graph starts from, so that the graph can be run again on a later visit. */
  keepInput = async (name: string, file: Blob): Promise<void> => {
    // It only makes the graph easier to run again: without it that asks for the file.
    await this.#open().then((store) => store.putInput(name, file)).catch(() => {});
  };

  /** A picture that a graph starts from; null if it was never here. */
  async input(name: string): Promise<Blob | null> {
    return await this.#open().then((store) => store.input(name)).catch(() => null);
  }

  /** A picture's file, under a name to save it by. */
  async file(facts: Facts): Promise<File | null> {
    const blob = await this.#open().then((store) => store.file(facts.id)).catch(() => null);
    return blob === null ? null : new File([blob], fileName(facts), { type: blob.type, lastModified: facts.made });
  }

  /** Marks a picture as a favourite, or no longer. */
  async favour(facts: Facts): Promise<void> {
    await this.#change([{ ...facts, favourite: !facts.favourite }]);
    this.#studio.announcement = facts.favourite ? "No longer a favourite." : "A favourite now.";
  }

  /** Deletes pictures; until the next ones go, or the page is left, they can be brought back. */
  async delete(list: readonly Facts[]): Promise<void> {
    await this.forget();
    const now = Date.now();
    this.deleted = list.map((facts) => ({ ...facts, deleted: now }));
    await this.#change(this.deleted);
    this.#studio.announcement = `${list.length === 1 ? "The picture was" : `${list.length} pictures were`} deleted. It can be undone.`;
  }

  /** Brings back what was deleted last. */
  async undo(): Promise<void> {
    await this.#change(this.deleted.map((facts) => ({ ...facts, deleted: null })));
    this.deleted = [];
    this.#studio.announcement = "Brought back.";
  }

  /** What was deleted last goes for good. */
  async forget(): Promise<void> {
    const ids = this.deleted.map(({ id }) => id);
    this.deleted = [];
    if (ids.length === 0) return;
    await this.#try("The pictures could not be deleted", async (store) => {
      await store.remove(ids);
      this.all = this.all.filter(({ id }) => !ids.includes(id));
    });
  }

  /** The pictures that are shown, as one archive. */
  async pack(): Promise<Blob | null> {
    this.packing = true;
    const list = this.shown;
    const files = async function* (gallery: Gallery) {
      for (const facts of list) {
        const file = await gallery.file(facts);
        if (file !== null) yield { name: file.name, file, made: facts.made };
      }
    };
    try {
      return await zip(files(this));
    } catch (error) {
      this.#studio.fail(new TintypeError(`the pictures could not be packed: ${messageOf(error)}`, "io", { hint: "Search for fewer pictures and download them in parts." }));
      return null;
    } finally {
      this.packing = false;
    }
  }

  async #change(list: readonly Facts[]): Promise<void> {
    await this.#try("The change could not be kept", async (store) => {
      for (const facts of list) await store.change($state.snapshot(facts) as Facts);
      const changed = new Map(list.map((facts) => [facts.id, facts]));
      this.all = this.all.map((facts) => changed.get(facts.id) ?? facts);
    });
  }

  async #try(what: string, act: (store: PictureStore) => Promise<void>): Promise<void> {
    try {
      await act(await this.#open());
      this.#tabs?.postMessage("changed");
    } catch (error) {
      const full = (error as { name?: unknown } | null)?.name === "QuotaExceededError";
      this.#studio.fail(
        new TintypeError(`${what}: ${full ? "this browser's storage for the page is full" : messageOf(error)}`, "io", {
          hint: full ? FULL : "Download what you want to keep, and load the page again.",
        }),
      );
    }
  }

  async #read(): Promise<void> {
    this.all = await (await this.#open()).all();
  }

  #open(): Promise<PictureStore> {
    this.#store ??= PictureStore.open();
    // A database that another tab made us close is opened anew.
    this.#store.catch(() => (this.#store = null));
    return this.#store;
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
