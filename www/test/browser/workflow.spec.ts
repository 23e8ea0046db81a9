/** Workflows on the page: opened from files, pictures, the clipboard; mended, run, or refused node by node. */

import { readFileSync } from "node:fs";

import AxeBuilder from "@axe-core/playwright";
import type { Page } from "@playwright/test";

import { expect, pngTexts, test } from "./fixtures";

const run = (page: Page) => page.getByRole("button", { name: "Run workflow" });
const panel = (page: Page) => page.getByRole("region").filter({ has: run(page) });
const download = (page: Page) => page.getByRole("link", { name: "Download" });

async function ready(page: Page, site: string): Promise<void> {
  await page.goto(`${site}?device=cpu`);
  await expect(page.getByRole("button", { name: "Generate" })).toBeVisible();
}

async function openFile(page: Page, name: string, mimeType: string, content: string | Buffer): Promise<void> {
  await page.getByLabel("Workflow or model file").setInputFiles({ name, mimeType, buffer: Buffer.from(content) });
  await expect(panel(page).or(page.getByRole("alert")).first()).toBeVisible();
}

const api = (change: (nodes: Record<string, { class_type: string; inputs: Record<string, unknown> }>) => void = () => {}) => {
  const nodes: Record<string, { class_type: string; inputs: Record<string, unknown> }> = {
    "1": { class_type: "CheckpointLoaderSimple", inputs: { ckpt_name: "v1-5-pruned-emaonly.safetensors" } },
    "2": { class_type: "CLIPTextEncode", inputs: { clip: ["1", 1], text: "a (blue:1.2) car" } },
    "3": { class_type: "CLIPTextEncode", inputs: { clip: ["1", 1], text: "" } },
    "4": { class_type: "EmptyLatentImage", inputs: { width: 64, height: 64, batch_size: 1 } },
    "5": {
      class_type: "KSampler",
      inputs: {
        model: ["1", 0], positive: ["2", 0], negative: ["3", 0], latent_image: ["4", 0],
        seed: 5, steps: 2, cfg: 4, sampler_name: "euler", scheduler: "normal", denoise: 1,
      },
    },
    "6": { class_type: "VAEDecode", inputs: { samples: ["5", 0], vae: ["1", 2] } },
    "7": { class_type: "SaveImage", inputs: { images: ["6", 0], filename_prefix: "car" } },
  };
  change(nodes);
  return JSON.stringify(nodes);
};

/** The graph as ComfyUI's editor keeps it, with a note, a muted preview and a reroute in the way. */
const ui = () =>
  JSON.stringify({
    last_node_id: 10,
    last_link_id: 12,
    version: 0.4,
    links: [
      [1, 1, 0, 5, 0, "MODEL"], [2, 1, 1, 2, 0, "CLIP"], [3, 1, 1, 3, 0, "CLIP"], [4, 2, 0, 5, 1, "CONDITIONING"],
      [5, 3, 0, 5, 2, "CONDITIONING"], [6, 4, 0, 5, 3, "LATENT"], [7, 5, 0, 9, 0, "*"], [8, 9, 0, 6, 0, "LATENT"],
      [9, 1, 2, 6, 1, "VAE"], [10, 6, 0, 7, 0, "IMAGE"], [11, 6, 0, 8, 0, "IMAGE"],
    ],
    nodes: [
      { id: 1, type: "CheckpointLoaderSimple", mode: 0, inputs: [], outputs: [{ name: "MODEL", type: "MODEL", links: [1] }, { name: "CLIP", type: "CLIP", links: [2, 3] }, { name: "VAE", type: "VAE", links: [9] }], widgets_values: ["sprite"] },
      { id: 2, type: "CLIPTextEncode", mode: 0, inputs: [{ name: "clip", type: "CLIP", link: 2 }], outputs: [{ name: "CONDITIONING", type: "CONDITIONING", links: [4] }], widgets_values: ["a blue car"] },
      { id: 3, type: "CLIPTextEncode", mode: 0, inputs: [{ name: "clip", type: "CLIP", link: 3 }], outputs: [{ name: "CONDITIONING", type: "CONDITIONING", links: [5] }], widgets_values: [""] },
      { id: 4, type: "EmptyLatentImage", mode: 0, inputs: [], outputs: [{ name: "LATENT", type: "LATENT", links: [6] }], widgets_values: [64, 64, 1] },
      { id: 5, type: "KSampler", mode: 0, inputs: [{ name: "model", type: "MODEL", link: 1 }, { name: "positive", type: "CONDITIONING", link: 4 }, { name: "negative", type: "CONDITIONING", link: 5 }, { name: "latent_image", type: "LATENT", link: 6 }], outputs: [{ name: "LATENT", type: "LATENT", links: [7] }], widgets_values: [5, "randomize", 2, 4, "euler", "normal", 1] },
      { id: 6, type: "VAEDecode", mode: 0, inputs: [{ name: "samples", type: "LATENT", link: 8 }, { name: "vae", type: "VAE", link: 9 }], outputs: [{ name: "IMAGE", type: "IMAGE", links: [10, 11] }] },
      { id: 7, type: "SaveImage", mode: 0, inputs: [{ name: "images", type: "IMAGE", link: 10 }], outputs: [], widgets_values: ["car"] },
      { id: 8, type: "PreviewImage", mode: 2, inputs: [{ name: "images", type: "IMAGE", link: 11 }], outputs: [] },
      { id: 9, type: "Reroute", mode: 0, inputs: [{ name: "", type: "*", link: 7 }], outputs: [{ name: "", type: "LATENT", links: [8] }] },
      { id: 10, type: "Note", mode: 0, inputs: [], outputs: [], widgets_values: ["<img src=x onerror=alert(1)>"], title: "<b>note</b>" },
    ],
    groups: [],
    config: {},
    extra: {},
  });

