/** The editor's runs take their turns with those of the other views, so that there is one queue and one progress. */

import type { RunGraph } from "../../editor/run";
import type { RunResult } from "../../engine/index";
import type { Job } from "../runs.svelte";
import type { Studio } from "../studio.svelte";

const cancelled = () => new DOMException("the run was cancelled", "AbortError");

/** Runs of the editor that wait or run. */
export class Turns {
  readonly #studio: Studio;
  #pending = new Map<Job["run"], (reason: unknown) => void>();

  constructor(studio: Studio) {
    this.#studio = studio;
  }

  readonly run: RunGraph = (graph, { signal, front, title, ...request }) => {
    const { runs } = this.#studio;
    return new Promise<RunResult>((resolve, reject) => {
      const run: Job["run"] = async ({ draw, show, signal: stop }) => {
        try {
          const result = await draw(graph, { ...request, signal: AbortSignal.any([stop, ...(signal ? [signal] : [])]) });
          show(result.images.map((file) => ({ file, title, settings: null })));
          resolve(result);
        } catch (error) {
          reject(error);
          throw error;
        } finally {
          this.#pending.delete(run);
        }
      };
      this.#pending.set(run, reject);
      // What is wrong with a graph is shown at its nodes.
      runs.add({ title, run, tells: true });
      const place = () => runs.waiting.find((job) => job.run === run);
      const queued = place();
      if (front === true && queued !== undefined) runs.toFront(queued.id);
      signal?.addEventListener("abort", () => {
        const waiting = place();
        if (waiting === undefined) return;
        runs.drop(waiting.id);
        reject(cancelled());
      });
    });
  };

  /** Those that were taken out of the queue elsewhere will not run any more. */
  settle(): void {
    const { current, waiting } = this.#studio.runs;
    const known = new Set([current?.run, ...waiting.map(({ run }) => run)]);
    for (const [run, reject] of this.#pending) {
      if (known.has(run)) continue;
      this.#pending.delete(run);
      reject(cancelled());
    }
  }
}
