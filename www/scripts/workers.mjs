/** What a page's engine runs in, changed: for tests and `make bench`. */

/**
 * Has each worker of a page's engine run this before its own script. Gives how many have.
 * @param {import("playwright-core").Page} page
 * @param {() => void} first
 */
export async function beforeWorkers(page, first) {
  const count = { started: 0 };
  await page.route(/\/assets\/worker-[^/]*\.js$/, async (route) => {
    count.started += 1;
    const script = await (await route.fetch()).text();
    await route.fulfill({ contentType: "text/javascript", body: `(${first})();\n${script}` });
  });
  return count;
}
