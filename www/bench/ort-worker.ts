/** onnxruntime-web with an exported network, in a worker. One thread; inputs and outputs on the CPU, as in our engine. */

import type { InferenceSession, Tensor } from "onnxruntime-web";
import gpuWasm from "onnxruntime-web/ort-wasm-simd-threaded.asyncify.wasm?url";
import cpuWasm from "onnxruntime-web/ort-wasm-simd-threaded.wasm?url";

/** Page → worker. */
export type ToOrt = { type: "open"; device: "cpu" | "webgpu"; modelUrl: string } | { type: "run"; times: number };

/** Worker → page; each message is answered by one. */
export type FromOrt = { milliseconds: number[] } | { error: string };

let session: InferenceSession | null = null;
let inputs: Record<string, Tensor>;

self.addEventListener("message", ({ data }: MessageEvent<ToOrt>) => {
  const answer = data.type === "open" ? load(data.device, data.modelUrl).then(() => []) : run(data.times);
  answer.then(
    (milliseconds) => post({ milliseconds }),
    (error: unknown) => post({ error: String(error) }),
  );
});

async function load(device: "cpu" | "webgpu", modelUrl: string): Promise<void> {
  const gpu = device === "webgpu";
  const ort = gpu ? await import("onnxruntime-web/webgpu") : await import("onnxruntime-web/wasm");
  ort.env.wasm.numThreads = 1;
  ort.env.wasm.wasmPaths = { wasm: new URL(gpu ? gpuWasm : cpuWasm, import.meta.url).href };
  await session?.release();
  const opened = await ort.InferenceSession.create(modelUrl, {
    executionProviders: [gpu ? "webgpu" : "wasm"],
    graphOptimizationLevel: "all",
  });
  session = opened;
  inputs = Object.fromEntries(
    opened.inputMetadata.map((input) => {
      if (!input.isTensor) throw new Error(`the input ${input.name} is no tensor`);
      const shape = input.shape.map(Number);
      const size = shape.reduce((product, n) => product * n, 1);
      if (input.type === "int64") {
        // Tokens; which, makes no difference.
        return [input.name, new ort.Tensor("int64", BigInt64Array.from({ length: size }, (_, i) => BigInt(i + 1)), shape)];
      }
      // A timestep in the middle; else noise, so that no arithmetic meets only zeros or denormals.
      const values = Float32Array.from({ length: size }, (_, i) => (input.name === "timestep" ? 500 : Math.sin(i * i)));
      return [input.name, new ort.Tensor("float32", values, shape)];
    }),
  );
}

async function run(times: number): Promise<number[]> {
  if (session === null) throw new Error("no network is open");
  const milliseconds: number[] = [];
  for (let i = 0; i < times; i++) {
    const start = performance.now();
    const outputs = await session.run(inputs);
    const values = (await outputs[session.outputNames[0] as string]?.getData()) as Float32Array;
    milliseconds.push(performance.now() - start);
    if (!values.every(Number.isFinite)) throw new Error("the output is not finite");
  }
  return milliseconds;
}

function post(message: FromOrt): void {
  self.postMessage(message);
}
