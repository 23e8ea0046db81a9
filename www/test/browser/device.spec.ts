/**
 * A graphics device that fails while it works: one clear error, never a stuck page or a wrong picture, and the
 * next run gets a fresh device. Each failure is made in the worker of the shipped engine, at the browser's own API.
 */

import { beforeWorkers } from "../../scripts/workers.mjs";
import { expect, test } from "./fixtures";

/** The smallest graph whose numbers come from the device. */
const DECODE = JSON.stringify({
  "1": { class_type: "CheckpointLoaderSimple", inputs: { ckpt_name: "sprite" } },
  "2": { class_type: "EmptyLatentImage", inputs: { width: 16, height: 16, batch_size: 1 } },
  "3": { class_type: "VAEDecode", inputs: { samples: ["2", 0], vae: ["1", 2] } },
  "4": { class_type: "PreviewImage", inputs: { images: ["3", 0] } },
});

// Runs before the worker's own script: the device stays within reach of a test.
function keepDevice(): void {
  const { requestDevice } = GPUAdapter.prototype;
  GPUAdapter.prototype.requestDevice = async function (...options) {
    return ((globalThis as unknown as Scope).device = await requestDevice.apply(this, options));
  };
}

interface Scope {
  device: GPUDevice;
}

/** What goes wrong, how the browser is made to do it in the next run, and what the error must say. */
const FAULTS: [string, () => void, RegExp][] = [
  [
    "a shader that does not compile",
    () => {
      const { createShaderModule } = GPUDevice.prototype;
      GPUDevice.prototype.createShaderModule = function (descriptor) {
        return createShaderModule.call(this, { ...descriptor, code: `${descriptor.code}\nfn broken( {` });
      };
    },
    /WGSL compilation failed/,
  ],
  [
    "an invalid command",
    () => {
      const { dispatchWorkgroups } = GPUComputePassEncoder.prototype;
      GPUComputePassEncoder.prototype.dispatchWorkgroups = function () {
        return dispatchWorkgroups.call(this, 2 ** 32 - 1);
      };
    },
    /4294967295/,
  ],
  [
    "memory that runs out",
    () => {
      const { dispatchWorkgroups } = GPUComputePassEncoder.prototype;
      GPUComputePassEncoder.prototype.dispatchWorkgroups = function (...counts) {
        const error = new GPUOutOfMemoryError("no room on this device");
        const { device } = globalThis as unknown as Scope;
        setTimeout(() => device.dispatchEvent(new GPUUncapturedErrorEvent("uncapturederror", { error })));
        return dispatchWorkgroups.apply(this, counts);
      };
    },
    /memory/i,
  ],
  [
    "a device that is lost",
    () => {
      const { dispatchWorkgroups } = GPUComputePassEncoder.prototype;
      GPUComputePassEncoder.prototype.dispatchWorkgroups = function (...counts) {
        (globalThis as unknown as Scope).device.destroy();
        return dispatchWorkgroups.apply(this, counts);
      };
    },
    /lost/,
  ],
];

test("a device that fails is a clear error of the run, and the next run has a fresh device", async ({ lab }) => {
  test.setTimeout(400_000);
  await beforeWorkers(lab, keepDevice);
  const open = await lab.evaluateHandle(async () => ({ engine: await tintype.open({ device: "webgpu" }) }));
  for (const [what, fault, pattern] of FAULTS) {
    await test.step(what, async () => {
      await expect.poll(() => lab.workers().length).toBe(1);
      await lab.workers()[0]?.evaluate(fault);
      const error = await open.evaluate(async ({ engine }, graph) => {
        const error = await engine.run(graph).then(
          () => null,
          ({ name, code, message, hint }: InstanceType<typeof tintype.TintypeError>) => ({ name, code, message, hint }),
        );
        await engine.ready();
        return error;
      }, DECODE);
      expect(error).toMatchObject({ name: "TintypeError", code: "device_failed", hint: expect.stringMatching(/./) });
      expect(error?.message).toMatch(pattern);
    });
  }
  await test.step("a device lost between two runs", async () => {
    const told = await open.evaluateHandle(({ engine }) => ({
      notice: new Promise<string>((resolve) => engine.on("notice", ({ message }) => resolve(message))),
    }));
    await lab.workers()[0]?.evaluate(() => (globalThis as unknown as Scope).device.destroy());
    expect(await told.evaluate(({ notice }) => notice)).toMatch(/lost/);
  });
  const after = await open.evaluate(async ({ engine }, graph) => {
    const { images } = await engine.run(graph);
    const { kind } = engine.device;
    engine.close();
    return { kind, images: images.length };
  }, DECODE);
  expect(after).toEqual({ kind: "webgpu", images: 1 });
});
