/**
 * The pictures by which a style of the bundled network is chosen: one small landscape in each, side by side, as
 * `src/app/repaint/styles.webp`. Run by hand where the network or the landscape changes: `node scripts/styles.mjs`, on a
 * built page.
 */

import { writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";

import { chromium } from "playwright-core";

import { findChromium, flags } from "./chromium.mjs";
import { serve } from "./serve.mjs";

const OUT = fileURLToPath(new URL("../src/app/repaint/styles.webp", import.meta.url));

const site = await serve();
const executablePath = findChromium();
const browser = await chromium.launch({ ...(executablePath && { executablePath }), args: flags({ software: true }) });
try {
  const page = await browser.newPage();
  await page.goto(`${site.url}picture.html`);
  await page.waitForFunction(() => "tintype" in globalThis);
  const sheet = await page.evaluate(paint, { styles: 26, network: "multistyle26.safetensors", side: 96 });
  await writeFile(OUT, Buffer.from(sheet, "base64"));
  console.log(OUT);
} finally {
  await browser.close();
  await site.close();
}

/**
 * Runs in the page.
 * @param {{ styles: number, network: string, side: number }} what
 */
async function paint({ styles, network, side }) {
  /** @type {any} */
  const { tintype } = globalThis;
  const engine = await tintype.open({ device: "cpu" });
  await engine.putInput("landscape.png", await landscape(384).convertToBlob());
  const sheet = new OffscreenCanvas(side * styles, side);
  const to = /** @type {OffscreenCanvasRenderingContext2D} */ (sheet.getContext("2d"));
  to.imageSmoothingQuality = "high";
  for (let style = 1; style <= styles; style += 1) {
    const graph = engine.graph();
    const [style_model] = graph.StyleTransferModelLoader({ model_name: network });
    const [image] = graph.LoadImage({ image: "landscape.png" });
    const [images] = graph.ImageStyleTransfer({ style_model, image, style, second_style: style, mix: 0, strength: 1 });
    graph.SaveImage({ images, filename_prefix: "style" });
    const made = await engine.run(graph);
    to.drawImage(await createImageBitmap(made.images[0]), side * (style - 1), 0, side, side);
  }
  engine.close();
  const bytes = new Uint8Array(await (await sheet.convertToBlob({ type: "image/webp", quality: 0.7 })).arrayBuffer());
  return btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(""));

  /** Sky, sun, mountains, a lake, a tree and a house: edges, areas and colours of every kind. @param {number} n */
  function landscape(n) {
    const canvas = new OffscreenCanvas(n, n);
    const pen = /** @type {OffscreenCanvasRenderingContext2D} */ (canvas.getContext("2d"));
    pen.scale(n / 100, n / 100);
    const area = (/** @type {string | CanvasGradient} */ colour, /** @type {number[]} */ ...points) => {
      pen.fillStyle = colour;
      pen.beginPath();
      for (let k = 0; k < points.length; k += 2) pen.lineTo(points[k] ?? 0, points[k + 1] ?? 0);
      pen.fill();
    };
    const disc = (/** @type {string} */ colour, /** @type {number} */ x, /** @type {number} */ y, /** @type {number} */ r) => {
      pen.fillStyle = colour;
      pen.beginPath();
      pen.arc(x, y, r, 0, 7);
      pen.fill();
    };
    const sky = pen.createLinearGradient(0, 0, 0, 60);
    sky.addColorStop(0, "#4a86c8");
    sky.addColorStop(1, "#f6d7a8");
    area(sky, 0, 0, 100, 0, 100, 60, 0, 60);
    disc("#fff3b0", 72, 24, 9);
    area("#6d7a99", 0, 60, 22, 24, 40, 50, 52, 34, 78, 60);
    area("#f4f4f8", 15, 36, 22, 24, 31, 37, 25, 34, 21, 39);
    area("#4f6f5b", 40, 60, 74, 42, 100, 54, 100, 62, 40, 62);
    area("#3f83a8", 0, 60, 100, 60, 100, 80, 0, 84);
    area("#7fb2c9", 58, 64, 86, 64, 82, 67, 62, 67);
    area("#6ea04f", 0, 78, 46, 70, 100, 78, 100, 100, 0, 100);
    area("#6b4a2f", 23, 90, 24.5, 62, 27.5, 62, 29, 90);
    for (const [x, y, r] of [[26, 52, 13], [17, 60, 9], [35, 61, 10]]) disc("#2f6b3a", x ?? 0, y ?? 0, r ?? 0);
    area("#d9c3a0", 62, 90, 62, 74, 86, 74, 86, 90);
    area("#b5482f", 58, 75, 74, 62, 90, 75);
    area("#5a3a28", 71, 90, 71, 80, 77, 80, 77, 90);
    return canvas;
  }
}
