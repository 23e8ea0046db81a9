/** The engine as a page sees it: `open`, graphs, runs, events. Everything slow happens in a worker. */

import { pageHost } from "./builds";
import { Client } from "./client";
import { abortError, TintypeError, type NodeErrors } from "./errors";
import { DEFAULTS, settingsOf, type GenerateOptions, type GenerateResult, type Settings } from "./generate";
import { apiText, Graph, nodeId, readApi, type ApiGraph } from "./graph";
import { History, RunRecord } from "./history";
import type { Host } from "./host";
import { parse, stringify } from "./json";
import { Library, type AddModelOptions, type FolderModels, type ModelFile } from "./library";
import type { Handle, Output } from "./nodes";
import { Images } from "./openai";
import { Outbox, type SendOptions, type SendOrder } from "./outbox";
import { OwnModels } from "./own_models";
import { folderUrl } from "./page_host";
import type { NodeMethod, OpenOptions, RunReport } from "./protocol";
import {
  baseOf,
  expandGraph,
  isDynamic,
  midjourneyPrompt,
  seedOf,
  unknownNotice,
  type ExpandedPrompt,
  type MidjourneyBase,
  type MidjourneyPrompt,
  type Wildcards,
} from "./prompts";
import { Queue } from "./queue";
import { fillGraph, type Source } from "./recipe";
import type {
  App,
  Desktop,
  DeviceInfo,
  DeviceWish,
  EngineEvent,
  EngineEvents,
  FileRef,
  NodeDefinition,
  NodeSchema,
  NodeValue,
  ObjectInfo,
  Plan,
  PromptLength,
  Precision,
  Previews,
  QueuedRun,
  ResultFile,
  RunQueue,
  RunResult,
  WeightFormat,
} from "./types";

/** How to open an engine. */
export interface EngineOptions {
  /** `auto` takes WebGPU where a real graphics card offers it, else the CPU, and says why. */
  device?: DeviceWish;
  /** The folder with the models; `models/` beside the page if left out. */
  modelsUrl?: string | URL;
  /**
   * A folder with the package's `worker.js` and `engines/`, for pages whose bundler does not bring them along, or that
   * take them from elsewhere. Left out, they are where the script is.
   */
  assetsUrl?: string | URL;
  /** Where model files are kept for the next visit: the browser's private file system, or nowhere. */
  storage?: "auto" | "opfs" | "none";
  /**
   * The program on a desktop whose random numbers are drawn, so that a seed gives its picture: ComfyUI's on a CPU or,
   * if samplers that add noise are to match an NVIDIA card's, `comfyui-cuda`; or AUTOMATIC1111's on such a card.
   */
  noise?: Desktop;
  /**
   * How a run is shown while it goes on: `auto` and `taesd` through a tiny autoencoder where `vae_approx` of the models
   * folder has the one for the model's latents, else by a guess of their colours, which `latent2rgb` always takes.
   */
  previews?: Previews;
  /**
   * How the denoising network's weights are kept: `8bit` on the CPU takes a quarter of the memory, for pictures that
   * differ a little; the WebGPU engine keeps them as it does.
   */
  weights?: WeightFormat;
  /**
   * In what numbers denoisers and decoders compute: `auto` in f32 with maps kept as halves where the GPU knows them, for half
   * of their memory; `full` with maps in f32 everywhere. A model whose numbers are too large for halves gets f32 by itself.
   * On the CPU `auto` multiplies and adds at once where the browser can, and `full` does not: its pictures are the same bits on
   * every machine.
   */
  precision?: Precision;
  /** The hub that names such as `owner/repository` are of; huggingface.co if left out. */
  hubUrl?: string | URL;
  /** Where SendImage nodes may send pictures; nowhere if left out. */
  send?: SendOptions;
  /** Hears every event from the first on, also those while the engine opens. */
  onEvent?: (event: EngineEvent) => void;
}

