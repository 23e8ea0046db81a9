/** The gallery: kept over reloads and crashes, found, marked, deleted and brought back, packed, drawn again. */

import { execFileSync } from "node:child_process";

import AxeBuilder from "@axe-core/playwright";
import type { Page } from "@playwright/test";

import { expect, test } from "./fixtures";

const generate = (page: Page) => page.getByRole("button", { name: "Generate" });
const view = (page: Page, name: string) => page.getByRole("navigation").getByRole("link", { name, exact: true }).click();
const cards = (page: Page) => page.getByRole("list", { name: "Pictures", exact: true }).getByRole("listitem");

async function ready(page: Page, site: string): Promise<void> {
  await page.goto(`${site}?device=cpu`);
  await expect(generate(page)).toBeVisible();
}

async function draw(page: Page, words: string): Promise<void> {
  await page.getByRole("textbox", { name: "Prompt", exact: true }).fill(words);
  await page.getByLabel("Steps").fill("1");
  await page.getByLabel("Size").selectOption({ label: "Small square, 64 × 64" });
  await generate(page).click();
  await expect(page.getByRole("img", { name: words }).first()).toBeVisible({ timeout: 120_000 });
  await expect(generate(page)).toBeVisible();
}

test("pictures stay over a crash of the tab, are found, marked, deleted, and brought back", async ({ page, site, context }) => {
  await ready(page, site);
  await draw(page, "a ghost");
  await draw(page, "a blue car");
  await draw(page, "a red car");
  const crashed = page.waitForEvent("crash");
  await page.goto("chrome://crash").catch(() => {});
  await crashed;

  const again = await context.newPage();
  await again.goto(`${site}?device=cpu#gallery`);
  await expect(cards(again)).toHaveCount(3);
  await expect(cards(again).first().getByRole("img")).toHaveAttribute("alt", /^a red car, seed \d+$/);
  expect(await cards(again).first().getByRole("img").evaluate((image: HTMLImageElement) => image.naturalWidth)).toBe(64);

  const search = again.getByRole("searchbox");
  await search.fill("car");
  await expect(cards(again)).toHaveCount(2);
  await expect(again.getByTestId("count")).toContainText("2 pictures");
  await cards(again).first().getByRole("button", { name: /^Favourite/ }).click();
  await search.fill("");
  await again.getByRole("button", { name: "Favourites", exact: true }).click();
  await expect(cards(again)).toHaveCount(1);
  await again.getByRole("button", { name: "Favourites", exact: true }).click();
  await search.fill("nothing like this");
  await expect(again.getByText("No picture matches")).toBeVisible();

  await search.fill("car");
  await again.getByRole("button", { name: "Delete these" }).click();
  await search.fill("");
  await expect(cards(again)).toHaveCount(1);
  await again.getByRole("button", { name: "Undo" }).click();
  await expect(cards(again)).toHaveCount(3);
  await cards(again).nth(2).getByRole("button").first().click();
  await again.getByRole("dialog").getByRole("button", { name: "Delete" }).click();
  await again.getByRole("button", { name: "Delete for good" }).click();
  await expect(cards(again)).toHaveCount(2);
  await again.reload();
  await expect(cards(again)).toHaveCount(2);
  await expect(again.getByRole("button", { name: /^Favourite: a red car/ })).toHaveAttribute("aria-pressed", "true");
});

test("an opened picture shows its settings, turns by keys, gives them back, and is a graph", async ({ page, site }) => {
  await ready(page, site);
  await draw(page, "a ghost");
  await draw(page, "a blue car");
  await view(page, "Gallery");
  await cards(page).first().getByRole("button").first().click();
  const dialog = page.getByRole("dialog");
  await expect(dialog).toContainText("a blue car");
  await expect(dialog.getByTestId("seed")).toHaveText(/\d+/);
  const { violations } = await new AxeBuilder({ page }).analyze();
  expect(violations.map(({ id, nodes }) => [id, nodes.map((node) => node.html)])).toEqual([]);
  await page.keyboard.press("ArrowRight");
  await expect(dialog).toContainText("a ghost");
  const seed = await dialog.getByTestId("seed").innerText();
  await dialog.getByRole("button", { name: "Use these settings" }).click();
  await expect(page.getByRole("textbox", { name: "Prompt", exact: true })).toHaveValue("a ghost");
  await expect(page.getByLabel("Seed", { exact: true })).toHaveValue(seed);

  await view(page, "Gallery");
  await cards(page).first().getByRole("button").first().click();
  await dialog.getByRole("button", { name: "Open as graph" }).click();
  await expect(page).toHaveTitle("Graph · Tintype");
  await expect(page.locator(".svelte-flow__node")).toHaveCount(8);
  await expect(page.locator(".svelte-flow__node textarea").first()).toHaveValue("a blue car");
});

test("all are downloaded as one archive, with the graphs inside", async ({ page, site }) => {
  await ready(page, site);
  await draw(page, "a ghost");
  await draw(page, "a blue car");
  await view(page, "Gallery");
  const [file] = await Promise.all([page.waitForEvent("download"), page.getByRole("button", { name: "Download as ZIP" }).click()]);
  expect(file.suggestedFilename()).toMatch(/^tintype_\d{4}-\d\d-\d\d\.zip$/);
  const script = [
    "import json, sys, zipfile",
    "z = zipfile.ZipFile(sys.argv[1])",
    "assert z.testzip() is None",
    "print(json.dumps([[n, b'KSampler' in z.read(n)] for n in z.namelist()]))",
  ].join("\n");
  const seen = JSON.parse(execFileSync("python3", ["-c", script, await file.path()]).toString()) as [string, boolean][];
  expect(seen).toHaveLength(2);
  for (const [name, graph] of seen) {
    expect(name).toMatch(/^\d{4}-\d\d-\d\d_\d\d-\d\d-\d\d_tintype_\d+_.*\.png$/);
    expect(graph).toBe(true);
  }
});

test("two tabs show the same pictures, and say that there are two", async ({ page, site, context }) => {
  await ready(page, site);
  const other = await context.newPage();
  await other.goto(`${site}?device=cpu#gallery`);
  await expect(other.getByText("is kept here")).toBeVisible();
  await expect(other.getByText("open in another tab")).toBeVisible();
  await expect(page.getByText("open in another tab")).toBeVisible();
  await draw(page, "a ghost");
  await expect(cards(other)).toHaveCount(1);
  await page.close();
  await expect(other.getByText("open in another tab")).toBeHidden();
});

test("a full disk is said, with what to do, and the picture stays on the page", async ({ page, site }) => {
  await page.addInitScript(() => {
    IDBObjectStore.prototype.put = () => {
      throw new DOMException("no room", "QuotaExceededError");
    };
  });
  await ready(page, site);
  await draw(page, "a ghost");
  await expect(page.getByRole("alert")).toContainText("storage for the page is full");
  await expect(page.getByRole("alert")).toContainText("Make room");
  await expect(page.getByRole("link", { name: "Download" })).toBeVisible();
});

test("a browser that keeps nothing says so, and drawing works", async ({ page, site }) => {
  await page.addInitScript(() => {
    IDBFactory.prototype.open = () => {
      throw new DOMException("storage is off", "SecurityError");
    };
  });
  await ready(page, site);
  await draw(page, "a ghost");
  await expect(page.getByRole("alert")).toHaveCount(0);
  await view(page, "Gallery");
  await expect(page.getByText(/This browser keeps nothing/)).toBeVisible();
});
