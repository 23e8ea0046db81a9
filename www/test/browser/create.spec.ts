/** Drawing by hand: weights, styles, a picture to start from, masks, extending, upscaling, the queue. */

import { readFileSync } from "node:fs";

import AxeBuilder from "@axe-core/playwright";
import type { Locator, Page } from "@playwright/test";

import { expect, pngTexts, test } from "./fixtures";

const prompt = (page: Page) => page.getByRole("textbox", { name: "Prompt", exact: true });
const generate = (page: Page) => page.getByRole("button", { name: "Generate" });
const download = (page: Page) => page.getByRole("link", { name: "Download" });
const start = (page: Page) => page.getByRole("region", { name: "Start from a picture" });

async function ready(page: Page, site: string): Promise<void> {
  await page.goto(`${site}?device=cpu`);
  await expect(generate(page)).toBeVisible();
  await page.getByLabel("Steps").fill("4");
}

async function draw(page: Page): Promise<void> {
  await makes(page, page.getByRole("button", { name: /^(Generate|Add to the queue)$/ }));
}

/** Presses a button and waits for the picture: a small one is made faster than a bar can be seen. */
async function makes(page: Page, button: Locator): Promise<void> {
  const address = async () => ((await download(page).count()) === 0 ? null : await download(page).getAttribute("href"));
  const before = await address();
  await button.click();
  await expect.poll(async () => (await address()) ?? before, { timeout: 120_000 }).not.toBe(before);
  await expect(page.getByRole("progressbar")).toBeHidden({ timeout: 120_000 });
}

/** A picture of two colours, left and right, given by the button. */
async function give(page: Page, width = 128, height = 128): Promise<void> {
  const png = await page.evaluate(async ([width, height]) => {
    const canvas = new OffscreenCanvas(width, height);
    const context = canvas.getContext("2d") as OffscreenCanvasRenderingContext2D;
    context.fillStyle = "#c02020";
    context.fillRect(0, 0, width, height);
    context.fillStyle = "#2040c0";
    context.fillRect(width / 2, 0, width, height);
    return [...new Uint8Array(await (await canvas.convertToBlob()).arrayBuffer())];
  }, [width, height] as const);
  await page.getByLabel("Workflow or model file").setInputFiles({ name: "halves.png", mimeType: "image/png", buffer: Buffer.from(png) });
  await expect(start(page)).toBeVisible();
}

/** Pixels of the picture on the plate at places given as shares: `[red, green, blue]`. */
const pixels = (page: Page, places: [number, number][]) =>
  page.locator(".sheet img").first().evaluate((image: HTMLImageElement, places) => {
    const canvas = new OffscreenCanvas(image.naturalWidth, image.naturalHeight);
    const context = canvas.getContext("2d") as OffscreenCanvasRenderingContext2D;
    context.drawImage(image, 0, 0);
    return places.map(([x, y]) => [...context.getImageData(x * canvas.width, y * canvas.height, 1, 1).data.slice(0, 3)]);
  }, places);

async function graphOf(page: Page): Promise<Record<string, { class_type: string; inputs: Record<string, unknown> }>> {
  const [file] = await Promise.all([page.waitForEvent("download"), download(page).click()]);
  return JSON.parse(pngTexts(readFileSync(await file.path())).prompt ?? "{}") as Awaited<ReturnType<typeof graphOf>>;
}

test("Ctrl+Up and Ctrl+Down weigh a word, and undo takes it back", async ({ page, site }) => {
  await ready(page, site);
  await prompt(page).fill("a red dragon");
  await prompt(page).press("End");
  await page.keyboard.press("Control+ArrowUp");
  await page.keyboard.press("Control+ArrowUp");
  await expect(prompt(page)).toHaveValue("a red (dragon:1.2)");
  await page.keyboard.press("Control+ArrowDown");
  await expect(prompt(page)).toHaveValue("a red (dragon:1.1)");
  await page.keyboard.press("Control+z");
  await expect(prompt(page)).toHaveValue("a red (dragon:1.2)");
  await page.reload();
  await expect(prompt(page)).toHaveValue("a red (dragon:1.2)");
});

test("the prompt's length is counted as it is typed, by the chosen model's tokenizer", async ({ page, site }) => {
  await ready(page, site);
  const count = page.getByTestId("token-count");
  await prompt(page).fill("a (red:1.3) dragon");
  await expect(count).toHaveText(/^3\/75\s+tokens$/);
  await prompt(page).fill("cat ".repeat(80));
  await expect(count).toHaveText(/^80\/150\s+tokens, read in 2 parts$/);
  await prompt(page).fill("");
  await expect(count).toHaveText(/^0\/75\s+tokens$/);
});

