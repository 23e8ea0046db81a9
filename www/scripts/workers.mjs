/** What a page's engine runs in, changed: for tests and `make bench`. */

import { readFileSync } from "node:fs";
import { join } from "node:path";

import { DIST } from "./serve.mjs";

/**
 * Has each worker of a page's engine run this before its own script. Gives how many have.
 * @param {import("playwright-core").Page} page
 * @param {() => void} first
 */
export async function beforeWorkers(page, first) {
  const count = { started: 0 };
  await page.route(/\/assets\/worker-[^/]*\.js$/, async (route) => {
    count.started += 1;
    // From the disk: an answer may be gone with the page that asked.
    const script = readFileSync(join(DIST, new URL(route.request().url()).pathname), "utf8");
    await route.fulfill({ contentType: "text/javascript", body: `(${first})();\n${script}` });
  });
  return count;
}
