/** The built page on a server of its own, and a watch on every request that leaves a test's browser. */

import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

import { test as base, expect, type Page, type Route } from "@playwright/test";

import { DIST, serve } from "../../scripts/serve.mjs";

export { expect };

export const test = base.extend<{ elsewhere: string[]; requests: string[]; lab: Page }, { site: string }>({
  /** Servers of a test's own, which it may ask for files that it named. */
  elsewhere: [async ({}, use) => use([]), { auto: true }],

  /** Address of the built page. */
  site: [
    async ({}, use) => {
      const built = existsSync(join(DIST, "assets")) && readdirSync(join(DIST, "assets")).some((name) => name.endsWith(".wasm"));
      if (!built) throw new Error("www/dist has no engine: build the engines, then `npm run build`");
      const { url, close } = await serve();
      await use(url);
      await close();
    },
    { scope: "worker" },
  ],

  /** Every address that was asked for, by the page and its worker. None may be outside of localhost. */
  requests: [
    async ({ context, site, elsewhere }, use) => {
      const seen: string[] = [];
      context.on("request", (request) => seen.push(request.url()));
      await use(seen);
      const own = [site, ...elsewhere];
      const away = seen.filter((url) => !own.some((one) => url.startsWith(one)) && !/^(blob|data):/.test(url));
      expect(away, "requests to other places").toEqual([]);
    },
    { auto: true },
  ],

  /** The engine's API on a bare page, as `tintype`. */
  lab: async ({ page, site }, use) => {
    await page.goto(`${site}picture.html`);
    await page.waitForFunction(() => "tintype" in globalThis);
    await use(page);
  },
});

/** What the site would have answered, read from its folder: `route.fetch` fails where the test ends while it is under way. */
export function served(route: Route): Buffer {
  return readFileSync(join(DIST, new URL(route.request().url()).pathname));
}

/** Keyword → text of a PNG's tEXt chunks. */
export function pngTexts(png: Uint8Array): Record<string, string> {
  const view = new DataView(png.buffer, png.byteOffset, png.byteLength);
  expect([...png.subarray(0, 4)], "PNG signature").toEqual([0x89, 0x50, 0x4e, 0x47]);
  const texts: Record<string, string> = {};
  for (let at = 8; at < png.length; at += 12 + view.getUint32(at)) {
    const length = view.getUint32(at);
    const latin1 = Buffer.from(png.subarray(at + 4, at + 8 + length)).toString("latin1");
    if (!latin1.startsWith("tEXt")) continue;
    const end = latin1.indexOf("\0");
    texts[latin1.slice(4, end)] = latin1.slice(end + 1);
  }
  return texts;
}

/** The pixels of a PNG, packed, without the texts inside. */
export function pixels(png: Buffer): string {
  const parts: Buffer[] = [];
  for (let at = 8; at < png.length; at += 12 + png.readUInt32BE(at)) {
    if (png.toString("latin1", at + 4, at + 8) === "IDAT") parts.push(png.subarray(at + 8, at + 8 + png.readUInt32BE(at)));
  }
  return Buffer.concat(parts).toString("base64");
}
