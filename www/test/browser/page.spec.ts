import { readFileSync } from "node:fs";

import AxeBuilder from "@axe-core/playwright";
import type { Locator, Page } from "@playwright/test";

import { expect, pngTexts, served, test } from "./fixtures";

const prompt = (page: Page) => page.getByRole("textbox", { name: "Prompt", exact: true });
const generate = (page: Page) => page.getByRole("button", { name: "Generate" });
const download = (page: Page) => page.getByRole("link", { name: "Download" });

/** The page, opened on the CPU engine and ready. */
async function ready(page: Page, site: string): Promise<void> {
  await page.goto(`${site}?device=cpu`);
  await expect(generate(page)).toBeVisible();
}

async function draw(page: Page): Promise<void> {
  await generate(page).click();
  await expect(download(page)).toBeVisible({ timeout: 120_000 });
}

test("first visit to picture: preview, progress, result with its settings, download", async ({ page, site }) => {
  await page.goto(site);
  await expect(generate(page)).toBeVisible();
  await expect(page.getByTestId("device")).toContainText("CPU");
  await prompt(page).fill("a red dragon, 3d render");
  await page.getByLabel("New seed each time").uncheck();
  await page.getByLabel("Seed", { exact: true }).fill("18446744073709551615");
  await page.getByRole("button", { name: "Fine, 20 steps" }).click();
  await generate(page).click();

  const bar = page.getByRole("progressbar");
  await expect(bar).toBeVisible();
  await expect(page.getByRole("img", { name: "The picture so far" })).toBeVisible();
  await expect(bar).toHaveAttribute("aria-valuetext", /Step \d+ of 20, .*left/);
  await expect(download(page)).toBeVisible({ timeout: 120_000 });
  await expect(bar).toBeHidden();

  await expect(page.getByTestId("seed")).toHaveText("18446744073709551615");
  const picture = page.getByRole("img", { name: "a red dragon, 3d render" });
  expect(await picture.evaluate((img: HTMLImageElement) => [img.naturalWidth, img.naturalHeight])).toEqual([128, 128]);

  const [file] = await Promise.all([page.waitForEvent("download"), download(page).click()]);
  expect(file.suggestedFilename()).toMatch(/^tintype_\d+_\.png$/);
  const texts = pngTexts(readFileSync(await file.path()));
  expect(texts.prompt).toContain("18446744073709551615");
  expect(texts.prompt).toContain("a red dragon, 3d render");
  expect(JSON.parse(texts.workflow ?? "{}").nodes).toHaveLength(7);
});

test("the first picture is drawn in four steps by the bundled model's student", async ({ page, site }) => {
  await ready(page, site);
  await expect(page.getByRole("button", { name: "Fast, 4 steps" })).toHaveAttribute("aria-pressed", "true");
  await draw(page);
  const [file] = await Promise.all([page.waitForEvent("download"), download(page).click()]);
  const graph = JSON.parse(pngTexts(readFileSync(await file.path())).prompt ?? "{}") as Record<string, { class_type: string; inputs: object }>;
  const inputs = (type: string) => Object.values(graph).find(({ class_type }) => class_type === type)?.inputs;
  expect(inputs("KSampler")).toMatchObject({ steps: 4, cfg: 1, sampler_name: "lcm", scheduler: "sgm_uniform" });
  expect(inputs("LoraLoader")).toMatchObject({ lora_name: "sprite-lcm.safetensors", strength_model: 1 });
  await page.getByRole("button", { name: "Fine, 20 steps" }).click();
  await expect(page.getByLabel("Steps")).toHaveValue("20");
  await page.getByLabel("Steps").fill("12");
  await expect(page.getByRole("button", { name: "Fine, 20 steps" })).toHaveAttribute("aria-pressed", "false");
});

