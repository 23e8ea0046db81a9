/** The page's state: one engine, one form, one run at a time, and the pictures made so far. */

import {
  hasFlags,
  isAbort,
  open,
  randomSeed,
  type ApiGraph,
  type DeviceInfo,
  type Engine,
  type EngineEvent,
  type EngineEvents,
  type ModelFile,
  type ObjectInfo,
  type Preview,
  type ResultFile,
  type Settings,
} from "../engine/index";
import { FIRST, isModel, loadForm, optionsOf, saveForm, type Form } from "./form";
import { problemOf, type Problem } from "./problem";
import { nextSeeds } from "./seeds";
import { bytes, Clock, duration } from "./words";
import { optionsOf as choicesIn, replaced, type MissingModel, type Workflow } from "./workflow";

/** A finished picture on the page. */
export interface Picture {
  key: number;
  url: string;
  file: ResultFile;
  /** What it was made of. */
  title: string;
  /** The form's settings; null for a picture that a workflow made. */
  settings: Settings | null;
  /** Place in its batch, from 0. */
  index: number;
  seconds: number;
  device: string;
}

/** A picture of a run that has just ended. */
type Made = Pick<Picture, "file" | "title" | "settings">;

/** How far the present work is: a fraction, or null while that is unknown. */
export interface Progress {
  fraction: number | null;
  text: string;
}

/** Everything the components show. Components read it and call its methods; nothing else changes it. */
export class Studio {
  form: Form = $state(loadForm());
  phase: "starting" | "idle" | "running" | "broken" = $state("starting");
  device: DeviceInfo | null = $state.raw(null);
  info: ObjectInfo = $state.raw({});
  progress: Progress | null = $state.raw(null);
  preview: Preview | null = $state.raw(null);
  pictures: Picture[] = $state.raw([]);
  selected: number | null = $state(null);
  problem: Problem | null = $state.raw(null);
  notices: string[] = $state.raw([]);
  /** The person's own models. */
  models: ModelFile[] = $state.raw([]);
  /** The workflow that was opened, if one is. */
  workflow: Workflow | null = $state.raw(null);
  /** What a screen reader is told; short, and not at every step. */
  announcement = $state("");

  #engine: Engine | null = null;
  #opening = 0;
  #abort: AbortController | null = null;
  #clock = new Clock();
  #nextKey = 1;
  /** The workflow in progress. */
  #running: ApiGraph | null = null;

