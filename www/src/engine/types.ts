/** The shapes that cross the engine's boundary: events, schemas, results. Names are ComfyUI's. */

import type { NodeErrors } from "./errors";

/** A file as an output node names it. */
export interface FileRef {
  filename: string;
  subfolder: string;
  type: "output" | "temp";
}

/** What an output node shows. */
export interface NodeOutput {
  images?: FileRef[];
  latents?: FileRef[];
  [key: string]: unknown;
}

/** Data of every event, by its type. */
export interface EngineEvents {
  execution_start: { prompt_id: string; timestamp: number };
  execution_cached: { prompt_id: string; nodes: string[] };
  executing: { prompt_id: string; node: string | null; display_node: string | null };
  progress: { prompt_id: string; node: string; value: number; max: number };
  /** Where nodes are: at first all that are to run, later those of which something changed. */
  progress_state: { prompt_id: string; nodes: Record<string, NodeProgress> };
  /** The latent as it stands after a step, made visible; `rgba` is width × height × 4 bytes. */
  preview: { prompt_id: string; node: string; width: number; height: number; rgba: Uint8Array };
  file: FileRef & { prompt_id: string; node: string; mime: string; bytes: Uint8Array };
  executed: { prompt_id: string; node: string; display_node: string; output: NodeOutput };
  execution_success: { prompt_id: string; timestamp: number };
  execution_error: {
    prompt_id: string;
    node_id: string | null;
    node_type: string | null;
    executed: string[];
    exception_message: string;
    exception_type: string;
    code: string;
    hint: string | null;
  };
  execution_interrupted: {
    prompt_id: string;
    node_id: string | null;
    node_type: string | null;
    executed: string[];
  };
  /** Bytes of a model file: over the network or from storage, into the device, and the first run. */
  model_progress: { file: string; loaded: number; total: number; phase: "fetch" | "load" | "warmup" | "keep" };
  /** Something was done differently than asked, and why. */
  notice: { node: string | null; message: string };
  /** Bytes of the engine's own program; `total` is 0 where the server does not say. */
  engine_progress: { loaded: number; total: number };
  /** Which device was taken, and why; again after a restart. */
  device: DeviceInfo;
  /** How many runs wait behind the running one. */
  queue: { waiting: number };
  /** ComfyUI's form of it: how many runs wait or run. */
  status: { status: { exec_info: { queue_remaining: number } } };
}

/** Where a node is in a run. */
export interface NodeProgress {
  state: "pending" | "running" | "finished" | "error";
  value: number;
  max: number;
  node_id: string;
  display_node_id: string;
  /** The subgraph it is in: `57` for `57:8`. */
  parent_node_id: string | null;
  real_node_id: string;
}

/** An event: its type and its data. */
export type EngineEvent = { [T in keyof EngineEvents]: { type: T; data: EngineEvents[T] } }[keyof EngineEvents];

/** The events that the wasm engine itself sends. */
export type WasmEvent = Exclude<EngineEvent, { type: "engine_progress" | "device" | "queue" | "status" }>;

/** Whose random numbers are drawn. */
export type Desktop = "comfyui" | "comfyui-cuda" | "a1111";

/** What a graph will take, told before anything is fetched or computed. */
export interface Plan {
  /** The files of weights it names, each once. */
  readonly files: readonly FilePlan[];
  /** Its runs of a denoising network, and what turns latents into pictures or the reverse. */
  readonly steps: readonly StepPlan[];
  /** Bytes that have to be fetched first. */
  readonly fetch_bytes: number;
  /** Bytes that weights take on the device. */
  readonly weights_bytes: number;
  /** Bytes of the largest array besides weights. */
  readonly largest_bytes: number;
  /** Most that one array may take. */
  readonly max_buffer_bytes: number;
  /** Most that the weights of one model may take; absent where nothing tells. */
  readonly max_weights_bytes: number | null;
  readonly fits: boolean;
  /** What was chosen, and what does not fit and what to do about it, in sentences. */
  readonly notes: readonly string[];
}

/** How long a prompt is for a checkpoint. */
export interface PromptLength {
  /** Tokens, without start, end and padding. An embedding's are not among them: its file says how many it has. */
  readonly tokens: number;
  /** Parts of 75 tokens that a text encoder reads one by one; 1 for no words at all. */
  readonly windows: number;
}

/** A file of weights in a {@link Plan}. */
export interface FilePlan {
  /** The node that names it first. */
  readonly node: string;
  /** Its path in the models folder. */
  readonly file: string;
  /** What it is, in words. */
  readonly kind: string | null;
  readonly bytes: number;
  /** Of these, how many have to be fetched. */
  readonly fetch_bytes: number;
  /** What its weights take on the device. */
  readonly weights_bytes: number;
  /** Where they will be: in a `file`, they are read as they are used. */
  readonly place: "device" | "file";
  /** Where its text encoders will be, if it has any: large ones are read from the `file` for each new prompt. */
  readonly encoder_place: "device" | "file" | null;
  readonly format: "f32" | "f16" | "i8";
}

/** Something that is computed, in a {@link Plan}. */
export interface StepPlan {
  readonly node: string;
  readonly what: "denoise" | "autoencode";
  /** Of the picture, in pixels. */
  readonly width: number;
  readonly height: number;
  readonly batch: number;
  /** Whether the size is a guess: what it follows from is not in the graph. */
  readonly guessed: boolean;
  readonly largest_bytes: number;
  /** Whether it will be done in tiles. */
  readonly tiled: boolean;
}

