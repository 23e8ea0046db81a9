/** What the chosen model takes at the chosen size. Asked beside everything else: nothing waits for the answer. */

import { fillGraph, type Engine, type Plan } from "../engine/index";
import { optionsOf } from "./form";
import type { Studio } from "./studio.svelte";

/** A plan and what it is of. */
export interface Planned {
  plan: Plan;
  model: string;
  width: number;
  height: number;
  batchSize: number;
}

// Long enough that typing a number asks once.
const PAUSE_MS = 400;

/** The plan of the form. */
export class Planning {
  /** Null while there is none: the engine starts, a number is missing, or a file cannot be looked at. */
  now: Planned | null = $state.raw(null);

  readonly #studio: Studio;
  #turn = 0;

  constructor(studio: Studio) {
    this.#studio = studio;
  }

  /** Plans a moment after the form last changed, and after each run: what was fetched is there then. For an effect. */
  follow(): (() => void) | void {
    const { form, busy, engine, models, phase } = this.#studio;
    const { model, width, height, batchSize } = optionsOf(form);
    void models.list;
    if (phase !== "ready") this.now = null;
    if (busy || engine === null) return;
    const timer = setTimeout(() => void this.#ask(engine, { model, width, height, batchSize }), PAUSE_MS);
    return () => clearTimeout(timer);
  }

  async #ask(engine: Engine, of: Omit<Planned, "plan">): Promise<void> {
    const turn = ++this.#turn;
    try {
      const graph = engine.graph();
      fillGraph(graph, { settings: { ...optionsOf(this.#studio.form), ...of, seed: 0n, denoise: 1 }, source: null });
      const plan = await engine.plan(graph);
      if (turn === this.#turn && engine === this.#studio.engine) this.now = { plan, ...of };
    } catch {
      // What is wrong with the form is said when it is run; a file that cannot be looked at, when it is fetched.
      if (turn === this.#turn) this.now = null;
    }
  }
}
