/** The person's own models in an engine: files, and what lies on servers; added, kept, exported, removed. */

import type { Client } from "./client";
import type { Asking } from "./download";
import { abortError, TintypeError } from "./errors";
import { bytesOf, modelName, type AddModelOptions, type FolderModels, type Library, type ModelFile } from "./library";
import type { Identity, Remote, RemoteFolder } from "./protocol";
import type { EngineEvents, ObjectInfo } from "./types";

/** What they need of the engine. */
interface Surroundings {
  library: Library;
  /** The hub's address, without a slash at its end; huggingface.co if there is none. */
  hub: string | undefined;
  client(): Promise<Client>;
  onInfo(info: ObjectInfo): void;
  onProgress(progress: EngineEvents["model_progress"]): void;
}

/** What is said of a model besides where it is. */
type Facts = Pick<ModelFile, "kind" | "loader" | "family" | "side">;

/** The models that an engine has besides the bundled ones, and what servers know the person by. */
export class OwnModels {
  #engine: Surroundings;
  #models = new Map<string, ModelFile>();
  /** Bearer tokens by origin. */
  #tokens = new Map<string, string>();

  constructor(engine: Surroundings) {
    this.#engine = engine;
  }

  list(): ModelFile[] {
    return [...this.#models.values()];
  }

  /** Tells a new worker of all models, those that were kept by earlier visits among them. */
  async tellTo(client: Client): Promise<void> {
    const { library } = this.#engine;
    for (const [origin, token] of Object.entries(await library.tokens())) {
      if (!this.#tokens.has(origin)) this.#tokens.set(origin, token);
    }
    for (const model of await library.list()) {
      if (!this.#models.has(model.path)) this.#models.set(model.path, model);
    }
    for (const model of this.#models.values()) await this.#put(client, model);
  }

  async add(file: Blob | URL | string, options: AddModelOptions): Promise<ModelFile> {
    return await (file instanceof Blob ? this.#addFile(file, options) : this.#addFrom(String(file), options));
  }

  /** Adds what a folder of the person's disk has. */
  async addFolder(folder: FileSystemDirectoryHandle, { signal }: { signal?: AbortSignal }): Promise<FolderModels> {
    const { modelsIn } = await import("./model_folder");
    const all: FolderModels = { added: [], passed: [] };
    for await (const { path, handle, folder: place, inside } of modelsIn(folder)) {
      if (signal?.aborted) throw abortError();
      try {
        if (handle === undefined) {
          throw new TintypeError(`\`${path}\` is a model in diffusers’ layout, of many files`, "unsupported_model", {
            hint: "Use the same model in one file, or its name at huggingface.co.",
          });
        }
        all.added.push(await this.#addFile(await handle.getFile(), { name: handle.name, ...(place && { folder: place }) }, inside));
      } catch (error) {
        if (!(error instanceof TintypeError)) throw error;
        all.passed.push({ path, error });
      }
    }
    return all;
  }

  async remove(path: string): Promise<void> {
    const client = await this.#engine.client();
    const from = this.#models.get(path)?.from;
    const paths = isFolder(from) ? Object.keys(from.files).map((name) => `${path}/${name}`) : [path];
    await this.#engine.library.remove(path);
    this.#models.delete(path);
    this.#engine.onInfo(await client.call("removeModel", paths));
  }

  async export(path: string, to?: FileSystemFileHandle | WritableStream<Uint8Array>): Promise<Blob> {
    const file = await this.#fileAt(path);
    if (to !== undefined) await file.stream().pipeTo("createWritable" in to ? await to.createWritable() : to);
    return file;
  }

  async setToken(server: URL | string, token: string | null, { keep = false }: { keep?: boolean }): Promise<void> {
    const { origin, protocol, hostname } = new URL(server);
    if (token !== null && protocol !== "https:" && !/^(localhost|127\.0\.0\.1|\[::1\])$/.test(hostname)) {
      throw new TintypeError(`no token is sent to ${origin}: anybody on the way could read it`, "not_allowed", {
        hint: "Use the server's https address.",
      });
    }
    const client = await this.#engine.client();
    if (token === null) this.#tokens.delete(origin);
    else this.#tokens.set(origin, token);
    if (keep || token === null) await this.#engine.library.keepToken(origin, token);
    for (const model of this.#models.values()) if (!(model.from instanceof Blob)) await this.#put(client, model);
  }

  /** `inside`: the folders of its name. */
  async #addFile(file: Blob, options: AddModelOptions, inside = ""): Promise<ModelFile> {
    const name = options.name ?? (file instanceof File ? file.name : "");
    const plain = modelName(name);
    const client = await this.#engine.client();
    const identity = await client.call("identify", name, file);
    const path = `${options.folder ?? identity.folder}/${inside}${plain}`;
    const model: ModelFile = { path, ...factsOf(identity), bytes: file.size, kept: false, from: file };
    await this.#put(client, model);
    if (options.keep !== true) return model;
    const onProgress = (loaded: number) => this.#engine.onProgress({ file: path, loaded, total: file.size, phase: "keep" });
    const copy = await this.#engine.library.keep(model, file, onProgress, options.signal);
    return await this.#put(client, { ...model, from: copy, kept: true });
  }

  /** A model on a server: a file by its address, or what a repository of the hub is. */
  async #addFrom(address: string, options: AddModelOptions): Promise<ModelFile> {
    // A page that only draws does not download what looks models up.
    const [{ choose, filesOf, HUB, repositoryOf }, { addressOf, lookUp, remoteOf }] = await Promise.all([import("./hub"), import("./download")]);
    const { hub = HUB, client } = this.#engine;
    const repository = repositoryOf(address, hub);
    const url = repository === null ? addressOf(address, hub) : new URL(hub);
    const own = decodeURIComponent(url.pathname.split("/").at(-1) ?? "");
    // A name that is none is refused before anything is asked.
    if (repository === null) modelName(options.name ?? own);
    if (options.token === undefined) await client();
    else await this.setToken(url, options.token, { keep: options.keepToken === true });
    const asking: Asking = { token: this.#tokens.get(url.origin), sha256: options.sha256, signal: options.signal };
    if (repository === null) return await this.#addRemote(own, await lookUp(url, asking, hub), options);
    const meant = choose(repository, await filesOf({ repository }, hub, asking));
    if ("file" in meant) return await this.#addRemote(meant.name, await remoteOf(meant.file, asking, hub), options);
    const files: Record<string, Remote> = {};
    for (const [path, file] of Object.entries(meant.files)) files[path] = await remoteOf(file, { ...asking, sha256: undefined }, hub);
    return await this.#addRemoteFolder(options.name ?? meant.name, { files });
  }

  async #addRemote(name: string, remote: Remote, options: AddModelOptions): Promise<ModelFile> {
    const plain = modelName(options.name ?? name);
    const client = await this.#engine.client();
    const identity = await client.call("identifyRemote", plain, this.#withToken(remote));
    return await this.#remember(client, `${options.folder ?? identity.folder}/${plain}`, factsOf(identity), remote);
  }

  async #addRemoteFolder(name: string, folder: RemoteFolder): Promise<ModelFile> {
    const client = await this.#engine.client();
    const unet = Object.entries(folder.files).find(([path]) => path.startsWith("unet/") && !path.endsWith(".json"));
    // The denoising network says what the whole is; shapes alone do not tell every one that a config tells.
    const identity = unet && (await client.call("identifyRemote", unet[0], this.#withToken(unet[1])).catch((error: unknown) => {
      if (error instanceof TintypeError && error.code === "unsupported_config") return undefined;
      throw error;
    }));
    const facts = { ...(identity && factsOf(identity)), kind: "a checkpoint in diffusers’ layout", loader: "CheckpointLoaderSimple" };
    return await this.#remember(client, `checkpoints/${name}`, facts, folder);
  }

  async #remember(client: Client, path: string, facts: Facts, from: Remote | RemoteFolder): Promise<ModelFile> {
    const model: ModelFile = { path, ...facts, bytes: bytesOf(from), kept: false, from };
    model.kept = await this.#engine.library.remember(model, from);
    return await this.#put(client, model);
  }

  async #put(client: Client, model: ModelFile): Promise<ModelFile> {
    const { path, from } = model;
    const files = isFolder(from) ? Object.entries(from.files).map(([name, file]) => [name, this.#withToken(file)]) : [];
    const known = from instanceof Blob ? from : isFolder(from) ? { files: Object.fromEntries(files) } : this.#withToken(from);
    this.#engine.onInfo(await client.call("addModel", path, known));
    this.#models.set(path, model);
    return model;
  }

  /** What the worker needs to fetch a file. Tokens go there and nowhere else: they are no part of what is remembered. */
  #withToken(remote: Remote): Remote {
    const token = this.#tokens.get(new URL(remote.url).origin);
    return token === undefined ? remote : { ...remote, token };
  }

  async #fileAt(path: string): Promise<Blob> {
    const model = this.list().find((one) => one.path === path || path.startsWith(`${one.path}/`));
    const missing = (why: string, hint: string) => new TintypeError(`\`${path}\` cannot be exported: ${why}`, "file_not_found", { hint });
    if (model === undefined) throw missing("there is no such model of yours", "`engine.models` lists them.");
    const { from } = model;
    if (from instanceof Blob) return from;
    const remote = isFolder(from) ? from.files[path.slice(model.path.length + 1)] : from;
    if (remote === undefined) {
      const names = isFolder(from) ? Object.keys(from.files).map((name) => `\`${model.path}/${name}\``) : [];
      throw missing("it is a folder", `Export its files: ${names.join(", ")}.`);
    }
    const file = await this.#engine.library.fetched(path, remote);
    if (file === null) throw missing("it was not fetched yet", "Use it once: that fetches it.");
    return file;
  }
}

function isFolder(from: ModelFile["from"] | undefined): from is RemoteFolder {
  return from !== undefined && "files" in from;
}

function factsOf({ kind, loader, family, side }: Identity): Facts {
  return { kind, loader, ...(family && { family }), ...(side && { side }) };
}
