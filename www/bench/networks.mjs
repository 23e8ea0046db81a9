/**
 * Speed against onnxruntime-web: the same networks in the same Chromium, one thread each, in alternating runs.
 *
 *   node www/bench/networks.mjs [--rounds N] [--device cpu|webgpu] [--quarter] [--alone | --kernels] [PART …]
 *
 * Parts are text, unet1, unet2, vae and taesd; all where none is named. `--quarter` takes a quarter of Stable Diffusion 1.5
 * instead of the bundled model's UNet, `--alone` measures Tintype only, `--kernels` where a GPU's time goes in it. On a GPU
 * the text encoder is left out: our engine does not wait for it, so that its end is not seen.
 *
 * Prints tables; every number behind them is in build/bench/networks.json.
 * Exit codes: 0 measured, 1 something failed, 2 wrong usage, 3 something is missing.
 */

import { cpSync, copyFileSync, existsSync, mkdirSync, readFileSync, readdirSync, statSync, writeFileSync } from "node:fs";
import { cpus, loadavg } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { gzipSync } from "node:zlib";

import { chromium } from "playwright-core";
import { build } from "vite";

import { findChromium, flags } from "../scripts/chromium.mjs";
import { countGpu } from "../scripts/gpu.mjs";
import { serve } from "../scripts/serve.mjs";
import { watchProcesses, watchWorkers } from "./devtools.mjs";
import { FLAGS, timeKernels } from "./kernels.mjs";
import { print, printKernels, summarise } from "./report.mjs";

const path = (/** @type {string} */ relative) => fileURLToPath(new URL(relative, import.meta.url));
const FOLDER = path("../../build/bench");
const SITE = join(FOLDER, "site");
const QUARTER = join(FOLDER, "quarter");

class Trouble extends Error {
  /** @param {string} message @param {number} code */
  constructor(message, code) {
    super(message);
    this.code = code;
  }
}

try {
  await main();
} catch (error) {
  console.error(`bench: ${String(/** @type {Error} */ (error).message).split("\n", 1)[0]}`);
  process.exit(error instanceof Trouble ? error.code : 1);
}

async function main() {
  const { device, rounds, quarter, alone, kernels, parts } = readArguments();
  const executablePath = findChromium();
  if (executablePath === null) throw new Trouble("no Chromium found; install one, or name it with CHROMIUM=/path/to/chromium", 3);
  const onnx = join(FOLDER, "onnx", quarter ? "quarter" : "sprite");
  const tiny = join(FOLDER, "vae/taesd.safetensors");
  if ((!alone || quarter || parts.includes("taesd")) && !(existsSync(join(onnx, "flops.json")) && existsSync(tiny))) {
    const command = `python tests/reference/export_onnx.py${quarter ? " --quarter" : ""}`;
    throw new Trouble(`${onnx} is missing; make it with \`${command}\`, or measure without it (\`--alone unet2\`)`, 3);
  }
  await build({ configFile: path("vite.config.ts"), logLevel: "warn" });
  if (!alone) cpSync(onnx, join(SITE, "bench/onnx"), { recursive: true });
  if (existsSync(tiny)) copyFileSync(tiny, join(SITE, "bench/taesd.safetensors"));
  if (quarter) publish(QUARTER, "bench/quarter");

  /** @type {import("./page.ts").Job} */
  const job = {
    model: quarter ? "quarter" : "sprite",
    prompt: "a robot on a teal background, 3d",
    // On a software adapter a step takes seconds.
    steps: device === "cpu" ? 12 : 4,
    cfg: 5,
    sampler: "dpmpp_2m",
    scheduler: "sgm_uniform",
    width: quarter ? 256 : 128,
    height: quarter ? 256 : 128,
  };
  const flops = existsSync(join(onnx, "flops.json")) ? JSON.parse(readFileSync(join(onnx, "flops.json"), "utf8")) : {};
  const software = device === "webgpu" && process.env.SOFTWARE_GPU !== "0";
  const before = loadavg();
  const added = quarter ? "bench/quarter" : null;
  if (kernels) {
    printKernels(await measureKernels({ executablePath, software, parts, job: { ...job, steps: 1 }, added, tiny: existsSync(tiny) }));
    return;
  }
  const measured = await measure({ executablePath, device, software, rounds, alone, parts, job, added, tiny: existsSync(tiny) });
  const result = {
    date: new Date().toISOString(),
    machine: { cpu: cpus()[0]?.model ?? "unknown", cores: cpus().length, load: { before, after: loadavg() } },
    job,
    flops,
    software,
    ...measured,
    parts: measured.parts.map(summarise),
    turns: measured.parts,
    version: alone ? null : ortVersion(),
    sizes: engineSizes(device),
  };
  writeFileSync(join(FOLDER, "networks.json"), `${JSON.stringify(result, null, 1)}\n`);
  print(result);
}

