/** The page's state: one engine, one form, and what is made of them. Each part has a class of its own beside this file. */

import { hasFlags, open, randomSeed, type DeviceInfo, type Engine, type EngineEvent, type ObjectInfo } from "../engine/index";
import { isModel, loadForm, optionsOf, saveForm, type Form } from "./form";
import { Models } from "./library.svelte";
import { OpenedWorkflow } from "./opened.svelte";
import { problemOf, type Problem } from "./problem";
import { Runs, type Picture } from "./runs.svelte";
import { optionsOf as choicesIn } from "./workflow";

/** Everything the components show. Components read it and call its methods; nothing else changes it. */
export class Studio {
  form: Form = $state(loadForm());
  phase: "starting" | "ready" | "broken" = $state("starting");
  device: DeviceInfo | null = $state.raw(null);
  info: ObjectInfo = $state.raw({});
  problem: Problem | null = $state.raw(null);
  notices: readonly string[] = $state.raw([]);
  /** What a screen reader is told; short, and not at every step. */
  announcement = $state("");

  readonly runs = new Runs(this);
  readonly models = new Models(this);
  readonly opened = new OpenedWorkflow(this);
  /** Shows a view by its name. */
  readonly show: (view: string) => void;

  #engine: Engine | null = null;
  #opening = 0;

  constructor(show: (view: string) => void = () => {}) {
    this.show = show;
  }

  /** The engine, while it is open. */
  get engine(): Engine | null {
    return this.#engine;
  }

  /** Something runs that must not be disturbed. */
  get busy(): boolean {
    return this.phase !== "ready" || this.runs.current !== null || this.models.keeping;
  }

  /** Names that an input of a node class offers. */
  choices(classType: string, input: string, current: string): string[] {
    const options = choicesIn(this.info, classType, input);
    return options.includes(current) ? options : [current, ...options];
  }

  /** Opens the engine for the wished device; ends an earlier one. */
  async start(): Promise<void> {
    const turn = ++this.#opening;
    this.#engine?.close();
    this.#engine = null;
    this.phase = "starting";
    this.problem = null;
    this.device = null;
    this.runs.progress = { fraction: null, text: "Starting the engine" };
    try {
      const engine = await open({ device: this.form.device, onEvent: (event) => turn === this.#opening && this.#hear(event) });
      if (turn !== this.#opening) return engine.close();
      this.#engine = engine;
      this.device = engine.device;
      this.info = engine.objectInfo();
      this.models.arrive(engine);
      this.phase = "ready";
      this.announcement = "Ready.";
    } catch (error) {
      if (turn !== this.#opening) return;
      this.phase = "broken";
      this.problem = problemOf(error);
    } finally {
      if (turn === this.#opening) this.runs.progress = null;
    }
  }

  /** Draws what the form says; a MidJourney prompt may stand for several runs, and its flags go before the form. */
  generate(): void {
    if (this.phase !== "ready") return;
    if (this.form.newSeedEachTime) this.rollSeed();
    this.save();
    const form = optionsOf($state.snapshot(this.form));
    this.runs.add({
      title: form.prompt,
      run: async ({ engine, signal, show }) => {
        const prompts = hasFlags(form.prompt) ? await engine.midjourney(form.prompt, form) : [{ options: form, notices: [] }];
        for (const { options, notices } of prompts) {
          this.notice(notices);
          const negativePrompt = [...new Set([form.negativePrompt, options.negativePrompt])].filter(Boolean).join(", ");
          const { images, settings, drawn } = await engine.generate({ ...form, ...options, negativePrompt, signal });
          show(images.map((file) => ({ file, title: drawn.prompt, settings })));
        }
      },
    });
  }

  /** Opens a workflow, a picture that carries one, or a model. */
  async openFile(file: Blob, name: string): Promise<void> {
    if (this.#engine === null) return;
    if (isModel(name)) return await this.models.add(file, name);
    try {
      await this.opened.open(file, name);
      this.show("create");
    } catch (error) {
      this.fail(error);
    }
  }

  /** Another seed. */
  rollSeed(): void {
    this.form.seed = randomSeed().toString();
  }

  /** Puts a picture's settings back into the form, with its seed kept. */
  reuse({ settings }: Pick<Picture, "settings">): void {
    if (settings === null) return;
    const { denoise: _, model: __, seed, ...same } = settings;
    Object.assign(this.form, same, { seed: seed.toString(), newSeedEachTime: false });
    this.save();
    this.announcement = "The settings of this picture are in the form.";
  }

  /** Keeps the form for the next visit. */
  save(): void {
    saveForm($state.snapshot(this.form));
  }

  /** Shows an error. */
  fail(error: unknown): void {
    this.problem = problemOf(error);
    this.announcement = "";
  }

  /** Tells something worth knowing, each sentence once. */
  notice(messages: string[]): void {
    this.notices = [...new Set([...this.notices, ...messages])];
  }

  #hear(event: EngineEvent): void {
    if (event.type === "notice") this.notice([event.data.message]);
    else this.runs.hear(event);
  }
}