/** The options of one run. */
export interface RunRequest {
  /** Only these nodes, and what they need; all output nodes if left out. */
  outputs?: (string | Handle | Output)[];
  signal?: AbortSignal;
  onEvent?: (event: EngineEvent) => void;
  /** Before all runs that wait. */
  front?: boolean;
  /** A name for the run, by which the queue and the history know it; one is made if left out. */
  promptId?: string;
  /** The editor's graph to store in pictures; left out, the engine lays one out. */
  workflow?: string | object;
  /**
   * Draws the prompts of API JSON first, as ComfyUI's front end does: comments go, `{a|b}` becomes one of its choices,
   * `__name__` a line of that wildcard. Drawn with the graph's seed. False if left out: the graph runs as it is.
   */
  dynamicPrompts?: boolean;
  wildcards?: Wildcards;
}

interface ActiveRun {
  promptId: string;
  onEvent: ((event: EngineEvent) => void) | undefined;
  abort: AbortController;
  /** Pictures on their way out. */
  sending: Promise<void>[];
  record: RunRecord;
}

// Files of earlier runs that are kept for outputs that come from the cache without being sent again.
const KEPT_FILES = 64;

/** A file that holds a graph, read. */
export interface Opened {
  /** What runs. */
  prompt: ApiGraph;
  /** The editor's graph it came from, if it came from one. */
  workflow: object | null;
  /** What did not come through, or was decided for the person. */
  notices: string[];
  /** What a simple view of it shows. */
  app: App | null;
}

/** Starts an engine in a worker. Rejects if none can be had. */
export async function open(options: EngineOptions = {}): Promise<Engine> {
  const engine = new Engine(options);
  await engine.ready();
  return engine;
}

/** An open engine. Use `open`; the constructor starts nothing. */
export class Engine {
  /** OpenAI's `images`, answered by this page. */
  readonly images = new Images((options) => this.generate({ dynamicPrompts: false, ...options }));
  /** The runs that are over. */
  readonly history = new History();

  #options: OpenOptions;
  #host: Host;
  #client: Promise<Client> | null = null;
  #starting = new Set<Client>();
  #info: ObjectInfo = {};
  #device: DeviceInfo | null = null;
  #nodes = new Map<string, NodeDefinition>();
  #inputs = new Map<string, Uint8Array>();
  #own: OwnModels;
  #files = new Map<string, ResultFile>();
  #listeners = new Map<string, Set<(data: never) => void>>();
  #outbox: Outbox;
  #onEvent: ((event: EngineEvent) => void) | undefined;
  #queue = new Queue<QueuedRun>(() => this.#tellQueue());
  #runs = 0;
  #active: ActiveRun | null = null;
  #closed: Error | null = null;

