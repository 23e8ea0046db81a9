/** The person's own models that are kept for the next visit, in the browser's private file system. */

import { abortError, TintypeError } from "./errors";
import type { Remote, RemoteFolder } from "./protocol";

/** A model of the person's own. */
export interface ModelFile {
  /** Folder and name, as in ComfyUI's models folder: `checkpoints/anything.safetensors`. */
  path: string;
  /** What it is, in words. */
  kind: string;
  /** The node class that loads it. */
  loader: string;
  /** The family of a denoising network. */
  family?: string;
  /** Width and height of the pictures that the family was trained on, in pixels. */
  side?: number;
  bytes: number;
  /** True if it is there on the next visit, too. */
  kept: boolean;
  /** Where its numbers are. */
  from: Blob | Remote | RemoteFolder;
}

/** How to add a model. */
export interface AddModelOptions {
  /** Its name; the file's own if left out. */
  name?: string;
  /** The models folder to put it into; the one its tensors say if left out. */
  folder?: string;
  /** Copy it into the browser's private file system, for the next visit. */
  keep?: boolean;
  /** Of a file on a server: what it has to be, as 64 hexadecimal digits. Left out, what the hub says it is. */
  sha256?: string;
  /** Of a file on a server: what the server is to know you by, as `engine.setToken` has it for this visit. */
  token?: string;
  /** Stores the token, readable, in the browser for the next visit. */
  keepToken?: boolean;
  signal?: AbortSignal;
}

/** What became of a folder's files. */
export interface FolderModels {
  /** Those that are models now. */
  added: ModelFile[];
  /** Those that look like models and are none for here, from the folder on, and why. */
  passed: { path: string; error: TintypeError }[];
}

const FOLDER = "tintype-library";
/** What the wasm engine keeps of files on servers (src/store/web/opfs.rs). */
const FETCHED = "tintype-models";
const INDEX = "index.json";
const TOKENS = "tokens.json";

/** What is remembered of a kept file. */
type Entry = Omit<ModelFile, "bytes" | "kept" | "from"> & { remote?: Remote } & Partial<RemoteFolder>;

/** Endings of files of weights that can be read. */
const READ = "safetensors|sft|ckpt|pt|pth|bin";
const READABLE = new RegExp(`^[^.].*(\\.(?:${READ}))$`, "i");
const WEIGHTS = new RegExp(`\\.(?:${READ}|gguf|onnx)$`, "i");

/** True for the name of a file of weights, whether it can be read or not: `addModel` says what to do with one that cannot. */
export function isModelName(name: string): boolean {
  return WEIGHTS.test(name);
}

