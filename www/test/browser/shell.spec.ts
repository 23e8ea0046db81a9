/** The views of the page: how large they are, how they are reached, and that nothing in them is lost. */

import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";

import AxeBuilder from "@axe-core/playwright";

import { DIST } from "../../scripts/serve.mjs";
import { expect, test } from "./fixtures";

const KB = 1024;

/** Gzip bytes of a built file and of what it imports at once. */
function weight(names: string[], seen = new Set<string>()): number {
  let sum = 0;
  for (const name of names) {
    if (seen.has(name)) continue;
    seen.add(name);
    const text = readFileSync(join(DIST, "assets", name));
    sum += gzipSync(text).length;
    const imports = [...text.toString().matchAll(/(?:from|import)\s*["']\.\/([\w.-]+\.js)["']/g)].map((match) => match[1] ?? "");
    sum += weight(imports, seen);
  }
  return sum;
}

test("the shell stays within its budget, and each view is a chunk of its own", () => {
  const html = readFileSync(join(DIST, "index.html"), "utf8");
  const first = [...html.matchAll(/assets\/([\w.-]+\.(?:js|css))"/g)].map((match) => match[1] ?? "");
  expect(first.length).toBeGreaterThan(1);
  const create = readdirSync(join(DIST, "assets")).filter((name) => /^Create-.*\.(js|css)$/.test(name));
  expect(create.length).toBeGreaterThan(0);
  expect(weight([...first, ...create]) / KB, "KB of the shell with the first view").toBeLessThan(120);
  for (const view of ["Create", "Models"]) expect(first.some((name) => name.startsWith(view))).toBe(false);
});

test("views are reached by keyboard and by address, load when they are shown, and keep what was typed", async ({ page, site, requests }) => {
  await page.goto(`${site}?device=cpu`);
  await expect(page.getByRole("button", { name: "Generate" })).toBeVisible();
  expect(requests.filter((url) => /Models-/.test(url))).toEqual([]);
  await page.getByRole("textbox", { name: "Prompt", exact: true }).fill("a ghost");

  const focused = () => page.evaluate(() => document.activeElement?.textContent?.trim());
  for (let i = 0; i < 8 && (await focused()) !== "Models"; i++) await page.keyboard.press("Shift+Tab");
  expect(await focused()).toBe("Models");
  await page.keyboard.press("Enter");
  await expect(page.getByRole("heading", { name: "Add a model" })).toBeVisible();
  await expect(page).toHaveTitle("Models · Tintype");
  expect(page.url()).toContain("#models");
  await page.getByLabel("Address of a model").fill("owner/repo");
  await page.goBack();
  await expect(page.getByRole("textbox", { name: "Prompt", exact: true })).toHaveValue("a ghost");
  await page.goForward();
  await expect(page.getByLabel("Address of a model")).toHaveValue("owner/repo");
  await page.goto(`${site}?device=cpu#nobody`);
  await expect(page.getByRole("link", { name: "Create" })).toHaveAttribute("aria-current", "page");
});

test("a view that does not arrive says so, and can be tried again", async ({ page, site, context }) => {
  await page.goto(`${site}?device=cpu`);
  await expect(page.getByRole("button", { name: "Generate" })).toBeVisible();
  await context.route(/Models-.*\.js/, (route) => route.abort());
  await page.getByRole("link", { name: "Models", exact: true }).click();
  await expect(page.getByRole("alert")).toContainText("could not be loaded");
  await expect(page.getByRole("button", { name: "Try again" })).toBeVisible();
});

for (const [name, scheme, width] of [
  ["light", "light", 1280],
  ["dark", "dark", 1280],
  ["phone", "light", 390],
] as const) {
  test(`axe finds nothing in any view, and nothing overflows (${name})`, async ({ page, site }, info) => {
    await page.emulateMedia({ colorScheme: scheme, reducedMotion: "reduce" });
    await page.setViewportSize({ width, height: 844 });
    await page.goto(`${site}?device=cpu`);
    await expect(page.getByRole("button", { name: "Generate" })).toBeVisible();
    for (const view of await page.getByRole("navigation").getByRole("link").all()) {
      await view.click();
      await expect(view).toHaveAttribute("aria-current", "page");
      await expect(page.getByText(/^Opening .*…$/)).toHaveCount(0);
      const { violations } = await new AxeBuilder({ page }).analyze();
      expect(violations.map((violation) => [violation.id, violation.nodes.map((node) => node.html)])).toEqual([]);
      expect(await page.evaluate(() => document.documentElement.scrollWidth - innerWidth)).toBeLessThanOrEqual(0);
      // To be looked at.
      await page.screenshot({ path: info.outputPath(`${await view.textContent()}-${name}.png`), fullPage: true });
    }
  });
}
