/** The page's main flows in Firefox, on the CPU engine. */

import { join } from "node:path";

import { expect, test } from "./fixtures";
import { draw, GENERATE, pictures, PROMPT, ready, setSteps, until } from "./page";

test("first visit to picture, and the gallery keeps it over a reload", async ({ tab: page, site }) => {
  await ready(page, site);
  expect(await page.$eval("[data-testid=device]", (element) => element.textContent)).toContain("CPU");
  await draw(page, "a red heart");
  expect((await page.evaluate(pictures))[0]?.alt).toContain("a red heart");
  // It is a picture: not all of one colour.
  const tones = await page.$eval(".sheet img:not([alt^='An example'])", (image) => {
    const canvas = new OffscreenCanvas(128, 128);
    const context = canvas.getContext("2d") as OffscreenCanvasRenderingContext2D;
    context.drawImage(image as HTMLImageElement, 0, 0);
    return new Set(new Uint32Array(context.getImageData(0, 0, 128, 128).data.buffer)).size;
  });
  expect(tones).toBeGreaterThan(200);

  await page.goto(`${site}?again#gallery`);
  const kept = () => [...document.querySelectorAll<HTMLImageElement>("[aria-label=Pictures] img")].map(({ alt, naturalWidth }) => ({ alt, naturalWidth }));
  const [first] = await until(page, kept, (all) => all.length === 1 && all[0]?.naturalWidth === 128, "the kept picture");
  expect(first?.alt).toMatch(/^a red heart, seed \d+$/);
});

test("a run is cancelled, and the next one draws", async ({ tab: page, site }) => {
  await ready(page, site);
  await setSteps(page, 150);
  await page.locator(PROMPT).fill("a cat");
  await page.locator(GENERATE).click();
  const bar = () => document.querySelector("[role=progressbar]")?.getAttribute("aria-valuetext") ?? "";
  await until(page, bar, (text) => /Step [2-9]/.test(text), "the second step");
  await page.locator("button ::-p-text(Cancel)").click();
  await until(page, bar, (text) => text === "", "the end of the run");
  expect(await page.evaluate(pictures)).toEqual([]);
  await setSteps(page, 4);
  await draw(page, "a cat");
});

test("a workflow opens from a file, and runs", async ({ tab: page, site }) => {
  await ready(page, site);
  const file = join(import.meta.dirname, "../../public/workflows/text_to_image.json");
  const input = await page.$("input[type=file]");
  await (input as NonNullable<typeof input> & { uploadFile(path: string): Promise<void> }).uploadFile(file);
  await page.locator("button ::-p-text(Run workflow)").setTimeout(60_000).click();
  await until(page, pictures, (all) => all.some(({ naturalWidth }) => naturalWidth === 128), "the workflow's picture");
});
