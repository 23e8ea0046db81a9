/** What the page says a picture will take, before it is drawn. */

import { expect, test } from "./fixtures";

test("the plan follows model and size, under Create and Models", async ({ page, site }) => {
  await page.goto(`${site}?device=cpu`);
  const line = page.locator("[data-view=create] details > summary").filter({ hasText: "on this device" });
  await expect(line).toHaveText(/^This fits on this device; \d+\.\d MB to fetch first$/);
  await line.click();
  const plan = page.locator("[data-view=create] details").filter({ hasText: "on this device" });
  await expect(plan).toContainText("sprite, one picture of 128 × 128");
  const largest = () => plan.locator("dd").last().innerText();
  const before = await largest();
  await page.getByLabel("Size").selectOption({ label: "Large square, 192 × 192" });
  await expect(plan).toContainText("one picture of 192 × 192");
  expect(await largest()).not.toBe(before);
  await page.getByLabel("Pictures at once").fill("3");
  await expect(plan).toContainText("3 pictures of 192 × 192");
  // A size that no device has room for is said, and not forbidden.
  await page.getByLabel("Size").selectOption("-1");
  await page.getByLabel("Width").fill("16384");
  await page.getByLabel("Height").fill("16384");
  await expect(page.locator("[data-view=create] details > summary").filter({ hasText: "does not fit" })).toBeVisible();
  await expect(page.getByRole("button", { name: "Generate" })).toBeEnabled();
  await page.getByLabel("Width").fill("");
  await expect(plan).toHaveCount(0);
  await page.getByLabel("Width").fill("64");
  await page.getByLabel("Height").fill("64");
  await page.getByRole("link", { name: "Models", exact: true }).click();
  await expect(page.getByRole("region", { name: "Memory" })).toContainText("sprite, 3 pictures of 64 × 64");
});
