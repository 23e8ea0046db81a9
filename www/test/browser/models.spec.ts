/** Models of the person's own: added by a file, used, kept for the next visit, removed, or refused with what they are. */

import AxeBuilder from "@axe-core/playwright";
import type { Page } from "@playwright/test";

import { expect, test } from "./fixtures";
import { safetensors, tinyCheckpoint } from "./tiny";

const generate = (page: Page) => page.getByRole("button", { name: "Generate" });
const download = (page: Page) => page.getByRole("link", { name: "Download" });
const model = (page: Page) => page.getByRole("combobox", { name: "Model" });
const models = (page: Page) => page.getByRole("list", { name: "Your models" });

async function ready(page: Page, site: string): Promise<void> {
  await page.goto(`${site}?device=cpu`);
  await expect(generate(page)).toBeEnabled();
}

async function add(page: Page, name: string, buffer: Buffer): Promise<void> {
  await page.getByLabel("Workflow or model file").setInputFiles({ name, mimeType: "application/octet-stream", buffer });
}

test("a checkpoint from the disk paints, is kept for the next visit, and goes when it is removed", async ({ page, site }) => {
  await ready(page, site);
  await expect(models(page)).toBeHidden();
  await add(page, "tiny anything.safetensors", tinyCheckpoint());
  await expect(page.getByText(/is a checkpoint of Stable Diffusion 1\.x/)).toBeVisible();
  await expect(model(page)).toHaveValue("tiny anything.safetensors");
  await expect(page.getByLabel("Width")).toHaveValue("512");
  await page.getByLabel("Width").fill("64");
  await page.getByLabel("Height").fill("64");
  await page.getByLabel("Steps").fill("2");
  await page.getByLabel("New seed each time").uncheck();
  await generate(page).click();
  await expect(download(page)).toBeVisible({ timeout: 120_000 });
  const first = await download(page).getAttribute("href");
  expect(first).toMatch(/^blob:/);
  expect((await new AxeBuilder({ page }).analyze()).violations).toEqual([]);

  await models(page).getByRole("button", { name: "Keep" }).click();
  await expect(models(page)).toContainText("kept");
  await ready(page, site);
  await expect(models(page)).toContainText("checkpoints/tiny anything.safetensors");
  await expect(model(page)).toHaveValue("tiny anything.safetensors");
  await generate(page).click();
  await expect(download(page)).toBeVisible({ timeout: 120_000 });

  await models(page).getByRole("button", { name: "Remove" }).click();
  await expect(models(page)).toBeHidden();
  await ready(page, site);
  await expect(models(page)).toBeHidden();
});

test("a file that is no model for here is refused with what it is", async ({ page, site }) => {
  await ready(page, site);
  const alert = page.getByRole("alert");
  const whole = safetensors([{ name: "emb_params", shape: [2, 768] }]);
  const cases: [string, Buffer, RegExp][] = [
    ["flux.safetensors", safetensors([{ name: "double_blocks.0.img_attn.qkv.weight", shape: [4, 4] }]), /another family, Flux/],
    ["old.ckpt", Buffer.from("PK\u0003\u0004"), /converted/],
    ["cut.safetensors", whole.subarray(0, whole.length - 100), /cut short|incomplete/],
    ["page.safetensors", Buffer.from("<!doctype html><title>Not found</title>"), /not a readable safetensors file/],
    ["empty.safetensors", Buffer.alloc(0), /cut short/],
  ];
  for (const [name, content, words] of cases) {
    await add(page, name, content);
    await expect(alert, name).toContainText(words);
    await expect(alert, name).toContainText(name);
  }
  await expect(models(page)).toBeHidden();
  // And the page works as before.
  await add(page, "style.safetensors", whole);
  await expect(page.getByText(/is an embedding/)).toBeVisible();
  await expect(alert).toBeHidden();
  await expect(models(page)).toContainText("embeddings/style.safetensors");
});

test("the engine adds, lists and removes models by itself", async ({ lab }) => {
  const file = [...safetensors([{ name: "emb_params", shape: [2, 768] }])];
  const seen = await lab.evaluate(async (bytes) => {
    const { open } = (globalThis as unknown as { tintype: typeof import("../../src/engine/index") }).tintype;
    const engine = await open({ device: "cpu" });
    const content = new Blob([new Uint8Array(bytes)]);
    const added = await engine.addModel(content, { name: "dir/word.safetensors", keep: true });
    const progress: number[] = [];
    engine.on("model_progress", ({ loaded }) => progress.push(loaded));
    const named = await engine.addModel(content, { name: "b.safetensors", folder: "loras" });
    const refusal = await engine.addModel(content, { name: "word.pt" }).catch((error: Error & { code: string }) => error.code);
    const before = engine.models.map(({ path, kept }) => ({ path, kept }));
    engine.close();
    const again = await open({ device: "cpu" });
    const after = again.models.map(({ path, kept, bytes: size }) => ({ path, kept, size }));
    await again.removeModel(added.path);
    const left = again.models.length;
    again.close();
    return { path: added.path, loader: added.loader, named: named.path, refusal, before, after, left };
  }, file);
  expect(seen).toEqual({
    path: "embeddings/word.safetensors",
    loader: "CLIPTextEncode",
    named: "loras/b.safetensors",
    refusal: "unsupported_model",
    before: [{ path: "embeddings/word.safetensors", kept: true }, { path: "loras/b.safetensors", kept: false }],
    after: [{ path: "embeddings/word.safetensors", kept: true, size: file.length }],
    left: 0,
  });
});
