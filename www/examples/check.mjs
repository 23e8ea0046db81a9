/**
 * Builds every example and draws a picture in it: `node www/examples/check.mjs [NAME …]`. Needs the npm registry and
 * build/package. Screenshots are in build/examples.
 */

import { execFileSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

import { chromium } from "playwright-core";

import { findChromium, flags } from "../scripts/chromium.mjs";
import { serve } from "../scripts/serve.mjs";

const HERE = fileURLToPath(new URL(".", import.meta.url));
const PACKAGE = join(HERE, "../../build/package");
const SHOTS = join(HERE, "../../build/examples");
const names = process.argv.length > 2 ? process.argv.slice(2) : ["plain", "chat", "react", "vue", "svelte"];

mkdirSync(SHOTS, { recursive: true });
const browser = await chromium.launch({ executablePath: findChromium() ?? "chromium", args: flags({ software: false }) });
try {
  for (const name of names) {
    const started = Date.now();
    const folder = build(name);
    for (const colorScheme of /** @type {const} */ (["light", "dark"])) await draw(name, folder, colorScheme);
    console.log(`${name}: drawn, ${((Date.now() - started) / 1000).toFixed(0)} s`);
  }
} finally {
  await browser.close();
}

/** The example in a folder that can be served. */
function build(/** @type {string} */ name) {
  const folder = join(mkdtempSync(join(tmpdir(), "tintype-example-")), name);
  cpSync(join(HERE, name), folder, { recursive: true, filter: (path) => !/node_modules|dist$|public$/.test(path.slice(HERE.length)) });
  const run = (/** @type {string} */ program, /** @type {string[]} */ ...words) => execFileSync(program, words, { cwd: folder, stdio: "pipe" });
  if (!existsSync(join(folder, "package.json"))) {
    run(process.execPath, join(PACKAGE, "copy.mjs"), ".", "--all");
    return folder;
  }
  const manifest = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
  manifest.dependencies.tintype = `file:${PACKAGE}`;
  writeFileSync(join(folder, "package.json"), JSON.stringify(manifest));
  run("npm", "install", "--install-links", "--no-audit", "--no-fund", "--loglevel=error");
  if (existsSync(join(folder, "tsconfig.json"))) run("npx", "--no-install", "tsc", "-p", ".");
  run("npm", "run", "build");
  return join(folder, "dist");
}

async function draw(/** @type {string} */ name, /** @type {string} */ folder, /** @type {"light" | "dark"} */ colorScheme) {
  const { url, close } = await serve({ folder });
  const page = await browser.newPage({ colorScheme, viewport: { width: 390, height: 844 } });
  /** @type {string[]} */
  const errors = [];
  page.on("pageerror", (error) => errors.push(error.message));
  await page.goto(url);
  if (name === "chat") {
    await page.getByLabel("Message").fill("draw a robot on a teal background, 3d");
    await page.getByRole("button", { name: "Send" }).click();
    await page.getByRole("img", { name: "a robot on a teal background, 3d" }).waitFor({ timeout: 60_000 });
  } else {
    await page.getByRole("button", { name: "Draw" }).click();
    await page.getByRole("link", { name: "Save" }).waitFor({ timeout: 60_000 });
    if (name === "plain") await page.getByRole("button", { name: "Send" }).click();
    await page.getByText(name === "plain" ? /\.png, \d+ bytes/ : /^seed \d+$/).waitFor({ timeout: 5000 });
  }
  await page.screenshot({ path: join(SHOTS, `${name}-${colorScheme}.png`), fullPage: true });
  if (errors.length > 0) throw new Error(`${name}: ${errors.join("; ")}`);
  await page.close();
  await close();
}
