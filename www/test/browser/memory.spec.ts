/** How much of the wasm heap loading a model takes. The heap never shrinks, so the peak is what a page keeps. */

import { closeSync, openSync, readdirSync, readSync } from "node:fs";
import { join } from "node:path";

import { heapBytes, keepMemory, MB } from "../../scripts/heap.mjs";
import { DIST } from "../../scripts/serve.mjs";
import { expect, test } from "./fixtures";

/** Bytes of each tensor of a model, as its files hold them. */
function tensorSizes(folder: string): number[] {
  const files = readdirSync(folder, { recursive: true, encoding: "utf8" }).filter((name) => name.endsWith(".safetensors"));
  return files.flatMap((name) => {
    const file = openSync(join(folder, name), "r");
    const read = (length: number, position: number) => {
      const bytes = Buffer.alloc(length);
      readSync(file, bytes, 0, length, position);
      return bytes;
    };
    const length = Number(read(8, 0).readBigUInt64LE());
    const header = JSON.parse(read(length, 8).toString()) as Record<string, { data_offsets?: [number, number] }>;
    closeSync(file);
    return Object.values(header).map(({ data_offsets: [start, end] = [0, 0] }) => end - start);
  });
}

const sizes = tensorSizes(join(DIST, "models/sprite"));
const largest = Math.max(...sizes);

const LIMITS = {
  // The weights are on the GPU. What is left is one tensor, as in the file and widened to f32, and the program.
  webgpu: 2 * largest + 32 * MB,
  // The weights stay, widened from f16 to f32; a second copy of them would not fit in.
  cpu: 2 * sizes.reduce((sum, size) => sum + size) + 2 * largest,
};

for (const device of ["webgpu", "cpu"] as const) {
  for (const storage of ["opfs", "none"] as const) {
    test(`the heap while a model is loaded: ${device}, storage "${storage}"`, async ({ lab }) => {
      await keepMemory(lab);
      const open = await lab.evaluateHandle(async (options) => {
        const engine = await tintype.open(options);
        // Asks for a model and does nothing with it, so that what is measured is loading alone.
        await engine.registerNode({ class_type: "Sink", inputs: { model: ["MODEL"] }, outputs: [], output_node: true, run: () => [] });
        await engine.run({
          "1": { class_type: "CheckpointLoaderSimple", inputs: { ckpt_name: "sprite" } },
          "2": { class_type: "Sink", inputs: { model: ["1", 0] } },
        });
        return engine;
      }, { device, storage });
      const heap = await heapBytes(lab);
      await open.evaluate((engine) => engine.close());
      test.info().annotations.push({ type: "heap", description: `${(heap / MB).toFixed(1)} of ${(LIMITS[device] / MB).toFixed(1)} MB` });
      // More than the program alone: the memory is the engine's, and a model went through it.
      expect(heap).toBeGreaterThan(largest);
      expect(heap).toBeLessThan(LIMITS[device]);
    });
  }
}