/** How the weights of denoising networks are kept in memory. */
export type WeightFormat = "default" | "8bit";

/** In what numbers denoisers and decoders compute. */
export type Precision = "auto" | "full";

/** How a run is shown while it goes on, by ComfyUI's names. */
export type Previews = "none" | "auto" | "latent2rgb" | "taesd";

/** What may be asked for. */
export type DeviceWish = "auto" | "webgpu" | "cpu";

/** One of the engines: for the CPU, for the CPU in browsers with relaxed SIMD, for a GPU. */
export type Build = "cpu" | "cpu-relaxed" | "webgpu";

/** The device in use and the reason it was taken, in words. */
export interface DeviceInfo {
  kind: "webgpu" | "cpu";
  reason: string;
  /** The engine that was loaded, by the name of its folder. */
  build: Build;
  name: string;
  /** The adapter computes in half precision. */
  f16: boolean;
  maxBufferBytes: number;
  /** Model files are kept for the next visit. */
  keepsModels: boolean;
}

/** One input of a node: its type (or its options), and what a form needs to know of it. */
export type InputSpec = [type: string | unknown[], options?: Record<string, unknown>];

/** One node class, in the shape of ComfyUI's `object_info`. */
export interface NodeInfo {
  input: {
    required?: Record<string, InputSpec>;
    optional?: Record<string, InputSpec>;
    hidden?: Record<string, unknown>;
  };
  input_order?: { required?: string[]; optional?: string[] };
  output: string[];
  output_name?: string[];
  output_is_list?: boolean[];
  name: string;
  display_name?: string;
  description?: string;
  category?: string;
  output_node?: boolean;
}

/** Every node class by name. */
export type ObjectInfo = Record<string, NodeInfo>;

/** A batch of pictures: rows × columns × RGB, each 0…1. */
export interface ImageArray {
  data: Float32Array;
  shape: [batch: number, height: number, width: number, channels: 3];
}

/** A batch of latents. */
export interface LatentArray {
  samples: { data: Float32Array; shape: [batch: number, channels: number, height: number, width: number] };
}

/** A value that a node written in JavaScript takes or gives. */
export type NodeValue = ImageArray | LatentArray | number | bigint | string | boolean | null | NodeValue[];

/** The schema of a node written in JavaScript. */
export interface NodeSchema {
  class_type: string;
  /**
   * By name, as in `object_info`: `{ image: "IMAGE", amount: ["FLOAT", { default: 1, min: 0, max: 2 }] }`.
   * The option `optional: true` marks an input that may be left out, `forceInput: true` one that has no control.
   */
  inputs: Record<string, string | InputSpec>;
  /** Types, in order, or names with types. */
  outputs: (string | { type: string; name?: string; list?: boolean })[];
  /** It gets each input as an array of all its elements, instead of running once for each. */
  input_is_list?: boolean;
  display_name?: string;
  category?: string;
  description?: string;
  /** It ends a graph, so that it runs although nothing takes its outputs. */
  output_node?: boolean;
  /** False for a node that may give something else each time; it is never answered from the cache. */
  deterministic?: boolean;
}

/** A node written in JavaScript. */
export interface NodeDefinition extends NodeSchema {
  /**
   * What the result depends on besides the inputs (a date, a setting): while it gives the same, and the inputs
   * are the same, the result comes from the cache. Only inputs written in the graph are there. `NaN` and an
   * error mean: run again.
   */
  fingerprint?(inputs: Record<string, NodeValue>): NodeValue | Promise<NodeValue>;
  /** Gets the inputs by name; gives one value, or an array with one value an output (an array for a list). */
  run(
    inputs: Record<string, NodeValue>,
    context: { signal: AbortSignal },
  ): NodeValue | NodeValue[] | void | Promise<NodeValue | NodeValue[] | void>;
}

/** A file that a run made. `name` is the name it would have in ComfyUI's output folder. */
export interface ResultFile extends File {
  readonly node: string;
  readonly subfolder: string;
  readonly folder: "output" | "temp";
}

/** A run in the queue. */
export interface QueuedRun {
  readonly promptId: string;
  /** Runs are counted from 1 on, in the order they were asked for. */
  readonly number: number;
  /** The graph, as text. */
  readonly prompt: string;
  /** Only these output nodes; all if left out. */
  readonly outputs?: readonly string[];
}

/** What runs and what waits. */
export interface RunQueue {
  readonly running: QueuedRun | null;
  /** The next one first. */
  readonly pending: QueuedRun[];
  /** Takes out a run that waits: it rejects with an `AbortError`. False if none of this name does. */
  remove(promptId: string): boolean;
  /** Lets a run that waits be the next. False if none of this name does. */
  moveToFront(promptId: string): boolean;
  /** Takes out all runs that wait, and says how many; the running one goes on. */
  clear(): number;
}

/** What a run gives. */
export interface RunResult {
  promptId: string;
  /** PNGs with `prompt` and `workflow` inside, in the order of the output nodes. */
  images: ResultFile[];
  latents: ResultFile[];
  /** ComfyUI's `outputs`, by node id. */
  outputs: Record<string, NodeOutput>;
  /** Outputs that were left out because they could not be valid; `{}` when all ran. */
  nodeErrors: NodeErrors;
}

/** What a simple view of a graph shows (ComfyUI's App mode). */
export interface App {
  /** Inputs to ask for: node and input, in order. */
  inputs: [node: string, input: string][];
  /** Nodes whose results are shown. */
  outputs: string[];
  /** The file opens as the simple view. */
  first: boolean;
}
