/**
 * WebGPU in Node: Dawn, which is Chromium's, by the package `webgpu`. Run as a program it says which GPU knows halves, or fails.
 */

import { fileURLToPath } from "node:url";

import { create, globals } from "webgpu";

/** Gives this process what a browser's worker has: `navigator.gpu` and WebGPU's classes. */
export function provideGpu() {
  const gpu = create([]);
  // By this class the engine's WebGPU layer (wgpu) knows where it is.
  const scope = { ...globals, self: globalThis, WorkerGlobalScope: class WorkerGlobalScope {} };
  Object.assign(globalThis, scope);
  Object.defineProperty(globalThis, "navigator", { value: { gpu, storage: {} }, configurable: true });
  return gpu;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const adapter = await create([]).requestAdapter();
  const { vendor = "", architecture = "", description = "" } = adapter?.info ?? {};
  const knows = adapter?.features.has("shader-f16") === true;
  console.log(adapter === null ? "Dawn finds no GPU" : `${description || `${vendor} ${architecture}`}: ${knows ? "knows" : "does not know"} halves`);
  process.exit(knows ? 0 : 1);
}