  constructor(options: EngineOptions, host: Host = pageHost(options.assetsUrl)) {
    this.#host = host;
    this.#options = {
      device: options.device ?? "auto",
      modelsUrl: folderUrl(options.modelsUrl ?? host.modelsUrl, host.baseUrl),
      builds: host.builds,
      storage: options.storage ?? "auto",
      noise: options.noise ?? "comfyui",
      previews: options.previews ?? "auto",
      weights: options.weights ?? "default",
      precision: options.precision ?? "auto",
    };
    this.#own = new OwnModels({
      library: new Library(this.#options.storage !== "none"),
      hub: options.hubUrl && folderUrl(options.hubUrl, host.baseUrl).slice(0, -1),
      client: () => this.ready(),
      onInfo: (info) => (this.#info = info),
      onProgress: (data) => this.#emit({ type: "model_progress", data }),
    });
    this.#outbox = new Outbox(options.send);
    this.#onEvent = options.onEvent;
  }

  /** The device in use, and why. */
  get device(): DeviceInfo {
    if (this.#device === null) throw new TintypeError("the engine is not open yet", "closed");
    return this.#device;
  }

  /** What runs and what waits. */
  get queue(): RunQueue {
    return this.#queue;
  }

  /** Every node class, in the shape of ComfyUI's `object_info`. */
  objectInfo(): ObjectInfo {
    return this.#info;
  }

  /** A new graph whose methods are the node classes; or the graph of API JSON. */
  graph<More = unknown>(api?: string | object): Graph<More> {
    return api === undefined ? Graph.create<More>(this.#info) : Graph.from<More>(api, this.#info);
  }

  /** Runs a graph. Runs wait for each other; an abort takes effect at once in the queue, and within one step after. */
  async run(graph: Graph | ApiGraph | string | object, request: RunRequest = {}): Promise<RunResult> {
    if (request.dynamicPrompts !== true) return await this.#enqueue(graph, request, []);
    const api = readApi(graph);
    const drawn = await expandGraph(api, this.#info, seedOf(api, this.#info), (text, seed) =>
      this.expandPrompt(text, { seed, ...(request.wildcards && { wildcards: request.wildcards }) }),
    );
    return await this.#enqueue(drawn.graph, request, drawn.unknown.map(unknownNotice));
  }

  async #enqueue(graph: Graph | ApiGraph | string | object, request: RunRequest, notices: string[]): Promise<RunResult> {
    const item: QueuedRun = {
      promptId: request.promptId ?? uuid(),
      number: ++this.#runs,
      prompt: textOf(graph),
      ...(request.outputs && { outputs: request.outputs.map(nodeId) }),
    };
    if (this.#closed !== null) throw this.#closed;
    if (typeof graph !== "string" && !isWorkflow(graph)) this.#outbox.check(readApi(graph));
    const { front, signal } = request;
    return await this.#queue.add(() => this.#runNow(item, request, notices), { item, front, signal });
  }

  /** Ends the running run within one step, if it has this name or none is given. False if there is none. */
  interrupt(promptId?: string): boolean {
    if (this.#active === null || (promptId !== undefined && promptId !== this.#active.promptId)) return false;
    this.#active.abort.abort();
    return true;
  }

  /**
   * Reads a file that holds a graph: ComfyUI's API or editor JSON, a picture with one inside, AUTOMATIC1111's text, a
   * YAML pipeline.
   */
  async read(file: Blob | string): Promise<Opened> {
    const bytes = new Uint8Array(await new Blob([file]).arrayBuffer());
    const client = await this.ready();
    const { prompt, workflow, notices, app } = await client.call("read", bytes);
    return { prompt: readApi(prompt), workflow: workflow === null ? null : (parse(workflow) as object), notices, app };
  }

  /**
   * A prompt without its comments, with one of each `{a|b}` and one line of each `__wildcard__` drawn. The same seed
   * draws the same words; left out, it is 0.
   */
  async expandPrompt(
    text: string,
    { seed = 0n, wildcards = {} }: { seed?: bigint | number; wildcards?: Wildcards } = {},
  ): Promise<ExpandedPrompt> {
    if (!isDynamic(text)) return { text, unknown: [] };
    const client = await this.ready();
    return await client.call("expandPrompt", text, BigInt.asUintN(64, BigInt(seed)), wildcards);
  }

  /** Every text that `expandPrompt` might draw, the last choice changing fastest. Refused beyond `limit`, else 1000. */
  async promptCombinations(
    text: string,
    { wildcards = {}, limit = 1000 }: { wildcards?: Wildcards; limit?: number } = {},
  ): Promise<string[]> {
    const client = await this.ready();
    return await client.call("combinations", text, wildcards, limit);
  }

  /**
   * What a MidJourney prompt asks for: words, `--flags`, `::` weights. Its permutations `{a, b}` give several. Flags
   * without a counterpart are named in the notices.
   */
  async midjourney(text: string, base: MidjourneyBase = {}): Promise<MidjourneyPrompt[]> {
    const { width, height, steps } = baseOf(base);
    const client = await this.ready();
    const all = await client.call("midjourney", text, width, height, steps);
    return all.map((settings) => midjourneyPrompt(settings, text));
  }

  /** What is wrong with a graph, without running it; `{}` when it is fine. */
  async validate(graph: Graph | ApiGraph | string | object): Promise<NodeErrors> {
    const prompt = textOf(graph);
    const client = await this.ready();
    try {
      return await client.call("validate", prompt);
    } catch (error) {
      // A graph of which nothing can run is refused whole; what is wrong with it is in the refusal.
      if (error instanceof TintypeError && Object.keys(error.nodeErrors).length > 0) return error.nodeErrors;
      throw error;
    }
  }

  /** What a graph will take: what has to be fetched, where weights will be, the largest arrays, and whether they fit. */
  async plan(graph: Graph | ApiGraph | string | object): Promise<Plan> {
    const prompt = textOf(graph);
    return await (await this.ready()).call("plan", prompt);
  }

  /** How long a prompt is for a checkpoint (the bundled one, if left out): its tokens, and the parts of 75 it is read in. */
  async promptLength(text: string, checkpoint: string = DEFAULTS.model): Promise<PromptLength> {
    return await (await this.ready()).call("promptLength", checkpoint, text);
  }

  /** Pictures from a prompt. */
  async generate(options: GenerateOptions): Promise<GenerateResult> {
    const settings = settingsOf(options);
    const { drawn, notices } = await this.#draw(settings, options);
    const start = await this.#startImage(options);
    await this.ready();
    const graph = this.graph();
    fillGraph(graph, { settings: { ...settings, ...drawn }, source: start }, options.filenamePrefix);
    const onEvent = (event: EngineEvent) => {
      options.onEvent?.(event);
      if (event.type === "preview") {
        const { width, height, rgba } = event.data;
        options.onPreview?.({ width, height, data: new Uint8ClampedArray(rgba) });
      }
    };
    try {
      const result = await this.#enqueue(graph, { ...(options.signal && { signal: options.signal }), onEvent }, notices);
      return { ...result, settings, drawn };
    } finally {
      if (start !== null) this.#inputs.delete(start.image);
      if (start?.mask != null) this.#inputs.delete(start.mask);
    }
  }

  /** The words of both prompts: drawn with the seed and the one after it, as those of the graph would be. */
  async #draw(
    { prompt, negativePrompt, seed }: Settings,
    { dynamicPrompts, wildcards = {} }: GenerateOptions,
  ): Promise<{ drawn: GenerateResult["drawn"]; notices: string[] }> {
    // What is no seed is refused by name when the graph is written.
    if (dynamicPrompts === false || typeof seed !== "bigint") return { drawn: { prompt, negativePrompt }, notices: [] };
    const positive = await this.expandPrompt(prompt, { seed, wildcards });
    const negative = await this.expandPrompt(negativePrompt, { seed: seed + 1n, wildcards });
    const unknown = new Set([...positive.unknown, ...negative.unknown]);
    return { drawn: { prompt: positive.text, negativePrompt: negative.text }, notices: [...unknown].map(unknownNotice) };
  }

  /** Hands over the picture to start from, and its mask. */
  async #startImage({ image, mask }: GenerateOptions): Promise<Source | null> {
    if (image === undefined) {
      if (mask === undefined) return null;
      throw new TintypeError("`mask` was given without `image`", "required_input_missing", {
        hint: "Give the picture that the mask belongs to, too.",
      });
    }
    const start: Source = { image: `start-${uuid()}.png`, mask: mask === undefined ? null : `mask-${uuid()}.png`, pad: null };
    await this.putInput(start.image, image);
    if (mask !== undefined && start.mask !== null) await this.putInput(start.mask, mask);
    return start;
  }

  /** Lets SendImage nodes send pictures to this origin from now on. */
  allowSendingTo(origin: string): void {
    this.#outbox.allow(origin);
  }

  /** Origins that a graph wants to send pictures to, and that are not allowed yet. */
  wantsToSendTo(graph: Graph | ApiGraph): string[] {
    return this.#outbox.wanted(readApi(graph));
  }

  /** Names of the files that nodes can load. */
  get inputs(): string[] {
    return [...this.#inputs.keys()];
  }

  /** Adds a node class written in JavaScript, or replaces one. Its `run` is called here, not in the worker. */
  async registerNode(definition: NodeDefinition): Promise<void> {
    const client = await this.ready();
    this.#info = await client.call("registerNode", ...schemaOf(definition));
    this.#nodes.set(definition.class_type, definition);
  }

  /** Gives the engine a file that LoadImage or LoadLatent can name. */
  async putInput(filename: string, content: Blob | Uint8Array | ArrayBuffer): Promise<void> {
    const bytes =
      content instanceof Blob
        ? new Uint8Array(await content.arrayBuffer())
        : new Uint8Array(content instanceof ArrayBuffer ? content.slice(0) : content);
    const client = await this.ready();
    await client.call("putInput", filename, bytes);
    this.#inputs.set(filename, bytes);
  }

  /** The person's own models. */
  get models(): ModelFile[] {
    return this.#own.list();
  }

  /**
   * Adds a `.safetensors` file of the person's own, or one that torch saved (`.ckpt`, `.pt`, `.pth`, `.bin`): a checkpoint, a LoRA, an upscaler, whatever its tensors say it is.
   * It is read where it lies, and can be used at once; with `keep` it is copied into the browser's private file system
   * for the next visit.
   *
   * Also the address of such a file, or its place at huggingface.co (`owner/repository/file.safetensors`): then its
   * header is read, and the rest fetched when it is first used. `owner/repository` alone is its checkpoint in diffusers'
   * layout, or its one file; where several could be meant, the error has them as `choices`.
   */
  async addModel(file: Blob | URL | string, options: AddModelOptions = {}): Promise<ModelFile> {
    return await this.#own.add(file, options);
  }

  /**
   * Adds every model in a folder of the person's disk, which `showDirectoryPicker()` gives where the browser has it. Folders
   * with ComfyUI's names (`loras`, `checkpoints`, …) say what is in them, and folders in these are a part of the name, as
   * in ComfyUI: `styles/ink.safetensors`. Other files are what their tensors say. All are read where they lie.
   */
  async addFolder(folder: FileSystemDirectoryHandle, options: { signal?: AbortSignal } = {}): Promise<FolderModels> {
    return await this.#own.addFolder(folder, options);
  }

  /** Forgets a model of the person's own, and deletes the kept copy; the file it came from stays. */
  async removeModel(path: string): Promise<void> {
    await this.#own.remove(path);
  }

  /**
   * A model of the person's own as a file, to be saved elsewhere; with a handle or a stream it is written there. Of a
   * folder, one of its files: `checkpoints/name/unet/diffusion_pytorch_model.safetensors`. What lies on a server can be
   * had when it was fetched.
   */
  async exportModel(path: string, to?: FileSystemFileHandle | WritableStream<Uint8Array>): Promise<Blob> {
    await this.ready();
    return await this.#own.export(path, to);
  }

  /**
   * Tells a server by whom it is asked: a token for gated models, sent to this origin and to no other. It is known until
   * the engine is closed; `keep` stores it, readable, in the browser for the next visit. null forgets it, there as well.
   */
  async setToken(server: URL | string, token: string | null, options: { keep?: boolean } = {}): Promise<void> {
    await this.#own.setToken(server, token, options);
  }

  /** Hears one type of event. Gives the function that ends it. */
  on<T extends keyof EngineEvents>(type: T, listener: (data: EngineEvents[T]) => void): () => void {
    const set = this.#listeners.get(type) ?? new Set();
    this.#listeners.set(type, set.add(listener as (data: never) => void));
    return () => set.delete(listener as (data: never) => void);
  }

  /** Ends the worker, which frees all memory for certain. Whatever is pending rejects with the code `closed`. */
  close(): void {
    if (this.#closed !== null) return;
    this.#closed = new TintypeError("the engine is closed", "closed", { hint: "Open another with `open()`." });
    this.#queue.clear(this.#closed);
    this.#active?.abort.abort();
    for (const client of this.#starting) client.end(this.#closed);
    const closed = this.#closed;
    void this.#client?.then((client) => client.end(closed)).catch(() => {});
  }

  /** The worker in use; starts one if there is none, as after a crash. */
  ready(): Promise<Client> {
    if (this.#closed !== null) return Promise.reject(this.#closed);
    if (this.#client === null) {
      const client = this.#start();
      this.#client = client;
      client.catch(() => {
        if (this.#client === client) this.#client = null;
      });
    }
    return this.#client;
  }

  async #start(): Promise<Client> {
    let client: Client;
    try {
      client = await this.#startWith(this.#options.device, null);
    } catch (error) {
      if (this.#options.device !== "auto" || this.#closed !== null) throw error;
      const why = error instanceof Error ? error.message : String(error);
      client = await this.#startWith("cpu", `The CPU draws: WebGPU did not start (${why}).`);
    }
    // A worker that replaces a crashed one is told everything the first one knew.
    for (const definition of this.#nodes.values()) {
      this.#info = await client.call("registerNode", ...schemaOf(definition));
    }
    for (const [filename, bytes] of this.#inputs) await client.call("putInput", filename, bytes);
    for (const file of (await this.#host.models?.()) ?? []) this.#info = await client.call("addModel", ...file);
    await this.#own.tellTo(client);
    return client;
  }

  async #startWith(device: DeviceWish, reason: string | null): Promise<Client> {
    const client: Client = new Client(this.#host.startWorker(), {
      onEvent: (event) => this.#receive(event),
      onNode: (classType, method, inputs) => this.#callNode(classType, method, inputs),
      onFatal: (error) => this.#lose(error),
    });
    this.#starting.add(client);
    try {
      const opened = await client.open({ ...this.#options, device });
      this.#info = opened.objectInfo;
      this.#device = reason === null ? opened.device : { ...opened.device, reason };
      this.#emit({ type: "device", data: this.#device });
      return client;
    } catch (error) {
      client.end(error instanceof Error ? error : new Error(String(error)));
      throw error;
    } finally {
      this.#starting.delete(client);
    }
  }

  #lose(error: Error): void {
    // Only an engine that was open: one that fails while it opens is reported by `ready`.
    if (this.#starting.size > 0) return;
    this.#client = null;
    if (this.#active === null) this.#emit({ type: "notice", data: { node: null, message: error.message } });
  }

  #tellQueue(): void {
    const waiting = this.#queue.pending.length;
    this.#emit({ type: "queue", data: { waiting } });
    const queue_remaining = waiting + (this.#queue.running === null ? 0 : 1);
    this.#emit({ type: "status", data: { status: { exec_info: { queue_remaining } } } });
  }

  async #runNow(item: QueuedRun, { signal, onEvent, workflow }: RunRequest, notices: string[]): Promise<RunResult> {
    const { promptId, prompt, outputs } = item;
    const abort = new AbortController();
    const active: ActiveRun = { promptId, onEvent, abort, record: new RunRecord(item), sending: [] };
    this.#active = active;
    this.#trimFiles();
    const stop = () => abort.abort();
    signal?.addEventListener("abort", stop, { once: true });
    let failure: unknown = null;
    try {
      for (const message of notices) this.#emit({ type: "notice", data: { node: null, message } });
      const client = await orAbort(this.ready(), abort.signal);
      abort.signal.addEventListener("abort", () => client.cancel(), { once: true });
      const report = await client.call("run", prompt, {
        prompt_id: promptId,
        ...(outputs && { outputs: [...outputs] }),
        ...(workflow !== undefined && { workflow: typeof workflow === "string" ? workflow : stringify(workflow) }),
      });
      await orAbort(Promise.all(active.sending), abort.signal);
      abort.signal.throwIfAborted();
      return this.#resultOf(report);
    } catch (error) {
      failure = this.#closed ?? (abort.signal.aborted ? abortError() : error);
      throw failure;
    } finally {
      signal?.removeEventListener("abort", stop);
      this.#active = null;
      const entry = active.record.finish(failure);
      if (entry !== null) this.history.add(entry);
    }
  }

  #resultOf(report: RunReport): RunResult {
    const pick = (key: "images" | "latents") =>
      Object.values(report.outputs).flatMap((output) => (output[key] ?? []).map((ref) => this.#fileOf(ref)));
    return {
      promptId: report.prompt_id,
      images: pick("images"),
      latents: pick("latents"),
      outputs: report.outputs,
      nodeErrors: report.node_errors,
    };
  }

  #fileOf(ref: FileRef): ResultFile {
    const file = this.#files.get(fileKey(ref));
    if (file === undefined) {
      throw new TintypeError(`the engine named \`${ref.filename}\` but did not send it`, "file_not_found");
    }
    return file;
  }

  #trimFiles(): void {
    for (const key of this.#files.keys()) {
      if (this.#files.size <= KEPT_FILES) break;
      this.#files.delete(key);
    }
  }

  #receive(event: EngineEvent): void {
    if (event.type === "file") {
      const { filename, subfolder, type, mime, bytes, node } = event.data;
      const file = new File([bytes as Uint8Array<ArrayBuffer>], filename, { type: mime });
      this.#files.set(fileKey(event.data), Object.assign(file, { node, subfolder, folder: type }));
    }
    if (event.type === "executed") this.#send(event.data);
    this.#emit(event);
  }

  /** Sends what a SendImage node made; its run waits for it. */
  #send({ node, output }: EngineEvents["executed"]): void {
    const active = this.#active;
    if (active === null) return;
    for (const order of (output.send as (FileRef & SendOrder)[] | undefined) ?? []) {
      const delivery = { file: this.#fileOf(order), caption: order.caption, node };
      const sending = this.#outbox.send(order, delivery, active.abort.signal);
      // The run hears of a failure at its end; until then it must not count as unhandled.
      sending.catch(() => {});
      active.sending.push(sending);
    }
  }

  /** A listener that throws is its owner's trouble: it is reported, and the run goes on. */
  #emit(event: EngineEvent): void {
    const hear = [...(this.#listeners.get(event.type) ?? [])].map((listener) => () => listener(event.data as never));
    this.#active?.record.hear(event);
    for (const call of [() => this.#onEvent?.(event), () => this.#active?.onEvent?.(event), ...hear]) {
      try {
        call();
      } catch (error) {
        if (typeof reportError === "function") reportError(error);
        else console.error(error);
      }
    }
  }

  async #callNode(
    classType: string,
    method: NodeMethod,
    inputs: Record<string, NodeValue>,
  ): Promise<NodeValue | undefined> {
    const definition = this.#nodes.get(classType);
    if (definition === undefined) throw new TintypeError(`unknown node class \`${classType}\``, "unknown_name");
    const signal = this.#active?.abort.signal ?? new AbortController().signal;
    if (method === "fingerprint") return await orAbort(Promise.resolve(definition.fingerprint?.(inputs)), signal);
    const value = await orAbort(Promise.resolve(definition.run(inputs, { signal })), signal);
    const values = Array.isArray(value) ? value : value === undefined ? [] : [value];
    if (values.length !== definition.outputs.length) {
      throw new TintypeError(
        `\`run\` of ${classType} gave ${values.length} value(s), expected ${definition.outputs.length}`,
        "node_threw",
        { hint: "Return an array with one value an output." },
      );
    }
    return values;
  }
}

/** A graph as text. Text goes on as it came: the engine knows more forms of it than this side. */
function textOf(graph: Graph | ApiGraph | string | object): string {
  if (typeof graph === "string") return graph;
  return isWorkflow(graph) ? stringify(graph) : apiText(readApi(graph));
}

/** True for an editor's graph, which the engine converts. */
function isWorkflow(graph: object): boolean {
  return Array.isArray((graph as { nodes?: unknown }).nodes);
}

/** The part of a definition that can travel: all but the functions, and whether there is a second one. */
function schemaOf({ run: _, fingerprint, ...schema }: NodeDefinition): [NodeSchema, fingerprints: boolean] {
  return [schema, fingerprint !== undefined];
}

function fileKey(ref: FileRef): string {
  return `${ref.type}/${ref.subfolder}/${ref.filename}`;
}

/** `promise`, or an `AbortError` as soon as `signal` says so. */
function orAbort<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return promise;
  return new Promise((resolve, reject) => {
    const stop = () => reject(abortError());
    if (signal.aborted) stop();
    else signal.addEventListener("abort", stop, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener("abort", stop));
  });
}

/** `crypto.randomUUID` exists only in secure contexts; the CPU engine also works outside of them. */
function uuid(): string {
  const hex = [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}
