/**
 * The engine in a program of Node 20 or later: the same wasm as in a page, in a thread of its own. No browser, no
 * server; models come from this package or from a folder that is laid out as ComfyUI's.
 *
 *     import { open, saveImages } from "tintype/node";
 *     const engine = await open();
 *     const { images } = await engine.generate({ prompt: "a red dragon", seed: 7n });
 *     await saveImages(images, "out");
 */

import { Engine, type EngineOptions } from "../engine/engine";
import { nodeHost } from "./host";

export * from "../engine/index";
export { imageBuffer, saveImages } from "./files";

/** How to open an engine. */
export interface NodeEngineOptions extends Omit<EngineOptions, "assetsUrl" | "modelsUrl" | "storage"> {
  /**
   * A folder with models of your own (`checkpoints/`, `loras/`, …, as ComfyUI has them); the package's own models are
   * there besides.
   */
  models?: string;
}

/**
 * Starts an engine in a thread. Rejects if none can be had. The thread does not keep the program running: it ends with
 * it when nothing is pending.
 */
export async function open({ models, ...options }: NodeEngineOptions = {}): Promise<Engine> {
  const engine = new Engine({ ...options, storage: "none" }, nodeHost(models));
  await engine.ready();
  return engine;
}