/** The name of a model among the others. Refuses names that are none. */
export function modelName(name: string): string {
  // A name is one of ours on every system: no folder, nothing hidden, no characters that a file system refuses.
  const plain = name.split(/[/\\]/).at(-1)?.replace(/[<>:"|?*\p{Cc}]/gu, "_") ?? "";
  const ending = READABLE.exec(plain)?.[1];
  if (!ending) {
    throw new TintypeError(`\`${name}\` is no name of a model`, "unsupported_model", {
      hint: "Give it a name that ends in `.safetensors`, or in `.ckpt`, `.pt`, `.pth` or `.bin`; files of other kinds (.gguf, .onnx) have to be converted to one of these first.",
    });
  }
  return plain.slice(0, -ending.length) + ending.toLowerCase();
}

/** The kept models. A browser without such storage keeps none. */
export class Library {
  #enabled: boolean;

  constructor(enabled: boolean) {
    this.#enabled = enabled;
  }

  /** All of them. */
  async list(): Promise<ModelFile[]> {
    const folder = await this.#folder();
    if (folder === null) return [];
    const models: ModelFile[] = [];
    for (const entry of await this.#entries(folder)) {
      if (entry.remote !== undefined) {
        const { remote, ...facts } = entry;
        models.push({ ...facts, bytes: remote.bytes, kept: true, from: remote });
        continue;
      }
      if (entry.files !== undefined) {
        const { files, ...facts } = entry;
        models.push({ ...facts, bytes: bytesOf({ files }), kept: true, from: { files } });
        continue;
      }
      // Deleted behind our back, by the browser under pressure or by the person: then it is not there.
      const handle = await folder.getFileHandle(fileName(entry.path)).catch(() => null);
      if (handle === null) continue;
      const file = await handle.getFile();
      if (file.size > 0) models.push({ ...entry, bytes: file.size, kept: true, from: file });
    }
    return models;
  }

  /** Remembers a model on a server; without storage, does nothing. */
  async remember(model: ModelFile, from: Remote | RemoteFolder): Promise<boolean> {
    const folder = await this.#folder();
    if (folder === null) return false;
    await navigator.storage.persist?.().catch(() => false);
    await this.#add(folder, { ...entryOf(model), ...("url" in from ? { remote: from } : from) });
    return true;
  }

  /** What was fetched of a file on a server, if that is all of it. */
  async fetched(path: string, { version, bytes }: Remote): Promise<File | null> {
    const folder = await this.#folder(FETCHED);
    const handle = await folder?.getFileHandle(`${fileName(path)}.${version.slice(0, 16)}`).catch(() => null);
    const file = await handle?.getFile();
    return file?.size === bytes ? file : null;
  }

  /** The tokens that the person wants kept, by the origins they are for. */
  async tokens(): Promise<Record<string, string>> {
    const folder = await this.#folder();
    const kept = folder === null ? null : await readJson(folder, TOKENS);
    return typeof kept === "object" && kept !== null && !Array.isArray(kept) ? (kept as Record<string, string>) : {};
  }

  /** Keeps a token for the next visit, or with null forgets it. */
  async keepToken(origin: string, token: string | null): Promise<void> {
    const folder = await this.#folder();
    if (folder === null) return;
    await this.#alone(async () => {
      const { [origin]: _, ...others } = await this.tokens();
      const tokens = token === null ? others : { ...others, [origin]: token };
      if (Object.keys(tokens).length > 0) await writeJson(folder, TOKENS, tokens);
      else await folder.removeEntry(TOKENS).catch(() => {});
    });
  }

  /** Copies a model. What was written is there when it is whole, and not before. */
  async keep(model: ModelFile, file: Blob, onProgress: (loaded: number) => void, signal?: AbortSignal): Promise<Blob> {
    const folder = await this.#folder();
    if (folder === null) {
      throw new TintypeError(`\`${model.path}\` cannot be kept: this browser gives the page no storage`, "io", {
        hint: "Use it as it is: it works until the page is closed. Private windows often give no storage.",
      });
    }
    await navigator.storage.persist?.().catch(() => false);
    const { quota = Infinity, usage = 0 } = await navigator.storage.estimate();
    if (model.bytes > quota - usage) {
      throw new TintypeError(
        `\`${model.path}\` cannot be kept: it has ${model.bytes} bytes, the browser has room for ${Math.max(0, quota - usage)}`,
        "too_large",
        { hint: "Delete other kept models, or use it as it is: it works until the page is closed." },
      );
    }
    const name = fileName(model.path);
    let loaded = 0;
    try {
      const handle = await folder.getFileHandle(name, { create: true });
      const counted = new TransformStream<Uint8Array, Uint8Array>({
        transform(chunk, controller) {
          loaded += chunk.byteLength;
          onProgress(loaded);
          controller.enqueue(chunk);
        },
      });
      // Written beside the file, which takes its place when the stream ends: nothing half-written is ever read.
      await file.stream().pipeThrough(counted).pipeTo(await handle.createWritable(), signal ? { signal } : {});
      await this.#add(folder, entryOf(model));
      return await handle.getFile();
    } catch (error) {
      const known = (await this.#entries(folder)).some(({ path }) => path === model.path);
      if (!known) await folder.removeEntry(name).catch(() => {});
      if (signal?.aborted) throw abortError();
      throw new TintypeError(`\`${model.path}\` could not be kept after ${loaded} of ${model.bytes} bytes (${String(error)})`, "io", {
        hint: "The disk may be full: make room and add it again. Until the page is closed it works as it is.",
      });
    }
  }

  /** Deletes a kept model; without one of that path, does nothing. */
  async remove(path: string): Promise<void> {
    const folder = await this.#folder();
    if (folder === null) return;
    await this.#replace(folder, path);
    await folder.removeEntry(fileName(path)).catch(() => {});
  }

  async #folder(name = FOLDER): Promise<FileSystemDirectoryHandle | null> {
    if (!this.#enabled) return null;
    try {
      const root = await navigator.storage.getDirectory();
      return await root.getDirectoryHandle(name, { create: true });
    } catch {
      return null;
    }
  }

  async #entries(folder: FileSystemDirectoryHandle): Promise<Entry[]> {
    // The first model of all, or an index that cannot be read: the files in it can be added again.
    const entries = await readJson(folder, INDEX);
    return Array.isArray(entries) ? (entries as Entry[]).filter(({ path }) => typeof path === "string") : [];
  }

  async #add(folder: FileSystemDirectoryHandle, entry: Entry): Promise<void> {
    await this.#replace(folder, entry.path, entry);
  }

  async #replace(folder: FileSystemDirectoryHandle, path: string, ...by: Entry[]): Promise<void> {
    await this.#alone(async () => {
      const others = (await this.#entries(folder)).filter((entry) => entry.path !== path);
      await writeJson(folder, INDEX, [...others, ...by]);
    });
  }

  /** What reads a file and writes it again, while no other tab does. */
  async #alone(work: () => Promise<void>): Promise<void> {
    await (navigator.locks?.request(FOLDER, work) ?? work());
  }
}

/** The bytes of all files of a model on a server. */
export function bytesOf(from: Remote | RemoteFolder): number {
  return "url" in from ? from.bytes : Object.values(from.files).reduce((sum, { bytes }) => sum + bytes, 0);
}

async function readJson(folder: FileSystemDirectoryHandle, name: string): Promise<unknown> {
  try {
    return JSON.parse(await (await (await folder.getFileHandle(name)).getFile()).text());
  } catch {
    return null;
  }
}

async function writeJson(folder: FileSystemDirectoryHandle, name: string, content: unknown): Promise<void> {
  const file = await (await folder.getFileHandle(name, { create: true })).createWritable();
  await file.write(JSON.stringify(content));
  await file.close();
}

function entryOf({ bytes: _, kept: __, from: ___, ...entry }: ModelFile): Entry {
  return entry;
}

function fileName(path: string): string {
  return path.replaceAll("/", "~");
}