test("a prompt is counted although its tokenizer was not to be had at first", async ({ page, site }) => {
  let refused = 0;
  await page.route(/models\/sprite\/tokenizer\//, (route) => (refused++ < 2 ? route.abort() : route.continue()));
  await ready(page, site);
  await prompt(page).fill("a red dragon");
  await expect(page.getByTestId("token-count")).toHaveText(/^3\/75\s+tokens$/);
  expect(refused).toBeGreaterThan(2);
});

test("Generate stays where it is when the prompt's length comes to be known", async ({ page, site }) => {
  let give = () => {};
  const held = new Promise<void>((resolve) => (give = resolve));
  await page.route(/models\/sprite\/tokenizer\//, async (route) => {
    await held;
    await route.continue();
  });
  await ready(page, site);
  await prompt(page).fill("a red dragon");
  const count = page.getByTestId("token-count");
  const generate = page.getByRole("button", { name: "Generate" });
  await expect(count).toHaveText("");
  const before = await generate.boundingBox();
  expect(before).not.toBeNull();
  give();
  await expect(count).toHaveText(/^3\/75\s+tokens$/);
  expect(await generate.boundingBox()).toEqual(before);
});

test("the words that the bundled model knows are listed, and one goes into the prompt", async ({ page, site }) => {
  await ready(page, site);
  const words = page.getByRole("group").filter({ hasText: "The words it knows" });
  await words.getByText("The words it knows").click();
  await expect(words.getByRole("heading", { name: "animals" })).toBeVisible();
  expect(await words.getByRole("button").count()).toBeGreaterThan(200);
  await words.getByRole("button", { name: "lion", exact: true }).click();
  await expect(prompt(page)).toHaveValue("lion, 3d");
  await expect(prompt(page)).toBeFocused();
});

test("a style adds its words, and they are in the picture's settings", async ({ page, site }) => {
  await ready(page, site);
  await prompt(page).fill("a cat");
  await page.getByRole("button", { name: "On blue" }).click();
  await expect(page.getByRole("button", { name: "On blue" })).toHaveAttribute("aria-pressed", "true");
  await draw(page);
  await expect(page.getByRole("img", { name: "a cat, on a blue background" }).first()).toBeVisible();
  const graph = await graphOf(page);
  expect(JSON.stringify(graph)).toContain("a cat, on a blue background");
});

test("several runs wait: one is put first, one is removed, a stop ends only the running one", async ({ page, site }) => {
  await ready(page, site);
  await page.getByLabel("Steps").fill("60");
  for (const words of ["one", "two", "three", "four"]) {
    await prompt(page).fill(words);
    await page.keyboard.press("Control+Enter");
    await page.getByLabel("Steps").fill("2");
  }
  const queue = page.getByRole("region", { name: /^Waiting/ });
  await expect(queue.getByRole("listitem")).toHaveText([/two/, /three/, /four/]);
  await queue.getByRole("button", { name: "Draw next: four" }).click();
  await queue.getByRole("button", { name: "Remove: three" }).click();
  await expect(queue.getByRole("listitem")).toHaveText([/four/, /two/]);
  await page.getByRole("button", { name: "Cancel" }).click();
  await expect(queue).toBeHidden({ timeout: 120_000 });
  await expect(download(page)).toBeVisible({ timeout: 120_000 });
  const strip = page.getByRole("list", { name: "Pictures of this visit" });
  await expect(strip.getByRole("img")).toHaveCount(2);
  await expect(strip.getByRole("img").first()).toHaveAttribute("alt", /^two/);
});

test("a part of a picture is marked by mouse and redrawn; the rest stays to the pixel", async ({ page, site }) => {
  await ready(page, site);
  await give(page);
  await start(page).getByRole("button", { name: "Mark a part…" }).click();
  const canvas = page.getByRole("application");
  const box = await canvas.boundingBox();
  if (box === null) throw new Error("no canvas");
  const at = (x: number, y: number) => [box.x + box.width * x, box.y + box.height * y] as const;
  await page.mouse.move(...at(0.25, 0.3));
  await page.mouse.down();
  await page.mouse.move(...at(0.25, 0.7), { steps: 8 });
  await page.mouse.up();
  const { violations } = await new AxeBuilder({ page }).analyze();
  expect(violations.map(({ id, nodes }) => [id, nodes.map((node) => node.html)])).toEqual([]);
  await page.getByRole("button", { name: "Done" }).click();
  await expect(start(page)).toContainText("a part is marked");
  await start(page).getByRole("slider").fill("1");
  await prompt(page).fill("a yellow smiling face");
  await draw(page);
  const [inside, left, right] = await pixels(page, [[0.25, 0.5], [0.02, 0.5], [0.9, 0.5]]);
  expect(left).toEqual([0xc0, 0x20, 0x20]);
  expect(right).toEqual([0x20, 0x40, 0xc0]);
  expect(inside).not.toEqual([0xc0, 0x20, 0x20]);
  const slider = page.getByRole("slider", { name: "Before and after" });
  await slider.focus();
  await page.keyboard.press("End");
  await expect(slider).toHaveAttribute("aria-valuetext", "100 % before, 0 % after");
});

