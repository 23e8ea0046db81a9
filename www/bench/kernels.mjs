/** Where a GPU's time goes, by kernel. */

/** What Chromium needs besides, so that times are not rounded to a tenth of a millisecond. */
export const FLAGS = ["--disable-dawn-features=timestamp_quantization"];

/**
 * Times every dispatch of a worker from now on, each in a pass of its own. It has to be called before there is a device, and
 * needs an adapter with `timestamp-query`.
 * @param {import("playwright-core").Worker} worker
 */
export async function timeKernels(worker) {
  await worker.evaluate(watch);
  return {
    /** Begins anew. */
    reset: () => worker.evaluate(() => /** @type {any} */ (globalThis).kernelTimes.reset()),
    /**
     * Dispatches since then and their seconds, by kernel, the slowest first.
     * @returns {Promise<{ kernel: string, dispatches: number, seconds: number }[]>}
     */
    read: () => worker.evaluate(() => /** @type {any} */ (globalThis).kernelTimes.read()),
  };
}

/** Runs in the worker. */
function watch() {
  // As many times as a set may hold: two for each dispatch.
  const MOST = 4096;
  /** @type {{ device: GPUDevice, set: GPUQuerySet } | null} */
  let clock = null;
  /** @type {string[]} */
  let dispatched = [];
  /** @type {WeakMap<GPUComputePipeline, string>} */
  const names = new WeakMap();

  const { requestDevice } = GPUAdapter.prototype;
  GPUAdapter.prototype.requestDevice = async function (/** @type {GPUDeviceDescriptor} */ descriptor = {}) {
    if (!this.features.has("timestamp-query")) throw new Error("the adapter keeps no time of its passes (`timestamp-query`)");
    const features = [...(descriptor.requiredFeatures ?? []), "timestamp-query"];
    const device = await requestDevice.call(this, { ...descriptor, requiredFeatures: /** @type {GPUFeatureName[]} */ (features) });
    clock = { device, set: device.createQuerySet({ type: "timestamp", count: MOST }) };
    return device;
  };

  const { createComputePipeline, createComputePipelineAsync } = GPUDevice.prototype;
  /** @param {GPUComputePipeline} pipeline @param {GPUComputePipelineDescriptor} descriptor */
  const named = (pipeline, descriptor) => {
    // Without what the compiler adds to tell variants apart.
    names.set(pipeline, (descriptor.compute.entryPoint ?? "main").replace(/_kernel.*/, ""));
    return pipeline;
  };
  GPUDevice.prototype.createComputePipeline = function (descriptor) {
    return named(createComputePipeline.call(this, descriptor), descriptor);
  };
  GPUDevice.prototype.createComputePipelineAsync = async function (descriptor) {
    return named(await createComputePipelineAsync.call(this, descriptor), descriptor);
  };

  // A pass is no more than what the passes of its dispatches have to be told.
  const { beginComputePass } = GPUCommandEncoder.prototype;
  GPUCommandEncoder.prototype.beginComputePass = function () {
    const encoder = this;
    /** @type {GPUComputePipeline} */
    let pipeline;
    /** @type {Map<number, any[]>} */
    const groups = new Map();
    const stand = {
      setPipeline: (/** @type {GPUComputePipeline} */ next) => void (pipeline = next),
      setBindGroup: (/** @type {number} */ index, /** @type {any[]} */ ...rest) =>
        void groups.set(index, rest.map((value) => (ArrayBuffer.isView(value) ? /** @type {Uint32Array} */ (value).slice() : value))),
      dispatchWorkgroups(/** @type {[number, number, number]} */ ...sizes) {
        const at = 2 * dispatched.length;
        const isTimed = clock !== null && at < MOST;
        const timestampWrites = { querySet: /** @type {any} */ (clock)?.set, beginningOfPassWriteIndex: at, endOfPassWriteIndex: at + 1 };
        const pass = beginComputePass.call(encoder, isTimed ? { timestampWrites } : {});
        if (isTimed) dispatched.push(names.get(pipeline) ?? "?");
        pass.setPipeline(pipeline);
        for (const [index, rest] of groups) pass.setBindGroup(index, .../** @type {[any]} */ (rest));
        pass.dispatchWorkgroups(...sizes);
        pass.end();
      },
      end() {},
      pushDebugGroup() {},
      popDebugGroup() {},
      insertDebugMarker() {},
    };
    return /** @type {any} */ (stand);
  };

  const kernelTimes = {
    reset() {
      dispatched = [];
    },
    async read() {
      if (clock === null) return [];
      const { device, set } = clock;
      const size = Math.max(dispatched.length, 1) * 16;
      const resolved = device.createBuffer({ size, usage: GPUBufferUsage.QUERY_RESOLVE | GPUBufferUsage.COPY_SRC });
      const mapped = device.createBuffer({ size, usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST });
      const encoder = device.createCommandEncoder();
      encoder.resolveQuerySet(set, 0, size / 8, resolved, 0);
      encoder.copyBufferToBuffer(resolved, 0, mapped, 0, size);
      device.queue.submit([encoder.finish()]);
      await mapped.mapAsync(GPUMapMode.READ);
      const times = new BigUint64Array(mapped.getMappedRange());
      /** @type {Map<string, { kernel: string, dispatches: number, seconds: number }>} */
      const all = new Map();
      dispatched.forEach((kernel, i) => {
        const one = all.get(kernel) ?? { kernel, dispatches: 0, seconds: 0 };
        one.dispatches += 1;
        one.seconds += Number((times[2 * i + 1] ?? 0n) - (times[2 * i] ?? 0n)) / 1e9;
        all.set(kernel, one);
      });
      return [...all.values()].sort((a, b) => b.seconds - a.seconds);
    },
  };
  Object.assign(globalThis, { kernelTimes });
}
