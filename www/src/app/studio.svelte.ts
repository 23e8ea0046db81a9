/** The page's state: one engine, one form, and what is made of them. Each part has a class of its own beside this file. */

import {
  isModelName,
  open,
  randomSeed,
  TintypeError,
  type DeviceInfo,
  type Engine,
  type EngineEvent,
  type ObjectInfo,
  type Settings,
} from "../engine/index";
import { formJob, repaintJob, upscaleJob, upscalerOf, type Finished } from "./drawing";
import { loadForm, saveForm, type Form } from "./form";
import { Gallery } from "./gallery.svelte";
import { Models } from "./library.svelte";
import { Offline } from "./offline.svelte";
import { OpenedWorkflow } from "./opened.svelte";
import { Planning } from "./planning.svelte";
import { problemOf, type Problem } from "./problem";
import type { Painter } from "./repaint/painter";
import { Runs } from "./runs.svelte";
import { BUNDLED_SIDE, sizeLike } from "./sizes";
import { Start } from "./start.svelte";
import { Tabs } from "./tabs.svelte";
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
  readonly planning = new Planning(this);
  readonly opened = new OpenedWorkflow(this);
  readonly gallery = new Gallery(this);
  readonly start = new Start();
  readonly offline = new Offline();
  readonly tabs = new Tabs();
  /** Shows a view by its name. */
  readonly show: (view: string) => void;

  #engine: Engine | null = null;
  #opening = 0;
  /** Whoever waits for the engine. */
  #waiting: (() => void)[] = [];

  constructor(show: (view: string) => void = () => {}) {
    this.show = show;
  }

  /** The engine, while it is open. */
  get engine(): Engine | null {
    return this.#engine;
  }

  /** The engine, as soon as it is open: what is given to a page that still loads waits. Null where there is none to be had. */
  async whenOpen(): Promise<Engine | null> {
    while (this.phase === "starting") await new Promise<void>((wake) => this.#waiting.push(wake));
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
  async begin(): Promise<void> {
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
      void this.offline.keepEngine(engine.device.build);
      this.announcement = "Ready.";
    } catch (error) {
      if (turn !== this.#opening) return;
      this.phase = "broken";
      this.problem = problemOf(error);
    } finally {
      if (turn === this.#opening) this.runs.progress = null;
      for (const wake of this.#waiting.splice(0)) wake();
    }
  }

  /** Draws what the form says; a MidJourney prompt may stand for several runs, and its flags go before the form. */
  generate(): void {
    if (this.phase !== "ready") return;
    if (this.form.newSeedEachTime) this.rollSeed();
    this.save();
    this.runs.add(formJob(this));
  }

  /** Enlarges a picture; without an upscaler, says where one comes from. */
  upscale(picture: Finished): void {
    const upscaler = upscalerOf(this);
    if (upscaler === null) {
      this.fail(new TintypeError("there is no upscaler here", "file_not_found", { hint: "Add one under Models, such as a Real-ESRGAN file." }));
    } else {
      this.runs.add(upscaleJob(this, picture, upscaler));
    }
  }

  /** Repaints a picture in one of a network's styles. */
  repaint(picture: Finished, { network }: Painter, style: number, strength: number): void {
    this.runs.add(repaintJob(this, picture, { network, style, strength }));
  }

  /** Opens a model, a workflow, a picture that carries one, or any other picture, to start from. */
  async openFile(file: Blob, name: string): Promise<void> {
    if ((await this.whenOpen()) === null) return;
    if (isModelName(name)) return await this.models.add(file, name);
    try {
      await this.opened.open(file, name);
      this.show("create");
    } catch (error) {
      // No workflow in it: if it is a picture, it is one to draw over.
      if (await this.startFrom(file, name)) this.notice([`\`${name}\` carries no workflow; it is the picture to start from.`]);
      else this.fail(error);
    }
  }

  /** Takes a picture to draw over, at a size that the checkpoint knows. False if it is no picture. */
  async startFrom(file: Blob, name: string): Promise<boolean> {
    try {
      const picture = await this.start.take(file, name);
      Object.assign(this.form, sizeLike(picture, this.models.sideOf(this.form.model) ?? BUNDLED_SIDE));
      this.problem = null;
      this.announcement = `${name} is the picture to start from.`;
      this.show("create");
      return true;
    } catch {
      return false;
    }
  }

  /** Another seed. */
  rollSeed(): void {
    this.form.seed = randomSeed().toString();
  }

  /** Puts a picture's settings back into the form, with its seed kept. */
  reuse(settings: Partial<Settings>): void {
    const { denoise, model, seed, loras = [], ...same } = settings;
    const here = choicesIn(this.info, "CheckpointLoaderSimple", "ckpt_name");
    if (model !== undefined && here.includes(model)) this.form.model = model;
    // Its words may hold those of a style already.
    Object.assign(this.form, same, { styles: [], loras: loras.map((use) => ({ ...use, name: this.#loraHere(use.name) })) });
    if (seed !== undefined) Object.assign(this.form, { seed: seed.toString(), newSeedEachTime: false });
    if (denoise !== undefined && denoise < 1) this.form.denoise = denoise;
    this.save();
    this.announcement = "The settings of this picture are in the form.";
  }

  /** The name of a LoRA that a text has without its file's ending, as AUTOMATIC1111 does. */
  #loraHere(name: string): string {
    return choicesIn(this.info, "LoraLoader", "lora_name").find((file) => file === name || file.replace(/\.\w+$/, "") === name) ?? name;
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
