/** More of the page in Firefox: a mask, the upscaler, the graph, a model of one's own, and no network. */

import { writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { serve } from "../../scripts/serve.mjs";
import { tinyCheckpoint } from "../browser/tiny";
import { expect, test, type Page } from "./fixtures";
import { draw, pictures, PROMPT, ready, setSteps, until } from "./page";

const click = (page: Page, words: string) => page.locator(`button ::-p-text(${words})`).setTimeout(60_000).click();
const seen = (page: Page, words: string) =>
  expect.poll(() => page.evaluate((text) => document.body.innerText.includes(text), words), { message: words, timeout: 120_000 }).toBe(true);

test("a part is marked with keys and redrawn, enlarged, and is a graph that runs", async ({ tab: page, site }) => {
  await ready(page, site);
  await setSteps(page, 2);
  await draw(page, "a red heart");
  await click(page, "Draw over it");
  await click(page, "Mark a part");
  await page.locator("[aria-label^='The picture: arrow keys']").setTimeout(60_000).wait();
  await page.focus("[aria-label^='The picture: arrow keys']");
  await page.keyboard.press(" ");
  await page.keyboard.down("Control");
  await page.keyboard.press("Enter");
  await page.keyboard.up("Control");
  await seen(page, "a part is marked");
  await page.locator("button ::-p-text(Generate)").click();
  await seen(page, "A part of a picture was redrawn");
  await click(page, "Upscale");
  await until(page, pictures, (all) => all.some(({ naturalWidth }) => naturalWidth === 512), "an enlarged picture");
  await click(page, "Open as graph");
  const nodes = () => [...document.querySelectorAll(".svelte-flow__node")].map((node) => node.textContent ?? "");
  await until(page, nodes, (all) => all.some((text) => text.includes("Upscale Image")), "the graph");
  await page.locator("button ::-p-text(Run)").click();
  const made = () => document.querySelectorAll(".svelte-flow__node .results img").length;
  await until(page, made, (count) => count > 0, "the picture in its node");
});

test("a graph grows by keys, and is undone", async ({ tab: page, site }) => {
  await page.goto(`${site}#graph`);
  await click(page, "Text to picture");
  const count = () => document.querySelectorAll(".svelte-flow__node").length;
  await until(page, count, (nodes) => nodes === 7, "seven nodes");
  await page.focus(".svelte-flow__node");
  await page.keyboard.press("n");
  await page.locator("dialog input, [role=dialog] input").setTimeout(60_000).wait();
  await page.keyboard.type("invert image");
  await page.keyboard.press("Enter");
  await until(page, count, (nodes) => nodes === 8, "one node more");
  await page.keyboard.down("Control");
  await page.keyboard.press("z");
  await page.keyboard.up("Control");
  await until(page, count, (nodes) => nodes === 7, "as before");
});

test("a checkpoint from the disk is told, and paints", async ({ tab: page, site }) => {
  const file = join(tmpdir(), `tiny-${process.pid}.safetensors`);
  writeFileSync(file, tinyCheckpoint());
  await ready(page, site);
  const input = await page.$("input[type=file]");
  await (input as NonNullable<typeof input> & { uploadFile(path: string): Promise<void> }).uploadFile(file);
  await seen(page, "is a checkpoint of Stable Diffusion 1.x");
  await setSteps(page, 1);
  await page.locator(PROMPT).fill("a cat");
  await page.locator("button ::-p-text(Generate)").click();
  await until(page, pictures, (all) => all.some(({ naturalWidth }) => naturalWidth === 512), "a picture of its size");
});

test("a second visit draws with the server gone", async ({ firefox }) => {
  const { url, close } = await serve();
  const context = await firefox.createBrowserContext();
  const page = await context.newPage();
  await ready(page, url);
  await setSteps(page, 2);
  await draw(page, "a red heart");
  const kept = async () => {
    const names = await Promise.all((await caches.keys()).map(async (name) => (await (await caches.open(name)).keys()).map(({ url }) => url)));
    return names.flat().join(" ");
  };
  await expect.poll(() => page.evaluate(kept), { timeout: 60_000 }).toMatch(/tintype_bg.*model_index\.json|model_index\.json.*tintype_bg/);
  await close();
  await ready(page, url);
  await setSteps(page, 2);
  await draw(page, "a purple butterfly");
  await context.close();
});
