/** Sweeps: one graph a cell, run in an order that changes dear things seldom, shown as a labelled grid. */

import { abortError, isAbort } from "../errors";
import type { ApiGraph } from "../graph";
import type { ResultFile, RunResult } from "../types";
import type { Axis } from "./axes";
import { bad } from "./values";

/** More cells than a page holds pictures. */
const MAX_CELLS = 1024;

/** One cell: where it is, how it is labelled, and the graph that makes it. */
export interface Cell {
  /** Index on each axis; 0 on an axis that is not there. */
  at: [x: number, y: number, z: number];
  labels: string[];
  graph: ApiGraph;
}

/** A cell that was run. */
export interface CellResult {
  cell: Cell;
  /** Its pictures; empty if it failed. */
  images: ResultFile[];
  error: Error | null;
}

/** Whoever runs a graph: an engine. */
export interface Runner {
  run(graph: ApiGraph, request: { signal?: AbortSignal }): Promise<RunResult>;
}

/**
 * The cells of a sweep over one to three axes, in the order to run them: the dearest axis changes slowest, so that
 * a model is loaded once and everything else comes from the engine's cache.
 */
export function cells(graph: ApiGraph, axes: Axis[]): Cell[] {
  if (axes.length < 1 || axes.length > 3) throw bad(`a sweep has 1 to 3 axes, not ${axes.length}`, "Leave the others out.");
  const count = axes.reduce((product, { values }) => product * values.length, 1);
  if (count > MAX_CELLS) throw bad(`${count} pictures are too many`, `Keep it below ${MAX_CELLS}: use fewer values.`);
  const order = axes.map((_, i) => i).sort((a, b) => (axes[b]?.cost ?? 0) - (axes[a]?.cost ?? 0) || b - a);
  let places: number[][] = [axes.map(() => 0)];
  for (const i of order) {
    places = places.flatMap((place) => (axes[i]?.values ?? []).map((_, value) => place.map((old, j) => (j === i ? value : old))));
  }
  return places.map((place) => {
    const copy = structuredClone(graph);
    const values = axes.map(({ values }, i) => values[place[i] ?? 0]);
    for (const value of values) value?.apply(copy);
    const [x = 0, y = 0, z = 0] = place;
    return { at: [x, y, z], labels: values.map((value) => value?.label ?? ""), graph: copy };
  });
}

/** Runs every cell. A cell that fails is told of and the rest goes on; an abort ends it and keeps what was made. */
export async function* runCells(
  runner: Runner,
  list: Cell[],
  { signal }: { signal?: AbortSignal } = {},
): AsyncGenerator<CellResult, void, void> {
  for (const cell of list) {
    if (signal?.aborted) throw abortError();
    try {
      const { images } = await runner.run(cell.graph, signal === undefined ? {} : { signal });
      yield { cell, images, error: null };
    } catch (error) {
      if (isAbort(error)) throw error;
      yield { cell, images: [], error: error instanceof Error ? error : new Error(String(error)) };
    }
  }
}