test("a MidJourney prompt draws its permutations, follows its flags, and tells what it ignores", async ({ page, site }) => {
  await ready(page, site);
  await page.getByLabel("Steps").fill("2");
  await prompt(page).fill("a {red, blue} car --ar 2:1 --no cats --seed 5 --v 6");
  await generate(page).click();
  await expect(page.locator(".strip button")).toHaveCount(2, { timeout: 120_000 });
  await expect(download(page)).toBeVisible({ timeout: 120_000 });
  await expect(page.locator(".notice").filter({ hasText: "--v 6" })).toHaveCount(1);
  await expect(page.getByRole("img", { name: /^a red car/ })).toHaveCount(1);
  await expect(page.getByTestId("seed")).toHaveText("5");
  const picture = page.getByRole("img", { name: "a blue car", exact: true });
  expect(await picture.evaluate((img: HTMLImageElement) => [img.naturalWidth, img.naturalHeight])).toEqual([184, 88]);
  const [file] = await Promise.all([page.waitForEvent("download"), download(page).click()]);
  const texts = pngTexts(readFileSync(await file.path()));
  expect(texts.prompt).toContain('"a blue car"');
  expect(texts.prompt).toContain('"cats"');
});

test("a flag that makes no sense is refused in words, and nothing is drawn", async ({ page, site }) => {
  await ready(page, site);
  await prompt(page).fill("a car --ar banana");
  await generate(page).click();
  await expect(page.getByRole("alert")).toContainText("--ar");
  await expect(generate(page)).toBeVisible();
  await expect(download(page)).toHaveCount(0);
});

test("cancel in the middle, then draw again", async ({ page, site }) => {
  await ready(page, site);
  await page.getByLabel("Steps").fill("150");
  await generate(page).click();
  await expect(page.getByRole("progressbar")).toHaveAttribute("aria-valuetext", /Step/);
  await page.getByRole("button", { name: "Cancel" }).click();
  await expect(page.getByRole("status")).toHaveText("Cancelled.");
  await expect(page.getByRole("alert")).toHaveCount(0);
  await page.getByLabel("Steps").fill("4");
  await draw(page);
});

test("a second visit takes the model from storage", async ({ page, site, context }) => {
  await ready(page, site);
  await page.getByLabel("Steps").fill("2");
  await draw(page);
  await page.close();

  let refused = 0;
  await context.route(/\/models\/.*\.safetensors/, (route) => {
    refused += 1;
    return route.abort();
  });
  const again = await context.newPage();
  await ready(again, site);
  await expect(again.getByLabel("Steps")).toHaveValue("2");
  await draw(again);
  expect(refused).toBe(0);
});