test("the mask by keyboard only: paint, undo, redo, erase, zoom, close", async ({ page, site }) => {
  await ready(page, site);
  await give(page);
  await start(page).getByRole("button", { name: "Mark a part…" }).focus();
  await page.keyboard.press("Enter");
  const dialog = page.getByRole("dialog");
  await expect(dialog).toBeVisible();
  const canvas = page.getByRole("application");
  for (let i = 0; i < 20 && !(await canvas.evaluate((node) => node === document.activeElement)); i++) await page.keyboard.press("Tab");
  const marked = () =>
    canvas.evaluate((node: HTMLCanvasElement) => {
      const data = node.getContext("2d")?.getImageData(0, 0, node.width, node.height).data ?? [];
      let count = 0;
      for (let i = 3; i < data.length; i += 4) if ((data[i] ?? 0) > 127) count++;
      return count;
    });
  await page.keyboard.down("Space");
  for (let i = 0; i < 4; i++) await page.keyboard.press("ArrowRight");
  await page.keyboard.up("Space");
  const painted = await marked();
  expect(painted).toBeGreaterThan(150);
  await page.keyboard.press("Control+z");
  expect(await marked()).toBe(0);
  await page.keyboard.press("Control+y");
  expect(await marked()).toBe(painted);
  await page.keyboard.press("e");
  await page.keyboard.press("Space");
  expect(await marked()).toBeLessThan(painted);
  await page.keyboard.press("+");
  await expect(dialog.getByText("150 %")).toBeVisible();
  await page.keyboard.press("Escape");
  await expect(dialog).toBeHidden();
  await expect(start(page)).toContainText("a part is marked");
});

test("two fingers move and zoom the mask, one paints", async ({ browser, site }) => {
  const context = await browser.newContext({ hasTouch: true, viewport: { width: 390, height: 844 } });
  const page = await context.newPage();
  await page.goto(`${site}?device=cpu`);
  await expect(generate(page)).toBeVisible();
  await give(page);
  await start(page).getByRole("button", { name: "Mark a part…" }).tap();
  const box = await page.getByRole("application").boundingBox();
  if (box === null) throw new Error("no canvas");
  const touch = await context.newCDPSession(page);
  const send = (type: "touchStart" | "touchMove" | "touchEnd", points: [number, number][]) =>
    touch.send("Input.dispatchTouchEvent", { type, touchPoints: points.map(([x, y], id) => ({ x: box.x + box.width * x, y: box.y + box.height * y, id })) });
  await send("touchStart", [[0.3, 0.5]]);
  await send("touchMove", [[0.6, 0.5]]);
  await send("touchEnd", []);
  const undo = page.getByRole("button", { name: "Undo" });
  await expect(undo).toHaveAttribute("aria-disabled", "false");
  await undo.click();
  await expect(undo).toHaveAttribute("aria-disabled", "true");
  await send("touchStart", [[0.4, 0.5]]);
  await send("touchStart", [[0.4, 0.5], [0.6, 0.5]]);
  await send("touchMove", [[0.2, 0.5], [0.8, 0.5]]);
  await send("touchEnd", []);
  await expect(page.getByLabel("Zoom")).not.toHaveText("100 %");
  await expect(undo).toHaveAttribute("aria-disabled", "true");
  await context.close();
});

test("a picture that is pasted is the one to start from; pasted words are words", async ({ page, site }) => {
  await ready(page, site);
  const paste = (kind: "picture" | "words") => page.evaluate(async (what) => {
    const data = new DataTransfer();
    const canvas = new OffscreenCanvas(64, 64);
    canvas.getContext("2d")?.fillRect(0, 0, 32, 64);
    if (what === "words") data.setData("text/plain", "a ghost");
    else data.items.add(new File([await canvas.convertToBlob()], "copied.png", { type: "image/png" }));
    document.body.dispatchEvent(new ClipboardEvent("paste", { clipboardData: data, bubbles: true, cancelable: true }));
  }, kind);
  await paste("words");
  await expect(start(page)).toBeHidden();
  await paste("picture");
  await expect(start(page)).toContainText("copied.png");
  await expect(start(page)).toContainText("64 × 64");
});

