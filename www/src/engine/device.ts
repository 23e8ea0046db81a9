/** Which of the engines this machine gets, and why, in words a visitor understands. */

import { TintypeError } from "./errors";
import type { Builds } from "./host";
import type { Build, DeviceWish, Precision } from "./types";

/** A decision, before anything was downloaded. */
export interface DeviceChoice {
  kind: "webgpu" | "cpu";
  reason: string;
  /** What the browser calls the adapter; empty for the CPU. */
  adapterName: string;
}

/** The part of `navigator` that matters here; a test passes its own. */
export interface GpuHost {
  gpu?: Pick<GPU, "requestAdapter"> | undefined;
  isSecureContext: boolean;
  /** Why there can be no `gpu`, where that is known. */
  missing?: string | undefined;
}

type Limit = "maxStorageBufferBindingSize" | "maxComputeInvocationsPerWorkgroup" | "maxStorageBuffersPerShaderStage";

/** What the kernels need at least. The values are WebGPU's own defaults: only compatibility-mode adapters have less. */
const NEEDED: Record<Limit, number> = {
  maxStorageBufferBindingSize: 128 * 1024 * 1024,
  maxComputeInvocationsPerWorkgroup: 256,
  maxStorageBuffersPerShaderStage: 8,
};

/** The device for `wish`. Rejects with `device_unavailable` only when WebGPU was asked for by name. */
export async function chooseDevice(wish: DeviceWish, host: GpuHost): Promise<DeviceChoice> {
  if (wish === "cpu") return { kind: "cpu", reason: "The CPU was asked for.", adapterName: "" };

  const found = await inspect(host);
  if (found.problem !== null) {
    if (wish === "webgpu") {
      throw new TintypeError(`no webgpu device: ${found.problem}`, "device_unavailable", {
        hint: "Use a browser with WebGPU on a machine with a supported graphics card, or open the engine with `device: \"cpu\"`.",
      });
    }
    return { kind: "cpu", reason: `The CPU draws: ${found.problem}.`, adapterName: "" };
  }
  if (wish === "auto" && found.software) {
    return {
      kind: "cpu",
      reason: `The CPU draws: the only WebGPU adapter (${found.name}) is a software one, which is far slower than the CPU engine.`,
      adapterName: "",
    };
  }
  return {
    kind: "webgpu",
    reason: found.software
      ? `WebGPU was asked for; the adapter (${found.name}) is a software one and slow.`
      : `The graphics card draws through WebGPU (${found.name}).`,
    adapterName: found.name,
  };
}

/**
 * The engine for a device. On the CPU multiply-adds of relaxed SIMD are faster, and round once where another machine rounds
 * twice: with precision `full` the engine without them is taken, whose numbers are the same bits on every machine.
 */
export function buildFor(kind: DeviceChoice["kind"], precision: Precision, builds: Builds): Build {
  const relaxed = kind === "cpu" && precision === "auto" && builds["cpu-relaxed"] !== undefined && knowsRelaxedSimd();
  return relaxed ? "cpu-relaxed" : kind;
}

/** A program with one function: `f32x4.relaxed_madd` of three times the same number. */
const RELAXED_SIMD = [
  0, 97, 115, 109, 1, 0, 0, 0, 1, 5, 1, 96, 0, 1, 123, 3, 2, 1, 0, 10, 19, 1, 17, 0, 65, 1, 253, 15, 65, 1, 253, 15, 65, 1, 253, 15, 253,
  133, 2, 11,
];

function knowsRelaxedSimd(): boolean {
  return WebAssembly.validate(new Uint8Array(RELAXED_SIMD));
}

interface Found {
  problem: string | null;
  name: string;
  software: boolean;
}

async function inspect(host: GpuHost): Promise<Found> {
  const nothing = (problem: string): Found => ({ problem, name: "", software: false });
  if (host.gpu === undefined) {
    return nothing(
      host.missing ??
        (host.isSecureContext ? "this browser has no WebGPU" : "WebGPU needs a page served over https or from localhost"),
    );
  }
  let adapter: GPUAdapter | null;
  try {
    adapter = await host.gpu.requestAdapter({ powerPreference: "high-performance" });
  } catch (error) {
    return nothing(`asking for a WebGPU adapter failed (${error instanceof Error ? error.message : String(error)})`);
  }
  if (adapter === null) return nothing("the browser offers no WebGPU adapter on this machine");

  const name = adapterName(adapter.info);
  // burn's runtime makes a timestamp query when it starts and panics where it cannot.
  if (!adapter.features.has("timestamp-query")) {
    return { problem: `the WebGPU adapter (${name}) lacks \`timestamp-query\``, name, software: false };
  }
  for (const [limit, least] of Object.entries(NEEDED) as [Limit, number][]) {
    const has = adapter.limits[limit];
    if (has < least) {
      return { problem: `the WebGPU adapter (${name}) has ${limit} ${has}, ${least} is needed`, name, software: false };
    }
  }
  return { problem: null, name, software: isSoftware(adapter.info) };
}

function adapterName(info: GPUAdapterInfo): string {
  const parts = [info.vendor, info.architecture, info.device].filter((part) => part !== "");
  return info.description !== "" ? info.description : parts.length > 0 ? parts.join(" ") : "unnamed adapter";
}

/** Adapters that compute on the CPU: SwiftShader, llvmpipe, and whatever the browser itself calls a fallback. */
function isSoftware(info: GPUAdapterInfo): boolean {
  if ((info as { isFallbackAdapter?: boolean }).isFallbackAdapter === true) return true;
  const words = `${info.vendor} ${info.architecture} ${info.device} ${info.description}`.toLowerCase();
  return /swiftshader|llvmpipe|lavapipe|basic render|software/.test(words);
}
