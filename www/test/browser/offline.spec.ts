/** The page as an app: without a network, brought up to date, and true to its privacy line. */

import { cpSync, mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import type { Page } from "@playwright/test";

import { DIST, serve } from "../../scripts/serve.mjs";
import { expect, pngTexts, test } from "./fixtures";

test.use({ serviceWorkers: "allow" });

const generate = (page: Page) => page.getByRole("button", { name: "Generate" });
const download = (page: Page) => page.getByRole("link", { name: "Download" });

async function draw(page: Page): Promise<void> {
  await page.getByLabel("Steps").fill("2");
  await generate(page).click();
  await expect(download(page)).toBeVisible({ timeout: 120_000 });
}

test("the second visit needs no network: the page opens, draws another prompt, and shows the gallery", async ({ page, context, elsewhere }) => {
  const { url, close } = await serve();
  elsewhere.push(url);
  await page.goto(`${url}?device=cpu`);
  await draw(page);
  // What was asked for is kept a moment later.
  await expect
    .poll(() => page.evaluate(async () => (await Promise.all((await caches.keys()).map(async (name) => (await (await caches.open(name)).keys()).map(({ url }) => url)))).flat().join(" ")))
    .toMatch(/tintype_bg.*model_index\.json|model_index\.json.*tintype_bg/);
  await page.close();
  // Not only the browser's word: the server itself is gone.
  await close();
  await context.setOffline(true);

  const again = await context.newPage();
  await again.goto(`${url}?device=cpu`);
  await expect(generate(again)).toBeVisible();
  await expect(again.getByText("There is no network.")).toBeVisible();
  await again.getByRole("textbox", { name: "Prompt", exact: true }).fill("a purple butterfly");
  await draw(again);
  await expect(again.getByRole("alert")).toHaveCount(0);
  await again.getByRole("link", { name: "Gallery", exact: true }).click();
  await expect(again.getByRole("list", { name: "Pictures", exact: true }).getByRole("listitem")).toHaveCount(2);
  await again.getByRole("link", { name: "Models", exact: true }).click();
  await expect(again.getByRole("heading", { name: "Add a model" })).toBeVisible();
});

test("a newer page is offered, and taken when the person says so", async ({ page, elsewhere }) => {
  const folder = join(mkdtempSync(join(tmpdir(), "tintype-")), "site");
  cpSync(DIST, folder, { recursive: true });
  const { url, close } = await serve({ folder });
  elsewhere.push(url);
  await page.goto(`${url}?device=cpu`);
  await expect(generate(page)).toBeVisible();
  await page.evaluate(() => navigator.serviceWorker.ready);
  await page.reload();
  await expect(page.getByText("newer version")).toHaveCount(0);

  const html = readFileSync(join(folder, "index.html"), "utf8");
  writeFileSync(join(folder, "index.html"), html.replace('<html lang="en">', '<html lang="en" data-new>'));
  const worker = readFileSync(join(folder, "sw.js"), "utf8");
  writeFileSync(join(folder, "sw.js"), worker.replace(/"version":"\w+"/, '"version":"newer"'));
  await page.reload();
  await expect(page.getByText("A newer version of this page is here.")).toBeVisible();
  await expect(page.locator("html[data-new]")).toHaveCount(0);
  await page.getByRole("textbox", { name: "Prompt", exact: true }).fill("kept words");
  await page.getByRole("button", { name: "Load it" }).click();
  await expect(page.locator("html[data-new]")).toHaveCount(1);
  await expect(page.getByRole("textbox", { name: "Prompt", exact: true })).toHaveValue("kept words");
  await expect(generate(page)).toBeVisible();
  expect(await page.evaluate(() => caches.keys())).toEqual(["tintype-newer"]);
  await close();
});

test("it can be installed: a manifest with a name, a start and icons that are there", async ({ page, site, request }) => {
  await page.goto(site);
  const address = await page.locator('link[rel="manifest"]').getAttribute("href");
  const response = await request.get(new URL(address ?? "", site).href);
  expect(response.headers()["content-type"]).toBe("application/manifest+json");
  const manifest = (await response.json()) as { name: string; display: string; icons: { src: string; sizes: string; purpose?: string }[] };
  expect(manifest).toMatchObject({ name: "Tintype", display: "standalone" });
  expect(manifest.icons.some(({ purpose }) => purpose === "maskable")).toBe(true);
  for (const { src, sizes } of manifest.icons) {
    const size = await page.evaluate(async (src) => {
      const image = new Image();
      image.src = src;
      await image.decode();
      return `${image.naturalWidth}x${image.naturalHeight}`;
    }, new URL(src, site).href);
    if (sizes !== "any") expect(size).toBe(sizes);
  }
});

test("the privacy line is true: what is written and drawn goes to no server", async ({ page, site, requests }) => {
  const sent: string[] = [];
  page.on("request", (request) => sent.push(`${request.method()} ${request.url()} ${request.postData() ?? ""}`));
  await page.goto(`${site}?device=cpu`);
  await expect(page.getByText("stay in this browser")).toBeVisible();
  await page.getByRole("textbox", { name: "Prompt", exact: true }).fill("my secret zebra");
  await draw(page);
  expect(sent.join("\n")).not.toMatch(/zebra/);
  for (const one of sent) expect(one).toMatch(/^GET /);
  // The fixture sees to it that none of these went elsewhere.
  expect(requests.length).toBeGreaterThan(5);
});

test("on a first visit a picture of the bundled model is there at once, with what it can and cannot draw", { tag: "@alone" }, async ({ page, site }) => {
  const begun = Date.now();
  await page.goto(site);
  const example = page.getByRole("img", { name: /^An example that the bundled model drew/ });
  await expect(example).toBeVisible({ timeout: 5000 });
  expect(await example.evaluate((image: HTMLImageElement) => image.decode().then(() => image.naturalWidth))).toBe(128);
  expect(Date.now() - begun).toBeLessThan(6000);
  // The prompt under it is the one inside the file.
  const graph = JSON.parse(pngTexts(readFileSync(join(DIST, "first.png"))).prompt ?? "{}") as Record<string, { inputs: { text?: string } }>;
  await expect(page.getByText(`The bundled model drew this from “${graph["2"]?.inputs.text}”.`)).toBeVisible();
  await expect(page.getByText(/cannot draw people/)).toBeVisible();
  await page.getByRole("link", { name: "Add one under Models" }).click();
  await expect(page.getByRole("heading", { name: "Add a model" })).toBeVisible();
});
