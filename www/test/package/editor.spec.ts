/** The package's node editor on a page of others: under a strict policy, beside that page's own look, and gone without a trace. */

import { readFileSync } from "node:fs";
import { join } from "node:path";

import type { MountedEditor } from "../../src/editor/index";
import { expect, PACKAGE, STRICT, test } from "./fixtures";

type Lab = { editor: MountedEditor; made: number };

/** A small graph that the engine can run in a moment. */
function graph(): string {
  const graph = JSON.parse(readFileSync(join(PACKAGE, "../../www/public/workflows/text_to_image.json"), "utf8")) as Record<string, { inputs: Record<string, unknown> }>;
  Object.assign(graph["3"]!.inputs, { steps: 2 });
  Object.assign(graph["5"]!.inputs, { width: 64, height: 64 });
  return JSON.stringify(graph);
}

const SCRIPT = `import { open } from "./index.js";
import { mountEditor } from "./editor.js";
globalThis.made = 0;
globalThis.editor = mountEditor(document.querySelector("#here"), { onPictures: (files) => (globalThis.made += files.length) });
globalThis.editor.setEngine(await open({ device: "cpu" }));
`;

const BODY = `<link rel="stylesheet" href="editor.css"><link rel="stylesheet" href="own.css"><button id="own">Ours</button><div id="here"></div><script type="module" src="own.js"></script>`;

test("opens, runs and gives back a graph under a strict policy; the page around it keeps its look", async ({ strict, page, show, put }) => {
  const broken: string[] = [];
  page.on("console", (message) => {
    if (/Content Security Policy|Trusted/i.test(message.text())) broken.push(message.text());
  });
  page.on("pageerror", (error) => broken.push(error.message));
  put(`${strict}own.js`, { type: "text/javascript", body: SCRIPT });
  put(`${strict}own.css`, { type: "text/css", body: "#here { block-size: 36rem; } button { border-radius: 13px; color: rgb(1, 2, 3); }" });
  await show(BODY, { at: strict, headers: { "content-security-policy": `${STRICT} svelte-trusted-html` } });
  await expect(page.getByText("Double-click for a node")).toBeVisible();
  await page.evaluate((text) => (globalThis as unknown as Lab).editor.open(text, "small"), graph());
  await expect(page.locator(".svelte-flow__node")).toHaveCount(7);
  await expect(page.locator("#own")).toHaveCSS("border-radius", "13px");
  await expect(page.locator(".tintype-editor .toolbar button").first()).not.toHaveCSS("border-radius", "13px");
  await expect(page.locator(".tintype-editor .svelte-flow__node").first()).toHaveCSS("position", "absolute");
  await page.evaluate(() => (globalThis as unknown as Lab).editor.run());
  await expect.poll(() => page.evaluate(() => (globalThis as unknown as Lab).made), { timeout: 60_000 }).toBe(1);
  const [classes, nodes] = await page.evaluate(async () => {
    const { editor } = globalThis as unknown as Lab;
    const prompt = Object.values(await editor.prompt()).map(({ class_type }) => class_type);
    return [prompt.sort(), (JSON.parse(editor.workflow()) as { nodes: unknown[] }).nodes.length] as const;
  });
  expect(classes).toContain("KSampler");
  expect(nodes).toBe(7);
  expect(await page.evaluate(() => localStorage.length), "nothing is kept unless it is asked for").toBe(0);
  await page.screenshot({ path: test.info().outputPath("editor.png") });
  await page.evaluate(() => (globalThis as unknown as Lab).editor.destroy());
  await expect(page.locator("#here")).toBeEmpty();
  expect(broken).toEqual([]);
});

test("the editor is at most 120 KiB, gzipped, besides the engine's client, and loads the layouter when it is needed", async () => {
  const { gzipSync } = await import("node:zlib");
  const script = readFileSync(join(PACKAGE, "editor.js"), "utf8");
  const sizes = { script: gzipSync(script, { level: 9 }).length, style: gzipSync(readFileSync(join(PACKAGE, "editor.css")), { level: 9 }).length };
  console.log(sizes);
  expect(sizes.script).toBeLessThanOrEqual(120 * 1024);
  expect(sizes.style).toBeLessThanOrEqual(10 * 1024);
  expect(script).toMatch(/import\([`"']\.\/editor-dagre/);
  expect(script).toMatch(/from\s?[`"']\.\/index\.js/);
});
