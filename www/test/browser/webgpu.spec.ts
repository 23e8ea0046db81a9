import { rmSync } from "node:fs";

import { emptyCheckpoint, openWith } from "../../scripts/full_size.mjs";
import { countGpu } from "../../scripts/gpu.mjs";
import { expect, served, test } from "./fixtures";

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
  await page.route(/worker-.*\.js/, (route) => {
    const body = `Object.defineProperty(Object.getPrototypeOf(navigator), "gpu", { get: () => undefined });\n${served(route)}`;
    return route.fulfill({ contentType: "text/javascript", body });
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

test("a step of Stable Diffusion 1.5 takes few dispatches", async ({ lab }) => {
  test.setTimeout(600_000);
  const path = test.info().outputPath("model.safetensors");
  // A fifth of the width: as many layers, and less to multiply.
  emptyCheckpoint("sd15", path, 5);
  const { opened, worker } = await openWith(lab, path, "webgpu");
  const gpu = await countGpu(worker);
  const run = async (steps: number) => {
    await gpu.reset();
    await opened.evaluate(async ({ engine, name }, steps) => {
      const prompt = (text: string) => ({ class_type: "CLIPTextEncode", inputs: { clip: ["1", 1], text } });
      await engine.run({
        "1": { class_type: "CheckpointLoaderSimple", inputs: { ckpt_name: name } },
        "2": prompt("a cat"),
        "3": prompt(""),
        "4": { class_type: "EmptyLatentImage", inputs: { width: 64, height: 64, batch_size: 1 } },
        "5": { class_type: "KSampler", inputs: {
          model: ["1", 0], positive: ["2", 0], negative: ["3", 0], latent_image: ["4", 0],
          seed: 1, steps, cfg: 5, sampler_name: "euler", scheduler: "normal", denoise: 1,
        } },
        "6": { class_type: "SinkLATENT", inputs: { value: ["5", 0] } },
      });
    }, steps);
    return (await gpu.read()).dispatches;
  };
  // The first run encodes prompts; each makes their keys and values, of 16 layers.
  await run(1);
  const second = await run(2);
  rmSync(path);
  await opened.evaluate(({ engine }) => engine.close());
  // At 512 × 512 and full width the first norms of three residual blocks take two.
  const step = (second - 2 * 16) / 2 + 3;
  test.info().annotations.push({ type: "dispatches", description: `${step} a step` });
  expect(step).toBeLessThanOrEqual(420);
  expect(step).toBeGreaterThan(300);
});
