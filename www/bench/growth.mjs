/**
 * How time and memory grow with size and batch: one step of Stable Diffusion 1.5 and its autoencoder, in Chromium.
 *
 *   node www/bench/growth.mjs [--device cpu|webgpu] [--part N] [--memory] [--full] [--least] [--sampling] [SIZE[xBATCH] …]
 *
 * The checkpoint has the names and shapes of the published one and no numbers; `--part` makes its denoising network so many
 * times narrower (5 where nothing is said; 1 is the whole one). Sizes are 256, 512, 768 and 1024 where none is named, batches
 * 1 to 4. On a GPU the memory is that of all buffers at their peak; on the CPU it is the engine's heap, which keeps its
 * peak, so there every row has a page of its own. `--memory` measures only the memory of a GPU: nothing is computed, which on
 * a software adapter would take hours at full width, and the GPU counts as one that knows halves, but with `--full`; with
 * `--least` as one that can do no more than WebGPU asks of each. `--sampling` leaves out the autoencoder. Every number is in build/bench/growth.json.
 * Exit codes: 0 measured, 1 something failed, 2 wrong usage, 3 something is missing.
 */

import { existsSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { cpus, loadavg } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

import { chromium } from "playwright-core";

import { findChromium, flags } from "../scripts/chromium.mjs";
import { draw, emptyCheckpoint, openWith } from "../scripts/full_size.mjs";
import { countGpu, pretendHalves, pretendLeast } from "../scripts/gpu.mjs";
import { heapBytes, keepMemory, MB } from "../scripts/heap.mjs";
import { DIST, serve } from "../scripts/serve.mjs";

const FOLDER = fileURLToPath(new URL("../../build/bench", import.meta.url));

/** @param {string} why @param {number} code @returns {never} */
function fail(why, code) {
  console.error(`bench: ${why}`);
  process.exit(code);
}

const { device, part, idle, full, least, sampling, cases } = readArguments();
const executablePath = findChromium() ?? fail("no Chromium found; install one, or name it with CHROMIUM=/path/to/chromium", 3);
if (!existsSync(join(DIST, "picture.html"))) fail("the page is not built; run `make page` first", 3);

mkdirSync(FOLDER, { recursive: true });
const path = join(FOLDER, "growth.safetensors");
const bytes = emptyCheckpoint("sd15", path, part);
const site = await serve();
const software = device === "webgpu" && process.env.SOFTWARE_GPU !== "0";
const browser = await chromium.launch({ executablePath, headless: true, args: flags({ software }) });
const before = loadavg();
const rows = [];
const mb = (/** @type {number} */ count) => `${(count / MB).toFixed(0)} MB`;
const seconds = (/** @type {number} */ count) => (idle ? "" : `${count.toFixed(1)} s`);
console.log(`${device}${software ? " (software adapter)" : ""}, Stable Diffusion 1.5 at 1/${part} of its width, file of ${mb(bytes)}\n`);
console.log("| size | batch | a step | memory at most | autoencoder | memory at most | largest buffer |");
console.log("| --- | --- | --- | --- | --- | --- | --- |");
try {
  // Each row is printed as it is measured: a table is hours on a slow machine, and what is known survives its interruption.
  for (const { size, batch } of cases) {
    const page = await browser.newPage();
    page.setDefaultTimeout(0);
    const { step, decode } = await measure(page, size, batch);
    await page.close();
    rows.push({ size, batch, step, decode });
    const largest = step.largest === 0 ? "" : mb(Math.max(step.largest, decode?.largest ?? 0));
    const decoded = decode === null ? " | " : `${seconds(decode.seconds)} | ${mb(decode.memory)}`;
    console.log(`| ${size} × ${size} | ${batch} | ${seconds(step.seconds)} | ${mb(step.memory)} | ${decoded} | ${largest} |`);
  }
} finally {
  await browser.close();
  await site.close();
  rmSync(path, { force: true });
}

const machine = { cpu: cpus()[0]?.model ?? "unknown", cores: cpus().length, load: { before, after: loadavg() } };
const measured = { date: new Date().toISOString(), browser: `Chromium ${browser.version()}`, machine, device, part, idle, full, least, sampling, bytes, rows };
writeFileSync(join(FOLDER, "growth.json"), `${JSON.stringify(measured, null, 1)}\n`);

/**
 * Loads the checkpoint, makes one guided step, a second one that is timed, and decodes.
 * @param {import("playwright-core").Page} page @param {number} size @param {number} batch
 */
async function measure(page, size, batch) {
  if (device === "cpu") await keepMemory(page);
  await page.goto(`${site.url}picture.html`);
  await page.waitForFunction(() => "tintype" in globalThis);
  if (idle) await pretendHalves(page);
  if (least) await pretendLeast(page);
  const { opened, worker } = await openWith(page, path, { device, precision: full ? "full" : "auto" });
  const gpu = device === "webgpu" ? await countGpu(worker, idle) : null;
  const memory = async () => {
    if (gpu === null) return { memory: await heapBytes(page), largest: 0 };
    const { peak, largest } = await gpu.read();
    return { memory: peak, largest };
  };
  const run = (/** @type {boolean} */ decode, /** @type {number} */ seed) => draw(opened, { size, batch, steps: 1, seed, decode });
  await run(false, 1);
  const step = { seconds: await run(false, 2), ...(await memory()) };
  // The same seed: only what follows the sampler is new.
  const decode = sampling ? null : { seconds: await run(true, 2), ...(await memory()) };
  await opened.evaluate(({ engine }) => engine.close());
  return { step, decode };
}

function readArguments() {
  let parsed;
  try {
    const text = /** @type {const} */ ({ type: "string" });
    const flag = /** @type {const} */ ({ type: "boolean" });
    parsed = parseArgs({ options: { device: text, part: text, memory: flag, full: flag, least: flag, sampling: flag }, allowPositionals: true });
  } catch (error) {
    fail(/** @type {Error} */ (error).message, 2);
  }
  const device = parsed.values.device ?? "cpu";
  if (device !== "cpu" && device !== "webgpu") fail(`--device is ${device}, expected cpu or webgpu`, 2);
  const part = Number(parsed.values.part ?? 5);
  const { memory: idle = false, full = false, least = false, sampling = false } = parsed.values;
  if ((idle || least) && device === "cpu") fail("--memory and --least are for --device webgpu", 2);
  // Channels must stay whole groups of 32.
  if (![1, 2, 5, 10].includes(part)) fail(`--part is ${parsed.values.part}, expected 1, 2, 5 or 10`, 2);
  const named = parsed.positionals.map((name) => {
    const [size = 0, batch = 1] = name.split("x").map(Number);
    if (!(size >= 64 && size % 64 === 0 && Number.isInteger(batch) && batch >= 1)) fail(`\`${name}\` is no size, such as 512 or 512x4`, 2);
    return { size, batch };
  });
  const all = [256, 512, 768, 1024].flatMap((size) => [1, 2, 3, 4].map((batch) => ({ size, batch })));
  return { device: /** @type {"cpu" | "webgpu"} */ (device), part, idle, full, least, sampling, cases: named.length > 0 ? named : all };
}