test("a picture is extended: what was there stays, and the picture grows", async ({ page, site }) => {
  await ready(page, site);
  await give(page);
  await start(page).getByText("Extend it").click();
  await start(page).getByLabel("Right", { exact: true }).fill("61");
  await start(page).getByLabel("Right", { exact: true }).blur();
  await expect(start(page).getByLabel("Right", { exact: true })).toHaveValue("64");
  await draw(page);
  const picture = page.locator(".sheet img").first();
  expect(await picture.evaluate((image: HTMLImageElement) => [image.naturalWidth, image.naturalHeight])).toEqual([192, 128]);
  const [left] = await pixels(page, [[0.05, 0.5]]);
  expect(left).toEqual([0xc0, 0x20, 0x20]);
});

test("a picture's edges are drawn outwards with the mouse and with keys", async ({ page, site }) => {
  await ready(page, site);
  await give(page);
  await start(page).getByText("Extend it").click();
  const edge = (side: string) => start(page).getByRole("slider", { name: `Edge, ${side}` });
  await edge("top").focus();
  await page.keyboard.press("ArrowUp");
  await page.keyboard.press("Shift+ArrowUp");
  await page.keyboard.press("ArrowDown");
  await expect(edge("top")).toHaveAttribute("aria-valuenow", "64");
  await expect(start(page).getByLabel("Top", { exact: true })).toHaveValue("64");
  await page.keyboard.press("Home");
  await expect(edge("top")).toHaveAttribute("aria-valuetext", "0 pixels");
  // As many pixels as the picture on the page is drawn by.
  const picture = await start(page).locator(".ground img").boundingBox();
  await edge("left").hover();
  await page.mouse.down();
  const handle = await edge("left").boundingBox();
  await page.mouse.move((handle?.x ?? 0) + 16 - (picture?.width ?? 0) / 4, (handle?.y ?? 0) + 40, { steps: 5 });
  await page.mouse.up();
  await expect(edge("left")).toHaveAttribute("aria-valuenow", "32");
  await expect(start(page).getByText("160 × 128 pixels")).toBeVisible();
  // Never inwards: what is there stays.
  await edge("left").hover();
  await page.mouse.down();
  await page.mouse.move(2000, 300, { steps: 3 });
  await page.mouse.up();
  await expect(edge("left")).toHaveAttribute("aria-valuenow", "0");
});

test("a result is upscaled four times, compared, copied as text, and opened as a graph", async ({ page, site, context }) => {
  await context.grantPermissions(["clipboard-read", "clipboard-write"]);
  await ready(page, site);
  await page.getByLabel("Size").selectOption({ label: "Small square, 64 × 64" });
  await draw(page);
  await page.getByRole("button", { name: "Copy as text" }).click();
  await expect(page.getByRole("status").first()).toHaveText("The settings were copied.");
  const text = await page.evaluate(() => navigator.clipboard.readText());
  expect(text).toMatch(/^a robot on a teal background, 3d <lora:sprite-lcm:1>\nSteps: 4, Sampler: LCM, Schedule type: SGM Uniform, CFG scale: 1, Seed: \d+, Size: 64x64, Model: sprite$/);
  await page.getByRole("button", { name: "Upscale" }).click();
  await expect(page.getByText("Upscaled with realesr-animevideov3-x4")).toBeVisible({ timeout: 120_000 });
  expect(await page.locator(".sheet img").first().evaluate((image: HTMLImageElement) => image.naturalWidth)).toBe(256);
  await expect(page.getByRole("slider", { name: "Before and after" })).toBeVisible();
  await page.getByRole("button", { name: "Open as graph" }).click();
  await expect(page).toHaveTitle("Graph · Tintype");
  await expect(page.locator(".svelte-flow__node").filter({ hasText: "Upscale Image" })).toBeVisible();
  await page.getByRole("link", { name: "Create", exact: true }).click();
  // The text opens again, and is the same graph's settings.
  await page.getByLabel("Workflow or model file").setInputFiles({ name: "copied.txt", mimeType: "text/plain", buffer: Buffer.from(text) });
  await expect(page.getByRole("heading", { name: "copied.txt" })).toBeVisible();
  await page.getByLabel("Steps").fill("9");
  await page.getByRole("button", { name: "Use its settings" }).click();
  await expect(page.getByLabel("Steps")).toHaveValue("4");
  await expect(page.getByRole("button", { name: "Fast, 4 steps" })).toHaveAttribute("aria-pressed", "true");
});

