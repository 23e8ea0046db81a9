/** Writes `sw.js` beside the built page: the service worker with the lists of files that belong to this version. */

import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const at = (/** @type {string} */ path) => fileURLToPath(new URL(`../${path}`, import.meta.url));

/** Files of the bundled model without its weights, and what the page's own folder holds besides it. */
const MODELS = ["models/sprite", "models/clip-tokenizer"];
const PUBLIC = ["icon.svg", "icon-192.png", "icon-512.png", "first.png", "manifest.webmanifest"];

/**
 * A plugin of Vite's; it does nothing while the development server runs.
 * @returns {import("vite").Plugin}
 */
export function serviceWorker() {
  let out = "";
  return {
    name: "service-worker",
    apply: "build",
    configResolved(config) {
      out = join(config.root, config.build.outDir);
    },
    closeBundle() {
      // A build of something else than the page has no page to keep.
      if (existsSync(join(out, "index.html"))) writeFileSync(join(out, "sw.js"), write(out));
    },
  };
}

/** @param {string} out */
function write(out) {
  const assets = readdirSync(join(out, "assets"));
  // The engines by what they are: nobody needs two.
  const binaries = assets.filter((name) => name.endsWith(".wasm"));
  const engine = (/** @type {string} */ build) => {
    const source = at(`src/engine/pkg/${build}/tintype_bg.wasm`);
    if (!existsSync(source)) return [];
    const bytes = readFileSync(source);
    return binaries.filter((name) => readFileSync(join(out, "assets", name)).equals(bytes)).map((name) => `assets/${name}`);
  };
  const engines = Object.fromEntries(readdirSync(at("src/engine/pkg")).map((build) => [build, engine(build)]));
  const small = (/** @type {string} */ folder) =>
    files(join(out, folder)).filter((name) => !/\.(safetensors|png|md)$/.test(name)).map((name) => `${folder}/${name}`);
  const shell = [...PUBLIC.filter((name) => existsSync(join(out, name))), ...assets.filter((name) => /\.(js|css|webp)$/.test(name)).map((name) => `assets/${name}`)];
  const lists = { shell, engines, model: MODELS.flatMap(small) };
  const hash = createHash("sha256").update(JSON.stringify(lists));
  const worker = readFileSync(at("src/app/offline/service_worker.js"), "utf8");
  for (const name of ["index.html", ...PUBLIC]) if (existsSync(join(out, name))) hash.update(readFileSync(join(out, name)));
  const version = hash.update(worker).digest("hex").slice(0, 16);
  return worker.replace("'__FILES__'", `'${JSON.stringify({ version, ...lists })}'`);
}

/**
 * @param {string} folder
 * @returns {string[]}
 */
function files(folder) {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { recursive: true, encoding: "utf8" }).filter((name) => statSync(join(folder, name)).isFile());
}
