/** Checkpoints of full size on the CPU engine: more weights than a page can address, so they are read as they are used. */

import { rmSync } from "node:fs";

import { heapBytes, KEEP_MEMORY, MB } from "./heap";
import { expect, test } from "./fixtures";
import { emptyCheckpoint } from "./full_size";

for (const [checkpoint, gigabytes] of [["sd15", 2], ["sdxl", 6]] as const) {
  test(`${checkpoint} loads and makes a step in less than 512 MB`, async ({ lab }) => {
    const path = test.info().outputPath("model.safetensors");
    expect(emptyCheckpoint(checkpoint, path)).toBeGreaterThan(gigabytes * 1e9);
    await lab.route(/worker-.*\.js/, async (route) => {
      const response = await route.fetch();
      await route.fulfill({ response, body: KEEP_MEMORY + (await response.text()) });
    });
    await lab.evaluate(() => {
      const input = document.createElement("input");
      input.type = "file";
      document.body.append(input);
    });
    await lab.locator("input[type=file]").setInputFiles(path);
    const open = await lab.evaluateHandle(async () => {
      const engine = await tintype.open({ device: "cpu", storage: "none" });
      const file = document.querySelector("input")?.files?.[0];
      if (file === undefined) throw new Error("no file");
      await engine.addModel(file);
      await engine.registerNode({ class_type: "Sink", inputs: { model: ["MODEL"] }, outputs: [], output_node: true, run: () => [] });
      await engine.run({
        "1": { class_type: "CheckpointLoaderSimple", inputs: { ckpt_name: file.name } },
        "2": { class_type: "Sink", inputs: { model: ["1", 0] } },
      });
      return engine;
    });
    const loaded = await heapBytes(lab);
    const { seconds, colours } = await open.evaluate(async (engine) => {
      const begin = performance.now();
      const { images: [image] } = await engine.generate({ prompt: "a cat", model: "model.safetensors", width: 64, height: 64, steps: 1, cfg: 1 });
      const bitmap = await createImageBitmap(image ?? new Blob());
      const canvas = new OffscreenCanvas(bitmap.width, bitmap.height);
      const context = canvas.getContext("2d");
      context?.drawImage(bitmap, 0, 0);
      const pixels = context?.getImageData(0, 0, bitmap.width, bitmap.height).data ?? [];
      return { seconds: (performance.now() - begin) / 1000, colours: [...new Set(pixels)] };
    });
    const used = await heapBytes(lab);
    await open.evaluate((engine) => engine.close());
    rmSync(path);
    const mb = (bytes: number) => (bytes / MB).toFixed(0);
    test.info().annotations.push({ type: "heap", description: `${mb(loaded)} MB loaded, ${mb(used)} MB after a picture, ${seconds.toFixed(1)} s` });
    expect(loaded).toBeGreaterThan(MB);
    expect(loaded).toBeLessThan(512 * MB);
    expect(used).toBeLessThan(512 * MB);
    // Networks without numbers paint plain grey, opaque.
    expect(colours.length).toBe(2);
  });
}
