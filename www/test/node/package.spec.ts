/** The package in Node, on a GPU. */

import { execFileSync } from "node:child_process";
import { cpSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

import { expect, test } from "@playwright/test";

const PACKAGE = fileURLToPath(new URL("../../../build/package", import.meta.url));
const DAWN = fileURLToPath(new URL("../../node_modules/webgpu", import.meta.url));

/** Prints the device and the latent of each kind. */
const PROGRAM = `
import { open } from "tintype/node";
for (const device of ["webgpu", "cpu"]) {
  const engine = await open({ device, precision: "full" });
  const g = engine.graph();
  const [model, clip] = g.CheckpointLoaderSimple({ ckpt_name: "sprite" });
  const samples = g.KSampler({
    model, seed: 7, steps: 2, cfg: 5, sampler_name: "euler", scheduler: "normal", denoise: 1,
    positive: g.CLIPTextEncode({ clip, text: "a blue car" }), negative: g.CLIPTextEncode({ clip, text: "" }),
    latent_image: g.EmptyLatentImage({ width: 64, height: 64, batch_size: 1 }),
  });
  g.SaveLatent({ samples, filename_prefix: "t" });
  const { latents } = await engine.run(g);
  const file = Buffer.from(await latents[0].arrayBuffer());
  const start = 8 + Number(file.readBigUInt64LE(0));
  const [from, to] = JSON.parse(file.subarray(8, start)).latent_tensor.data_offsets;
  const numbers = [...new Float32Array(Uint8Array.from(file.subarray(start + from, start + to)).buffer)];
  console.log(JSON.stringify({ kind: engine.device.kind, build: engine.device.build, numbers }));
  engine.close();
}
`;

test("with the package webgpu beside it the GPU draws, and what the CPU does", ({}, info) => {
  test.setTimeout(600_000);
  const modules = info.outputPath("node_modules");
  mkdirSync(modules, { recursive: true });
  cpSync(PACKAGE, join(modules, "tintype"), { recursive: true });
  symlinkSync(DAWN, join(modules, "webgpu"), "junction");
  const program = info.outputPath("draw.mjs");
  writeFileSync(program, PROGRAM);
  const lines = execFileSync(process.execPath, [program], { encoding: "utf8" }).trim().split("\n");
  const [gpu, cpu] = lines.map((line) => JSON.parse(line) as { kind: string; build: string; numbers: number[] });
  expect(gpu).toMatchObject({ kind: "webgpu", build: "webgpu" });
  expect(cpu).toMatchObject({ kind: "cpu", build: "cpu" });
  const largest = Math.max(...(cpu?.numbers ?? []).map(Math.abs));
  const differences = (gpu?.numbers ?? []).map((number, i) => Math.abs(number - (cpu?.numbers[i] ?? NaN)));
  expect(differences).toHaveLength(4 * 8 * 8);
  expect(Math.max(...differences)).toBeLessThan(1e-3 * largest);
});
