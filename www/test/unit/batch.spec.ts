import { expect, test } from "@playwright/test";

import { AXES, axis, inputAxis } from "../../src/engine/batch/axes";
import { bulk, readRows, type Generator } from "../../src/engine/batch/bulk";
import { layout, wrap } from "../../src/engine/batch/grid";
import { matrixAxes, matrixPrompts } from "../../src/engine/batch/matrix";
import { cells, runCells, type Runner } from "../../src/engine/batch/sweep";
import { integers, numbers, orders, splitList } from "../../src/engine/batch/values";
import { abortError, TintypeError } from "../../src/engine/errors";
import type { GenerateOptions, GenerateResult } from "../../src/engine/generate";
import type { ApiGraph } from "../../src/engine/graph";

const graph = (): ApiGraph => ({
  "1": { class_type: "CheckpointLoaderSimple", inputs: { ckpt_name: "sprite" } },
  "2": { class_type: "CLIPTextEncode", inputs: { clip: ["1", 1], text: "a red dragon, a blue cat" } },
  "3": { class_type: "CLIPTextEncode", inputs: { clip: ["1", 1], text: "" } },
  "4": { class_type: "EmptyLatentImage", inputs: { width: 64, height: 64, batch_size: 1 } },
  "5": {
    class_type: "KSampler",
    inputs: { seed: 7, steps: 2, cfg: 5, sampler_name: "euler", scheduler: "normal", denoise: 1, model: ["1", 0], positive: ["2", 0], negative: ["3", 0], latent_image: ["4", 0] },
  },
});

function refusal(action: () => unknown): string {
  try {
    action();
  } catch (error) {
    expect(error).toBeInstanceOf(TintypeError);
    expect((error as TintypeError).hint).toBeTruthy();
    return (error as TintypeError).message;
  }
  throw new Error("nothing was thrown");
}

test("lists keep what is quoted", () => {
  expect(splitList("a, b ,c")).toEqual(["a", "b", "c"]);
  expect(splitList('"a, b", "say ""hi""",')).toEqual(["a, b", 'say "hi"', ""]);
  expect(splitList("  ")).toEqual([]);
  expect(refusal(() => splitList('a, "b'))).toContain("character");
});

test("ranges have steps and counts, in both directions", () => {
  expect(integers("1-5")).toEqual([1n, 2n, 3n, 4n, 5n]);
  expect(integers("1-10 (+3), 99")).toEqual([1n, 4n, 7n, 10n, 99n]);
  expect(integers("10-1 (-4)")).toEqual([10n, 6n, 2n]);
  expect(integers("5-3")).toEqual([5n, 4n, 3n]);
  expect(integers("1-10 [4]")).toEqual([1n, 4n, 7n, 10n]);
  expect(integers("18446744073709551615")).toEqual([18446744073709551615n]);
  expect(numbers("0-1 (+0.1)")).toEqual([0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1]);
  expect(numbers("-1.5, 3-9 [3]")).toEqual([-1.5, 3, 6, 9]);
  for (const text of ["1-9 (0)", "1-9 (-1)", "1-1000000", "x", "1.5", "1-9 [0]", "1-9 [99999]"]) refusal(() => integers(text));
});

test("orders are all there, and few enough", () => {
  expect(orders(["a", "b", "c"]).map((order) => order.join(""))).toEqual(["abc", "acb", "bac", "bca", "cab", "cba"]);
  refusal(() => orders([..."abcdefg"]));
});

test("every named axis changes what its name says and nothing else", () => {
  const example: Record<string, [values: string, node: string, input: string, expected: unknown]> = {
    Seed: ["9", "5", "seed", 9n],
    Steps: ["4", "5", "steps", 4],
    "CFG Scale": ["7.5", "5", "cfg", 7.5],
    Denoising: ["0.5", "5", "denoise", 0.5],
    Sampler: ["heun", "5", "sampler_name", "heun"],
    "Schedule type": ["karras", "5", "scheduler", "karras"],
    Size: ["96x128", "4", "height", 128],
    "Prompt S/R": ["red dragon, green owl", "2", "text", "a red dragon, a blue cat"],
    "Prompt order": ["red dragon, blue cat", "2", "text", "a red dragon, a blue cat"],
    "Checkpoint name": ["other", "1", "ckpt_name", "other"],
  };
  for (const [name, [values, node, input, expected]] of Object.entries(example)) {
    const changed = graph();
    axis(name as (typeof AXES)[number], values).values[0]?.apply(changed);
    expect(changed[node]?.inputs[input], name).toEqual(expected);
    const same = graph();
    for (const [id, other] of Object.entries(changed)) if (id !== node) expect(other, name).toEqual(same[id]);
  }
  expect([...Object.keys(example), "Clip skip", "VAE"].sort()).toEqual([...AXES].sort());
});

