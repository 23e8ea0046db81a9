/** What was measured, in few numbers and in words. */

/**
 * @typedef {{ median: number, min: number, max: number }} Spread
 * @typedef {{ wall: number[], cpu: number }} Turn evaluations in a row, in milliseconds: each by the clock, and the
 *   mean processor time
 * @typedef {{
 *   browser: string, device: string,
 *   tintype: { firstVisit: import("./page.ts").FirstVisit, pictures: number[], unet: Turn[], memory: number | null },
 *   onnxruntime: { version: string, open: number | null, unet: Turn[] } | null,
 * }} Measured
 */

/**
 * Medians of everything, and the ratio of speeds by the clock, by processor time (which other programs disturb less),
 * and by the best of each (what a quiet machine would show).
 * @param {Measured} measured
 */
export function summarise({ tintype, onnxruntime }) {
  const side = (/** @type {Turn[]} */ turns) => ({
    wall: spread(turns.flatMap(({ wall }) => wall)),
    cpu: spread(turns.map(({ cpu }) => cpu)),
  });
  const ours = side(tintype.unet);
  const theirs = onnxruntime && side(onnxruntime.unet);
  const ratio = theirs && {
    wall: theirs.wall.median / ours.wall.median,
    cpu: theirs.cpu.median / ours.cpu.median,
    best: theirs.wall.min / ours.wall.min,
  };
  return { picture: spread(tintype.pictures), ours, theirs, ratio };
}

/**
 * @param {Measured & {
 *   machine: { cpu: string, cores: number, load: { before: number[], after: number[] } },
 *   job: import("./page.ts").Job, flops: number, summary: ReturnType<typeof summarise>,
 *   sizes: { tintype: number, onnxruntime: number },
 * }} result
 */
export function print({ browser, device, machine, job, flops, summary, tintype, onnxruntime, sizes }) {
  const load = `load ${machine.load.before[0]?.toFixed(1)} before, ${machine.load.after[0]?.toFixed(1)} after`;
  console.log(`\n${browser} · ${machine.cpu}, ${machine.cores} cores, ${load}`);
  console.log(`${job.model} on ${device} · ${job.width} × ${job.height}, ${job.steps} steps, CFG ${job.cfg}, ${job.sampler}, ${job.scheduler}\n`);

  const unet = (/** @type {string} */ name, /** @type {Spread} */ { median, min, max }) => [
    name,
    ...[median, min, max].map((ms) => `${ms.toFixed(0)} ms`),
    ...[median, min].map((ms) => `${(flops / ms / 1e6).toFixed(1)} GFLOP/s`),
  ];
  const { picture, ours, theirs, ratio } = summary;
  table([
    ["", "median", "best", "worst", "at the median", "at best"],
    ["picture, Tintype", ...[picture.median, picture.min, picture.max].map((s) => `${s.toFixed(2)} s`)],
    unet("UNet evaluation, Tintype", ours.wall),
    ...(theirs ? [unet("UNet evaluation, onnxruntime-web", theirs.wall)] : []),
    unet("processor time of one, Tintype", ours.cpu),
    ...(theirs ? [unet("processor time of one, onnxruntime-web", theirs.cpu)] : []),
  ]);
  if (ratio) {
    console.log(
      `\nSpeed of Tintype's UNet, onnxruntime-web ${onnxruntime?.version} = 1: ${ratio.wall.toFixed(2)} by the clock (medians), ` +
        `${ratio.cpu.toFixed(2)} by processor time (medians), ${ratio.best.toFixed(2)} best against best`,
    );
  }

  const { engine, model, picture: first } = tintype.firstVisit;
  const mb = (/** @type {number} */ bytes) => `${(bytes / 1e6).toFixed(1)} MB`;
  console.log("");
  table([
    ["first visit: engine fetched and started", `${engine.toFixed(2)} s`],
    ["first visit: model fetched, checked and loaded", `${model.toFixed(2)} s`],
    ["first visit: picture, model's time included", `${first.toFixed(2)} s`],
    ...(tintype.memory === null ? [] : [["wasm memory at its peak", mb(tintype.memory)]]),
    ["engine, gzipped", mb(sizes.tintype)],
    ["onnxruntime-web's engine, gzipped", mb(sizes.onnxruntime)],
  ]);
  console.log(`\n${flops.toLocaleString("en")} FLOP an evaluation (batch 2); every number is in build/bench/result.json`);
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