test("without network and without a stored model the page says so, and recovers", async ({ page, site, context }) => {
  await ready(page, site);
  await context.route(/\/models\//, (route) => route.abort());
  await generate(page).click();
  await expect(page.getByRole("alert")).toBeVisible();
  await context.unroute(/\/models\//);
  await page.getByLabel("Steps").fill("2");
  await draw(page);
  await expect(page.getByRole("alert")).toHaveCount(0);
});

test("a damaged model file is refused by name", async ({ page, site, context }) => {
  await ready(page, site);
  await context.route(/unet\/.*\.safetensors/, (route) => {
    const body = served(route);
    return route.fulfill({ body: body.fill(0x3f, body.length - 64) });
  });
  await generate(page).click();
  await expect(page.getByRole("alert")).toContainText("unet");
});

for (const [label, value, part] of [
  ["Steps", "0", "steps"],
  ["Steps", "", "steps"],
  ["CFG", "", "cfg"],
  ["Pictures at once", "0", "batch_size"],
  ["Seed", "red", "seed"],
] as const) {
  test(`${label} = "${value}" is refused on the page, the field is marked`, async ({ page, site }) => {
    await ready(page, site);
    await page.getByLabel("New seed each time").uncheck();
    const field = page.getByLabel(label, { exact: true });
    await field.fill(value);
    await generate(page).click();
    await expect(page.getByRole("alert")).toContainText(part);
    await expect(field).toHaveAttribute("aria-invalid", "true");
  });
}

for (const [width, part] of [
  ["130", "8"],
  ["0", "width"],
  ["1000000", "width"],
] as const) {
  test(`width ${width} is refused on the page, with the fix`, async ({ page, site }) => {
    await ready(page, site);
    await page.getByLabel("Size").selectOption({ label: "Another size…" });
    await page.getByLabel("Width").fill(width);
    await generate(page).click();
    const box = page.getByRole("alert");
    await expect(box).toContainText("width");
    await expect(box).toContainText(part);
    await page.getByLabel("Size").selectOption({ label: "Small square, 64 × 64" });
    await page.getByLabel("Steps").fill("2");
    await draw(page);
  });
}

test("settings survive a reload, results stay until closed", async ({ page, site }) => {
  await ready(page, site);
  await prompt(page).fill("a blue car");
  await page.getByLabel("Steps").fill("2");
  await page.getByLabel("Pictures at once").fill("2");
  await page.getByLabel("Sampler").selectOption("euler");
  await draw(page);
  const strip = page.getByRole("list", { name: "Pictures of this visit" });
  await expect(strip.getByRole("button")).toHaveCount(2);
  await page.getByRole("button", { name: "Close" }).click();
  await expect(strip).toHaveCount(0);
  await page.getByRole("button", { name: "Close" }).click();
  await expect(download(page)).toHaveCount(0);

  await page.reload();
  await expect(prompt(page)).toHaveValue("a blue car");
  await expect(page.getByLabel("Sampler")).toHaveValue("euler");
});

test("used settings come back with their seed, and make the same picture", async ({ page, site }) => {
  await ready(page, site);
  await page.getByLabel("Steps").fill("3");
  const pixels = (page: Page) =>
    page.getByRole("img", { name: "a robot on a teal background, 3d", exact: true }).evaluate((img: HTMLImageElement) => {
      const canvas = new OffscreenCanvas(img.naturalWidth, img.naturalHeight);
      const context = canvas.getContext("2d");
      context?.drawImage(img, 0, 0);
      return [...(context?.getImageData(0, 0, canvas.width, canvas.height).data ?? [])].join();
    });
  await draw(page);
  const seed = await page.getByTestId("seed").innerText();
  const first = await pixels(page);
  await page.getByRole("button", { name: "Use these settings" }).click();
  await expect(page.getByLabel("Seed", { exact: true })).toHaveValue(seed);
  // A new engine: nothing may come from the first one's cache.
  await page.reload();
  await draw(page);
  expect(await page.getByTestId("seed").innerText()).toBe(seed);
  expect(await pixels(page)).toBe(first);
});

test("by keyboard only: write, draw, cancel, draw, reach the download", async ({ page, site }) => {
  await ready(page, site);
  // Long enough to be cancelled; the settings stay over the reload.
  await page.getByLabel("Steps").fill("30");
  await ready(page, site);
  const focused = () => page.evaluate(() => document.activeElement?.id || document.activeElement?.textContent?.trim());
  for (let i = 0; i < 10 && (await focused()) !== "prompt"; i++) await page.keyboard.press("Tab");
  expect(await focused()).toBe("prompt");
  await page.keyboard.press("Control+A");
  await page.keyboard.type("a purple butterfly");
  await page.keyboard.press("Control+Enter");
  await expect(page.getByRole("progressbar")).toHaveAttribute("aria-valuetext", /Step/);
  await page.keyboard.press("Escape");
  await expect(page.getByRole("status")).toHaveText("Cancelled.");
  await page.keyboard.press("Control+Enter");
  await expect(download(page)).toBeVisible({ timeout: 120_000 });
  for (let i = 0; i < 40 && (await focused()) !== "Download"; i++) await page.keyboard.press("Tab");
  expect(await focused()).toBe("Download");
  const outline = await download(page).evaluate((link) => getComputedStyle(link).outlineStyle);
  expect(outline).toBe("solid");
});

test("a crashed engine is one clear error, and the next run works", async ({ page, site }) => {
  await ready(page, site);
  await page.getByLabel("Steps").fill("150");
  await generate(page).click();
  await expect(page.getByRole("progressbar")).toHaveAttribute("aria-valuetext", /Step/);
  await page.workers()[0]?.evaluate(() => {
    setTimeout(() => {
      throw new WebAssembly.RuntimeError("unreachable");
    });
  });
  const box = page.getByRole("alert");
  await expect(box).toContainText("crashed");
  await expect(box).toContainText("Run again");
  await page.getByLabel("Steps").fill("2");
  await draw(page);
});

for (const [name, scheme, width] of [
  ["light", "light", 1280],
  ["dark", "dark", 1280],
  ["phone", "light", 390],
] as const) {
  test(`axe finds nothing serious, and nothing overflows (${name})`, async ({ page, site }) => {
    await page.emulateMedia({ colorScheme: scheme, reducedMotion: "reduce" });
    await page.setViewportSize({ width, height: 844 });
    await ready(page, site);
    const check = async () => {
      const { violations } = await new AxeBuilder({ page }).analyze();
      expect(violations.map((violation) => [violation.id, violation.nodes.map((node) => node.html)])).toEqual([]);
      expect(await page.evaluate(() => document.documentElement.scrollWidth - innerWidth)).toBeLessThanOrEqual(0);
    };
    await check();
    const settings = page.getByText("Settings", { exact: true });
    if (width < 800) await settings.click();
    await page.getByLabel("Size").selectOption({ label: "Another size…" });
    await page.getByLabel("Width").fill("130");
    await generate(page).click();
    await expect(page.getByRole("alert")).toBeVisible();
    await check();
    await page.getByLabel("Size").selectOption({ label: "Small square, 64 × 64" });
    await page.getByLabel("Steps").fill("2");
    await draw(page);
    await check();
  });
}

test("on a phone the picture is in view as it comes, and so is what went wrong", async ({ page, site }) => {
  await page.setViewportSize({ width: 390, height: 664 });
  await ready(page, site);
  const inView = async (what: Locator) => {
    await expect(what).toBeInViewport({ ratio: 1 });
    // In front of everything fixed, too.
    await expect(async () => {
      const [box, nav] = [await what.boundingBox(), await page.getByRole("navigation").boundingBox()];
      expect((box?.y ?? Infinity) + (box?.height ?? 0)).toBeLessThanOrEqual(nav?.y ?? 0);
    }).toPass();
  };
  await page.getByText("Settings", { exact: true }).click();
  await page.getByLabel("Steps").fill("30");
  await page.keyboard.press("Control+Enter");
  await inView(page.getByRole("progressbar"));
  await inView(page.getByRole("img", { name: "The picture so far" }));
  await page.keyboard.press("Escape");
  await expect(page.getByRole("status")).toHaveText("Cancelled.");
  await page.getByLabel("Steps").fill("2");
  await draw(page);
  await inView(page.getByRole("img", { name: await prompt(page).inputValue() }));

  await page.getByLabel("Size").selectOption({ label: "Another size…" });
  await page.getByLabel("Width").fill("130");
  await page.keyboard.press("Control+Enter");
  await inView(page.getByRole("alert"));
});

test("the help has its topics, by address and by links between them; axe finds nothing", async ({ page, site }) => {
  await page.goto(`${site}#help`);
  await expect(page.getByRole("heading", { name: "Quick start: the page" })).toBeVisible();
  expect((await new AxeBuilder({ page }).analyze()).violations).toEqual([]);
  await page.getByRole("article").getByRole("link", { name: "troubleshooting" }).click();
  await expect(page.getByRole("heading", { name: "Troubleshooting" })).toBeVisible();
  await expect(page.getByRole("cell", { name: "engine_missing" })).toBeVisible();
  expect((await new AxeBuilder({ page }).analyze()).violations).toEqual([]);
  await page.goBack();
  await expect(page.getByRole("heading", { name: "Quick start: the page" })).toBeVisible();
  await page.goto(`${site}#help/nodes/ksampler`);
  await expect(page.getByRole("heading", { name: "KSampler", exact: true })).toBeInViewport();
});
