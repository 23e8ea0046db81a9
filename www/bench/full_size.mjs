/**
 * Time and memory of checkpoints of full size on the CPU engine, whose weights stay in their file.
 *
 *   node www/bench/full_size.mjs [sd15] [sdxl]
 *
 * The files have the names and shapes of the published ones and no numbers, so that they take no room on the disk; reading
 * them costs what reading from the system's cache does. Every number is in build/bench/full_size.json.
 * Exit codes: 0 measured, 1 something failed, 2 wrong usage, 3 something is missing.
 */

import { existsSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { cpus, loadavg } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

import { chromium } from "playwright-core";

import { findChromium, flags } from "../scripts/chromium.mjs";
import { emptyCheckpoint, FULL_SIZE, loadAndPaint } from "../scripts/full_size.mjs";
import { MB } from "../scripts/heap.mjs";
import { DIST, serve } from "../scripts/serve.mjs";

const FOLDER = fileURLToPath(new URL("../../build/bench", import.meta.url));

/** @param {string} why @param {number} code @returns {never} */
function fail(why, code) {
  console.error(`bench: ${why}`);
  process.exit(code);
}

const asked = process.argv.slice(2);
const strange = asked.find((name) => !FULL_SIZE.some((known) => known === name));
if (strange !== undefined) fail(`\`${strange}\` is none of ${FULL_SIZE.join(", ")}`, 2);
const executablePath = findChromium() ?? fail("no Chromium found; install one, or name it with CHROMIUM=/path/to/chromium", 3);
if (!existsSync(join(DIST, "picture.html"))) fail("the page is not built; run `make page` first", 3);

mkdirSync(FOLDER, { recursive: true });
const site = await serve();
const browser = await chromium.launch({ executablePath, headless: true, args: flags({ software: false }) });
const before = loadavg();
const results = [];
try {
  for (const checkpoint of FULL_SIZE.filter((name) => asked.length === 0 || asked.includes(name))) {
    console.error(`bench: ${checkpoint}`);
    const path = join(FOLDER, `${checkpoint}.safetensors`);
    const bytes = emptyCheckpoint(checkpoint, path);
    try {
      const page = await browser.newPage();
      await page.goto(`${site.url}picture.html`);
      await page.waitForFunction(() => "tintype" in globalThis);
      results.push({ checkpoint, bytes, ...(await loadAndPaint(page, path)) });
      await page.close();
    } finally {
      rmSync(path, { force: true });
    }
  }
} finally {
  await browser.close();
  await site.close();
}

const machine = { cpu: cpus()[0]?.model ?? "unknown", cores: cpus().length, load: { before, after: loadavg() } };
const measured = { date: new Date().toISOString(), browser: `Chromium ${browser.version()}`, machine, results };
writeFileSync(join(FOLDER, "full_size.json"), `${JSON.stringify(measured, null, 1)}\n`);

const mb = (/** @type {number} */ count) => `${(count / MB).toFixed(0)} MB`;
const seconds = (/** @type {number} */ count) => `${count.toFixed(1)} s`;
console.log("| checkpoint | file | loads in | heap then | one step of 64 × 64 | heap at most |");
console.log("| --- | --- | --- | --- | --- | --- |");
for (const { checkpoint, bytes, load, paint } of results) {
  const cells = [checkpoint, mb(bytes), seconds(load.seconds), mb(load.heap), seconds(paint.seconds), mb(paint.heap)];
  console.log(`| ${cells.join(" | ")} |`);
}
