/**
 * Kernels and a whole run with maps in halves, in the WebGPU that Chromium has (Dawn) on a driver that knows them, which the
 * software adapter of Chromium does not. The comparisons are those of `browser/parity.spec.ts`.
 */

import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

import { expect, test } from "@playwright/test";

import { serve } from "../../scripts/serve.mjs";
import { assertClose, type Comparison } from "../comparisons";

const ROOT = fileURLToPath(new URL("../../..", import.meta.url));
/** Of a picture whose numbers are 0 to 255. */
const PICTURE_TOLERANCE = 4 / 255;

async function compare(...job: string[]): Promise<Comparison[]> {
  const script = fileURLToPath(new URL("compare.mjs", import.meta.url));
  const { stdout } = await promisify(execFile)(process.execPath, [script, ...job], { maxBuffer: 2 ** 24 });
  return JSON.parse(stdout) as Comparison[];
}

for (const [kind, least] of [
  ["norms", 14],
  ["attention", 34],
  ["linear layers", 50],
  ["convolutions", 120],
  ["convolutions in shares", 48],
] as const) {
  test(`${kind} of real networks in halves`, async () => {
    // Compiling the kernels for a processor takes minutes where another test has half of the machine.
    test.setTimeout(900_000);
    const comparisons = await compare("kernels", kind);
    expect(comparisons.length).toBeGreaterThanOrEqual(least);
    assertClose(comparisons);
    // They are halves indeed.
    expect(Math.max(...comparisons.map(({ error }) => error))).toBeGreaterThan(5e-5);
  });
}

test("a picture from halves is nearly the one of diffusers in f32", async () => {
  test.setTimeout(600_000);
  const { url, close } = await serve({ folder: ROOT });
  const comparisons = await compare("golden", "euler8", `${url}www/public/models/`);
  await close();
  expect(comparisons.length).toBeGreaterThan(30);
  const picture = comparisons.filter(({ name }) => name === "picture").map((one) => ({ ...one, allowed: PICTURE_TOLERANCE }));
  expect(picture).toHaveLength(1);
  assertClose(picture);
  // Text encoders keep f32, denoisers halves.
  expect(comparisons.find(({ name }) => name === "text_embeddings")?.error).toBeLessThan(1e-4);
  expect(comparisons.find(({ name }) => name === "unet_out 0")?.error).toBeGreaterThan(1e-4);
});
