/** `<tintype-image>` as a site owner has it: the built package on a page, the real engine. */

import { readFileSync } from "node:fs";
import { join } from "node:path";

import type { Page } from "@playwright/test";

import { drawn, expect, PACKAGE, STRICT, test } from "./fixtures";

const SCRIPT = '<script type="module" src="element.js"></script>';
const QUICK = 'steps="2" size="64" seed="7" device="cpu"';
const WIDGET = `${SCRIPT}<tintype-image prompt="a red dragon" ${QUICK}></tintype-image>`;

/** The events a widget tells from now on, by name, each only once in a row. */
async function listen(page: Page): Promise<void> {
  await page.evaluate(() => {
    const told: string[] = ((globalThis as unknown as { told: string[] }).told = []);
    for (const type of ["ready", "progress", "preview", "result", "error", "statechange", "beforegenerate"]) {
      document.addEventListener(type, (event) => {
        const { state } = (event as CustomEvent).detail as { state?: string };
        const word = state === undefined ? type : `${type} ${state}`;
        if (told.at(-1) !== word && !told.includes(word)) told.push(word);
      });
    }
  });
}

const told = (page: Page) => page.evaluate(() => (globalThis as unknown as { told: string[] }).told);

test("before a click nothing of the engine is fetched, and its size is said", async ({ show, requests }) => {
  const page = await show(WIDGET);
  await expect(page.getByText(/The first picture downloads up to 3\d MB; it is kept for the next visit/)).toBeVisible();
  await page.waitForTimeout(500);
  expect(requests.filter((url) => /worker|engines|models|engine-/.test(url))).toEqual([]);
  expect(page.workers()).toHaveLength(0);
});

test("a click draws: events in order, the picture, its settings, what a form sends", async ({ show }) => {
  const page = await show(`<form>${SCRIPT}<tintype-image name="picture" required prompt="a red dragon" ${QUICK}></tintype-image></form>`);
  await listen(page);
  expect(await page.evaluate(() => document.forms[0]?.checkValidity())).toBe(false);
  await page.getByRole("button", { name: "Draw" }).click();
  await drawn(page);
  expect(await told(page)).toEqual([
    "beforegenerate", "statechange loading", "progress", "ready", "statechange generating", "preview", "statechange done", "result",
  ]);
  await expect(page.getByRole("img", { name: "a red dragon" })).toBeVisible();
  await expect(page.getByRole("link", { name: "Save" })).toHaveAttribute("download", /\.png$/);
  await expect(page.getByRole("status")).toHaveText("The picture is ready.");
  const sent = await page.evaluate(async () => {
    const form = document.forms[0] as HTMLFormElement;
    const file = new FormData(form).get("picture") as File;
    const text = new TextDecoder("latin1").decode(await file.arrayBuffer());
    return { valid: form.checkValidity(), type: file.type, settings: text.includes('"seed"') && text.includes("a red dragon") };
  });
  expect(sent).toEqual({ valid: true, type: "image/png", settings: true });
  await page.evaluate(() => document.forms[0]?.reset());
  expect(await page.evaluate(() => [document.forms[0]?.checkValidity(), document.querySelector("tintype-image")?.value])).toEqual([false, null]);
});

test("draws under a policy without inline scripts, styles, blobs of workers or evaluation, with Trusted Types", async ({ strict, page, show }) => {
  const broken: string[] = [];
  page.on("console", (message) => {
    if (/Content Security Policy|Trusted/i.test(message.text())) broken.push(message.text());
  });
  await show(WIDGET, { at: strict });
  await page.getByRole("button", { name: "Draw" }).click();
  await drawn(page);
  expect(broken).toEqual([]);
  await expect(page.locator("[part=frame]")).toHaveCSS("border-radius", "9.6px");
  await expect.poll(() => page.locator("img[part=picture]").evaluate((image: HTMLImageElement) => image.naturalWidth)).toBe(64);
});

test("where the policy has no blob: for pictures, the picture is painted", async ({ strict, page, show }) => {
  await show(WIDGET, { at: strict, headers: { "content-security-policy": STRICT.replace(" blob:", "") } });
  await page.getByRole("button", { name: "Draw" }).click();
  await drawn(page);
  await expect(page.getByRole("img", { name: "a red dragon" })).toBeVisible();
  expect(await page.locator("canvas[part=picture]").evaluate((canvas: HTMLCanvasElement) => canvas.width)).toBe(64);
});