test("a workflow whose model is not here runs on the one that is", async ({ page, site }) => {
  await ready(page, site);
  await openFile(page, "car.json", "application/json", api());
  await expect(panel(page)).toContainText("v1-5-pruned-emaonly.safetensors");
  await expect(panel(page)).toContainText("7 nodes, 1 output");
  await page.getByRole("button", { name: "Use sprite instead" }).click();
  await expect(panel(page)).not.toContainText("is not here");
  await run(page).click();
  await expect(download(page)).toBeVisible({ timeout: 120_000 });
  const picture = page.getByRole("img", { name: "car.json" }).first();
  expect(await picture.evaluate((img: HTMLImageElement) => [img.naturalWidth, img.naturalHeight])).toEqual([64, 64]);
});

test("an editor's workflow runs, muted and virtual nodes left out", async ({ page, site }) => {
  await ready(page, site);
  await openFile(page, "ui.json", "application/json", ui());
  await expect(panel(page)).toContainText("7 nodes, 1 output");
  await run(page).click();
  await expect(download(page)).toBeVisible({ timeout: 120_000 });
});

test("after a run the seed counts up as its control says, and prompts are drawn, in the picture too", async ({ page, site }) => {
  await ready(page, site);
  const file = ui().replace("randomize", "increment").replace("a blue car", "a {blue|blue} car");
  await openFile(page, "ui.json", "application/json", file);
  for (const [i, seed] of [5, 6].entries()) {
    await run(page).click();
    if (i > 0) await expect(page.locator(".strip button")).toHaveCount(i + 1, { timeout: 120_000 });
    await expect(download(page)).toBeVisible({ timeout: 120_000 });
    const [saved] = await Promise.all([page.waitForEvent("download"), download(page).click()]);
    const texts = pngTexts(readFileSync(await saved.path()));
    const prompt = JSON.parse(texts.prompt ?? "{}") as Record<string, { inputs: Record<string, unknown> }>;
    expect(prompt["5"]?.inputs.seed).toBe(seed);
    expect(prompt["2"]?.inputs.text).toBe("a blue car");
    const { nodes } = JSON.parse(texts.workflow ?? "{}") as { nodes: { id: number; widgets_values?: unknown[] }[] };
    expect(nodes.find(({ id }) => id === 5)?.widgets_values?.slice(0, 2)).toEqual([seed, "increment"]);
  }
});

test("the picture that the page made opens as its workflow, by dropping it", async ({ page, site }) => {
  await ready(page, site);
  await page.getByLabel("Steps").fill("2");
  await page.getByRole("button", { name: "Generate" }).click();
  await expect(download(page)).toBeVisible({ timeout: 120_000 });
  const [file] = await Promise.all([page.waitForEvent("download"), download(page).click()]);
  const bytes = [...readFileSync(await file.path())];
  await page.evaluate((bytes) => {
    const transfer = new DataTransfer();
    transfer.items.add(new File([new Uint8Array(bytes)], "mine.png", { type: "image/png" }));
    for (const type of ["dragenter", "dragover", "drop"]) {
      document.body.dispatchEvent(new DragEvent(type, { bubbles: true, cancelable: true, dataTransfer: transfer }));
    }
  }, bytes);
  await expect(panel(page)).toContainText("mine.png");
  await expect(panel(page)).toContainText("a robot on a teal background, 3d");
  await run(page).click();
  await expect(page.getByRole("img", { name: "mine.png" }).first()).toBeVisible({ timeout: 120_000 });
});

