/**
 * The WebGPU engine's numbers against those of torch and diffusers. The comparisons are in Rust
 * (`tests/shared`), the same ones that `cargo test` makes on the CPU, and part of an engine of their own that
 * `make parity` builds.
 */

import { existsSync, readdirSync } from "node:fs";
import { fileURLToPath } from "node:url";

import { serve } from "../../scripts/serve.mjs";
import { assertClose, type Comparison } from "../comparisons";
import { expect, test as base } from "./fixtures";

const ROOT = fileURLToPath(new URL("../../..", import.meta.url));
const ENGINE = "build/parity/webgpu";
const FIXTURES = "tests/fixtures";
/** Of the largest number of a tensor. */
const TOLERANCE = 1e-3;
/** Of a layer by itself, the sums of which differ in their order alone. */
const LAYER_TOLERANCE = 1e-5;

/** The exports of `src/wasm_api/parity.rs`. */
interface Parity {
  default(options: { module_or_path: string }): Promise<unknown>;
  parity_ops(family: string, references: Uint8Array, allowed: number): Promise<Comparison[]>;
  parity_kernels(kind: string, software: boolean, halves: boolean, allowed: number): Promise<Comparison[]>;
  parity_golden(
    modelsUrl: string,
    settings: string,
    references: Uint8Array,
    software: boolean,
    halves: boolean,
  ): Promise<Comparison[]>;
}

type Job = { ops: string; allowed: number } | { kernels: string; software: boolean; allowed: number } | { golden: string };

const test = base.extend<{ compare: (job: Job) => Promise<Comparison[]> }, { site: string }>({
  /** The whole repository: engine, references and model are in three places of it. */
  site: [
    async ({}, use) => {
      if (!existsSync(`${ROOT}/${ENGINE}/tintype.js`)) throw new Error(`${ENGINE} has no engine: \`make parity\` builds it`);
      const { url, close } = await serve({ folder: ROOT });
      await use(url);
      await close();
    },
    { scope: "worker" },
  ],

  /** One engine and one device for each test: what goes wrong in one tells nothing of another. */
  compare: async ({ page, site }, use) => {
    await page.route(`${site}blank.html`, (route) => route.fulfill({ contentType: "text/html", body: "<!doctype html>" }));
    await page.goto(`${site}blank.html`);
    const appeared = page.waitForEvent("worker");
    await page.evaluate(() => void new Worker(URL.createObjectURL(new Blob([""]))));
    const worker = await appeared;
    await use((job) => worker.evaluate(compareInWorker, { site, engine: `${site}${ENGINE}`, fixtures: `${site}${FIXTURES}`, job }));
  },
});

interface Places {
  site: string;
  engine: string;
  fixtures: string;
  job: Job;
}

async function compareInWorker({ site, engine, fixtures, job }: Places): Promise<Comparison[]> {
  // A panic ends the engine and leaves its promise for ever: what it printed is the reason.
  const panicked = new Promise<never>((_, reject) => {
    let said = "";
    console.error = (...words: unknown[]) => (said ||= words.map(String).join(" "));
    self.addEventListener("error", (event) => reject(new Error(said || event.message)));
    self.addEventListener("unhandledrejection", (event) => reject(new Error(said || String(event.reason))));
  });
  const bytes = async (path: string) => new Uint8Array(await (await fetch(`${fixtures}/${path}.safetensors`)).arrayBuffer());
  const run = async () => {
    const parity = (await import(`${engine}/tintype.js`)) as Parity;
    await parity.default({ module_or_path: `${engine}/tintype_bg.wasm` });
    if ("ops" in job) return await parity.parity_ops(job.ops, await bytes(`ops/${job.ops}`), job.allowed);
    if ("kernels" in job) return await parity.parity_kernels(job.kernels, job.software, false, job.allowed);
    const settings = await (await fetch(`${fixtures}/golden/${job.golden}.json`)).text();
    return await parity.parity_golden(`${site}www/public/models/`, settings, await bytes(`golden/${job.golden}`), true, false);
  };
  return await Promise.race([run(), panicked]);
}

const families = readdirSync(`${ROOT}/${FIXTURES}/ops`).map((file) => file.replace(".safetensors", ""));

for (const family of families.sort()) {
  test(`ops: ${family}`, async ({ compare }) => {
    const comparisons = await compare({ ops: family, allowed: TOLERANCE });
    expect(comparisons.length).toBeGreaterThan(3);
    assertClose(comparisons);
  });
}

// A GPU's kernels, and those for the processor that stands in for one here.
for (const software of [false, true]) {
  for (const kernels of ["convolutions", "convolutions in shares", "linear layers", "attention", ...(software ? [] : ["norms"])]) {
    test(`${kernels} of real networks${software ? " on a processor" : ""}`, async ({ compare }) => {
      // Compiling the kernels for SwiftShader takes minutes where another test has half of the machine.
      test.setTimeout(900_000);
      const comparisons = await compare({ kernels, software, allowed: LAYER_TOLERANCE });
      expect(comparisons.length).toBeGreaterThan(10);
      assertClose(comparisons);
    });
  }
}

test("a case that differs is told", async ({ compare }) => {
  const comparisons = await compare({ ops: "conv", allowed: 0 });
  expect(() => assertClose(comparisons)).toThrow(/worst at/);
});

test("a whole run, from prompt to picture", async ({ compare }) => {
  test.setTimeout(600_000);
  const comparisons = await compare({ golden: "euler8" });
  expect(comparisons.length).toBeGreaterThan(30);
  assertClose(comparisons);
});