/**
 * @param {{ executablePath: string, device: "cpu" | "webgpu", software: boolean, rounds: number, alone: boolean,
 *   parts: import("./page.ts").Part[], job: import("./page.ts").Job, added: string | null, tiny: boolean }} options
 */
async function measure({ executablePath, device, software, rounds, alone, parts, job, added, tiny }) {
  const site = await serve({ folder: SITE });
  const browser = await chromium.launch({ executablePath, headless: true, args: flags({ software }) });
  try {
    const page = await browser.newPage();
    page.setDefaultTimeout(0);
    page.on("crash", () => console.error("bench: the browser's page crashed"));
    const workers = await watchWorkers(page);
    const cpuTime = await watchProcesses(browser);
    await page.goto(`${site.url}bench/bench.html`);
    await page.waitForFunction(() => "bench" in globalThis);

    say("first visit");
    // Counted from before there is a device: weights and maps of the first picture are there all the time.
    const engine = page.waitForEvent("worker");
    const opening = page.evaluate((all) => bench.openTintype(...all), /** @type {const} */ ([device, job, added, tiny]));
    const counts = device === "webgpu" ? [await countGpu(await engine)] : [];
    const firstVisit = await opening;
    await workers.stampProgress("tintype");
    const pictures = [];
    for (let i = 0; i <= rounds; i++) {
      say(`picture ${i} of ${rounds}`);
      const seconds = await page.evaluate((job) => bench.picture(job), job);
      if (i > 0) pictures.push(seconds);
    }
    const measured = [];
    for (const part of parts) {
      if (!alone) {
        if (device === "webgpu" && counts.length < 2) {
          // Its worker has to be there before its buffers are counted.
          const started = page.waitForEvent("worker");
          await page.evaluate(() => bench.startOrt());
          counts.push(await countGpu(await started));
        }
        await page.evaluate(([device, part]) => bench.openOrt(device, part), /** @type {const} */ ([device, part]));
      }
      // As many evaluations on either side; those of a UNet are the steps of one run.
      const isUnet = part.startsWith("unet");
      const times = isUnet || device === "cpu" ? job.steps : 1;
      const runs = isUnet ? 1 : times;
      const sides = [
        { turns: /** @type {import("./report.mjs").Turn[]} */ ([]), gpu: counts[0], run: () => page.evaluate((all) => bench.part(...all), /** @type {const} */ ([part, job, runs])) },
        ...(alone ? [] : [{ turns: /** @type {import("./report.mjs").Turn[]} */ ([]), gpu: counts[1], run: () => page.evaluate((times) => bench.ort(times), times) }]),
      ];
      /** @type {import("./report.mjs").Gpu[]} */
      const gpus = [];
      // Round 0 warms both sides up (the browser optimises hot code, pipelines are made) and is not counted.
      for (let round = 0; round <= rounds; round++) {
        say(round === 0 ? `${part}, warming up` : `${part}, round ${round} of ${rounds}`);
        // Each goes first in every second round: a machine that slows down does so for both.
        const order = round % 2 === 0 ? sides : [...sides].reverse();
        for (const { turns, gpu, run } of order) {
          await gpu?.reset();
          const before = await cpuTime();
          const wall = await run();
          const cpu = ((await cpuTime()) - before) / times;
          if (round > 0) turns.push({ wall, cpu });
          const counted = await gpu?.read();
          const side = sides.findIndex((one) => one.turns === turns);
          if (counted) gpus[side] = { dispatches: Math.round(counted.dispatches / times), peak: counted.peak };
        }
      }
      const [ours, theirs] = gpus;
      measured.push({ part, ours: sides[0]?.turns ?? [], theirs: sides[1]?.turns ?? [], gpu: ours ? { ours, theirs: theirs ?? null } : null });
    }
    const memory = await workers.wasmMemory("tintype");
    return { browser: `Chromium ${browser.version()}`, device: firstVisit.device, firstVisit, pictures, parts: measured, memory };
  } finally {
    await browser.close();
    await site.close();
  }
}

