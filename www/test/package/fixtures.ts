/** The built package on servers of the test's own: one for the page, another for where the widget may come from. */

import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";

import { test as base, expect, type Page } from "@playwright/test";

import { serve } from "../../scripts/serve.mjs";

export { expect };

export const PACKAGE = fileURLToPath(new URL("../../../build/package", import.meta.url));

/** A strict policy, of which the recipes say that it is enough. */
export const STRICT =
  "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; worker-src 'self'; connect-src 'self'; img-src 'self' blob:; require-trusted-types-for 'script'; trusted-types tintype";

interface Answer {
  body: string;
  headers?: Record<string, string>;
  type?: string;
}

interface Pages {
  /** Puts a page with this body at the address and goes there. */
  show(body: string, options?: { headers?: Record<string, string>; at?: string }): Promise<Page>;
  /** Puts a file at an address of one of the servers. */
  put(address: string, answer: Answer): void;
}

/** What the servers answer besides the package's files. Not by Playwright's routes: what has no server is of no network for Chromium, and may not read from localhost. */
const answers = new Map<string, Answer>();

export const test = base.extend<Pages & { requests: string[] }, { site: string; elsewhere: string; strict: string }>({
  site: [async ({}, use) => served({}, use), { scope: "worker" }],
  /** A second origin that lets other pages read from it. */
  elsewhere: [async ({}, use) => served({ "access-control-allow-origin": "*" }, use), { scope: "worker" }],
  /** A third that sends the strict policy with every file, as a host would. */
  strict: [async ({}, use) => served({ "content-security-policy": STRICT }, use), { scope: "worker" }],

  /** Every address that was asked for. None may be outside of these servers. */
  requests: [
    async ({ context, site, elsewhere, strict }, use) => {
      const seen: string[] = [];
      context.on("request", (request) => seen.push(request.url()));
      await use(seen);
      const own = [site, elsewhere, strict];
      expect(seen.filter((url) => !own.some((one) => url.startsWith(one)) && !/^(blob|data):/.test(url)), "requests to other places").toEqual([]);
    },
    { auto: true },
  ],

  put: async ({}, use) => {
    await use((address, answer) => void answers.set(address, answer));
    answers.clear();
  },

  show: async ({ page, site, put }, use) => {
    await use(async (body, { headers = {}, at = site } = {}) => {
      const html = `<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>A page with a widget</title><link rel="icon" href="icon.svg"></head><body><main><h1>A page</h1>${body}</main></body></html>`;
      put(`${at}page.html`, { headers, body: html });
      put(`${at}icon.svg`, { type: "image/svg+xml", body: "<svg xmlns='http://www.w3.org/2000/svg'/>" });
      await page.goto(`${at}page.html`);
      return page;
    });
  },
});

async function served(headers: Record<string, string>, use: (url: string) => Promise<void>): Promise<void> {
  if (!existsSync(`${PACKAGE}/element.js`)) throw new Error("build/package is not there: `make package` writes it");
  const { server, url, close } = await serve({ folder: PACKAGE, headers });
  const [plain] = server.listeners("request");
  server.removeAllListeners("request");
  server.on("request", (request, response) => {
    const answer = answers.get(new URL(request.url ?? "/", url).href);
    if (answer === undefined) return plain?.call(server, request, response);
    response.writeHead(200, { ...headers, "content-type": answer.type ?? "text/html", ...answer.headers });
    response.end(answer.body);
  });
  await use(url);
  await close();
}

/** Waits until the widget has a picture; fails with what it says otherwise. */
export async function drawn(page: Page, selector = "tintype-image"): Promise<string> {
  await expect
    .poll(() => page.locator(selector).first().evaluate((widget: HTMLElement & { state: string }) => widget.state), { timeout: 60_000 })
    .toMatch(/done|error/);
  const widget = page.locator(selector).first();
  expect(await widget.evaluate((w: HTMLElement & { state: string }) => (w.state === "error" ? w.shadowRoot?.querySelector("[part=error]")?.textContent : null))).toBe(null);
  return await widget.evaluate(async (w: HTMLElement & { value: File }) => {
    const bytes = new Uint8Array(await w.value.arrayBuffer());
    return [...new Uint8Array(await crypto.subtle.digest("SHA-256", bytes))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  });
}
