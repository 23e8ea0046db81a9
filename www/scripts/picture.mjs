/**
 * A picture without a window: the real engine in headless Chromium, one or more PNGs on disk.
 *
 *   node www/scripts/picture.mjs --prompt "a red dragon, 3d render" --seed 7 --out dragon.png
 *
 * Exit codes: 0 made, 1 the engine said no, 2 wrong usage, 3 no browser or no built page, 130 interrupted.
 */

import { existsSync } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import { join, parse, resolve } from "node:path";
import { parseArgs } from "node:util";

import { chromium } from "playwright-core";

import { findChromium, flags } from "./chromium.mjs";
import { DIST, serve } from "./serve.mjs";

const USAGE = `usage: node www/scripts/picture.mjs --prompt TEXT [options]
  --out FILE.png       where to write (tintype.png); a batch gets -2, -3, … before the dot
  --seed N             0 … 18446744073709551615 (random)
  --negative TEXT      what should not be there
  --steps N            (4; where any of these four is named 20, and 3, dpmpp_2m)
  --cfg X              (1)
  --sampler NAME       (lcm)
  --scheduler NAME     (sgm_uniform)
  --width N --height N (128)
  --batch N            pictures at once (1)
  --model NAME         (sprite)
  --device D           auto, cpu or webgpu (auto)`;

class Trouble extends Error {
  /** @param {string} message @param {number} code */
  constructor(message, code) {
    super(message);
    this.code = code;
  }
}

let inLine = false;

try {
  await main();
} catch (error) {
  endLine();
  const { message, code } = /** @type {Trouble} */ (error);
  console.error(`picture: ${String(message).split("\n", 1)[0]}`);
  process.exit(error instanceof Trouble ? code : 1);
}

async function main() {
  const { options, out, device } = readArguments();
  const executablePath = findChromium();
  if (executablePath === null) {
    throw new Trouble("no Chromium found; install one, or name it with CHROMIUM=/path/to/chromium", 3);
  }
  if (!existsSync(join(DIST, "picture.html"))) {
    throw new Trouble("the page is not built; run `make page` first", 3);
  }

  const site = await serve();
  const browser = await chromium
    .launch({ executablePath, headless: true, args: flags({ software: device === "webgpu" && process.env.SOFTWARE_GPU !== "0" }) })
    .catch(async (error) => {
      await site.close();
      throw new Trouble(`Chromium did not start: ${String(error.message).split("\n", 1)[0]}`, 3);
    });
  const stop = async () => {
    await browser.close().catch(() => {});
    await site.close();
  };
  process.once("SIGINT", () => void stop().then(() => process.exit(130)));
  try {
    const page = await browser.newPage();
    page.on("crash", () => console.error("picture: the browser's page crashed"));
    await page.exposeFunction("say", say);
    await page.goto(`${site.url}picture.html`);
    await page.waitForFunction(() => "tintype" in globalThis);
    const made = await page.evaluate(draw, { options, device });
    if ("error" in made) throw new Trouble(made.error, 1);
    endLine();
    console.error(`${made.device} · seed ${made.seed} · ${made.seconds.toFixed(1)} s`);
    const { dir, name, ext } = parse(resolve(out));
    await mkdir(dir, { recursive: true });
    for (const [i, data] of made.images.entries()) {
      const path = i === 0 ? resolve(out) : join(dir, `${name}-${i + 1}${ext}`);
      await writeFile(path, Buffer.from(data, "base64"));
      console.log(path);
    }
  } finally {
    await stop();
  }
}

/**
 * Runs in the page.
 * @param {{ options: Record<string, string | number>, device: string }} wish
 * @returns {Promise<{ error: string } | { images: string[], seed: string, seconds: number, device: string }>}
 */
