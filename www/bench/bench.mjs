/**
 * Speed against onnxruntime-web: the same UNet in the same Chromium, one thread each, in alternating runs.
 *
 *   node www/bench/bench.mjs [--rounds N] [--device cpu|webgpu] [--quarter] [--onnx FILE] [--alone]
 *
 * `--quarter` takes a quarter of Stable Diffusion 1.5 instead of the bundled model's UNet.
 *
 * Prints a table; every number behind it is in build/bench/result.json.
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
import { serve } from "../scripts/serve.mjs";
import { watchProcesses, watchWorkers } from "./devtools.mjs";
import { unetFlops } from "./flops.mjs";
import { print, summarise } from "./report.mjs";

const path = (/** @type {string} */ relative) => fileURLToPath(new URL(relative, import.meta.url));
const FOLDER = path("../../build/bench");
const SITE = join(FOLDER, "site");
const SPRITE = path("../public/models/sprite");
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
  const { device, rounds, quarter, onnx, alone } = readArguments();
  const executablePath = findChromium();
  if (executablePath === null) throw new Trouble("no Chromium found; install one, or name it with CHROMIUM=/path/to/chromium", 3);
  if (!alone && !existsSync(onnx)) {
    throw new Trouble(
      `${onnx} is missing; make it with \`python tests/reference/export_onnx.py${quarter ? " --quarter" : ""}\`, or measure without it (\`--alone\`)`,
      3,
    );
  }
  await build({ configFile: path("vite.config.ts"), logLevel: "warn" });
  if (!alone) copyFileSync(onnx, join(SITE, "bench/unet.onnx"));
  if (quarter) publish(QUARTER, "bench/quarter");

  /** @type {import("./page.ts").Job} */
  const job = {
    model: quarter ? "bench/quarter" : "sprite",
    prompt: "a red dragon, 3d render",
    // On a software adapter a step takes many seconds.
    steps: device === "cpu" ? 12 : 4,
    cfg: 5,
    sampler: "dpmpp_2m",
    scheduler: "sgm_uniform",
    width: quarter ? 256 : 128,
    height: quarter ? 256 : 128,
  };
  const flops = unetFlops(JSON.parse(readFileSync(join(quarter ? QUARTER : SPRITE, "unet/config.json"), "utf8")), {
    batch: 2, // with and without the prompt, in one call
    height: job.height / 8,
    width: job.width / 8,
    tokens: 77,
  });
  const before = loadavg();
  const measured = await measure({ executablePath, device, rounds, alone, job, added: quarter ? "bench/quarter" : null });
  const machine = { cpu: cpus()[0]?.model ?? "unknown", cores: cpus().length, load: { before, after: loadavg() } };
  const result = {
    date: new Date().toISOString(),
    machine,
    job,
    flops,
    summary: summarise(measured),
    ...measured,
    sizes: engineSizes(device),
  };
  writeFileSync(join(FOLDER, "result.json"), `${JSON.stringify(result, null, 1)}\n`);
  print(result);
}

/**
 * @param {{ executablePath: string, device: "cpu" | "webgpu", rounds: number, alone: boolean, job: import("./page.ts").Job,
 *   added: string | null }} options
 */
async function measure({ executablePath, device, rounds, alone, job, added }) {
  const site = await serve({ folder: SITE });
  const browser = await chromium.launch({
    executablePath,
    headless: true,
    args: flags({ software: device === "webgpu" && process.env.SOFTWARE_GPU !== "0" }),
  });
  try {
    const page = await browser.newPage();
    page.on("crash", () => console.error("bench: the browser's page crashed"));
    const workers = await watchWorkers(page);
    const cpuTime = await watchProcesses(browser);
    await page.goto(`${site.url}bench/bench.html`);
    await page.waitForFunction(() => "bench" in globalThis);

    say("first visit");
    const firstVisit = await page.evaluate((all) => bench.openTintype(...all), /** @type {const} */ ([device, job, added]));
    await workers.stampProgress("tintype");
    const ortOpen = alone ? null : await page.evaluate((device) => bench.openOrt(device), device);
    const seconds = [];
    /** @type {import("./report.mjs").Turn[]} */
    const ours = [];
    /** @type {import("./report.mjs").Turn[]} */
    const theirs = [];
    // Round 0 warms both sides up (the browser optimises hot code, pipelines are made) and is not counted.
    for (let round = 0; round <= rounds; round++) {
      say(round === 0 ? "warming up" : `round ${round} of ${rounds}`);
      const picture = await page.evaluate((job) => bench.picture(job), job);
      const sides = [
        { turns: ours, run: () => page.evaluate((job) => bench.sample(job), job) },
        ...(alone ? [] : [{ turns: theirs, run: () => page.evaluate((steps) => bench.ort(steps), job.steps) }]),
      ];
      // Each goes first in every second round: a machine that slows down does so for both.
      for (const { turns, run } of round % 2 === 0 ? sides : sides.reverse()) {
        const before = await cpuTime();
        const wall = await run();
        const cpu = ((await cpuTime()) - before) / job.steps;
        if (round > 0) turns.push({ wall, cpu });
      }
      if (round > 0) seconds.push(picture);
    }
    const memory = await workers.wasmMemory("tintype");
    return {
      browser: `Chromium ${browser.version()}`,
      device: firstVisit.device,
      tintype: { firstVisit, pictures: seconds, unet: ours, memory },
      onnxruntime: alone ? null : { version: ortVersion(), open: ortOpen, unet: theirs },
    };
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
  let values;
  try {
    const text = /** @type {const} */ ({ type: "string" });
    ({ values } = parseArgs({ options: { rounds: text, device: text, onnx: text, alone: { type: "boolean" }, quarter: { type: "boolean" } } }));
  } catch (error) {
    throw new Trouble(/** @type {Error} */ (error).message, 2);
  }
  const device = values.device ?? "cpu";
  if (device !== "cpu" && device !== "webgpu") throw new Trouble(`--device is ${device}, expected cpu or webgpu`, 2);
  const rounds = Number(values.rounds ?? (device === "cpu" ? 7 : 2));
  if (!Number.isInteger(rounds) || rounds < 1) throw new Trouble(`--rounds is ${values.rounds}, expected 1 or more`, 2);
  const quarter = values.quarter ?? false;
  const onnx = values.onnx ?? process.env.ONNX ?? join(FOLDER, quarter ? "quarter_unet.onnx" : "sprite_unet.onnx");
  return { device: /** @type {"cpu" | "webgpu"} */ (device), rounds, quarter, onnx, alone: values.alone ?? false };
}
