/** How soon a visitor sees the page. */

import { expect, test } from "./fixtures";

/** Milliseconds in which the largest thing of the first view has to be painted. */
const ALLOWED_MS = 1500;
/** The best of some loads counts: other work on the machine may disturb one. */
const LOADS = 6;

test("the first view is painted within 1.5 s on a processor four times slower", async ({ page, site }) => {
  const session = await page.context().newCDPSession(page);
  await session.send("Emulation.setCPUThrottlingRate", { rate: 4 });
  const painted: number[] = [];
  while (painted.length < LOADS && Math.min(...painted) > ALLOWED_MS) {
    await page.goto("about:blank");
    await page.goto(site);
    await expect(page.getByLabel("Prompt", { exact: true })).toBeVisible();
    painted.push(await page.evaluate(largestPaint));
  }
  expect(Math.min(...painted), `largest contentful paint of ${painted.length} loads: ${painted.map(Math.round)} ms`).toBeLessThan(ALLOWED_MS);
});

/** When the largest element was painted, once nothing larger came for two seconds. */
function largestPaint(): Promise<number> {
  return new Promise((resolve) => {
    let latest = Number.NaN;
    let timer = setTimeout(() => resolve(latest), 2000);
    new PerformanceObserver((list) => {
      latest = list.getEntries().at(-1)?.startTime ?? latest;
      clearTimeout(timer);
      timer = setTimeout(() => resolve(latest), 2000);
    }).observe({ type: "largest-contentful-paint", buffered: true });
  });
}
