/** Checkpoints of full size on the CPU engine: more weights than a page can address, so they are read as they are used. */

import { rmSync } from "node:fs";

import { emptyCheckpoint, loadAndPaint } from "../../scripts/full_size.mjs";
import { MB } from "../../scripts/heap.mjs";
import { expect, test } from "./fixtures";

for (const [checkpoint, gigabytes] of [["sd15", 2], ["sdxl", 6]] as const) {
  test(`${checkpoint} loads and makes a step in less than 512 MB`, async ({ lab }) => {
    // What is tested is memory: SDXL takes minutes on a machine that does other work, too.
    test.setTimeout(600_000);
    const path = test.info().outputPath("model.safetensors");
    expect(emptyCheckpoint(checkpoint, path)).toBeGreaterThan(gigabytes * 1e9);
    const { load, paint } = await loadAndPaint(lab, path);
    rmSync(path);
    const mb = (bytes: number) => (bytes / MB).toFixed(0);
    test.info().annotations.push({
      type: "heap",
      description: `${mb(load.heap)} MB loaded, ${mb(paint.heap)} MB after a picture, ${paint.seconds.toFixed(1)} s`,
    });
    expect(load.heap).toBeGreaterThan(MB);
    expect(load.heap).toBeLessThan(512 * MB);
    expect(paint.heap).toBeLessThan(512 * MB);
    // Networks without numbers paint plain grey, opaque.
    expect(paint.colours.length).toBe(2);
  });
}
