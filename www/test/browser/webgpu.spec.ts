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
      const { images } = await engine.generate({ prompt: "a blue car", seed: 7, steps: 2, width: 64, height: 64 });
      const bitmap = await createImageBitmap(images[0] as File);
      const canvas = new OffscreenCanvas(64, 64).getContext("2d");
      canvas?.drawImage(bitmap, 0, 0);
      const pixels = [...(canvas?.getImageData(0, 0, 64, 64).data ?? [])];
      const { kind } = engine.device;
      engine.close();
      return { kind, pixels };
    };
    return [await draw("webgpu"), await draw("cpu")] as const;
  });
  expect(gpu.kind).toBe("webgpu");
  expect(cpu.kind).toBe("cpu");
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
