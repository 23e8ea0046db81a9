/** Where the two wasm builds are. The only file of the engine that knows of the bundler (Vite). */

import { TintypeError } from "./errors";
import type { WasmModule } from "./protocol";

// Globs instead of imports: a checkout in which the engines have not been built yet still has a page
// that says so. Each module is a chunk of its own; only the one that is asked for is fetched.
const modules = import.meta.glob<WasmModule>("./pkg/*/tintype.js");
const binaries = import.meta.glob<string>("./pkg/*/tintype_bg.wasm", { query: "?url", import: "default", eager: true });

/** The generated JavaScript of a build, and the address of its wasm. */
export async function loadBuild(kind: "cpu" | "webgpu"): Promise<{ module: WasmModule; wasmUrl: string }> {
  const load = modules[`./pkg/${kind}/tintype.js`];
  const wasmUrl = binaries[`./pkg/${kind}/tintype_bg.wasm`];
  if (load === undefined || wasmUrl === undefined) {
    throw new TintypeError(`the ${kind} engine is not part of this site`, "engine_missing", {
      hint: "Build the engines with `make wasm`, then build the page again (`make page` does both).",
    });
  }
  // An address made relative to the built worker file; absolute when served by the development server.
  return { module: await load(), wasmUrl: new URL(wasmUrl, import.meta.url).href };
}