test("where the policy forbids WebAssembly, the widget says so and what to do", async ({ page, site, show, put }) => {
  // A worker has the policy that its own script came with.
  const body = readFileSync(join(PACKAGE, "worker.js"), "utf8");
  put(`${site}worker.js`, { type: "text/javascript", headers: { "content-security-policy": "script-src 'self'" }, body });
  await show(WIDGET);
  await page.getByRole("button", { name: "Draw" }).click();
  await expect(page.getByRole("alert")).toContainText("content security policy forbids WebAssembly");
  await expect(page.getByRole("alert")).toContainText("wasm-unsafe-eval");
});

test("comes from another origin: script, worker, engine and model", async ({ show, elsewhere, site, requests }) => {
  const page = await show(`<script type="module" src="${elsewhere}element.js"></script><tintype-image prompt="a red dragon" ${QUICK}></tintype-image>`);
  await page.getByRole("button", { name: "Draw" }).click();
  const there = await drawn(page);
  expect(requests.filter((url) => url.startsWith(site)).map((url) => url.slice(site.length))).toEqual(["page.html", "icon.svg"]);
  expect(await page.evaluate(() => globalThis.crossOriginIsolated)).toBe(false);
  // The same seed on the same engine: the same file, wherever it came from.
  const own = await show(WIDGET, { at: site });
  await own.getByRole("button", { name: "Draw" }).click();
  expect(await drawn(own)).toBe(there);
});

test("from another origin, a policy without blob: workers is named as the reason", async ({ show, elsewhere }) => {
  const page = await show(`<script type="module" src="${elsewhere}element.js"></script><tintype-image prompt="x" ${QUICK}></tintype-image>`, {
    headers: { "content-security-policy": `script-src 'self' 'wasm-unsafe-eval' ${elsewhere}; worker-src 'self'` },
  });
  await page.getByRole("button", { name: "Draw" }).click();
  await expect(page.getByRole("alert")).toContainText("worker");
  await expect(page.getByRole("alert")).toContainText("content security policy");
});

test("draws in a frame of another origin", async ({ show, elsewhere, page, put }) => {
  put(`${elsewhere}frame.html`, { body: `<!doctype html>${WIDGET}` });
  await show(`<iframe title="widget" src="${elsewhere}frame.html" width="400" height="600"></iframe>`);
  const frame = page.frameLocator("iframe");
  await frame.getByRole("button", { name: "Draw" }).click();
  await expect(frame.getByRole("link", { name: "Save" })).toBeVisible();
});

test("two on a page share one engine; the last one that is disposed of ends it", async ({ show }) => {
  const page = await show(`${SCRIPT}<tintype-image id="a" prompt="a red dragon" ${QUICK}></tintype-image><tintype-image id="b" prompt="a blue owl" ${QUICK}></tintype-image>`);
  await page.locator("#a").getByRole("button", { name: "Draw" }).click();
  await page.locator("#b").getByRole("button", { name: "Draw" }).click();
  const pictures = [await drawn(page, "#a"), await drawn(page, "#b")];
  expect(pictures[0]).not.toBe(pictures[1]);
  expect(page.workers()).toHaveLength(1);
  const dispose = (id: string) => page.evaluate((id) => (document.getElementById(id) as HTMLElementTagNameMap["tintype-image"]).dispose(), id);
  await dispose("a");
  await page.waitForTimeout(200);
  expect(page.workers()).toHaveLength(1);
  await dispose("b");
  await expect.poll(() => page.workers().length).toBe(0);
  await expect(page.locator("#a").getByRole("link", { name: "Save" })).toBeVisible();
});

test("load=visible fetches engine and model when it comes into view, and the next picture starts at once", async ({ show, requests }) => {
  const page = await show(`${SCRIPT}<p style="block-size: 300vh">far above</p><tintype-image load="visible" prompt="a red dragon" ${QUICK}></tintype-image>`);
  await page.waitForTimeout(300);
  expect(page.workers()).toHaveLength(0);
  await page.locator("tintype-image").scrollIntoViewIfNeeded();
  await expect.poll(() => page.locator("tintype-image").evaluate((w: HTMLElement & { state: string }) => w.state)).toBe("ready");
  expect(requests.some((url) => url.endsWith("unet/diffusion_pytorch_model.safetensors"))).toBe(true);
  const before = requests.length;
  await page.getByRole("button", { name: "Draw" }).click();
  await drawn(page);
  expect(requests.slice(before).filter((url) => !url.startsWith("blob:"))).toEqual([]);
});

