/** Many pictures of one form: a grid over settings, a prompt matrix, a list of prompts. Each picture is kept as it is made. */

import {
  bulk,
  cells,
  drawGrids,
  matrixAxes,
  runCells,
  type ApiGraph,
  type Axis,
  type CellResult,
  type GenerateResult,
  type ResultFile,
  type Row,
  type Settings,
} from "../engine/index";
import { drawWords, settingsOf, taken } from "./drawing";
import type { Job } from "./runs.svelte";
import { settingsIn } from "./settings_in";
import type { Studio } from "./studio.svelte";
import { styled } from "./styles";

/** Draws the form once for each cell of a grid, and the grid. */
export function gridJob(studio: Studio, axes: Axis[]): Job {
  return sheetJob(studio, axes, `${axes.map(({ label }) => label).join(" × ")}: ${studio.form.prompt}`, null);
}

/** Draws every subset of the options in `base|option|option`, and the grid of them. */
export function matrixJob(studio: Studio, text: string): Job {
  return sheetJob(studio, matrixAxes(text), `Matrix: ${text}`, text);
}

function sheetJob(studio: Studio, axes: Axis[], title: string, matrix: string | null): Job {
  const { form, chosen, over, graphOf, about } = taken(studio);
  return {
    title,
    run: async ({ engine, signal, draw, show }) => {
      const settings = { ...settingsOf(form, form, over), batchSize: 1 };
      // The bars of a matrix mean something else than those of choices, and its text is looked for as it stands.
      if (matrix === null) Object.assign(settings, styled(form.prompt, form.negativePrompt, chosen));
      const drawn = matrix === null ? await drawWords(engine, settings) : { ...settings, prompt: matrix };
      const graph = (await graphOf(engine, drawn)).toJSON() as ApiGraph;
      const results: CellResult[] = [];
      for await (const result of runCells({ run: (cell) => draw(cell) }, cells(graph, axes), { signal })) {
        results.push(result);
        const made = { ...drawn, ...settingsIn(result.cell.graph) };
        show(result.images.map((file) => ({ file, title: made.prompt, settings: made, ...about })));
      }
      tellFailures(studio, results);
      for (const sheet of await drawGrids(axes, results)) show([{ file: sheetFile(sheet), title, settings: null }]);
    },
  };
}

/** Draws each row of a list; what a row leaves open is the form's. `done` grows, and what is in it is left out. */
export function listJob(studio: Studio, rows: Row[], done: Set<string>): Job {
  const { form, chosen, over, graphOf, about } = taken(studio);
  return {
    title: `List of ${rows.length}`,
    run: async ({ engine, signal, draw, show }) => {
      const generate = async (options: Row["options"]): Promise<GenerateResult> => {
        const { prompt, negativePrompt = form.negativePrompt, filenamePrefix: _, signal: __, ...said } = options;
        const settings = { ...settingsOf(form, form, over), ...said, ...styled(prompt, negativePrompt, chosen) } as Settings;
        const drawn = await drawWords(engine, settings);
        const result = await draw(await graphOf(engine, drawn));
        show(result.images.map((file) => ({ file, title: drawn.prompt, settings, ...about })));
        return { ...result, settings, drawn };
      };
      const results = [];
      for await (const result of bulk({ generate }, rows, { done, signal })) results.push(result);
      tellFailures(studio, results);
    },
  };
}

/** One that failed does not end the others; if all did, that is the run's error. */
function tellFailures(studio: Studio, results: { error: Error | null }[]): void {
  const failures = results.flatMap(({ error }) => (error === null ? [] : [error]));
  if (failures.length > 0 && failures.length === results.length) throw failures[0];
  if (failures.length > 0) studio.notice([`${failures.length} of ${results.length} could not be drawn: ${failures[0]?.message}`]);
}

/** A sheet as a file like those of a run. */
function sheetFile(sheet: Blob): ResultFile {
  return Object.assign(new File([sheet], "tintype_grid.png", { type: "image/png" }), { node: "", subfolder: "", folder: "output" as const });
}
