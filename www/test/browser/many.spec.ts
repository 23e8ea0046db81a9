/** Many pictures from one form: grids, matrices and lists, as the gallery's tool draws them. */

import AxeBuilder from "@axe-core/playwright";
import type { Page } from "@playwright/test";

import { expect, test } from "./fixtures";

const tool = (page: Page) => page.locator("details.card").filter({ hasText: "Draw many at once" });
const cards = (page: Page) => page.getByRole("list", { name: "Pictures", exact: true }).getByRole("listitem");

/** The gallery with its tool open; the form draws 64 × 64 in one step. */
async function ready(page: Page, site: string): Promise<void> {
  await page.goto(`${site}?device=cpu`);
  await expect(page.getByRole("button", { name: "Generate" })).toBeVisible();
  await page.getByRole("textbox", { name: "Prompt", exact: true }).fill("a blue car");
  await page.getByLabel("Steps").fill("1");
  await page.getByLabel("Size").selectOption({ label: "Small square, 64 × 64" });
  await page.getByRole("navigation").getByRole("link", { name: "Gallery", exact: true }).click();
  await tool(page).getByText("Draw many at once").click();
}

async function finished(page: Page, count: number): Promise<void> {
  await expect(cards(page)).toHaveCount(count, { timeout: 120_000 });
  await expect(tool(page).getByRole("progressbar")).toHaveCount(0);
}

test("a grid over two settings: each picture with its own, and a sheet of them with labels", async ({ page, site }) => {
  await ready(page, site);
  const across = page.getByRole("group", { name: "Across", exact: true });
  const down = page.getByRole("group", { name: "Down", exact: true });
  await across.getByLabel("Values").fill("red");
  await expect(tool(page).getByRole("alert")).toContainText("red is no whole number");
  await expect(tool(page).getByRole("button", { name: "Draw", exact: true })).toHaveAttribute("aria-disabled", "true");
  await across.getByLabel("Values").fill("5-6");
  await down.getByRole("combobox").selectOption("Sampler");
  await down.getByRole("button", { name: "euler", exact: true }).click();
  await down.getByRole("button", { name: "ddim", exact: true }).click();
  await expect(down.getByLabel("Values")).toHaveValue("euler, ddim");
  const { violations } = await new AxeBuilder({ page }).analyze();
  expect(violations.map(({ id, nodes }) => [id, nodes.map((node) => node.html)])).toEqual([]);
  await tool(page).getByRole("button", { name: "Draw 4 pictures" }).click();
  await finished(page, 5);

  // The newest is the sheet: two pictures wide, with room for labels.
  const sheet = cards(page).first().getByRole("img");
  await expect(sheet).toHaveAttribute("alt", /^Seed × Sampler: a blue car/);
  expect(await sheet.evaluate((image: HTMLImageElement) => image.decode().then(() => image.naturalWidth))).toBeGreaterThan(2 * 64 + 20);
  await page.getByRole("searchbox").fill("ddim");
  await expect(cards(page)).toHaveCount(2);
  await cards(page).first().getByRole("button").first().click();
  await expect(page.getByRole("dialog")).toContainText("ddim");
  await expect(page.getByRole("dialog").getByTestId("seed")).toHaveText(/^[56]$/);
});

test("a matrix draws every combination of a prompt's parts", async ({ page, site }) => {
  await ready(page, site);
  await tool(page).getByLabel("What varies").selectOption("matrix");
  await tool(page).getByLabel("Prompt with its options").fill("a cat|flat");
  await tool(page).getByRole("button", { name: "Draw 2 pictures" }).click();
  await finished(page, 3);
  const shown = await cards(page).getByRole("img").evaluateAll((all) => all.map((image) => image.getAttribute("alt")?.replace(/, seed.*/, "")));
  expect(shown).toEqual(["Matrix: a cat|flat", "a cat, flat", "a cat"]);
});

test("a list draws its rows, a stop keeps what is made, and a wrong row is named", async ({ page, site }) => {
  await page.setViewportSize({ width: 390, height: 844 });
  await page.goto(`${site}?device=cpu`);
  await expect(page.getByRole("button", { name: "Generate" })).toBeVisible();
  await page.getByRole("navigation").getByRole("link", { name: "Gallery", exact: true }).click();
  await tool(page).getByText("Draw many at once").click();
  await tool(page).getByLabel("What varies").selectOption("list");
  const list = tool(page).getByRole("textbox", { name: "Prompts" });
  await list.fill("a ghost\n--prompt banana --colour 3");
  await expect(tool(page).getByRole("alert")).toContainText("line 2");
  const rows = ["--prompt \"a ghost\" --steps 1 --width 64 --height 64 --seed 3", "--prompt \"a car\" --steps 150", "a cat"].join("\n");
  await tool(page).getByLabel("File with prompts").setInputFiles({ name: "list.txt", mimeType: "text/plain", buffer: Buffer.from(rows) });
  await expect(list).toHaveValue(rows);
  expect(await page.evaluate(() => document.documentElement.scrollWidth - innerWidth)).toBeLessThanOrEqual(0);
  await tool(page).getByRole("button", { name: "Draw 3 pictures" }).click();
  await expect(cards(page)).toHaveCount(1, { timeout: 120_000 });
  await tool(page).getByRole("button", { name: "Stop" }).click();
  await expect(tool(page).getByRole("button", { name: "Draw 2 pictures" })).toBeVisible();
  await expect(cards(page).first().getByRole("img")).toHaveAttribute("alt", "a ghost, seed 3");
});