  /** The picture on the plate. */
  get picture(): Picture | null {
    return this.pictures.find((picture) => picture.key === this.selected) ?? null;
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
    this.progress = { fraction: null, text: "Starting the engine" };
    try {
      const engine = await open({ device: this.form.device, onEvent: (event) => turn === this.#opening && this.#hear(event) });
      if (turn !== this.#opening) return engine.close();
      this.#engine = engine;
      this.device = engine.device;
      this.info = engine.objectInfo();
      this.models = engine.models;
      // A checkpoint that was not kept is gone with the page.
      if (!choicesIn(this.info, "CheckpointLoaderSimple", "ckpt_name").includes(this.form.model)) this.use(FIRST.model);
      this.phase = "idle";
      this.announcement = "Ready.";
    } catch (error) {
      if (turn !== this.#opening) return;
      this.phase = "broken";
      this.problem = problemOf(error);
    } finally {
      if (turn === this.#opening) this.progress = null;
    }
  }

  /** Draws what the form says; a MidJourney prompt may stand for several runs, and its flags go before the form. */
  async generate(): Promise<void> {
    if (this.phase !== "idle") return;
    if (this.form.newSeedEachTime) this.rollSeed();
    this.save();
    await this.#draw(async (engine, signal, show) => {
      const form = optionsOf(this.form);
      const prompts = hasFlags(form.prompt) ? await engine.midjourney(form.prompt, form) : [{ options: form, notices: [] }];
      for (const { options, notices } of prompts) {
        this.#notice(notices);
        const negativePrompt = [...new Set([form.negativePrompt, options.negativePrompt])].filter(Boolean).join(", ");
        const onPreview = (preview: Preview) => (this.preview = preview);
        const { images, settings, drawn } = await engine.generate({ ...form, ...options, negativePrompt, signal, onPreview });
        show(images.map((file) => ({ file, title: drawn.prompt, settings })));
      }
    });
  }

  /** Opens a workflow, a picture that carries one, or a model. */
  async openFile(file: Blob, name: string): Promise<void> {
    const engine = this.#engine;
    if (engine === null) return;
    if (isModel(name)) return await this.#addModel(engine, file, name);
    try {
      const { prompt, workflow, notices } = await engine.read(file);
      this.problem = null;
      this.workflow = { name, graph: prompt, source: workflow, notices, errors: {}, given: [], origins: [] };
      await this.#check();
      this.announcement = `${name} is open.`;
    } catch (error) {
      this.problem = problemOf(error);
    }
  }

  /** Adds a model by its address, or by its place at huggingface.co. */
  async addAddress(address: string): Promise<void> {
    if (this.#engine !== null) await this.#addModel(this.#engine, address, address.split("/").at(-1) ?? address);
  }

  /** Adds a model of the person's own; a checkpoint is what is painted with from then on. */
  async #addModel(engine: Engine, file: Blob | string, name: string): Promise<void> {
    try {
      this.problem = null;
      const model = await engine.addModel(file, typeof file === "string" ? {} : { name });
      this.info = engine.objectInfo();
      this.models = engine.models;
      if (model.loader === "CheckpointLoaderSimple") this.use(model.path.slice(model.path.indexOf("/") + 1));
      await this.#check();
      const what = model.family === undefined ? model.kind : `${model.kind} of ${model.family}`;
      const stays = model.kept
        ? "It is fetched when it is first used, and kept."
        : "It works until the page is closed; it can be kept below.";
      this.#notice([`\`${name}\` is ${what}, ${bytes(model.bytes)}. ${stays}`]);
      this.announcement = `${name} was added.`;
    } catch (error) {
      this.problem = problemOf(error);
    }
  }

  /** Copies a model into the browser, for the next visit. */
  async keepModel({ path, from }: ModelFile): Promise<void> {
    const engine = this.#engine;
    if (engine === null || !(from instanceof Blob) || this.phase !== "idle") return;
    this.problem = null;
    this.progress = { fraction: 0, text: "Keeping the model" };
    try {
      const [folder, ...name] = path.split("/");
      await engine.addModel(from, { name: name.join("/"), folder: folder ?? "", keep: true });
      this.announcement = "The model is kept for your next visit.";
    } catch (error) {
      this.problem = problemOf(error);
    } finally {
      this.models = engine.models;
      this.progress = null;
    }
  }

  /** Forgets a model, and deletes the copy in the browser. */
  async removeModel({ path }: ModelFile): Promise<void> {
    const engine = this.#engine;
    if (engine === null || this.phase !== "idle") return;
    await engine.removeModel(path);
    this.info = engine.objectInfo();
    this.models = engine.models;
    if (!this.choices("CheckpointLoaderSimple", "ckpt_name", "").includes(this.form.model)) this.use(FIRST.model);
    await this.#check();
    this.announcement = "The model was removed.";
  }

  /** Paints with this checkpoint from now on, at a size that it knows. */
  use(name: string): void {
    const model = this.models.find(({ path }) => path === `checkpoints/${name}`);
    const { width, height } = FIRST;
    Object.assign(this.form, { model: name }, model?.side ? { width: model.side, height: model.side } : { width, height });
    this.save();
  }

  /** Takes the workflow off the page. */
  closeWorkflow(): void {
    this.workflow = null;
    this.announcement = "The workflow was closed.";
  }

  /** Uses another model where the workflow names one that is not here. */
  async mend(missing: MissingModel, name: string): Promise<void> {
    if (this.workflow === null) return;
    this.workflow = { ...this.workflow, graph: replaced(this.workflow.graph, missing, name) };
    await this.#check();
  }

  /** Gives the engine a picture that the workflow names. */
  async give(name: string, file: Blob): Promise<void> {
    await this.#engine?.putInput(name, file);
    await this.#check();
  }

  /** Lets the workflow send its pictures to this origin. */
  async allow(origin: string): Promise<void> {
    this.#engine?.allowSendingTo(origin);
    await this.#check();
  }

  /** Runs the workflow; once it has begun, its seeds become those of the next run, as in the editor. */
  async runWorkflow(): Promise<void> {
    const workflow = this.workflow;
    if (workflow === null) return;
    this.#running = workflow.graph;
    let { errors } = workflow;
    let next = {};
    await this.#draw(async (engine, signal, show) => {
      const { images, nodeErrors } = await engine.run(workflow.graph, {
        signal,
        dynamicPrompts: true,
        ...(workflow.source && { workflow: workflow.source }),
        onEvent: (event) => {
          if (event.type === "execution_start" && workflow.source !== null) {
            next = nextSeeds(workflow.graph, workflow.source, this.info);
          }
          if (event.type !== "preview") return;
          const { width, height, rgba } = event.data;
          this.preview = { width, height, data: new Uint8ClampedArray(rgba) };
        },
      });
      errors = nodeErrors;
      show(images.map((file) => ({ file, title: workflow.name, settings: null })));
    });
    this.#running = null;
    // Closed or changed while it ran: that stays.
    if (this.workflow?.graph === workflow.graph) this.workflow = { ...this.workflow, errors, ...next };
  }

  /** Asks the engine what is wrong with the workflow as it is now. */
  async #check(): Promise<void> {
    const [engine, workflow] = [this.#engine, this.workflow];
    if (engine === null || workflow === null) return;
    const errors = await engine.validate(workflow.graph);
    if (this.workflow?.graph !== workflow.graph) return;
    this.workflow = { ...workflow, errors, given: engine.inputs, origins: engine.wantsToSendTo(workflow.graph) };
  }

  /** From the first word to the last picture; each run of `make` shows its pictures when it has ended. */
  async #draw(make: (engine: Engine, signal: AbortSignal, show: (files: Made[]) => void) => Promise<void>): Promise<void> {
    const engine = this.#engine;
    if (this.phase !== "idle" || engine === null) return;
    this.phase = "running";
    this.problem = null;
    this.notices = [];
    this.preview = null;
    this.#clock = new Clock();
    this.progress = { fraction: null, text: "Reading the prompt" };
    this.announcement = "Drawing.";
    this.#abort = new AbortController();
    const started = performance.now();
    let before = started;
    let count = 0;
    const show = (files: Made[]) => {
      const now = performance.now();
      const made = files.map((picture, index) => ({
        ...picture,
        key: this.#nextKey++,
        url: URL.createObjectURL(picture.file),
        index,
        seconds: (now - before) / 1000,
        device: engine.device.kind === "webgpu" ? "WebGPU" : "CPU",
      }));
      this.pictures = [...made, ...this.pictures];
      this.selected = made[0]?.key ?? this.selected;
      this.#clock = new Clock();
      before = now;
      count += made.length;
    };
    try {
      await make(engine, this.#abort.signal, show);
      const seconds = (performance.now() - started) / 1000;
      this.announcement = `${count === 1 ? "The picture is" : `${count} pictures are`} ready, after ${duration(seconds)}.`;
    } catch (error) {
      if (isAbort(error)) {
        this.announcement = "Cancelled.";
      } else {
        this.problem = problemOf(error);
        this.announcement = "";
      }
    } finally {
      // After a restart of the engine it may be another device.
      this.device = engine.device;
      this.phase = "idle";
      this.progress = null;
      this.preview = null;
      this.#abort = null;
    }
  }

  /** Stops the run at its next step. */
  cancel(): void {
    if (this.#abort === null || this.#abort.signal.aborted) return;
    this.#abort.abort();
    this.progress = { fraction: this.progress?.fraction ?? null, text: "Stopping after this step" };
  }

  /** Another seed. */
  rollSeed(): void {
    this.form.seed = randomSeed().toString();
  }

  /** Puts a picture's settings back into the form, with its seed kept. */
  reuse({ settings }: Picture): void {
    if (settings === null) return;
    const { denoise: _, model: __, seed, ...same } = settings;
    Object.assign(this.form, same, { seed: seed.toString(), newSeedEachTime: false });
    this.save();
    this.announcement = "The settings of this picture are in the form.";
  }

  /** Takes a picture off the page. */
  remove(picture: Picture): void {
    const at = this.pictures.findIndex(({ key }) => key === picture.key);
    this.pictures = this.pictures.filter(({ key }) => key !== picture.key);
    URL.revokeObjectURL(picture.url);
    if (this.selected === picture.key) {
      this.selected = (this.pictures[at] ?? this.pictures[at - 1])?.key ?? null;
    }
    this.announcement = "The picture was removed.";
  }

  /** Keeps the form for the next visit. */
  save(): void {
    saveForm($state.snapshot(this.form));
  }

  #notice(messages: string[]): void {
    this.notices = [...new Set([...this.notices, ...messages])];
  }

  #hear(event: EngineEvent): void {
    switch (event.type) {
      case "engine_progress": {
        const { loaded, total } = event.data;
        this.progress = {
          fraction: total > 0 ? loaded / total : null,
          text: `Loading the engine: ${bytes(loaded)}${total > 0 ? ` of ${bytes(total)}` : ""}`,
        };
        break;
      }
      case "model_progress":
        this.#showModel(event.data);
        break;
      case "progress": {
        const { value, max } = event.data;
        this.#clock.step(value, max, performance.now());
        const left = this.#clock.left(performance.now());
        const stopping = this.#abort?.signal.aborted === true;
        this.progress = {
          fraction: max > 0 ? value / max : null,
          text: stopping
            ? "Stopping after this step"
            : `Step ${value} of ${max}${left === null ? "" : `, ${left < 1 ? "" : "about "}${duration(left)} left`}`,
        };
        break;
      }
      case "executing": {
        const doing = DOING[this.#classOf(event.data.node)];
        if (doing !== undefined && this.phase === "running") {
          this.progress = { fraction: this.#clock.begun ? 1 : null, text: doing };
        }
        break;
      }
      case "notice":
        this.#notice([event.data.message]);
        break;
      default:
        break;
    }
  }

  /** Class of a node that runs; the form's own graph is always the same. */
  #classOf(node: string | null): string {
    return this.#running?.[node ?? ""]?.class_type ?? FORM_NODES[node ?? ""] ?? "";
  }

  // One bar for each file: how many there will be is not known before the last one.
  #showModel({ file, loaded, total, phase }: EngineEvents["model_progress"]): void {
    const folder = file.split("/").at(-2) ?? "";
    const part = PARTS[folder] ?? file;
    const doing = { fetch: "Fetching", load: "Loading", warmup: "Warming up", keep: "Keeping" }[phase];
    this.progress = {
      fraction: total > 0 ? loaded / total : null,
      text: `${doing} the model, ${part}: ${bytes(loaded)}${total > 0 ? ` of ${bytes(total)}` : ""}`,
    };
  }
}

// What a node of this class is doing.
const DOING: Record<string, string> = {
  CheckpointLoaderSimple: "Opening the model",
  CLIPTextEncode: "Reading the prompt",
  KSampler: "Drawing",
  KSamplerAdvanced: "Drawing",
  SamplerCustom: "Drawing",
  SamplerCustomAdvanced: "Drawing",
  VAEEncode: "Looking at the picture",
  VAEDecode: "Developing the picture",
  VAEDecodeTiled: "Developing the picture",
  SaveImage: "Saving",
};

// The graph that `generate` builds, in the order of engine/generate.ts.
const FORM_NODES: Record<string, string> = {
  "1": "CheckpointLoaderSimple",
  "2": "CLIPTextEncode",
  "3": "CLIPTextEncode",
  "5": "KSampler",
  "6": "VAEDecode",
  "7": "SaveImage",
};

// The folders of a model, in words.
const PARTS: Record<string, string> = {
  text_encoder: "text encoder",
  text_encoder_2: "second text encoder",
  unet: "network",
  vae: "picture decoder",
};
