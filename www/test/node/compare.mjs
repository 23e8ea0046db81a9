/**
 * A comparison by the engine of `make parity` in a process of its own, by a GPU's kernels with maps in halves:
 * `compare.mjs kernels KIND` or `compare.mjs golden NAME MODELS_URL`. Prints JSON.
 */

import { readFileSync } from "node:fs";

import { provideGpu } from "../../scripts/dawn.mjs";

const at = (/** @type {string} */ path) => new URL(`../../../${path}`, import.meta.url);
const read = (/** @type {string} */ path) => readFileSync(at(path));
/** Of the largest number of a result. */
const LAYER_TOLERANCE = 2e-3;

provideGpu();
const parity = await import(at("build/parity/webgpu/tintype.js").href);
await parity.default({ module_or_path: read("build/parity/webgpu/tintype_bg.wasm") });
const [what, name, models] = process.argv.slice(2);
const comparisons =
  what === "kernels"
    ? await parity.parity_kernels(name, false, true, LAYER_TOLERANCE)
    : await parity.parity_golden(models, read(`tests/fixtures/golden/${name}.json`).toString(), read(`tests/fixtures/golden/${name}.safetensors`), false, true);
console.log(JSON.stringify(comparisons));
// Dawn's own threads do not end by themselves.
process.exit(0);
