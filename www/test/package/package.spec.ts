/** The package as files: what is in it, how large it is, what its types and its manifest promise. */

import { execFileSync, spawnSync } from "node:child_process";
import { cpSync, readdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { gzipSync } from "node:zlib";

import { expect, test } from "@playwright/test";

import { PACKAGE } from "./fixtures";

const WWW = fileURLToPath(new URL("../..", import.meta.url));
const tool = (name: string) => join(WWW, "node_modules/.bin", name);
const gzipped = (file: string) => gzipSync(readFileSync(join(PACKAGE, file)), { level: 9 }).length;

/** Files that this one imports before it does anything, itself first. */
function closure(file: string, seen = new Set<string>()): Set<string> {
  if (seen.has(file)) return seen;
  seen.add(file);
  for (const [, next = ""] of readFileSync(join(PACKAGE, file), "utf8").matchAll(/(?:from|import)"\.\/([^"]+)"/g)) closure(next, seen);
  return seen;
}

test("the loader is at most 10 KiB, the widget with the engine's client at most 25 KiB, gzipped", () => {
  const loader = closure("element.js");
  const lazy = [...readFileSync(join(PACKAGE, "element.js"), "utf8").matchAll(/import\((?:"|`)\.\/(engine-[^"`]+)/g)].map(([, file = ""]) => file);
  expect(lazy).toHaveLength(1);
  const widget = new Set(loader);
  for (const file of lazy) closure(file, widget);
  const sum = (files: Iterable<string>) => [...files].reduce((total, file) => total + gzipped(file), 0);
  const sizes = { loader: sum(loader), widget: sum(widget), worker: gzipped("worker.js") };
  console.log(sizes);
  expect(sizes.loader).toBeLessThanOrEqual(10 * 1024);
  expect(sizes.widget).toBeLessThanOrEqual(25 * 1024);
});

test("publint and are-the-types-wrong have nothing to say", ({}, info) => {
  const lint = execFileSync(tool("publint"), [PACKAGE, "--strict"], { encoding: "utf8" });
  expect(lint).toContain("All good");
  // It packs what it looks at; scripts and types are enough for it, and a hundredth of the package.
  const lean = info.outputPath("lean");
  cpSync(PACKAGE, lean, { recursive: true, filter: (path) => !/[\\/](models|engines)$/.test(path) });
  const found = spawnSync(tool("attw"), ["--pack", lean, "--profile", "esm-only", "--no-emoji", "--no-color", "--format", "ascii"], { encoding: "utf8", timeout: 120_000 });
  expect(found.status, found.stdout).toBe(0);
  expect(found.stdout.match(/node16 \(from ESM\): OK \(ESM\)/g), found.stdout).toHaveLength(7);
});

test("importing it where there is no page does not throw", async () => {
  const script = `await import("./index.js"); await import("./react.js"); await import("./editor.js"); const { TintypeImage } = await import("./element.js"); if (typeof TintypeImage !== "function") throw 1; console.log("fine")`;
  expect(execFileSync(process.execPath, ["--input-type=module", "-e", script], { cwd: PACKAGE, encoding: "utf8" })).toBe("fine\n");
});

test("custom-elements.json has every attribute, event, slot, part, state and custom property, and no other", async () => {
  const manifest = JSON.parse(readFileSync(join(PACKAGE, "custom-elements.json"), "utf8"));
  const [element] = manifest.modules[0].declarations;
  const names = (key: string): string[] => element[key].map(({ name }: { name: string }) => name).sort();
  const read = (file: string) => readFileSync(join(WWW, "src/element", file), "utf8");
  const all = (text: string, pattern: RegExp) => [...new Set([...text.matchAll(pattern)].map(([, name = ""]) => name))].sort();
  const { TintypeImage } = await import(pathToFileURL(join(PACKAGE, "element.js")).href);
  expect(names("attributes")).toEqual([...TintypeImage.observedAttributes].sort());
  const interfaceOf = /interface TintypeImageEvents \{(.*?)\n\}/s.exec(read("events.ts"))?.[1] ?? "";
  expect(names("events")).toEqual(all(interfaceOf, /^ {2}(\w+):/gm));
  expect(names("cssParts")).toEqual(all(read("view.ts"), /part: "([\w-]+)"/g));
  expect(names("slots")).toEqual(all(read("view.ts"), /make\("slot", \{ name: "(\w+)"/g));
  expect(names("cssProperties")).toEqual(all(read("style.ts"), /var\((--tintype-[\w-]+)/g));
  expect(names("cssStates")).toEqual(all(/type State = (.*);/.exec(read("view.ts"))?.[1] ?? "", /"(\w+)"/g));
});

test("every entry of the exports map is there", () => {
  const { exports } = JSON.parse(readFileSync(join(PACKAGE, "package.json"), "utf8"));
  const require = createRequire(join(PACKAGE, "package.json"));
  for (const name of Object.keys(exports).filter((key) => !key.includes("*"))) expect(require.resolve(`tintype${name.slice(1)}`)).toContain(PACKAGE);
  for (const file of ["cpu.wasm", "cpu-relaxed.wasm", "webgpu.wasm", "models/sprite/model_index.json", "engines/cpu/tintype.js"]) require.resolve(`tintype/${file}`);
});

test("the copying tool brings models, and with --all what a page needs", ({}, info) => {
  const folder = info.outputPath("site");
  execFileSync(process.execPath, [join(PACKAGE, "copy.mjs"), folder, "--all"]);
  const files = readdirSync(folder, { recursive: true, encoding: "utf8" }).map((file) => file.replaceAll("\\", "/"));
  expect(files).toEqual(expect.arrayContaining(["tintype/models/sprite/unet/config.json", "tintype/element.js", "tintype/worker.js", "tintype/engines/cpu/tintype_bg.wasm"]));
  expect(files.filter((file) => /^tintype\/(types|node)/.test(file))).toEqual([]);
  expect(() => execFileSync(process.execPath, [join(PACKAGE, "copy.mjs")], { stdio: "pipe" })).toThrow(/usage/);
});
