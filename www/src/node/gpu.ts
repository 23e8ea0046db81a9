/** WebGPU for a thread of Node, where the program has the package `webgpu` (Dawn) installed. */

interface Dawn {
  create(options: string[]): GPU;
  globals: Record<string, unknown>;
}

/** Gives the thread what a browser's worker has: `navigator.gpu` and WebGPU's classes. Does nothing without the package. */
export async function findGpu(scope: Record<string, unknown>): Promise<void> {
  const gpu = await load(scope);
  if (gpu === null) scope.gpuMissing = "Node has no WebGPU without the package `webgpu`";
  const navigator = { ...(gpu !== null && { gpu }), storage: {} };
  Object.defineProperty(globalThis, "navigator", { value: navigator, configurable: true });
}

async function load(scope: Record<string, unknown>): Promise<GPU | null> {
  // A variable: the package is optional, and bundlers must not look for it.
  const name = "webgpu";
  let dawn: Dawn;
  try {
    dawn = (await import(/* @vite-ignore */ /* webpackIgnore: true */ name)) as Dawn;
  } catch {
    return null;
  }
  Object.assign(scope, dawn.globals);
  // By this class the engine's WebGPU layer (wgpu) knows where it is.
  scope.WorkerGlobalScope ??= class WorkerGlobalScope {};
  return dawn.create([]);
}
