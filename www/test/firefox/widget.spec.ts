/** `<tintype-image>` in Firefox, from the package that `make package` writes. */

import { existsSync } from "node:fs";

import { serve } from "../../scripts/serve.mjs";
import { PACKAGE } from "../package/fixtures";
import { expect, test } from "./fixtures";

const HTML = `<!doctype html><html lang="en"><head><meta charset="utf-8"><title>A page with a widget</title></head><body>
<script type="module" src="element.js"></script>
<tintype-image prompt="a red heart" steps="2" size="64" seed="7" device="cpu"></tintype-image></body></html>`;

test("the widget draws at a click", async ({ firefox }) => {
  if (!existsSync(`${PACKAGE}/element.js`)) throw new Error("build/package is not there: `make package` writes it");
  const { url, close } = await serve({ folder: PACKAGE });
  const context = await firefox.createBrowserContext();
  const page = await context.newPage();
  const away: string[] = [];
  await page.setRequestInterception(true);
  page.on("request", (request) => {
    if (request.url() === `${url}page.html`) return void request.respond({ status: 200, contentType: "text/html", body: HTML });
    if (!request.url().startsWith(url) && !/^(blob|data):/.test(request.url())) away.push(request.url());
    return void request.continue();
  });
  await page.goto(`${url}page.html`);
  await page.locator("tintype-image >>> button ::-p-text(Draw)").click();
  const picture = await page.waitForSelector("tintype-image >>> img[alt='a red heart']", { timeout: 120_000 });
  await expect.poll(() => picture?.evaluate((image) => (image as HTMLImageElement).naturalWidth)).toBe(64);
  expect(away, "requests to other places").toEqual([]);
  await context.close();
  await close();
});
