/** The dedicated worker in which one wasm engine lives. Converts, calls, converts; decides nothing. */

import { buildFor, chooseDevice } from "./device";
import { fromData, toData, TintypeError } from "./errors";
import type { BuildFiles } from "./host";
import type { Calls, FromWorker, NodeMethod, OpenOptions, Opened, ToWorker, WasmEngine, WasmModule } from "./protocol";
import type { DeviceInfo, EngineEvent, NodeSchema, NodeValue } from "./types";

// tsc checks this file with the page's library, in which `self` is a window.
const scope = self as unknown as {
  postMessage(message: FromWorker, transfer: Transferable[]): void;
  addEventListener: typeof self.addEventListener;
  isSecureContext: boolean;
  /** Said by a thread of Node. */
  gpuMissing?: string;
};

let engine: WasmEngine | null = null;
let lastPanic = "";
const nodeCalls = new Map<
  number,
  { resolve: (value: NodeValue | undefined) => void; reject: (error: unknown) => void }
>();

// A Rust panic is printed (console_error_panic_hook) and then traps; the trap says only
// "unreachable", so the printed sentence is kept for the error.
const print = console.error.bind(console);
console.error = (...words: unknown[]) => {
  const text = words.map(String).join(" ");
  if (text.includes("panicked at")) lastPanic = text.split("\n").slice(0, 2).join(" ");
  print(...words);
};

// A trap inside a task of the wasm engine belongs to no promise: it arrives here.
scope.addEventListener("error", (event) => {
  event.preventDefault();
  fatal((event as ErrorEvent).error ?? (event as ErrorEvent).message);
});
scope.addEventListener("unhandledrejection", (event) => {
  event.preventDefault();
  fatal(event.reason);
});

scope.addEventListener("message", (event) => {
  const message = (event as MessageEvent<ToWorker>).data;
  switch (message.type) {
    case "call":
      answer(message.id, message.method, message.args).catch((error: unknown) => {
        const data = toData(error);
        if (error instanceof WebAssembly.RuntimeError) fatal(error);
        // A device does not come back, so this worker has nothing more to give. Why it failed is often said a
        // moment after the read that failed; what is said first is what the page hears.
        else if (data.code === "device_failed") setTimeout(() => fatal(error), 100);
        else post({ type: "error", id: message.id, error: data });
      });
      break;
    case "cancel":
      engine?.cancel();
      break;
    case "nodeResult":
      nodeCalls.get(message.call)?.resolve(message.value);
      nodeCalls.delete(message.call);
      break;
    case "nodeError":
      nodeCalls.get(message.call)?.reject(fromData(message.error));
      nodeCalls.delete(message.call);
      break;
  }
});

async function answer<M extends keyof Calls>(id: number, method: M, args: Calls[M]["args"]): Promise<void> {
  const value = await (methods[method] as (...args: unknown[]) => Promise<Calls[M]["result"]>)(...args);
  post({ type: "result", id, value });
}

const methods: { [M in keyof Calls]: (...args: Calls[M]["args"]) => Promise<Calls[M]["result"]> } = {
  open,
  run: (prompt, options) => opened().run(prompt, options, sendEvent),
  read: async (file) => opened().read(file),
  validate: async (prompt) => opened().validate(prompt),
  plan: async (prompt) => await opened().plan(prompt),
  promptLength: async (checkpoint, text) => await opened().prompt_length(checkpoint, text),
  expandPrompt: async (text, seed, wildcards) => opened().expand_prompt(text, seed, wildcards),
  combinations: async (text, wildcards, limit) => opened().combinations(text, wildcards, limit),
  midjourney: async (text, width, height, steps) => opened().midjourney(text, width, height, steps),
  putInput: async (filename, bytes) => {
    opened().put_input(filename, bytes);
    return undefined;
  },
  identify: (name, file) => opened().identify(name, file),
  identifyRemote: (name, remote) => opened().identify_remote(name, remote),
  addModel: async (path, from) => {
    if (from instanceof Blob) opened().add_model(path, from);
    else if ("url" in from) opened().add_remote_model(path, from);
    else for (const [name, file] of Object.entries(from.files)) opened().add_remote_model(`${path}/${name}`, file);
    return opened().object_info();
  },
  removeModel: async (paths) => {
    for (const path of paths) await opened().remove_model(path);
    return opened().object_info();
  },
  registerNode: async (schema, fingerprints) => {
    const call = (method: NodeMethod) => (inputs: Record<string, NodeValue>) => callNode(schema, method, inputs);
    opened().register_node(schema, call("run"), fingerprints ? call("fingerprint") : undefined);
    return opened().object_info();
  },
};

