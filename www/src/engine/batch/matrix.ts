/** The prompt matrix: `base|option|option` with every subset of the options (AUTOMATIC1111's script). */

import type { ApiGraph } from "../graph";
import type { Axis } from "./axes";
import { bad } from "./values";

/** 2^8 pictures are a night's work; more is a slip. */
const MAX_OPTIONS = 8;

/** How a prompt matrix is put together. */
export interface MatrixOptions {
  /** Options before the base instead of behind it. */
  optionsAtStart?: boolean;
  /** Between the parts. */
  separator?: ", " | " ";
}

/** Every prompt of a matrix, the base alone first; prompt `i` holds option `k` if bit `k` of `i` is set. */
export function matrixPrompts(text: string, { optionsAtStart = false, separator = ", " }: MatrixOptions = {}): string[] {
  const [base = "", ...options] = text.split("|").map((part) => part.trim());
  if (options.length > MAX_OPTIONS) {
    throw bad(`${options.length} options make ${2 ** options.length} pictures`, `Use at most ${MAX_OPTIONS} options.`);
  }
  return Array.from({ length: 2 ** options.length }, (_, subset) => {
    const chosen = options.filter((_, k) => (subset >> k) & 1);
    return (optionsAtStart ? [...chosen, base] : [base, ...chosen]).filter((part) => part !== "").join(separator);
  });
}

/**
 * A matrix as two axes, so that it becomes a grid: half of the options across, half of them down. `text` stands
 * in one prompt of the graph and is replaced there.
 */
export function matrixAxes(text: string, options: MatrixOptions = {}): [Axis, Axis] {
  const [base = "", ...parts] = text.split("|").map((part) => part.trim());
  const half = Math.ceil(parts.length / 2);
  const across = parts.slice(0, half);
  const down = parts.slice(half);
  const prompts = matrixPrompts(text, options);
  // Each axis leaves a mark with its half of the subset; the second to be applied knows both.
  const make = (label: string, own: string[], shift: number): Axis => ({
    label,
    cost: 0,
    values: Array.from({ length: 2 ** own.length }, (_, subset) => ({
      label: own.filter((_, k) => (subset >> k) & 1).join(", ") || base,
      apply: (graph: ApiGraph) => choose(graph, text, prompts, subset << shift),
    })),
  });
  return [make("Options across", across, 0), make("Options down", down, half)];
}

/** Adds `bits` to the subset that the prompt of the graph stands for. */
function choose(graph: ApiGraph, text: string, prompts: string[], bits: number): void {
  for (const node of Object.values(graph)) {
    for (const [input, value] of Object.entries(node.inputs)) {
      if (typeof value !== "string" || !node.class_type.startsWith("CLIPTextEncode")) continue;
      const subset = value === text ? 0 : prompts.indexOf(value);
      if (subset < 0) continue;
      node.inputs[input] = prompts[subset | bits] ?? value;
      return;
    }
  }
  throw bad("the matrix stands in no prompt of the graph", "Write `base|option|option` into the prompt.");
}
