/** Firefox over WebDriver BiDi, the built page on a server of its own, and a watch on what is asked of other places. */

import { accessSync, constants } from "node:fs";

import { expect, test as base } from "@playwright/test";
import puppeteer, { type Browser, type Page } from "puppeteer-core";

import { serve } from "../../scripts/serve.mjs";

export { expect };
export type { Page };

/** Debian's name, then the others'. */
const NAMES = [process.env.FIREFOX ?? "", "/usr/bin/firefox-esr", "/usr/bin/firefox"];

export const test = base.extend<{ tab: Page }, { site: string; firefox: Browser }>({
  site: [
    async ({}, use) => {
      const { url, close } = await serve();
      await use(url);
      await close();
    },
    { scope: "worker" },
  ],

  firefox: [
    async ({}, use) => {
      const executablePath = NAMES.find(runs);
      if (executablePath === undefined) throw new Error("no Firefox found: install firefox-esr, or set FIREFOX to the path of one");
      const browser = await puppeteer.launch({ browser: "firefox", executablePath, headless: true });
      await use(browser);
      await browser.close();
    },
    { scope: "worker" },
  ],

  tab: async ({ firefox, site }, use) => {
    const context = await firefox.createBrowserContext();
    const page = await context.newPage();
    await page.setViewport({ width: 1200, height: 900 });
    const away: string[] = [];
    page.on("request", (request) => {
      if (!request.url().startsWith(site) && !/^(blob|data|about):/.test(request.url())) away.push(request.url());
    });
    await use(page);
    expect(away, "requests to other places").toEqual([]);
    await context.close();
  },
});

function runs(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return path !== "";
  } catch {
    return false;
  }
}
