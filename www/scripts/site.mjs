/**
 * A folder that any static host serves as it is: `node scripts/site.mjs [--base /sub/path/] [--out FOLDER]`. Without a
 * base every address is relative, so that the folder works under any path; with one they begin with it.
 */

import { writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

import { build } from "vite";

const WWW = fileURLToPath(new URL("..", import.meta.url));
const { values } = parseArgs({
  options: { base: { type: "string", default: "./" }, out: { type: "string", default: join(WWW, "../build/site") } },
});
if (values.base !== "./" && !/^\/(.*\/)?$/.test(values.base)) {
  console.error(`site: --base is ${values.base}, expected a path that begins and ends with /`);
  process.exit(2);
}
const out = resolve(values.out);
await build({ root: WWW, base: values.base, logLevel: "warn", build: { outDir: out, emptyOutDir: true } });
// GitHub's pages would leave out what begins with an underscore.
await writeFile(join(out, ".nojekyll"), "");
console.log(out);
