/** What a first visit costs: bytes before the editor, bytes of the editor, time until the page can be seen. */

import { gzipSync } from "node:zlib";

import type { Page } from "@playwright/test";

import { expect, test } from "./fixtures";

const KB = 1000;

/** Documents, scripts and style sheets that a page fetches, gzipped as a host sends them; not the engine, which is data to it. */
function weigh(page: Page): { sizes: Map<string, number>; settled: () => Promise<void> } {
  const sizes = new Map<string, number>();
  const reading: Promise<void>[] = [];
  page.on("response", (response) => {
    const name = new URL(response.url()).pathname.split("/").at(-1) || "index.html";
    if (!/\.(html|js|css)$/.test(name) || /^(tintype|worker)-/.test(name)) return;
    reading.push(response.body().then((body) => void sizes.set(name, gzipSync(body, { level: 9 }).length)));
  });
  return { sizes, settled: async () => void (await Promise.all(reading)) };
}

test("the page is at most 120 KB gzipped before the editor, and the editor 120 KB more", async ({ page, site }) => {
  const { sizes, settled } = weigh(page);
  const sum = () => [...sizes.values()].reduce((total, size) => total + size, 0);
  await page.goto(`${site}?device=cpu`);
  await expect(page.getByRole("button", { name: "Generate" })).toBeVisible();
  await page.waitForLoadState("networkidle");
  await settled();
  const shell = sum();
  const before = [...sizes.keys()];
  await page.getByRole("link", { name: "Graph", exact: true }).click();
  await expect(page.getByText("Double-click for a node")).toBeVisible();
  await page.waitForLoadState("networkidle");
  await settled();
  const editor = sum() - shell;
  console.log({ shell, editor, before });
  expect(before).toContain("index.html");
  expect(before.some((name) => name.startsWith("Create-"))).toBe(true);
  expect(editor, "the editor was weighed").toBeGreaterThan(40 * KB);
  expect(shell).toBeLessThanOrEqual(120 * KB);
  expect(editor).toBeLessThanOrEqual(120 * KB);
});

test("the largest part of the page is painted within 1.5 s on a machine four times as slow", { tag: "@alone" }, async ({ page, site }) => {
  const control = await page.context().newCDPSession(page);
  await control.send("Emulation.setCPUThrottlingRate", { rate: 4 });
  const times: number[] = [];
  // Whatever else this machine does only adds to a load: the best of several is nearest to the page's own.
  for (let load = 0; load < 6 && !times.some((time) => time <= 1500); load++) {
    // The engine of the load before ends with its page.
    await page.goto("about:blank");
    await page.goto(`${site}?device=cpu`);
    // The form is what is seen first; the engine that starts behind it is not waited for.
    await expect(page.getByRole("textbox", { name: "Prompt", exact: true })).toBeVisible();
    const time = await page.evaluate(
      () =>
        new Promise<number>((resolve) => {
          let last = 0;
          const observer = new PerformanceObserver((list) => (last = list.getEntries().at(-1)?.startTime ?? last));
          observer.observe({ type: "largest-contentful-paint", buffered: true });
          setTimeout(() => resolve(last), 2000);
        }),
    );
    expect(time, "something was painted").toBeGreaterThan(0);
    times.push(time);
  }
  console.log(times.map(Math.round));
  expect(Math.min(...times)).toBeLessThanOrEqual(1500);
});