test("AUTOMATIC1111's text and a YAML pipeline open, too", async ({ page, site }) => {
  await ready(page, site);
  await openFile(page, "old.txt", "text/plain", "a blue car\nNegative prompt: red\nSteps: 2, Sampler: Euler, CFG scale: 4, Seed: 5, Size: 64x64, Model: sprite");
  await expect(panel(page)).toContainText("a blue car");
  await run(page).click();
  await expect(download(page)).toBeVisible({ timeout: 120_000 });
  await openFile(page, "line.yaml", "text/yaml", [
    '- node: "Input"', "  params:", '    prompt: "a purple butterfly"',
    '- node: "ImageGeneration"', "  params:", "    steps: 2", "    cfg_scale: 4", '    resolution: "64x64"', "    seed: 5",
    '- node: "Output"', "",
  ].join("\n"));
  await expect(panel(page)).toContainText("a purple butterfly");
});

test("a picture that the workflow names is asked for", async ({ page, site }) => {
  await ready(page, site);
  await openFile(page, "start.json", "application/json", api((g) => {
    g["1"] = { class_type: "CheckpointLoaderSimple", inputs: { ckpt_name: "sprite" } };
    g["4"] = { class_type: "VAEEncode", inputs: { pixels: ["8", 0], vae: ["1", 2] } };
    g["8"] = { class_type: "LoadImage", inputs: { image: "photo.png", upload: "image" } };
    g["5"]!.inputs.denoise = 0.5;
  }));
  await expect(panel(page)).toContainText("photo.png");
  const png = await page.evaluate(async () => {
    const canvas = new OffscreenCanvas(64, 64);
    canvas.getContext("2d")?.fillRect(8, 8, 32, 32);
    return [...new Uint8Array(await (await canvas.convertToBlob()).arrayBuffer())];
  });
  await panel(page).getByLabel(/photo\.png/).setInputFiles({ name: "my own.png", mimeType: "image/png", buffer: Buffer.from(png) });
  await expect(panel(page)).not.toContainText("is not here");
  await run(page).click();
  await expect(download(page)).toBeVisible({ timeout: 120_000 });
});

test("unknown nodes are named one by one, and a file's texts are never HTML", async ({ page, site }) => {
  const alerts: string[] = [];
  page.on("dialog", (dialog) => {
    alerts.push(dialog.message());
    void dialog.dismiss();
  });
  await ready(page, site);
  await openFile(page, "<img src=x onerror=alert(1)>.json", "application/json", api((g) => {
    g["8"] = { class_type: "Image Bloom Filter", inputs: { image: ["6", 0] } };
    g["9"] = { class_type: "<script>alert(2)</script>", inputs: {} };
    g["7"]!.inputs.images = ["8", 0];
  }));
  await expect(panel(page)).toContainText("Image Bloom Filter");
  await expect(panel(page).locator("img, script")).toHaveCount(0);
  expect(alerts).toEqual([]);
  const { violations } = await new AxeBuilder({ page }).analyze();
  expect(violations.filter(({ impact }) => impact === "serious" || impact === "critical")).toEqual([]);
});

for (const [what, name, content, part] of [
  ["no JSON", "a.json", "{ not json", "line"],
  ["an empty file", "b.json", "", "empty"],
  ["garbage", "d.png", Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, 1, 2, 3]), ""],
] as const) {
  test(`${what} is refused in words, and the page goes on`, async ({ page, site }) => {
    await ready(page, site);
    await openFile(page, name, "application/octet-stream", content);
    await expect(page.getByRole("alert")).toContainText(part);
    await expect(panel(page)).toHaveCount(0);
    await openFile(page, "ui.json", "application/json", ui());
    await expect(panel(page)).toContainText("7 nodes");
  });
}

test("a picture without a workflow is the one to start from, and that is said", async ({ page, site }) => {
  await ready(page, site);
  const buffer = readFileSync(new URL("../../../docs/pictures.png", import.meta.url));
  await page.getByLabel("Workflow or model file").setInputFiles({ name: "c.png", mimeType: "image/png", buffer });
  await expect(page.locator(".notice")).toContainText("carries no workflow");
  await expect(page.getByRole("region", { name: "Start from a picture" })).toContainText("c.png");
  await expect(panel(page)).toHaveCount(0);
  await expect(page.getByRole("alert")).toHaveCount(0);
});
