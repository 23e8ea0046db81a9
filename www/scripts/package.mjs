/**
 * Writes the npm package into build/package: `node scripts/package.mjs`. The page's own sources, in another form:
 * ES modules that need no bundler and that bundlers understand, engines and worker as files beside them, types.
 */

import { execFileSync } from "node:child_process";
import { cp, mkdir, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";

import { svelte } from "@sveltejs/vite-plugin-svelte";
import { rolldown } from "rolldown";
import { build as viteBuild } from "vite";

const WWW = fileURLToPath(new URL("..", import.meta.url));
const ROOT = join(WWW, "..");
export const OUT = join(ROOT, "build/package");

// How Svelte wraps a component that is given custom properties.
const WRAPPER = '<svelte-css-wrapper style="display: contents">';

await rm(OUT, { recursive: true, force: true });
await mkdir(OUT, { recursive: true });
await copyFiles();
const sizes = await measure();
await bundle({ index: "engine/index.ts", element: "element/index.ts", node: "node/index.ts" }, sizes);
await bundle({ worker: "engine/worker.ts" }, sizes);
await bundle({ "node-worker": "node/worker.ts" }, sizes);
await bundleEditor();
await writeTypes();
await writeManifest();
console.log(OUT);

/** Engines, models, licences, and what is written by hand. */
async function copyFiles() {
  for (const build of ["cpu", "cpu-relaxed", "webgpu"]) {
    const from = join(WWW, "src/engine/pkg", build);
    const files = ["tintype.js", "tintype_bg.wasm"];
    for (const file of files) {
      await cp(join(from, file), join(OUT, "engines", build, file)).catch(() => {
        throw new Error(`the ${build} engine is not built: \`make wasm\` builds all`);
      });
    }
  }
  await cp(join(WWW, "public/models"), join(OUT, "models"), { recursive: true });
  await cp(join(WWW, "package"), OUT, { recursive: true });
  await cp(join(WWW, "src/element/custom-elements.json"), join(OUT, "custom-elements.json"));
  for (const file of ["LICENSE-MIT", "LICENSE-APACHE", "CHANGELOG.md"]) await cp(join(ROOT, file), join(OUT, file));
}

/** What a first picture downloads, for the widget to say before it does. */
async function measure() {
  const engine = async (/** @type {string} */ kind) => (await stat(join(OUT, "engines", kind, "tintype_bg.wasm"))).size;
  /** @type {Record<string, number>} */
  const models = {};
  for (const name of await readdir(join(OUT, "models"))) {
    const folder = join(OUT, "models", name);
    const files = await readdir(folder, { recursive: true });
    if (!files.includes("model_index.json")) continue;
    const weights = files.filter((file) => file.endsWith(".safetensors"));
    models[name] = (await Promise.all(weights.map(async (file) => (await stat(join(folder, file))).size))).reduce((a, b) => a + b, 0);
  }
  return { engines: { cpu: await engine("cpu"), webgpu: await engine("webgpu") }, models };
}

/**
 * @param {Record<string, string>} entries
 * @param {object} sizes
 */
async function bundle(entries, sizes) {
  const build = await rolldown({
    input: Object.fromEntries(Object.entries(entries).map(([name, file]) => [name, join(WWW, "src", file)])),
    platform: "neutral",
    external: [/^node:/],
    plugins: [{ name: "css", transform: (code, id) => (id.endsWith("/element/style.ts") ? squeeze(code) : null) }],
    resolve: { extensions: [".ts", ".js"], alias: { "./builds": join(WWW, "src/engine/builds.package.ts") } },
    transform: { define: { __TINTYPE_SIZES__: JSON.stringify(sizes) }, target: "es2022" },
  });
  await build.write({
    dir: OUT,
    format: "es",
    entryFileNames: "[name].js",
    // All beside each other: the addresses of worker and engines are relative to the file they are in.
    chunkFileNames: "[name]-[hash].js",
    minify: true,
  });
  await build.close();
}

/** The node editor: a chunk of its own beside `index.js`, whose engine it is handed, and a style sheet that touches nothing else. */
async function bundleEditor() {
  await viteBuild({
    root: WWW,
    configFile: false,
    publicDir: false,
    logLevel: "warn",
    base: "./",
    plugins: [
      { name: "scope", enforce: "pre", transform: (code, id) => (id.endsWith("/app/page.css") ? scoped(code) : null) },
      svelte({ configFile: join(WWW, "svelte.config.js") }),
      // The one inline style that Svelte writes, which a strict policy forbids; `package.css` says the same.
      { name: "wrapper", enforce: "post", transform: (code) => (code.includes(WRAPPER) ? code.replaceAll(WRAPPER, "<svelte-css-wrapper>") : null) },
    ],
    build: {
      outDir: OUT,
      emptyOutDir: false,
      target: "es2022",
      modulePreload: false,
      cssCodeSplit: false,
      rolldownOptions: {
        input: { editor: join(WWW, "src/editor/package.ts") },
        preserveEntrySignatures: "strict",
        external: (id) => /(^|\/)engine\/index(\.ts)?$/.test(id),
        output: {
          paths: (id) => (/engine\/index(\.ts)?$/.test(id) ? "./index.js" : id),
          entryFileNames: "[name].js",
          chunkFileNames: "editor-[name]-[hash].js",
          assetFileNames: (asset) => (asset.names.some((name) => name.endsWith(".css")) ? "editor.css" : "[name]-[hash][extname]"),
        },
      },
    },
  });
}

/** The page's tokens and controls for the editor alone; what is about the whole page goes. */
function scoped(/** @type {string} */ css) {
  const own = css.replace(/^(html|body|#app) \{[^}]*\}\n*/gm, "").replaceAll(":root", ":scope");
  return `@scope (.tintype-editor) {\n${own}\n}\n`;
}

/** The style sheet without its comments and line breaks, which the minifier leaves in a text. */
function squeeze(/** @type {string} */ code) {
  return code.replace(/`[^`]*`/, (css) => css.replace(/\/\*.*?\*\//gs, "").replace(/\s+/g, " ").replace(/ ?([{};,>]) ?/g, "$1"));
}

/** Types as TypeScript writes them, with the endings that Node's resolution asks for. */
async function writeTypes() {
  execFileSync(process.execPath, [join(WWW, "node_modules/typescript/bin/tsc"), "-p", join(WWW, "tsconfig.package.json")], { stdio: "inherit" });
  const types = join(OUT, "types");
  for (const file of await readdir(types, { recursive: true })) {
    if (!file.endsWith(".d.ts")) continue;
    const text = await readFile(join(types, file), "utf8");
    const ended = text.replace(/((?:from|import)\s*\(?\s*")(\.{1,2}\/[^"]+)(")/g, (all, before, path, after) =>
      path.endsWith(".js") ? all : `${before}${path}.js${after}`,
    );
    await writeFile(join(types, file), ended);
  }
}

async function writeManifest() {
  const { version, license, engines } = JSON.parse(await readFile(join(WWW, "package.json"), "utf8"));
  const entry = (/** @type {string} */ types, /** @type {string} */ file) => ({ types: `./types/${types}/index.d.ts`, default: `./${file}.js` });
  const chunks = (await readdir(OUT)).filter((file) => /\.js$/.test(file));
  const manifest = {
    name: "tintype",
    version,
    description: "Image generation inside a web page or Node: Stable Diffusion models and ComfyUI's graphs on the visitor's GPU or CPU",
    keywords: ["stable-diffusion", "image-generation", "webgpu", "wasm", "comfyui", "text-to-image", "custom-element", "web-component"],
    license,
    type: "module",
    engines,
    bin: { tintype: "copy.mjs" },
    exports: {
      ".": entry("engine", "index"),
      "./element": entry("element", "element"),
      "./editor": entry("editor", "editor"),
      // A style sheet that TypeScript may import for its effect.
      "./editor.css": { types: "./editor.css.d.ts", default: "./editor.css" },
      "./node": entry("node", "node"),
      "./react": { types: "./react.d.ts", default: "./react.js" },
      "./worker": { types: "./worker.d.ts", default: "./worker.js" },
      "./*.wasm": "./engines/*/tintype_bg.wasm",
      "./engines/*": "./engines/*",
      "./models/*": "./models/*",
      "./custom-elements.json": "./custom-elements.json",
      "./package.json": "./package.json",
    },
    types: "./types/engine/index.d.ts",
    // What only defines the element, or is a thread's script.
    sideEffects: ["./element.js", "./react.js", "./worker.js", "./node-worker.js", "./editor.css"],
    customElements: "custom-elements.json",
    peerDependencies: { webgpu: ">=0.3" },
    peerDependenciesMeta: { webgpu: { optional: true } },
    files: [...chunks, "editor.css", "*.mjs", "*.d.ts", "custom-elements.json", "engines", "models", "types", "CHANGELOG.md", "LICENSE-*"],
  };
  await writeFile(join(OUT, "package.json"), `${JSON.stringify(manifest, null, 2)}\n`);
  console.log(chunks.map((file) => relative(OUT, join(OUT, file))).join(" "));
}
