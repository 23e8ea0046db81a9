#!/usr/bin/env node
/** `npx tintype FOLDER`: copies the bundled models into FOLDER/models; with `--all`, worker and engines into FOLDER/tintype. */

import { cp, mkdir } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const words = process.argv.slice(2);
const [folder] = words.filter((word) => !word.startsWith("-"));
const unknown = words.find((word) => word.startsWith("-") && word !== "--all");
if (folder === undefined || unknown !== undefined) {
  console.error("usage: npx tintype FOLDER [--all]\n  copies the models into FOLDER/models; with --all also the package's files into FOLDER/tintype");
  process.exit(words.includes("--help") ? 0 : 2);
}
const home = fileURLToPath(new URL(".", import.meta.url));
await mkdir(folder, { recursive: true });
await cp(join(home, "models"), join(folder, "models"), { recursive: true });
console.log(join(folder, "models"));
if (words.includes("--all")) {
  await cp(home, join(folder, "tintype"), {
    recursive: true,
    // Models are beside it already; the rest of what is left out is of no use in a page.
    filter: (path) => !/^(models|types|node(-worker)?\.js|copy\.mjs|package\.json|README\.md)/.test(path.slice(home.length)),
  });
  console.log(join(folder, "tintype"));
}
