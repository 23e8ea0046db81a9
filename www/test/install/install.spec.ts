/**
 * The package as a developer has it: packed, installed with npm into a fresh project, bundled, run in Chromium. Needs the
 * npm registry for the bundlers.
 */

import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";

import { expect, test, type Page } from "@playwright/test";

import { serve } from "../../scripts/serve.mjs";
import { PACKAGE } from "../package/fixtures";

/** A program in TypeScript: what it says of types is checked, too. */
const MAIN = `import { open, Graph, type In, type RunResult } from "tintype";
import "tintype/element";
import type { TintypeImage } from "tintype/element";

const widget: TintypeImage = document.createElement("tintype-image");
widget.id = "widget";
widget.prompt = "a red dragon";
widget.steps = 2;
widget.size = "64";
widget.device = "cpu";
widget.models = new URL("models/", document.baseURI).href;
widget.addEventListener("result", (event) => console.log(event.detail.images.length));
document.body.append(widget);

const engine = await open({ device: "cpu" });
const g: Graph = engine.graph();
const [model, clip, vae] = g.CheckpointLoaderSimple({ ckpt_name: "sprite" });
const text: In<"CONDITIONING"> = g.CLIPTextEncode({ clip, text: "a red dragon" });
const samples = g.KSampler({
  model, seed: 7n, steps: 2, cfg: 5, sampler_name: "dpmpp_2m", scheduler: "sgm_uniform", denoise: 1,
  positive: text, negative: text, latent_image: g.EmptyLatentImage({ width: 64, height: 64, batch_size: 1 }),
});
// @ts-expect-error a latent is no picture
g.SaveImage({ images: samples, filename_prefix: "x" }, "never run");
const h = Graph.from(g.toJSON(), engine.objectInfo());
h.nodes.delete([...h.nodes.keys()].at(-1) ?? "");
h.SaveImage({ images: h.VAEDecode({ samples: h.handle(samples.id)[0] as never, vae: h.handle(model.node)[2] as never }), filename_prefix: "made" });
const { images }: RunResult = await engine.run(h);
const picture = new Image();
picture.id = "picture";
picture.src = URL.createObjectURL(images[0] as Blob);
document.body.append(picture);
`;

const HTML = (script: string) => `<!doctype html><html lang="en"><head><meta charset="utf-8"><title>fresh</title></head><body>${script}</body></html>\n`;

function write(folder: string, files: Record<string, string>): void {
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), text);
  }
}

const npm = (folder: string, ...words: string[]) =>
  execFileSync("npm", [...words, "--no-audit", "--no-fund", "--loglevel=error"], { cwd: folder, encoding: "utf8", timeout: 240_000 });
const npx = (folder: string, ...words: string[]) => execFileSync("npx", ["--no-install", ...words], { cwd: folder, encoding: "utf8", timeout: 240_000, stdio: "pipe" });

let tarball = "";

test.beforeAll(() => {
  const folder = mkdtempSync(join(tmpdir(), "tintype-pack-"));
  npm(folder, "pack", PACKAGE);
  tarball = join(folder, readdirSync(folder).find((name) => name.endsWith(".tgz")) ?? "");
});

function project(name: string, tools: string[], files: Record<string, string>): string {
  const folder = mkdtempSync(join(tmpdir(), `tintype-${name}-`));
  write(folder, { "package.json": JSON.stringify({ name, private: true, type: "module" }), ...files });
  npm(folder, "install", tarball, ...tools);
  return folder;
}

/** Both ways in draw: the engine by a graph, the widget by a click. */
async function draws(page: Page, url: string): Promise<void> {
  const errors: string[] = [];
  page.on("pageerror", (error) => errors.push(error.message));
  await page.goto(url);
  await expect.poll(() => page.locator("#picture").evaluate((image: HTMLImageElement) => image.naturalWidth), { timeout: 20_000, message: errors.join() }).toBe(64);
  await page.getByRole("button", { name: "Draw" }).click();
  await expect(page.getByRole("link", { name: "Save" })).toBeVisible();
  expect(errors).toEqual([]);
}

const TSCONFIG = { compilerOptions: { strict: true, noEmit: true, target: "es2022", module: "esnext", moduleResolution: "bundler", lib: ["es2023", "dom", "dom.iterable"], types: [] } };

test("a fresh Vite project: types, the built site, the development server", async ({ page }) => {
  const folder = project("vite", ["vite@8", "typescript@6"], {
    "index.html": HTML('<script type="module" src="/main.ts"></script>'),
    "main.ts": MAIN,
    "tsconfig.json": JSON.stringify({ ...TSCONFIG, include: ["main.ts"] }),
    // Vite's pre-bundling moves a package's scripts and leaves the files beside them.
    "vite.config.js": 'export default { base: "./", optimizeDeps: { exclude: ["tintype"] }, build: { target: "es2022" } };\n',
  });
  npx(folder, "tintype", "public");
  npx(folder, "tsc", "-p", ".");
  npx(folder, "vite", "build");
  const built = await serve({ folder: join(folder, "dist") });
  await draws(page, built.url);
  await built.close();

  const { spawn } = await import("node:child_process");
  const server = spawn(process.execPath, [join(folder, "node_modules/vite/bin/vite.js"), "--port", "0", "--host", "127.0.0.1"], { cwd: folder });
  try {
    const url = await new Promise<string>((resolve, reject) => {
      server.stdout.on("data", (text: Buffer) => {
        const found = /http:\/\/127\.0\.0\.1:\d+\//.exec(text.toString().replace(/\u001b\[[0-9;]*m/g, ""));
        if (found) resolve(found[0]);
      });
      server.once("exit", () => reject(new Error("vite ended")));
    });
    await draws(page, url);
  } finally {
    server.kill();
  }
});

test("a fresh webpack project", async ({ page }) => {
  const folder = project("webpack", ["webpack@5", "webpack-cli@7"], {
    "main.mjs": MAIN.replace(/^import \{ open.*$/m, 'import { open, Graph } from "tintype";')
      .replace(/^import type.*$/m, "")
      .replace(/const (\w+|\{ \w+ \}): [\w<>"]+ =/g, "const $1 =")
      .replace(/ as (Blob|never)\b/g, ""),
    "dist/index.html": HTML('<script type="module" src="main.js"></script>'),
    "webpack.config.mjs":
      'export default { mode: "production", entry: "./main.mjs", experiments: { outputModule: true, topLevelAwait: true }, output: { module: true, publicPath: "auto", filename: "main.js" }, performance: { hints: false } };\n',
  });
  npx(folder, "tintype", "dist");
  npx(folder, "webpack");
  const { url, close } = await serve({ folder: join(folder, "dist") });
  await draws(page, url);
  await close();
});
