import { rmSync } from "node:fs";

import type { Page } from "@playwright/test";

import { draw, emptyCheckpoint, openWith } from "../../scripts/full_size.mjs";
import { countGpu, pretendHalves, pretendLeast } from "../../scripts/gpu.mjs";
import { MB } from "../../scripts/heap.mjs";
import { beforeWorkers } from "../../scripts/workers.mjs";
import { expect, test } from "./fixtures";

test("auto passes over a software adapter and says why", async ({ lab }) => {
  const device = await lab.evaluate(async () => {
    const engine = await tintype.open();
    const { device } = engine;
    engine.close();
    return device;
  });
  expect(device.kind).toBe("cpu");
  expect(device.reason).toContain("software");
});

test("the WebGPU engine draws on the software adapter what the CPU engine draws", async ({ lab }) => {
  test.setTimeout(600_000);
  const [gpu, cpu] = await lab.evaluate(async () => {
    const draw = async (device: "webgpu" | "cpu") => {
      const engine = await tintype.open({ device });
      const prepared: string[] = [];
      const { images } = await engine.generate({
        prompt: "a blue car",
        seed: 7,
        steps: 2,
        width: 64,
        height: 64,
        onEvent: ({ type, data }) => {
          if (type === "model_progress" && data.phase === "warmup") prepared.push(data.file);
        },
      });
      const bitmap = await createImageBitmap(images[0] as File);
      const canvas = new OffscreenCanvas(64, 64).getContext("2d");
      canvas?.drawImage(bitmap, 0, 0);
      const pixels = [...(canvas?.getImageData(0, 0, 64, 64).data ?? [])];
      const { kind } = engine.device;
      engine.close();
      return { kind, pixels, prepared };
    };
    return [await draw("webgpu"), await draw("cpu")] as const;
  });
  expect(gpu.kind).toBe("webgpu");
  expect(cpu.kind).toBe("cpu");
  // Kernels are compiled once.
  expect(gpu.prepared).toEqual(["sprite/unet/diffusion_pytorch_model.safetensors"]);
  expect(cpu.prepared).toEqual([]);
  const worst = Math.max(...gpu.pixels.map((value, i) => Math.abs(value - (cpu.pixels[i] ?? 0))));
  expect(worst).toBeLessThanOrEqual(2);
  // A picture, not one flat colour.
  expect(new Set(gpu.pixels).size).toBeGreaterThan(20);
});

test("a browser without WebGPU gets the CPU, or a clear refusal when WebGPU was asked for", async ({ page, site }) => {
  await page.goto(`${site}picture.html`);
  // A worker takes its navigator from the browser; the honest way to have none is an adapter-less request.
  await beforeWorkers(page, () => {
    Object.defineProperty(Object.getPrototypeOf(navigator), "gpu", { get: () => undefined });
  });
  const result = await page.evaluate(async () => {
    const refused = await tintype.open({ device: "webgpu" }).then(
      () => "opened",
      (e: InstanceType<typeof tintype.TintypeError>) => [e.code, e.hint !== null],
    );
    const engine = await tintype.open();
    const { device } = engine;
    engine.close();
    return { refused, device };
  });
  expect(result.refused).toEqual(["device_unavailable", true]);
  expect(result.device).toMatchObject({ kind: "cpu", reason: expect.stringContaining("no WebGPU") });
});

/** Opens a Stable Diffusion 1.5 without numbers, so many times narrower, and counts what it asks of the GPU. */
async function openNarrow(lab: Page, part: number, idle: boolean, precision: "auto" | "full" = "auto") {
  const path = test.info().outputPath("model.safetensors");
  emptyCheckpoint("sd15", path, part);
  const { opened, worker } = await openWith(lab, path, { device: "webgpu", precision });
  const gpu = await countGpu(worker, idle);
  const close = async () => {
    rmSync(path);
    await opened.evaluate(({ engine }) => engine.close());
  };
  return { opened, gpu, close };
}

test("a step of Stable Diffusion 1.5 takes few dispatches", async ({ lab }) => {
  test.setTimeout(600_000);
  // A fifth of the width: as many layers, and less to multiply.
  const { opened, gpu, close } = await openNarrow(lab, 5, false);
  // The first run encodes prompts; each makes their keys and values, of 16 layers.
  await draw(opened, { size: 64, steps: 1, seed: 1, decode: false });
  await gpu.reset();
  await draw(opened, { size: 64, steps: 2, seed: 1, decode: false });
  const { dispatches } = await gpu.read();
  await close();
  // At 512 × 512 and full width the first norms of three residual blocks take two.
  const step = (dispatches - 2 * 16) / 2 + 3;
  test.info().annotations.push({ type: "dispatches", description: `${step} a step` });
  expect(step).toBeLessThanOrEqual(420);
  expect(step).toBeGreaterThan(300);
});