async function draw({ options, device }) {
  /** @type {any} */
  const scope = globalThis;
  const { open } = scope.tintype;
  const say = scope.say;
  /** @param {any} event */
  const onEvent = ({ type, data }) => {
    if (type === "device") say(data.reason, true);
    else if (type === "notice") say(data.message, true);
    else if (type === "engine_progress" || type === "model_progress") {
      const what = type === "engine_progress" ? "engine" : `${data.phase} ${data.file}`;
      say(`${what}: ${(data.loaded / 1e6).toFixed(1)}${data.total ? ` of ${(data.total / 1e6).toFixed(1)}` : ""} MB`, false);
    } else if (type === "progress") say(`step ${data.value} of ${data.max}`, false);
  };
  try {
    const engine = await open({ device, onEvent });
    const started = performance.now();
    const seed = options.seed === undefined ? {} : { seed: BigInt(options.seed) };
    const { images, settings } = await engine.generate({ ...options, ...seed });
    const seconds = (performance.now() - started) / 1000;
    const texts = await Promise.all(
      images.map(
        (/** @type {Blob} */ image) =>
          new Promise((done) => {
            const reader = new FileReader();
            reader.onload = () => done(String(reader.result).split(",", 2)[1] ?? "");
            reader.readAsDataURL(image);
          }),
      ),
    );
    const used = engine.device;
    engine.close();
    return { images: texts, seed: String(settings.seed), seconds, device: `${used.kind}${used.name ? ` (${used.name})` : ""}` };
  } catch (thrown) {
    const error = /** @type {any} */ (thrown);
    const complaints = Object.values(error.nodeErrors ?? {}).flatMap((/** @type {any} */ node) =>
      node.errors.map((/** @type {any} */ e) => `${node.class_type}: ${e.message}${e.details ? ` (${e.details})` : ""}`),
    );
    const message = complaints.length > 0 ? complaints.join("; ") : error.message;
    return { error: `${message}${error.hint ? `. ${error.hint}` : ""}` };
  }
}

function readArguments() {
  let values;
  try {
    const text = /** @type {const} */ ({ type: "string" });
    ({ values } = parseArgs({
      options: {
        prompt: text, negative: text, seed: text, steps: text, cfg: text, sampler: text, scheduler: text,
        width: text, height: text, batch: text, model: text, device: text, out: text,
        help: { type: "boolean", short: "h" },
      },
    }));
  } catch (error) {
    throw new Trouble(`${/** @type {Error} */ (error).message.split("\n", 1)[0]} (--help lists the options)`, 2);
  }
  if (values.help) {
    console.log(USAGE);
    process.exit(0);
  }
  if (values.prompt === undefined) throw new Trouble("--prompt is missing (--help lists the options)", 2);
  const device = values.device ?? "auto";
  if (!["auto", "cpu", "webgpu"].includes(device)) {
    throw new Trouble(`--device is ${device}, expected auto, cpu or webgpu`, 2);
  }
  if (values.seed !== undefined && !/^\d+$/.test(values.seed)) {
    throw new Trouble(`--seed is ${values.seed}, expected a whole number`, 2);
  }
  /** @type {Record<string, string | number>} */
  const options = { prompt: values.prompt };
  const texts = { negative: "negativePrompt", sampler: "sampler", scheduler: "scheduler", model: "model", seed: "seed" };
  const numbers = { steps: "steps", cfg: "cfg", width: "width", height: "height", batch: "batchSize" };
  for (const [flag, name] of Object.entries(texts)) {
    const value = values[/** @type {keyof typeof texts} */ (flag)];
    if (value !== undefined) options[name] = value;
  }
  for (const [flag, name] of Object.entries(numbers)) {
    const value = values[/** @type {keyof typeof numbers} */ (flag)];
    if (value === undefined) continue;
    if (value.trim() === "" || !Number.isFinite(Number(value))) throw new Trouble(`--${flag} is ${value}, expected a number`, 2);
    options[name] = Number(value);
  }
  return { options, out: values.out ?? "tintype.png", device };
}

/**
 * One line on stderr that renews itself; on a log file only the lasting ones.
 * @param {string} text
 * @param {boolean} lasting
 */
function say(text, lasting) {
  if (lasting) {
    endLine();
    console.error(text);
  } else if (process.stderr.isTTY) {
    process.stderr.write(`\r\x1b[K${text}`);
    inLine = true;
  }
}

function endLine() {
  if (inLine) process.stderr.write("\n");
  inLine = false;
}
