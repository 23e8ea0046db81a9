/** The editor as a view of the page: loaded when it is shown, in one queue with the other views, handed graphs by them. */

import { readFileSync } from "node:fs";

import { expect, test } from "./fixtures";

const sprite = () => {
  const graph = JSON.parse(readFileSync(new URL("../../public/workflows/text_to_image.json", import.meta.url), "utf8")) as Record<string, { inputs: Record<string, unknown> }>;
  Object.assign(graph["3"]!.inputs, { steps: 2 });
  Object.assign(graph["5"]!.inputs, { width: 64, height: 64 });
  return JSON.stringify(graph);
};

test("the graph view loads on demand, and its runs stand in the page's queue", async ({ page, site, requests }) => {
  await page.goto(`${site}?device=cpu`);
  await expect(page.getByRole("button", { name: "Generate" })).toBeVisible();
  expect(requests.filter((url) => /Graph-.*\.(js|css)/.test(url))).toEqual([]);
  await page.getByLabel("Workflow or model file").setInputFiles({ name: "first.json", mimeType: "application/json", buffer: Buffer.from(sprite()) });
  await page.getByRole("button", { name: "Open as graph" }).click();
  await expect(page).toHaveTitle("Graph · Tintype");
  await expect(page.locator(".svelte-flow__node")).toHaveCount(7);
  expect(requests.some((url) => /Graph-.*\.js/.test(url))).toBe(true);
  await page.locator(".editor .toolbar").getByRole("button", { name: "Run", exact: true }).click();
  await page.locator(".editor .toolbar").getByRole("button", { name: /^Queue/ }).click();
  await expect(page.locator(".editor .results a").first()).toBeVisible({ timeout: 120_000 });
  await expect(page.locator(".editor [role=status]")).toContainText("The run has ended", { timeout: 120_000 });
  await page.getByRole("link", { name: "Create", exact: true }).click();
  await expect(page.getByRole("img", { name: "first.json" }).or(page.getByRole("img", { name: "first" })).first()).toBeVisible();
  // Back again, it is as it was left.
  await page.goBack();
  await expect(page.locator(".editor .results a").first()).toBeVisible();
  await page.reload();
  await expect(page.locator(".svelte-flow__node")).toHaveCount(7);
});

test("a run that waits is taken back from either side", async ({ page, site }) => {
  await page.goto(`${site}?device=cpu#graph`);
  await page.getByRole("button", { name: "Text to picture" }).click();
  await expect(page.locator(".svelte-flow__node")).toHaveCount(7);
  const toolbar = page.locator(".editor .toolbar");
  await page.keyboard.press("Control+Enter");
  await page.keyboard.press("Control+Enter");
  await expect(toolbar.getByRole("button", { name: "Queue (2)" })).toBeVisible();
  await toolbar.getByRole("button", { name: "Stop" }).click();
  await expect(toolbar.getByRole("button", { name: "Run", exact: true })).toBeVisible({ timeout: 60_000 });
  await expect(page.locator(".editor .results a")).toHaveCount(0);
});

test("a graph that cannot run is told at its nodes, and not as pictures that are ready", async ({ page, site }) => {
  await page.goto(`${site}?device=cpu#graph`);
  await page.getByRole("button", { name: "Text to picture" }).click();
  await expect(page.locator(".svelte-flow__node")).toHaveCount(7);
  await page.locator(".svelte-flow__node").filter({ hasText: "ckpt_name" }).focus();
  await page.keyboard.press("Delete");
  await expect(page.locator(".svelte-flow__node")).toHaveCount(6);
  const said: string[] = [];
  await page.exposeFunction("hear", (text: string) => said.push(text));
  await page.evaluate(() => {
    const status = document.querySelector("body [role=status].unseen:not(.editor *)")!;
    new MutationObserver(() => void (globalThis as unknown as { hear(text: string): void }).hear(status.textContent ?? "")).observe(status, { subtree: true, characterData: true, childList: true });
  });
  await page.locator(".editor .toolbar").getByRole("button", { name: "Run", exact: true }).click();
  await expect(page.locator(".editor [role=status]")).toContainText("cannot run");
  await expect.poll(() => said).toContain("Drawing.");
  expect(said.filter((text) => /ready|ended/.test(text))).toEqual([]);
  await expect(page.locator(".svelte-flow__node .bad").first()).toBeVisible();
});