/**
 * Evaluates each part twice and times the second by kernel.
 * @param {{ executablePath: string, software: boolean, parts: import("./page.ts").Part[], job: import("./page.ts").Job,
 *   added: string | null, tiny: boolean }} options
 */
async function measureKernels({ executablePath, software, parts, job, added, tiny }) {
  const site = await serve({ folder: SITE });
  const browser = await chromium.launch({ executablePath, headless: true, args: [...flags({ software }), ...FLAGS] });
  try {
    const page = await browser.newPage();
    page.setDefaultTimeout(0);
    await page.goto(`${site.url}bench/bench.html`);
    await page.waitForFunction(() => "bench" in globalThis);
    const engine = page.waitForEvent("worker");
    const opening = page.evaluate((all) => bench.openTintype(...all), /** @type {const} */ (["webgpu", job, added, tiny]));
    const times = await timeKernels(await engine);
    await opening;
    const measured = [];
    for (const part of parts) {
      for (let round = 0; round < 2; round++) {
        say(round === 0 ? `${part}, warming up` : part);
        await times.reset();
        await page.evaluate((all) => bench.part(...all), /** @type {const} */ ([part, job, 1]));
      }
      measured.push({ part, kernels: await times.read() });
    }
    return measured;
  } finally {
    await browser.close();
    await site.close();
  }
}

/**
 * Puts a folder where the page finds it as a repository of its own hub.
 * @param {string} folder @param {string} repository
 */
function publish(folder, repository) {
  const names = readdirSync(folder, { recursive: true }).map(String).filter((name) => statSync(join(folder, name)).isFile());
  const siblings = names.map((rfilename) => ({ rfilename, size: statSync(join(folder, rfilename)).size }));
  const sha = "0".repeat(40);
  cpSync(folder, join(SITE, "hub", repository, "resolve", sha), { recursive: true });
  const api = join(SITE, "hub/api/models", repository);
  mkdirSync(join(api, ".."), { recursive: true });
  writeFileSync(api, JSON.stringify({ sha, siblings }));
}

/**
 * The engines as a visitor downloads them, in bytes.
 * @param {"cpu" | "webgpu"} device
 */
function engineSizes(device) {
  const gzipped = (/** @type {string} */ file) => gzipSync(readFileSync(file), { level: 9 }).length;
  const ours = path(`../src/engine/pkg/${device}/tintype_bg.wasm`);
  const theirs = path(`node_modules/onnxruntime-web/dist/ort-wasm-simd-threaded${device === "cpu" ? "" : ".asyncify"}.wasm`);
  return { tintype: gzipped(ours), onnxruntime: gzipped(theirs) };
}

function ortVersion() {
  return JSON.parse(readFileSync(path("node_modules/onnxruntime-web/package.json"), "utf8")).version;
}

/** @param {string} text */
function say(text) {
  console.error(`bench: ${text}`);
}

function readArguments() {
  let parsed;
  try {
    const [text, yes] = /** @type {const} */ ([{ type: "string" }, { type: "boolean" }]);
    parsed = parseArgs({ options: { rounds: text, device: text, alone: yes, kernels: yes, quarter: yes }, allowPositionals: true });
  } catch (error) {
    throw new Trouble(/** @type {Error} */ (error).message, 2);
  }
  const { values, positionals } = parsed;
  const device = values.device ?? "cpu";
  if (device !== "cpu" && device !== "webgpu") throw new Trouble(`--device is ${device}, expected cpu or webgpu`, 2);
  const kernels = values.kernels ?? false;
  if (kernels && device === "cpu") throw new Trouble("--kernels is for --device webgpu", 2);
  const rounds = Number(values.rounds ?? (device === "cpu" ? 7 : 2));
  if (!Number.isInteger(rounds) || rounds < 1) throw new Trouble(`--rounds is ${values.rounds}, expected 1 or more`, 2);
  const known = /** @type {const} */ (["text", "unet1", "unet2", "vae", "taesd"]);
  const strange = positionals.find((name) => !known.some((part) => part === name));
  if (strange !== undefined) throw new Trouble(`\`${strange}\` is none of ${known.join(", ")}`, 2);
  const wanted = known.filter((part) => positionals.length === 0 || positionals.includes(part));
  const parts = wanted.filter((part) => device === "cpu" || part !== "text");
  const alone = kernels || (values.alone ?? false);
  return { device: /** @type {"cpu" | "webgpu"} */ (device), rounds, quarter: values.quarter ?? false, alone, kernels, parts };
}
