/** What a page's engine runs in, changed: for tests and `make bench`. */

import { readFileSync } from "node:fs";
import { join } from "node:path";

import { DIST } from "./serve.mjs";

/**
 * What a page's workers run first, and how many have begun with it.
 * @typedef {{ scripts: string[], started: number }} Before
 */

/** @type {WeakMap<import("playwright-core").Page, Before>} */
const changed = new WeakMap();

/**
 * Has each worker of a page's engine run this before its own script, after what it was given before. Gives how many have.
 * @param {import("playwright-core").Page} page
 * @param {() => void} first
 * @returns {Promise<{ readonly started: number }>}
 */
export async function beforeWorkers(page, first) {
  const known = changed.get(page);
  const before = known ?? { scripts: [], started: 0 };
  before.scripts.push(`(${first})();`);
  if (known !== undefined) return known;
  changed.set(page, before);
  await page.route(/\/assets\/worker-[^/]*\.js$/, async (route) => {
    before.started += 1;
    // From the disk: an answer may be gone with the page that asked.
    const script = readFileSync(join(DIST, new URL(route.request().url()).pathname), "utf8");
    await route.fulfill({ contentType: "text/javascript", body: [...before.scripts, script].join("\n") });
  });
  return before;
}
