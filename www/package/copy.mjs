#!/usr/bin/env node
/** `npx tintype FOLDER`: copies the bundled models into FOLDER/models; with `--all`, all that a page needs into FOLDER/tintype. */

import { cp, mkdir } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const words = process.argv.slice(2);
const [folder] = words.filter((word) => !word.startsWith("-"));
const unknown = words.find((word) => word.startsWith("-") && word !== "--all");
if (folder === undefined || unknown !== undefined) {
  console.error("usage: npx tintype FOLDER [--all]\n  copies the models into FOLDER/models;\n  with --all, scripts, engines and models into FOLDER/tintype, for pages without a bundler");
  process.exit(words.includes("--help") ? 0 : 2);
}
const home = fileURLToPath(new URL(".", import.meta.url));
const all = words.includes("--all");
const target = join(folder, all ? "tintype" : "models");
await mkdir(folder, { recursive: true });
if (all) {
  // What is left out is of no use in a page.
  const filter = (/** @type {string} */ path) => !/^(types|node(-worker)?\.js|copy\.mjs|package\.json|README\.md)/.test(path.slice(home.length));
  await cp(home, target, { recursive: true, filter });
} else {
  await cp(join(home, "models"), target, { recursive: true });
}
console.log(target);
