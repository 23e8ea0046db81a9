/** What a worker asks of a GPU, counted: for tests and `make bench`. */

import { beforeWorkers } from "./workers.mjs";

/**
 * Counts the dispatches of a worker from now on, and the bytes of its buffers.
 * @param {import("playwright-core").Worker} worker
 * @param {boolean} idle the dispatches are counted and not made: what a software adapter would take hours for needs as much
 *   memory so, and all that is computed is 0
 */
export async function countGpu(worker, idle = false) {
  await worker.evaluate(count, idle);
  return {
    /** Begins anew; buffers that are there stay counted. */
    reset: () => worker.evaluate(() => void /** @type {any} */ (globalThis).gpuCounts.reset()),
    /**
     * Dispatches and submissions since then, bytes of all buffers now and at their peak, and of the largest.
     * @returns {Promise<{ dispatches: number, submissions: number, now: number, peak: number, largest: number }>}
     */
    read: () =>
      worker.evaluate(() => {
        const { dispatches, submissions, now, peak, largest } = /** @type {any} */ (globalThis).gpuCounts;
        return { dispatches, submissions, now, peak, largest };
      }),
  };
}

/**
 * Runs in the worker.
 * @param {boolean} idle
 */
function count(idle) {
  const counts = {
    dispatches: 0,
    submissions: 0,
    now: 0,
    peak: 0,
    largest: 0,
    reset() {
      Object.assign(this, { dispatches: 0, submissions: 0, peak: this.now, largest: 0 });
    },
  };
  Object.assign(globalThis, { gpuCounts: counts });
  const pass = GPUComputePassEncoder.prototype;
  const dispatch = pass.dispatchWorkgroups;
  pass.dispatchWorkgroups = function (...sizes) {
    counts.dispatches += 1;
    if (!idle) dispatch.apply(this, sizes);
  };
  const { submit } = GPUQueue.prototype;
  GPUQueue.prototype.submit = function (/** @type {Iterable<GPUCommandBuffer>} */ commands) {
    counts.submissions += 1;
    return submit.call(this, commands);
  };
  // A buffer that nobody holds any more is gone as well as one that is destroyed.
  /** @type {WeakMap<GPUBuffer, { size: number }>} */
  const sizes = new WeakMap();
  const release = (/** @type {{ size: number }} */ held) => {
    counts.now -= held.size;
    held.size = 0;
  };
  const gone = new FinalizationRegistry(release);
  const { createBuffer } = GPUDevice.prototype;
  GPUDevice.prototype.createBuffer = function (/** @type {GPUBufferDescriptor} */ descriptor) {
    const buffer = createBuffer.call(this, descriptor);
    const held = { size: descriptor.size };
    sizes.set(buffer, held);
    gone.register(buffer, held);
    counts.now += held.size;
    counts.peak = Math.max(counts.peak, counts.now);
    counts.largest = Math.max(counts.largest, held.size);
    return buffer;
  };
  const { destroy } = GPUBuffer.prototype;
  GPUBuffer.prototype.destroy = function () {
    const held = sizes.get(this);
    if (held !== undefined) release(held);
    return destroy.call(this);
  };
}

/**
 * Has engines that a page opens take its GPU for one that knows halves and is no processor: to see with `countGpu`, idle, what
 * they would ask of that one. Shaders are checked with f32 in place of halves, and none is compiled, which takes a minute.
 * @param {import("playwright-core").Page} page
 */
export function pretendHalves(page) {
  return beforeWorkers(page, () => {
    const { has } = GPUSupportedFeatures.prototype;
    GPUSupportedFeatures.prototype.has = function (/** @type {string} */ name) {
      return name === "shader-f16" || has.call(this, name);
    };
    Object.defineProperty(GPUAdapterInfo.prototype, "isFallbackAdapter", { value: false });
    const { requestDevice } = GPUAdapter.prototype;
    GPUAdapter.prototype.requestDevice = function (/** @type {GPUDeviceDescriptor | undefined} */ descriptor) {
      const requiredFeatures = [...(descriptor?.requiredFeatures ?? [])].filter((name) => name !== "shader-f16");
      return requestDevice.call(this, { ...descriptor, requiredFeatures });
    };
    const { createShaderModule } = GPUDevice.prototype;
    GPUDevice.prototype.createShaderModule = function (/** @type {GPUShaderModuleDescriptor} */ descriptor) {
      const code = descriptor.code.replace(/\benable f16;/g, "").replace(/\bf16\b/g, "f32");
      createShaderModule.call(this, { ...descriptor, code });
      const [, name = "main"] = /@compute[^{]*?fn\s+(\w+)/.exec(code) ?? [];
      return createShaderModule.call(this, { code: `@compute @workgroup_size(1) fn ${name}() {}` });
    };
  });
}

/**
 * Has engines that a page opens take its GPU for one that can do no more than WebGPU asks of each: buffers of 128 MiB for
 * kernels, 16 KiB of a workgroup's memory, 256 invocations.
 * @param {import("playwright-core").Page} page
 */
export function pretendLeast(page) {
  return beforeWorkers(page, () => {
    const { requestDevice } = GPUAdapter.prototype;
    GPUAdapter.prototype.requestDevice = function (/** @type {GPUDeviceDescriptor | undefined} */ descriptor) {
      return requestDevice.call(this, { ...descriptor, requiredLimits: {} });
    };
  });
}
