/** `make site`: the folder under a path of a plain host. */

import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

import { expect, test } from "@playwright/test";

import { serve } from "../../scripts/serve.mjs";

const SCRIPT = fileURLToPath(new URL("../../scripts/site.mjs", import.meta.url));

for (const base of [[], ["--base", "/sub/path/"]]) {
  test(`served under /sub/path/ the site draws${base.length > 0 ? ", built for that path" : ""}`, async ({ page }, info) => {
    const root = info.outputPath("root");
    execFileSync(process.execPath, [SCRIPT, ...base, "--out", join(root, "sub/path")], { stdio: "pipe" });
    const { url, close } = await serve({ folder: root });
    const missing: string[] = [];
    page.on("response", (response) => {
      if (response.status() >= 400) missing.push(response.url());
    });
    await page.goto(`${url}sub/path/`);
    await expect(page.getByRole("heading", { level: 1 })).toBeVisible();
    await page.goto(`${url}sub/path/picture.html`);
    await page.waitForFunction(() => "tintype" in globalThis);
    const size = await page.evaluate(async () => {
      const engine = await tintype.open({ device: "cpu" });
      const { images } = await engine.generate({ prompt: "a red dragon", seed: 7n, steps: 2, width: 64, height: 64 });
      return (images[0] as File).size;
    });
    expect(size).toBeGreaterThan(1000);
    expect(missing).toEqual([]);
    await close();
  });
}

test("a base that is no path is refused", () => {
  expect(() => execFileSync(process.execPath, [SCRIPT, "--base", "sub"], { stdio: "pipe" })).toThrow(/expected a path that begins and ends with/);
});
