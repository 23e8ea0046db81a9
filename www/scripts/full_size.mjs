/** A checkpoint as large as a real one, without its numbers: the disk holds no zeros. For tests and `make bench`. */

import { closeSync, ftruncateSync, openSync, readFileSync, writeSync } from "node:fs";
import { inflateSync } from "node:zlib";

import { heapBytes, keepMemory } from "./heap.mjs";

/** The checkpoints there are names and shapes of. */
export const FULL_SIZE = /** @type {const} */ (["sd15", "sdxl"]);

/** Channels that the widths of a denoising network are multiples of. */
const CHANNELS = 320;

/**
 * Writes a file with the names and shapes of a published checkpoint (tests/reference/checkpoints.py), all 0 in half
 * precision; gives its bytes.
 * @param {typeof FULL_SIZE[number]} checkpoint
 * @param {string} path
 * @param {number} part the denoising network is this much narrower
 */
export function emptyCheckpoint(checkpoint, path, part = 1) {
  const list = new URL(`../../tests/fixtures/checkpoints/${checkpoint}.txt.z`, import.meta.url);
  /** @type {Record<string, unknown>} */
  const header = {};
  let length = 0;
  for (const line of inflateSync(readFileSync(list)).toString().trim().split("\n")) {
    const [name = "", , sides = "-"] = line.split(" ");
    const shape = sides === "-" ? [] : sides.split("x").map((side) => (Number(side) % CHANNELS === 0 ? Number(side) / part : Number(side)));
    const start = length;
    length += 2 * shape.reduce((a, b) => a * b, 1);
    header[name] = { dtype: "F16", shape, data_offsets: [start, length] };
  }
  const text = Buffer.from(JSON.stringify(header));
  const size = Buffer.alloc(8);
  size.writeBigUInt64LE(BigInt(text.length));
  const file = openSync(path, "w");
  writeSync(file, size);
  writeSync(file, text);
  ftruncateSync(file, size.length + text.length + length);
  closeSync(file);
  return size.length + text.length + length;
}

/**
 * Opens an engine on a page that has `tintype`, and hands it the file at `path` as one that is dropped there: nothing of it is
 * kept. It has output nodes that make nothing, `SinkMODEL`, `SinkLATENT` and `SinkIMAGE`, of one input, `value`.
 * @param {import("playwright-core").Page} page
 * @param {string} path
 * @param {{ device: "cpu" | "webgpu", precision?: "auto" | "full" }} options
 */
export async function openWith(page, path, options) {
  await page.evaluate(() => {
    const input = document.createElement("input");
    input.type = "file";
    document.body.append(input);
  });
  await page.locator("input[type=file]").setInputFiles(path);
  const appeared = page.waitForEvent("worker");
  const opened = await page.evaluateHandle(async (options) => {
    const engine = await tintype.open({ ...options, storage: "none" });
    const file = document.querySelector("input")?.files?.[0];
    if (file === undefined) throw new Error("no file");
    await engine.addModel(file);
    for (const type of ["MODEL", "LATENT", "IMAGE"]) {
      await engine.registerNode({ class_type: `Sink${type}`, inputs: { value: [type] }, outputs: [], output_node: true, run: () => [] });
    }
    return { engine, name: file.name };
  }, options);
  return { opened, worker: await appeared };
}

/**
 * Draws latents with the file of `openWith`, and decodes them if it is to; with the same seed only what is new is run. Gives
 * the seconds.
 * @param {Awaited<ReturnType<typeof openWith>>["opened"]} opened
 * @param {{ size: number, batch?: number, steps: number, seed: number, decode: boolean }} options `size` in pixels
 * @returns {Promise<number>}
 */
export function draw(opened, options) {
  return opened.evaluate(async ({ engine, name }, { size, batch = 1, steps, seed, decode }) => {
    const prompt = (/** @type {string} */ text) => ({ class_type: "CLIPTextEncode", inputs: { clip: ["1", 1], text } });
    const begin = performance.now();
    await engine.run({
      "1": { class_type: "CheckpointLoaderSimple", inputs: { ckpt_name: name } },
      "2": prompt("a cat"),
      "3": prompt(""),
      "4": { class_type: "EmptyLatentImage", inputs: { width: size, height: size, batch_size: batch } },
      "5": { class_type: "KSampler", inputs: {
        model: ["1", 0], positive: ["2", 0], negative: ["3", 0], latent_image: ["4", 0],
        seed, steps, cfg: 5, sampler_name: "euler", scheduler: "normal", denoise: 1,
      } },
      ...(decode
        ? { "6": { class_type: "VAEDecode", inputs: { samples: ["5", 0], vae: ["1", 2] } }, "7": { class_type: "SinkIMAGE", inputs: { value: ["6", 0] } } }
        : { "6": { class_type: "SinkLATENT", inputs: { value: ["5", 0] } } }),
    });
    return (performance.now() - begin) / 1000;
  }, options);
}

/**
 * Loads the checkpoint at `path` into a CPU engine, and paints one step of 64 × 64 with it. Seconds, and bytes of the
 * engine's heap after loading and after painting; and the pixels' different values.
 * @param {import("playwright-core").Page} page
 * @param {string} path
 */
export async function loadAndPaint(page, path) {
  await keepMemory(page);
  const { opened } = await openWith(page, path, { device: "cpu" });
  const seconds = await opened.evaluate(async ({ engine, name }) => {
    const begin = performance.now();
    await engine.run({
      "1": { class_type: "CheckpointLoaderSimple", inputs: { ckpt_name: name } },
      "2": { class_type: "SinkMODEL", inputs: { value: ["1", 0] } },
    });
    return (performance.now() - begin) / 1000;
  });
  const load = { seconds, heap: await heapBytes(page) };
  const painted = await opened.evaluate(async ({ engine, name }) => {
    const begin = performance.now();
    const { images: [image] } = await engine.generate({ prompt: "a cat", model: name, width: 64, height: 64, steps: 1, cfg: 1 });
    const seconds = (performance.now() - begin) / 1000;
    const bitmap = await createImageBitmap(image ?? new Blob());
    const canvas = new OffscreenCanvas(bitmap.width, bitmap.height);
    const context = canvas.getContext("2d");
    context?.drawImage(bitmap, 0, 0);
    return { seconds, colours: [...new Set(context?.getImageData(0, 0, bitmap.width, bitmap.height).data ?? [])] };
  });
  const paint = { ...painted, heap: await heapBytes(page) };
  await opened.evaluate(({ engine }) => engine.close());
  return { load, paint };
}