test("a decoder's maps leave the GPU from one level to the next", async ({ lab }) => {
  test.setTimeout(600_000);
  // The autoencoder is whole. What nothing holds must go without the browser collecting garbage.
  const { opened, gpu, close } = await openNarrow(lab, 10, true);
  const decode = (width: number) =>
    opened.evaluate(async ({ engine, name }, width) => {
      await engine.run({
        "1": { class_type: "CheckpointLoaderSimple", inputs: { ckpt_name: name } },
        "2": { class_type: "EmptyLatentImage", inputs: { width, height: 512, batch_size: 1 } },
        "3": { class_type: "VAEDecode", inputs: { samples: ["2", 0], vae: ["1", 2] } },
        "4": { class_type: "SinkIMAGE", inputs: { value: ["3", 0] } },
      });
    }, width);
  // A narrow picture: weights are on the GPU then, and hardly more.
  await decode(16);
  const before = (await gpu.read()).now;
  for (const width of [512, 448]) {
    await gpu.reset();
    await decode(width);
    const { peak, largest, dispatches, submissions } = await gpu.read();
    // 1.2e12 multiply-adds for 512 × 512, and at most 40e9 of them in a submission; by the number of dispatches alone they
    // would be a quarter as many.
    expect(submissions).toBeGreaterThan(width / 16);
    test.info().annotations.push({ type: "submissions", description: `${submissions} of ${dispatches} dispatches` });
    const mb = ((peak - before) / MB).toFixed(0);
    test.info().annotations.push({ type: "MB", description: `${mb} for ${width} × 512` });
    // Three maps of 128 channels, each of which WebGPU must allow; with those of the levels before they would be 712 MB.
    expect(peak - before).toBeLessThan(450 * MB);
    expect(peak - before).toBeGreaterThan(width * 512 * 128 * 4 * 2);
    expect(largest).toBeLessThanOrEqual(128 * MB);
  }
  await close();
});

test("a GPU that knows halves keeps a denoiser's maps as halves, unless full precision is wished for", async ({ lab }) => {
  test.setTimeout(600_000);
  const workers = await pretendHalves(lab);
  const taken = async (precision: "auto" | "full") => {
    const { opened, gpu, close } = await openNarrow(lab, 5, true, precision);
    // Prompts are known then.
    await draw(opened, { size: 64, steps: 1, seed: 1, decode: false });
    await gpu.reset();
    await draw(opened, { size: 1024, steps: 1, seed: 1, decode: false });
    const { peak, dispatches } = await gpu.read();
    await close();
    await lab.reload();
    await lab.waitForFunction(() => "tintype" in globalThis);
    // Their keys and values, of 16 layers, are not.
    expect(dispatches - 2 * 16).toBeLessThanOrEqual(420);
    test.info().annotations.push({ type: "dispatches", description: `${dispatches - 2 * 16} a step` });
    return peak / MB;
  };
  const [halves, floats] = [await taken("auto"), await taken("full")];
  expect(workers.started).toBe(2);
  test.info().annotations.push({ type: "MB", description: `${halves.toFixed(0)}, ${floats.toFixed(0)} in full` });
  // Maps take about 130 MB in f32.
  expect(floats - halves).toBeGreaterThan(55);
});

test("what would keep a slow GPU busy for long is told to it in parts", async ({ lab }) => {
  test.setTimeout(600_000);
  const workers = await pretendHalves(lab);
  const { opened, gpu, close } = await openNarrow(lab, 5, true);
  await draw(opened, { size: 64, steps: 1, seed: 1, decode: false });
  const dispatches: number[] = [];
  // The attention of both halves' 111 × 111 tokens among themselves has 3.9e10 multiply-adds, that of 112 × 112 has 4.03e10.
  for (const size of [880, 888, 896]) {
    await gpu.reset();
    await draw(opened, { size, steps: 1, seed: 1, decode: false });
    dispatches.push((await gpu.read()).dispatches);
  }
  await close();
  expect(workers.started).toBe(1);
  // A first large picture takes one dispatch less than those after it.
  const [, whole = 0, parts = 0] = dispatches;
  // In five layers.
  expect(parts - whole).toBe(5);
});

test("no buffer is larger than every GPU's kernels may have", async ({ lab }) => {
  test.setTimeout(600_000);
  await pretendHalves(lab);
  const workers = await pretendLeast(lab);
  const { opened, gpu, close } = await openNarrow(lab, 5, true, "full");
  // What a feed-forward makes of both halves' 264 × 264 tokens is 136 MB, a decoder's largest map of 960 × 960 is 450 MB.
  const largest: number[] = [];
  for (const [size, decode] of [
    [2112, false],
    [960, true],
  ] as const) {
    await gpu.reset();
    await draw(opened, { size, steps: 1, seed: 1, decode });
    largest.push((await gpu.read()).largest / MB);
  }
  await close();
  expect(workers.started).toBe(1);
  test.info().annotations.push({ type: "MB", description: largest.map((size) => size.toFixed(0)).join(", ") });
  for (const size of largest) {
    expect(size).toBeGreaterThan(64);
    expect(size).toBeLessThanOrEqual(128);
  }
});
