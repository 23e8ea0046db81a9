/** The workflow that is open on the page: what it lacks, and how it runs. */

import type { Studio } from "./studio.svelte";
import { nextSeeds } from "./seeds";
import { missingImages, replaced, type MissingModel, type Workflow } from "./workflow";

/** At most one workflow. */
export class OpenedWorkflow {
  workflow: Workflow | null = $state.raw(null);

  readonly #studio: Studio;

  constructor(studio: Studio) {
    this.#studio = studio;
  }

  /** Reads a file that holds a workflow, and takes the place of an earlier one. Rejects if there is none in it. */
  async open(file: Blob, name: string): Promise<void> {
    const engine = this.#studio.engine;
    if (engine === null) return;
    const { prompt, workflow, notices } = await engine.read(file);
    this.#studio.problem = null;
    this.workflow = { name, graph: prompt, source: workflow, notices, errors: {}, given: [], origins: [] };
    await this.#giveKept();
    await this.check();
    this.#studio.announcement = `${name} is open.`;
  }

  /** Takes the workflow off the page. */
  close(): void {
    this.workflow = null;
    this.#studio.announcement = "The workflow was closed.";
  }

  /** Uses another model where the workflow names one that is not here. */
  async mend(missing: MissingModel, name: string): Promise<void> {
    if (this.workflow === null) return;
    this.workflow = { ...this.workflow, graph: replaced(this.workflow.graph, missing, name) };
    await this.check();
  }

  /** Gives the engine a picture that the workflow names. */
  async give(name: string, file: Blob): Promise<void> {
    await this.#studio.engine?.putInput(name, file);
    await this.check();
  }

  /** Lets the workflow send its pictures to this origin. */
  async allow(origin: string): Promise<void> {
    this.#studio.engine?.allowSendingTo(origin);
    await this.check();
  }

  /** Runs the workflow; once it has begun, its seeds become those of the next run, as in the editor. */
  run(): void {
    const workflow = this.workflow;
    if (workflow === null) return;
    this.#studio.runs.add({
      title: workflow.name,
      run: async ({ draw, show }) => {
        let { errors } = workflow;
        let next = {};
        try {
          const { images, nodeErrors } = await draw(workflow.graph, {
            dynamicPrompts: true,
            ...(workflow.source && { workflow: workflow.source }),
            onEvent: ({ type }) => {
              if (type !== "execution_start" || workflow.source === null) return;
              next = nextSeeds(workflow.graph, workflow.source, this.#studio.info);
            },
          });
          errors = nodeErrors;
          show(images.map((file) => ({ file, title: workflow.name, settings: null })));
        } finally {
          // Closed or changed while it ran: that stays.
          if (this.workflow?.graph === workflow.graph) this.workflow = { ...this.workflow, errors, ...next };
        }
      },
    });
  }

  /** Pictures that it names and that were kept on an earlier visit. */
  async #giveKept(): Promise<void> {
    const [engine, workflow] = [this.#studio.engine, this.workflow];
    if (engine === null || workflow === null) return;
    for (const { name } of missingImages(workflow.graph, engine.inputs)) {
      const file = await this.#studio.gallery.input(name);
      if (file !== null) await engine.putInput(name, file);
    }
  }

  /** Asks the engine what is wrong with the workflow as it is now. */
  async check(): Promise<void> {
    const [engine, workflow] = [this.#studio.engine, this.workflow];
    if (engine === null || workflow === null) return;
    const errors = await engine.validate(workflow.graph);
    if (this.workflow?.graph !== workflow.graph) return;
    this.workflow = { ...workflow, errors, given: engine.inputs, origins: engine.wantsToSendTo(workflow.graph) };
  }
}
