/** How the widget looks and is used without a mouse; pictures of it are kept in test-results. */

import { AxeBuilder } from "@axe-core/playwright";

import { drawn, expect, test } from "./fixtures";

const PAGE = `<style>:root { color-scheme: light dark; background: Canvas; color: CanvasText }</style>
<script type="module" src="element.js"></script>
<tintype-image prompt="a red dragon, 3d render" steps="4" seed="7" device="cpu"></tintype-image>
<tintype-image prompt="a blue owl" sampler="none" device="cpu"></tintype-image>
<tintype-image prompt="a fixed prompt" fixed disabled poster="data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg'/%3E"></tintype-image>`;

for (const [name, colorScheme, width] of [["light", "light", 1100], ["dark", "dark", 1100], ["phone", "light", 390]] as const) {
  test(`${name}: by keyboard only, nothing for axe to find, nothing beyond the edge`, async ({ show, page }, info) => {
    await page.setViewportSize({ width, height: 800 });
    await page.emulateMedia({ colorScheme });
    await show(PAGE);
    await page.keyboard.press("Tab");
    await expect(page.getByRole("textbox").first()).toBeFocused();
    await page.keyboard.press("ControlOrMeta+a");
    await page.keyboard.type("a green frog");
    await page.keyboard.press("Enter");
    await drawn(page);
    await expect(page.getByRole("img", { name: "a green frog" })).toBeVisible();
    await page.keyboard.press("Tab");
    await expect(page.getByRole("button", { name: "Draw again" })).toBeFocused();
    await page.keyboard.press("Tab");
    await expect(page.getByRole("link", { name: "Save" })).toBeFocused();
    await page.keyboard.press("Tab");
    await page.keyboard.press("Tab");
    await page.keyboard.press("Enter");
    await expect(page.getByRole("alert")).toContainText("sampler_name");
    const { violations } = await new AxeBuilder({ page }).analyze();
    expect(violations.map(({ id, nodes }) => `${id}: ${nodes.map((node) => node.html).join(" ")}`)).toEqual([]);
    expect(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth)).toBe(true);
    await page.screenshot({ path: info.outputPath(`widget-${name}.png`), fullPage: true });
  });
}
