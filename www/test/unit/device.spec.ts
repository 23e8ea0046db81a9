import { expect, test } from "@playwright/test";

import { buildFor, chooseDevice, type GpuHost } from "../../src/engine/device";

const CARD = { vendor: "intel", architecture: "gen-12", device: "", description: "" };

function host(adapter: object | null | Error, more: Partial<GpuHost> = {}): GpuHost {
  return {
    isSecureContext: true,
    gpu: {
      requestAdapter: async () => {
        if (adapter instanceof Error) throw adapter;
        return adapter as GPUAdapter | null;
      },
    },
    ...more,
  };
}

function adapter(info: object = CARD, features: string[] = ["timestamp-query"], limits: object = {}) {
  return {
    info,
    features: new Set(features),
    limits: {
      maxStorageBufferBindingSize: 2 ** 30,
      maxComputeInvocationsPerWorkgroup: 256,
      maxStorageBuffersPerShaderStage: 10,
      ...limits,
    },
  };
}

test("a real adapter is taken", async () => {
  const choice = await chooseDevice("auto", host(adapter()));
  expect(choice).toMatchObject({ kind: "webgpu", adapterName: "intel gen-12" });
});

test("asking for the CPU looks at no adapter", async () => {
  const choice = await chooseDevice("cpu", host(new Error("not to be asked")));
  expect(choice.kind).toBe("cpu");
});

for (const [what, where, part] of [
  ["no WebGPU", { isSecureContext: true }, "has no WebGPU"],
  ["an insecure page", { isSecureContext: false }, "https"],
  ["no adapter", host(null), "no WebGPU adapter"],
  ["a failing request", host(new Error("lost")), "lost"],
  ["no timestamps", host(adapter(CARD, [])), "timestamp-query"],
  ["small bindings", host(adapter(CARD, undefined, { maxStorageBufferBindingSize: 2 ** 20 })), "134217728 is needed"],
] as [string, GpuHost, string][]) {
  test(`${what}: auto takes the CPU and says why, webgpu is refused`, async () => {
    const choice = await chooseDevice("auto", where);
    expect(choice.kind).toBe("cpu");
    expect(choice.reason).toContain(part);
    await expect(chooseDevice("webgpu", where)).rejects.toMatchObject({ code: "device_unavailable" });
  });
}

for (const info of [
  { vendor: "google", architecture: "swiftshader", device: "", description: "" },
  { vendor: "mesa", architecture: "", device: "", description: "llvmpipe (LLVM 15)" },
  { ...CARD, isFallbackAdapter: true },
]) {
  test(`a software adapter (${JSON.stringify(info)}) is passed over, unless asked for`, async () => {
    const where = host(adapter(info));
    const choice = await chooseDevice("auto", where);
    expect(choice.kind).toBe("cpu");
    expect(choice.reason).toContain("software");
    expect((await chooseDevice("webgpu", where)).kind).toBe("webgpu");
  });
}

test("on the CPU multiply-adds are taken where the browser and the site have them, unless every bit counts", () => {
  const files = { module: "", wasm: "" };
  const all = { cpu: files, "cpu-relaxed": files, webgpu: files };
  const { validate } = WebAssembly;
  try {
    WebAssembly.validate = () => true;
    expect(buildFor("cpu", "auto", all)).toBe("cpu-relaxed");
    expect(buildFor("cpu", "full", all)).toBe("cpu");
    expect(buildFor("cpu", "auto", { cpu: files })).toBe("cpu");
    expect(buildFor("webgpu", "auto", all)).toBe("webgpu");
    WebAssembly.validate = () => false;
    expect(buildFor("cpu", "auto", all)).toBe("cpu");
  } finally {
    WebAssembly.validate = validate;
  }
});
