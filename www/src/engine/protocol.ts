/** The messages between the page and the worker, and the wasm module's face. */

import type { ErrorData, NodeErrors } from "./errors";
import type { Builds } from "./host";
import type { ExpandedPrompt, MidjourneySettings, Wildcards } from "./prompts";
import type {
  App,
  Desktop,
  Plan,
  PromptLength,
  Precision,
  Previews,
  DeviceInfo,
  DeviceWish,
  EngineEvent,
  NodeOutput,
  NodeSchema,
  NodeValue,
  ObjectInfo,
  WasmEvent,
  WeightFormat,
} from "./types";

/** What a new worker is told. */
export interface OpenOptions {
  device: DeviceWish;
  modelsUrl: string;
  storage: "auto" | "opfs" | "none";
  noise: Desktop;
  previews: Previews;
  weights: WeightFormat;
  precision: Precision;
  /** Where the engines are. */
  builds: Builds;
}

/** What an opened worker tells. */
export interface Opened {
  device: DeviceInfo;
  objectInfo: ObjectInfo;
}

/** The options of one run. */
export interface RunOptions {
  prompt_id: string;
  outputs?: string[];
  workflow?: string;
}

/** What the wasm engine gives for a run. */
export interface RunReport {
  prompt_id: string;
  outputs: Record<string, NodeOutput>;
  node_errors: NodeErrors;
}

/** A file that holds a graph, as the wasm engine reads it; graphs are text, for the sake of long seeds. */
export interface OpenedFile {
  prompt: string;
  workflow: string | null;
  notices: string[];
  app: App | null;
}

/** What a file of weights is. */
export interface Identity {
  /** In words, with its article. */
  kind: string;
  /** The models folder it belongs into, by ComfyUI's name. */
  folder: string;
  /** The node class that loads it. */
  loader: string;
  tensors: number;
  /** The family of its denoising network, if it has one. */
  family?: string;
  /** Width and height of the pictures that the family was trained on, in pixels. */
  side?: number;
}

/** A file on a server. */
export interface Remote {
  url: string;
  bytes: number;
  /** Changes when the file there does. */
  version: string;
  /** SHA-256 in hexadecimal, if it is known: compared before the file is used. */
  sha256?: string;
  /** The file's ETag, if the server told it: what it sends later is to be the same. */
  etag?: string;
  /** A bearer token for the server. Given to the worker alone. */
  token?: string;
}

/** A folder on a server, by the paths of its files in it. */
export interface RemoteFolder {
  files: Record<string, Remote>;
}

/** Requests that have an answer: arguments and result by name. */
export interface Calls {
  open: { args: [OpenOptions]; result: Opened };
  run: { args: [prompt: string, options: RunOptions]; result: RunReport };
  read: { args: [file: Uint8Array]; result: OpenedFile };
  validate: { args: [prompt: string]; result: NodeErrors };
  plan: { args: [prompt: string]; result: Plan };
  promptLength: { args: [checkpoint: string, text: string]; result: PromptLength };
  expandPrompt: { args: [text: string, seed: bigint, wildcards: Wildcards]; result: ExpandedPrompt };
  combinations: { args: [text: string, wildcards: Wildcards, limit: number]; result: string[] };
  midjourney: { args: [text: string, width: number, height: number, steps: number]; result: MidjourneySettings[] };
  putInput: { args: [filename: string, bytes: Uint8Array]; result: undefined };
  identify: { args: [name: string, file: Blob]; result: Identity };
  identifyRemote: { args: [name: string, remote: Remote]; result: Identity };
  addModel: { args: [path: string, from: Blob | Remote | RemoteFolder]; result: ObjectInfo };
  removeModel: { args: [paths: string[]]; result: ObjectInfo };
  registerNode: { args: [schema: NodeSchema, fingerprints: boolean]; result: ObjectInfo };
}

/** The functions of a node that run in the page. */
export type NodeMethod = "run" | "fingerprint";

/** Page → worker. */
export type ToWorker =
  | { [M in keyof Calls]: { type: "call"; id: number; method: M; args: Calls[M]["args"] } }[keyof Calls]
  | { type: "cancel" }
  | { type: "nodeResult"; call: number; value: NodeValue | undefined }
  | { type: "nodeError"; call: number; error: ErrorData };

/** Worker → page. */
export type FromWorker =
  | { type: "result"; id: number; value: Calls[keyof Calls]["result"] }
  | { type: "error"; id: number; error: ErrorData }
  | { type: "event"; event: EngineEvent }
  | { type: "callNode"; call: number; classType: string; method: NodeMethod; inputs: Record<string, NodeValue> }
  /** The engine is beyond use; the worker must be replaced. */
  | { type: "fatal"; error: ErrorData };

type NodeFunction = (inputs: Record<string, NodeValue>) => Promise<NodeValue | undefined>;

/** The class that wasm-bindgen generates (src/wasm_api.rs). */
export interface WasmEngine {
  device_info(): { device: string; name: string; f16: boolean; max_buffer_bytes: number; keeps_models: boolean };
  object_info(): ObjectInfo;
  run(prompt: string, options: RunOptions, on_event: (event: WasmEvent) => void): Promise<RunReport>;
  cancel(): void;
  read(file: Uint8Array): OpenedFile;
  validate(prompt: string): NodeErrors;
  plan(prompt: string): Promise<Plan>;
  prompt_length(checkpoint: string, text: string): Promise<PromptLength>;
  expand_prompt(text: string, seed: bigint, wildcards: Wildcards): ExpandedPrompt;
  combinations(text: string, wildcards: Wildcards, limit: number): string[];
  midjourney(text: string, width: number, height: number, steps: number): MidjourneySettings[];
  identify(name: string, file: Blob): Promise<Identity>;
  add_model(path: string, file: Blob): void;
  identify_remote(name: string, remote: Remote): Promise<Identity>;
  add_remote_model(path: string, remote: Remote): void;
  remove_model(path: string): Promise<boolean>;
  put_input(filename: string, bytes: Uint8Array): void;
  register_node(
    definition: NodeSchema,
    run: NodeFunction,
    fingerprint: NodeFunction | undefined,
  ): void;
  close(): void;
}

/** One of the generated modules, such as `pkg/cpu/tintype.js`. */
export interface WasmModule {
  default(options: { module_or_path: Response }): Promise<unknown>;
  Engine: {
    open(options: {
      models_url: string;
      storage: "opfs" | "none";
      noise: Desktop;
      previews: Previews;
      weights: WeightFormat;
      precision: Precision;
      on_device_error: (message: string) => void;
    }): Promise<WasmEngine>;
  };
}