test("search and replace, and order, work inside the prompt", () => {
  const replaced = graph();
  axis("Prompt S/R", "dragon, owl").values[1]?.apply(replaced);
  expect(replaced["2"]?.inputs.text).toBe("a red owl, a blue cat");
  const turned = graph();
  axis("Prompt order", "red dragon, blue cat").values[1]?.apply(turned);
  expect(turned["2"]?.inputs.text).toBe("a blue cat, a red dragon");
});

test("clip skip adds its node once and for every prompt", () => {
  const changed = graph();
  const skip = axis("Clip skip", "2-3");
  skip.values[0]?.apply(changed);
  expect(changed["2"]?.inputs.clip).toEqual(["1:clip_skip", 0]);
  expect(changed["3"]?.inputs.clip).toEqual(["1:clip_skip", 0]);
  skip.values[1]?.apply(changed);
  expect(changed["1:clip_skip"]).toEqual({ class_type: "CLIPSetLastLayer", inputs: { clip: ["1", 1], stop_at_clip_layer: -3 } });
});

test("an axis that finds nothing to change says so", () => {
  expect(refusal(() => axis("VAE", "a").values[0]?.apply(graph()))).toContain("VAELoader");
  expect(refusal(() => axis("Prompt S/R", "zebra, x").values[0]?.apply(graph()))).toContain("zebra");
  expect(refusal(() => axis("Steps", ""))).toContain("no values");
  expect(refusal(() => axis("Hires steps" as never, "1"))).toContain("Hires steps");
  expect(refusal(() => axis("Size", "big").values[0]?.apply(graph()))).toContain("big");
});

test("cells come with the dearest axis slowest, and each has a graph of its own", () => {
  const list = cells(graph(), [axis("Checkpoint name", "a, b"), axis("Seed", "1-2"), inputAxis("prefix", { node: "2", input: "text" }, ["x"])]);
  expect(list.map(({ labels }) => labels.join(" "))).toEqual(["a 1 x", "a 2 x", "b 1 x", "b 2 x"]);
  expect(list.map(({ at }) => at)).toEqual([[0, 0, 0], [0, 1, 0], [1, 0, 0], [1, 1, 0]]);
  expect(list[2]?.graph["1"]?.inputs.ckpt_name).toBe("b");
  expect(list[2]?.graph["5"]?.inputs.seed).toBe(1n);
  expect(refusal(() => cells(graph(), []))).toContain("axes");
  expect(refusal(() => cells(graph(), [axis("Seed", "1-100"), axis("Steps", "1-100")]))).toContain("10000");
});

test("a cell that fails does not stop the others; an abort does", async () => {
  const list = cells(graph(), [axis("Seed", "1-3")]);
  const runner: Runner = {
    run: (api) => {
      if (api["5"]?.inputs.seed === 2n) return Promise.reject(new TintypeError("no", "node_threw"));
      return Promise.resolve({ promptId: "p", images: [], latents: [], outputs: {}, nodeErrors: {} });
    },
  };
  const seen: string[] = [];
  for await (const { cell, error } of runCells(runner, list)) seen.push(`${cell.labels[0] ?? ""}${error === null ? "" : "!"}`);
  expect(seen).toEqual(["1", "2!", "3"]);
  const abort = new AbortController();
  const some = runCells(runner, list, { signal: abort.signal });
  await some.next();
  abort.abort();
  await expect(some.next()).rejects.toMatchObject({ name: "AbortError" });
});