test("stop gives up within a step; a listener changes or prevents what is drawn", async ({ show }) => {
  const page = await show(`${SCRIPT}<tintype-image prompt="a red dragon" device="cpu" steps="150"></tintype-image>`);
  await page.getByRole("button", { name: "Draw" }).click();
  await expect(page.getByText(/Step [1-9]\d* of 150/)).toBeVisible();
  await page.getByRole("button", { name: "Stop" }).click();
  await expect(page.getByRole("status")).toHaveText("Stopped.");
  await expect(page.getByRole("button", { name: "Draw" })).toBeVisible();
  const changed = await page.evaluate(async () => {
    const widget = document.querySelector("tintype-image") as HTMLElementTagNameMap["tintype-image"];
    widget.addEventListener("beforegenerate", (event) => Object.assign(event.detail.options, { steps: 1, width: 64, height: 64, seed: 3n }), { once: true });
    const result = await widget.generate();
    widget.addEventListener("beforegenerate", (event) => event.preventDefault(), { once: true });
    return { seed: String(result?.settings?.seed), steps: result?.settings?.steps, prevented: await widget.generate() };
  });
  expect(changed).toEqual({ seed: "3", steps: 1, prevented: null });
});

test("a wrong attribute and a wrong name are said with the next step, and the next picture is fine", async ({ show }) => {
  const page = await show(`${SCRIPT}<tintype-image prompt="a red dragon" steps="many" sampler="eulr" seed="7" size="64" device="cpu"></tintype-image>`);
  await listen(page);
  await page.getByRole("button", { name: "Draw" }).click();
  await expect(page.getByRole("alert")).toContainText('`steps` is "many", expected a number. Correct the attribute `steps` of the widget.');
  await page.evaluate(() => document.querySelector("tintype-image")?.setAttribute("steps", "2"));
  await page.getByRole("button", { name: "Draw" }).click();
  await expect(page.getByRole("alert")).toContainText("euler");
  expect(await told(page)).toContain("error");
  await page.evaluate(() => document.querySelector("tintype-image")?.setAttribute("sampler", "euler"));
  await page.getByRole("button", { name: "Draw" }).click();
  await drawn(page);
  await expect(page.getByRole("alert")).toBeHidden();
});

test("runs a workflow with the widget's prompt and seed; one that is not there is said", async ({ show, page, site, put }) => {
  const workflow = readFileSync(new URL("../../public/workflows/text_to_image.json", import.meta.url), "utf8").replace(/"steps": \d+/, '"steps": 2');
  put(`${site}flow.json`, { type: "application/json", body: workflow });
  await show(`${SCRIPT}<tintype-image workflow="flow.json" prompt="a blue owl" seed="11" device="cpu"></tintype-image>`);
  await page.getByRole("button", { name: "Draw" }).click();
  await drawn(page);
  const inside = await page.locator("tintype-image").evaluate(async (w: HTMLElement & { value: File }) => new TextDecoder("latin1").decode(await w.value.arrayBuffer()));
  expect(inside).toContain("a blue owl");
  expect(inside).toMatch(/"seed": ?11\b/);
  await page.evaluate(() => document.querySelector("tintype-image")?.setAttribute("workflow", "none.json"));
  await page.getByRole("button", { name: "Draw again" }).click();
  await expect(page.getByRole("alert")).toContainText("could not be fetched (HTTP 404)");
});

test("what is set before the class is there counts; a moved element keeps its picture and engine", async ({ show }) => {
  const page = await show(`<div id="one"><tintype-image ${QUICK}></tintype-image></div><div id="two"></div>`);
  await page.evaluate(async () => {
    const widget = document.querySelector("tintype-image") as HTMLElementTagNameMap["tintype-image"];
    Object.assign(widget, { prompt: "a red dragon", strings: { draw: "Zeichnen" }, fixed: true });
    await import(new URL("element.js", location.href).href);
  });
  await page.getByRole("button", { name: "Zeichnen" }).click();
  await drawn(page);
  await expect(page.getByRole("textbox")).toHaveCount(0);
  await page.evaluate(() => document.getElementById("two")?.append(document.querySelector("tintype-image") as Element));
  await page.waitForTimeout(100);
  expect(await page.evaluate(() => document.querySelector("tintype-image")?.engine !== null)).toBe(true);
  await expect(page.getByRole("img", { name: "a red dragon" })).toBeVisible();
});