test("a result is repainted in a style that is seen before it is chosen, by keys alone", async ({ page, site }) => {
  await ready(page, site);
  await page.getByLabel("Size").selectOption({ label: "Small square, 64 × 64" });
  await draw(page);
  await page.getByRole("button", { name: "Repaint…" }).focus();
  await page.keyboard.press("Enter");
  const dialog = page.getByRole("dialog", { name: "Repaint this picture" });
  await expect(dialog.getByRole("radio")).toHaveCount(26);
  await dialog.getByRole("radio", { name: "Style 1", exact: true }).focus();
  for (let k = 0; k < 4; k += 1) await page.keyboard.press("ArrowRight");
  await expect(dialog.getByRole("radio", { name: "Style 5" })).toBeChecked();
  const { violations } = await new AxeBuilder({ page }).analyze();
  expect(violations.filter(({ impact }) => impact === "serious" || impact === "critical")).toEqual([]);
  await page.keyboard.press("Enter");
  await expect(dialog).toBeHidden();
  await expect(page.getByText("Repainted in style 5 of multistyle26")).toBeVisible({ timeout: 120_000 });
  // Strokes have a size in pixels, so the small picture was enlarged first.
  expect(await page.locator(".sheet img").first().evaluate((image: HTMLImageElement) => image.naturalWidth)).toBe(256);
  await expect(page.getByRole("slider", { name: "Before and after" })).toBeVisible();
  await page.getByRole("link", { name: "Gallery" }).click();
  await page.getByRole("button", { name: /^a robot.*, seed/ }).first().click();
  await page.getByRole("button", { name: "Repaint…" }).click();
  await dialog.getByRole("radio", { name: "Style 9" }).check({ force: true });
  await dialog.getByRole("button", { name: "Repaint" }).click();
  await expect(page).toHaveTitle("Tintype");
  await expect(page.getByText("Repainted in style 9 of multistyle26")).toBeVisible({ timeout: 120_000 });
});

test("draw, redraw a part, upscale, save: dropped on a new page it is the same graph and the same picture", async ({ page, site, context }) => {
  await ready(page, site);
  await page.getByRole("combobox", { name: "Size" }).selectOption({ label: "Small square, 64 × 64" });
  await draw(page);
  await page.getByRole("button", { name: "Draw over it" }).click();
  await expect(start(page)).toBeVisible();
  await start(page).getByRole("button", { name: "Mark a part…" }).click();
  await page.getByRole("application").click();
  await page.getByRole("button", { name: "Done" }).click();
  await expect(page.getByRole("application")).toHaveCount(0);
  await page.getByRole("combobox", { name: "Size" }).selectOption({ label: "Small square, 64 × 64" });
  await draw(page);
  const save = async (page: Page) => {
    const [file] = await Promise.all([page.waitForEvent("download"), download(page).click()]);
    return readFileSync(await file.path());
  };
  const edited = await save(page);
  await page.getByRole("button", { name: "Upscale" }).click();
  await expect(page.getByText("Upscaled with realesr-animevideov3-x4")).toBeVisible({ timeout: 120_000 });
  const large = await save(page);
  await page.close();

  const again = await context.newPage();
  await again.goto(`${site}?device=cpu`);
  await expect(generate(again)).toBeVisible();
  for (const png of [edited, large]) {
    await again.getByLabel("Workflow or model file").setInputFiles({ name: "mine.png", mimeType: "image/png", buffer: png });
    await expect(again.getByRole("heading", { name: "mine.png" })).toBeVisible();
    await expect(again.getByText(/is not here/)).toHaveCount(0);
    await makes(again, again.getByRole("button", { name: "Run workflow" }));
    const made = await save(again);
    expect(JSON.parse(pngTexts(made).prompt ?? "")).toEqual(JSON.parse(pngTexts(png).prompt ?? ""));
    const same = await again.evaluate(async ([one, two]) => {
      const data = async (bytes: number[] = []) => {
        const bitmap = await createImageBitmap(new Blob([new Uint8Array(bytes)]));
        const context = new OffscreenCanvas(bitmap.width, bitmap.height).getContext("2d") as OffscreenCanvasRenderingContext2D;
        context.drawImage(bitmap, 0, 0);
        return context.getImageData(0, 0, bitmap.width, bitmap.height).data.join();
      };
      return (await data(one)) === (await data(two));
    }, [[...made], [...png]]);
    expect(same).toBe(true);
  }
});