async function open(options: OpenOptions): Promise<Opened> {
  const choice = await chooseDevice(options.device, {
    gpu: (navigator as Partial<NavigatorGPU>).gpu,
    isSecureContext: scope.isSecureContext,
    missing: scope.gpuMissing,
  });
  const build = buildFor(choice.kind, options.precision, options.builds);
  const files = options.builds[build];
  if (files === undefined) {
    throw new TintypeError(`the ${build} engine is not part of this site`, "engine_missing", {
      hint: "Build the engines with `make wasm`, then build the page again (`make page` does both).",
    });
  }
  const module = await loadProgram(files);
  engine = await module.Engine.open({
    models_url: options.modelsUrl,
    storage: options.storage === "auto" ? await storageHere() : options.storage,
    noise: options.noise,
    previews: options.previews,
    weights: options.weights,
    precision: options.precision,
    on_device_error: (message) =>
      fatal(
        new TintypeError(message, "device_failed", {
          hint: "Run again: the engine restarts by itself. If it happens again, choose the CPU.",
        }),
      ),
  });
  const info = engine.device_info();
  const device: DeviceInfo = {
    kind: choice.kind,
    reason: choice.reason,
    build,
    name: choice.adapterName || info.name,
    f16: info.f16,
    maxBufferBytes: info.max_buffer_bytes,
    keepsModels: info.keeps_models,
  };
  return { device, objectInfo: engine.object_info() };
}

/** The generated JavaScript of an engine, with its wasm compiled. */
async function loadProgram({ module: address, wasm }: BuildFiles): Promise<WasmModule> {
  const module = await (import(/* @vite-ignore */ address) as Promise<WasmModule>).catch((cause: unknown) => {
    throw new TintypeError(`the engine could not be fetched (${String(cause)})`, "engine_missing", {
      hint: "Check the connection and load the page again.",
      cause,
    });
  });
  const program = await fetchProgram(wasm);
  await module.default({ module_or_path: program }).catch((cause: unknown) => {
    if (!/Content Security Policy|unsafe-eval/.test(String(cause))) throw cause;
    throw new TintypeError("the page's content security policy forbids WebAssembly", "csp_blocked", {
      hint: "Add `'wasm-unsafe-eval'` to `script-src` of the content security policy that the worker's script is sent with.",
      cause,
    });
  });
  return module;
}

/** The wasm as a response that reports its bytes as they come, so that compiling starts at once. */
async function fetchProgram(url: string): Promise<Response> {
  const response = await fetch(url).catch((error: unknown) => {
    throw new TintypeError(`the engine could not be fetched (${String(error)})`, "engine_missing", {
      hint: "Check the connection and load the page again.",
    });
  });
  if (!response.ok || response.body === null) {
    throw new TintypeError(`the engine could not be fetched (HTTP ${response.status})`, "engine_missing", {
      hint: "Load the page again; if it stays so, the site was built without this engine.",
    });
  }
  // With a content encoding the length counts other bytes than those that come out here.
  const encoded = response.headers.has("content-encoding");
  const total = encoded ? 0 : Number(response.headers.get("content-length") ?? 0);
  let loaded = 0;
  const counted = response.body.pipeThrough(
    new TransformStream<Uint8Array, Uint8Array>({
      transform(chunk, controller) {
        loaded += chunk.byteLength;
        sendEvent({ type: "engine_progress", data: { loaded, total } });
        controller.enqueue(chunk);
      },
    }),
  );
  return new Response(counted, { headers: { "content-type": "application/wasm" } });
}

/** The browser's private file system where it works; some private windows have it and then refuse it. */
async function storageHere(): Promise<"opfs" | "none"> {
  try {
    await navigator.storage.getDirectory();
    return "opfs";
  } catch {
    return "none";
  }
}

let nextNodeCall = 1;

/** Calls a node of the page: its values go there, its results come back. */
function callNode(
  schema: NodeSchema,
  method: NodeMethod,
  inputs: Record<string, NodeValue>,
): Promise<NodeValue | undefined> {
  const call = nextNodeCall++;
  const owned = own(inputs) as Record<string, NodeValue>;
  post({ type: "callNode", call, classType: schema.class_type, method, inputs: owned }, buffersOf(owned));
  return new Promise((resolve, reject) => nodeCalls.set(call, { resolve, reject }));
}

function sendEvent(event: EngineEvent): void {
  const { type, data } = event;
  const owned = { type, data: own(data) } as EngineEvent;
  post({ type: "event", event: owned }, buffersOf(owned.data));
}

/** The same value with every array in a buffer of its own: a view into wasm memory cannot be transferred. */
function own(value: unknown): unknown {
  if (ArrayBuffer.isView(value)) {
    const view = value as Uint8Array | Float32Array;
    return view.byteLength === view.buffer.byteLength ? view : view.slice();
  }
  if (Array.isArray(value)) return value.map(own);
  if (typeof value === "object" && value !== null && Object.getPrototypeOf(value) === Object.prototype) {
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, own(item)]));
  }
  return value;
}

function buffersOf(value: unknown, found = new Set<ArrayBuffer>()): ArrayBuffer[] {
  if (ArrayBuffer.isView(value)) found.add(value.buffer as ArrayBuffer);
  else if (typeof value === "object" && value !== null) {
    for (const item of Object.values(value)) buffersOf(item, found);
  }
  return [...found];
}

function opened(): WasmEngine {
  if (engine === null) throw new TintypeError("the engine is not open", "closed");
  return engine;
}

function fatal(cause: unknown): void {
  const data = toData(cause);
  if (data.code === "unknown") {
    data.message = `the engine crashed: ${lastPanic || data.message}`;
    data.code = "engine_crashed";
    data.hint = "Run again: the engine restarts by itself. If it happens again, try a smaller size or batch.";
  }
  data.name = "TintypeError";
  post({ type: "fatal", error: data });
}

function post(message: FromWorker, transfer: Transferable[] = []): void {
  scope.postMessage(message, transfer);
}
