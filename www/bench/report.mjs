/** What was measured, in few numbers and in words. */

/**
 * @typedef {import("./page.ts").Part} Part
 * @typedef {{ wall: number[], cpu: number }} Turn evaluations in a row, in milliseconds: each by the clock, and the
 *   mean processor time
 * @typedef {{ dispatches: number, peak: number }} Gpu dispatches of one evaluation, and bytes of all buffers at their peak
 * @typedef {{ part: Part, ours: Turn[], theirs: Turn[], gpu: { ours: Gpu, theirs: Gpu | null } | null }} Measured
 * @typedef {{ median: number, min: number, max: number }} Spread
 * @typedef {{ wall: Spread, cpu: Spread }} Side
 */

/** @type {Record<Part, string>} */
const NAMES = {
  text: "text encoder",
  unet1: "UNet, 1 picture",
  unet2: "UNet, 2 (guided)",
  vae: "autoencoder",
  taesd: "tiny autoencoder",
};

/**
 * Medians of one network, and the ratio of speeds by the clock, by processor time (which other programs disturb less),
 * and by the best of each (what a quiet machine would show).
 * @param {Measured} measured
 */
export function summarise({ part, ours, theirs, gpu }) {
  const side = (/** @type {Turn[]} */ turns) => ({
    wall: spread(turns.flatMap(({ wall }) => wall)),
    cpu: spread(turns.map(({ cpu }) => cpu)),
  });
  const [mine, other] = [side(ours), theirs.length > 0 ? side(theirs) : null];
  const ratio = other && {
    wall: other.wall.median / mine.wall.median,
    cpu: other.cpu.median / mine.cpu.median,
    best: other.wall.min / mine.wall.min,
  };
  return { part, ours: mine, theirs: other, ratio, gpu };
}

/**
 * @param {{
 *   browser: string, device: string, software: boolean, job: import("./page.ts").Job,
 *   machine: { cpu: string, cores: number, load: { before: number[], after: number[] } },
 *   flops: Partial<Record<Part, number>>, parts: ReturnType<typeof summarise>[], pictures: number[],
 *   firstVisit: import("./page.ts").FirstVisit, memory: number | null, version: string | null,
 *   sizes: { tintype: number, onnxruntime: number },
 * }} result
 */
export function print({ browser, device, software, job, machine, flops, parts, pictures, firstVisit, memory, version, sizes }) {
  const load = `load ${machine.load.before[0]?.toFixed(1)} before, ${machine.load.after[0]?.toFixed(1)} after`;
  console.log(`\n${browser} · ${machine.cpu}, ${machine.cores} cores, ${load}`);
  console.log(`${job.model} on ${device}, ${job.width} × ${job.height}; onnxruntime-web ${version ?? "left out"}`);
  if (software) console.log("A software adapter: processor time tells how much work there is, and nothing here is a speed.");
  console.log("\nMedians; a ratio above 1 says that Tintype takes less.\n");
  const ms = (/** @type {number | undefined} */ time) => (time === undefined ? "" : `${time.toFixed(time < 10 ? 1 : 0)} ms`);
  const times = (/** @type {number | undefined} */ ratio) => (ratio === undefined ? "" : ratio.toFixed(2));
  const rate = (/** @type {number | undefined} */ count, /** @type {number} */ time) =>
    count === undefined ? "" : `${(count / time / 1e6).toFixed(1)} GFLOP/s`;
  table([
    ["", "by the clock", "onnxruntime", "ratio", "best", "rate", "processor", "onnxruntime", "ratio"],
    ...parts.map(({ part, ours, theirs, ratio }) => [
      NAMES[part],
      ms(ours.wall.median),
      ms(theirs?.wall.median),
      times(ratio?.wall),
      times(ratio?.best),
      rate(flops[part], ours.wall.median),
      ms(ours.cpu.median),
      ms(theirs?.cpu.median),
      times(ratio?.cpu),
    ]),
  ]);
  const mb = (/** @type {number} */ bytes) => `${(bytes / 1e6).toFixed(1)} MB`;
  if (parts.some(({ gpu }) => gpu !== null)) {
    console.log("");
    table([
      ["", "dispatches", "onnxruntime", "all buffers", "onnxruntime"],
      ...parts.map(({ part, gpu }) => [
        NAMES[part],
        ...(gpu ? [`${gpu.ours.dispatches}`, `${gpu.theirs?.dispatches ?? ""}`, mb(gpu.ours.peak), gpu.theirs ? mb(gpu.theirs.peak) : ""] : []),
      ]),
    ]);
  }
  const { engine, model, picture } = firstVisit;
  const second = (/** @type {number} */ time) => `${time.toFixed(2)} s`;
  const all = spread(pictures);
  console.log("");
  table([
    [`a picture, ${job.steps} steps of ${job.sampler}, guided`, `${second(all.median)} (${second(all.min)} to ${second(all.max)})`],
    ["first visit: engine fetched and started", second(engine)],
    ["first visit: model fetched, checked and loaded", second(model)],
    ["first visit: picture, model's time included", second(picture)],
    ...(memory === null ? [] : [["engine's heap at its peak", mb(memory)]]),
    ["engine, gzipped", mb(sizes.tintype)],
    ["onnxruntime-web's engine, gzipped", mb(sizes.onnxruntime)],
  ]);
  console.log("\nEvery number is in build/bench/networks.json.");
}

/**
 * @param {number[]} numbers
 * @returns {Spread}
 */
function spread(numbers) {
  const sorted = [...numbers].sort((a, b) => a - b);
  const at = (/** @type {number} */ i) => sorted[i] ?? Number.NaN;
  const half = sorted.length / 2;
  const median = Number.isInteger(half) ? (at(half - 1) + at(half)) / 2 : at(Math.floor(half));
  return { median, min: at(0), max: at(sorted.length - 1) };
}

/** @param {string[][]} rows */
function table(rows) {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((cells) => (cells[column] ?? "").length)));
  for (const cells of rows) {
    const padded = widths.map((width, i) => (i === 0 ? (cells[i] ?? "").padEnd(width) : (cells[i] ?? "").padStart(width)));
    console.log(padded.join("  ").trimEnd());
  }
}

/** @param {{ part: string, kernels: { kernel: string, dispatches: number, seconds: number }[] }[]} parts */
export function printKernels(parts) {
  console.log("| part | kernel | dispatches | time | share |");
  console.log("| --- | --- | --- | --- | --- |");
  for (const { part, kernels } of parts) {
    const all = kernels.reduce((sum, { seconds }) => sum + seconds, 0);
    for (const { kernel, dispatches, seconds } of kernels) {
      console.log(`| ${part} | ${kernel} | ${dispatches} | ${(seconds * 1000).toFixed(1)} ms | ${((seconds / all) * 100).toFixed(1)} % |`);
    }
  }
}