test("a matrix is every subset of its options", () => {
  expect(matrixPrompts("a cat|red|big")).toEqual(["a cat", "a cat, red", "a cat, big", "a cat, red, big"]);
  expect(matrixPrompts("a cat|red", { optionsAtStart: true, separator: " " })).toEqual(["a cat", "red a cat"]);
  expect(refusal(() => matrixPrompts("a|b|c|d|e|f|g|h|i|j"))).toContain("512");
  const text = "a cat|red|big|old";
  const api = graph();
  (api["2"] as { inputs: Record<string, unknown> }).inputs.text = text;
  const prompts = cells(api, matrixAxes(text)).map((cell) => cell.graph["2"]?.inputs.text);
  expect([...prompts].sort()).toEqual([...matrixPrompts(text)].sort());
  expect(refusal(() => cells(graph(), matrixAxes(text)))).toContain("matrix");
});

test("a grid's parts do not overlap and stay inside", () => {
  const plan = layout([3, 2], { width: 128, height: 96 }, { title: true, margin: 4 });
  const boxes = [...plan.cells.flat(), ...plan.columns, ...plan.rows, ...(plan.title === null ? [] : [plan.title])];
  expect(boxes).toHaveLength(6 + 3 + 2 + 1);
  for (const [i, a] of boxes.entries()) {
    expect(a.x >= 0 && a.y >= 0 && a.x + a.width <= plan.width + 4 && a.y + a.height <= plan.height).toBe(true);
    for (const b of boxes.slice(i + 1)) {
      const apart = a.x + a.width <= b.x || b.x + b.width <= a.x || a.y + a.height <= b.y || b.y + b.height <= a.y;
      expect(apart, JSON.stringify([a, b])).toBe(true);
    }
  }
});

test("labels wrap at spaces, break long words and end in an ellipsis", () => {
  const fits = (line: string) => line.length <= 8;
  expect(wrap("CFG Scale: 7.5", fits, 3)).toEqual(["CFG", "Scale:", "7.5"]);
  expect(wrap("supercalifragilistic", fits, 2)).toEqual(["supercal", "ifragil…"]);
  expect(wrap("a b", () => false, 2)).toHaveLength(2);
  expect(wrap("", fits, 2)).toEqual([]);
});

test("rows come from lines, flags and tables", () => {
  const lines = readRows('# a list\na cat\n\n--prompt "a dog, big" --steps 12 --cfg_scale 4.5 --seed 18446744073709551615\n');
  expect(lines.map(({ line, options }) => ({ line, ...options }))).toEqual([
    { line: 2, prompt: "a cat" },
    { line: 4, prompt: "a dog, big", steps: 12, cfg: 4.5, seed: 18446744073709551615n },
  ]);
  const table = readRows('\uFEFFPrompt,Negative prompt,Width\r\n"a cat,\nasleep",blurry,64\r\n"say ""hi""",,\r\n');
  expect(table.map(({ line, options }) => ({ line, ...options }))).toEqual([
    { line: 2, prompt: "a cat,\nasleep", negativePrompt: "blurry", width: 64 },
    { line: 4, prompt: 'say "hi"' },
  ]);
  expect(refusal(() => readRows("prompt,stpes\na,1"))).toContain("stpes");
  expect(refusal(() => readRows("--prompt a --seed -1"))).toContain("seed");
  expect(refusal(() => readRows("--prompt a --steps many"))).toContain("line 1");
  expect(refusal(() => readRows("\n\n"))).toContain("no prompt");
});

test("a bulk run goes on after a failure and resumes with what is left", async () => {
  const rows = readRows("a\nb\nc\nd");
  const asked: string[] = [];
  const abort = new AbortController();
  const generator: Generator = {
    generate: (options: GenerateOptions) => {
      asked.push(options.prompt);
      if (options.prompt === "b") return Promise.reject(new Error("no"));
      if (options.signal?.aborted) return Promise.reject(abortError());
      return Promise.resolve({ images: [] } as unknown as GenerateResult);
    },
  };
  const done = new Set<string>();
  const first = bulk(generator, rows, { done, signal: abort.signal });
  expect((await first.next()).value).toMatchObject({ row: { line: 1 }, error: null });
  expect((await first.next()).value).toMatchObject({ row: { line: 2 }, result: null });
  abort.abort();
  await expect(first.next()).rejects.toMatchObject({ name: "AbortError" });
  expect(done.size).toBe(1);
  asked.length = 0;
  for await (const { row } of bulk(generator, readRows("a\nb\nc\nd"), { done })) expect(row.line).toBeGreaterThan(1);
  expect(asked).toEqual(["b", "c", "d"]);
});
