/** The page's state: one engine, one form, one run at a time, and the pictures made so far. */

import {
  isAbort,
  open,
  randomSeed,
  type DeviceInfo,
  type Engine,
  type EngineEvent,
  type EngineEvents,
  type NodeInfo,
  type ObjectInfo,
  type Preview,
  type ResultFile,
  type Settings,
} from "../engine/index";
import { loadForm, optionsOf, saveForm, type Form } from "./form";
import { problemOf, type Problem } from "./problem";
import { bytes, Clock, duration } from "./words";

/** A finished picture on the page. */
export interface Picture {
  key: number;
  url: string;
  file: ResultFile;
  settings: Settings;
  /** Place in its batch, from 0. */
  index: number;
  seconds: number;
  device: string;
}

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
  /** What a screen reader is told; short, and not at every step. */
  announcement = $state("");

  #engine: Engine | null = null;
  #opening = 0;
  #abort: AbortController | null = null;
  #clock = new Clock();
  #nextKey = 1;

  /** The picture on the plate. */
  get picture(): Picture | null {
    return this.pictures.find((picture) => picture.key === this.selected) ?? null;
  }

  /** Names that an input of a node class offers. */
  choices(classType: string, input: string, current: string): string[] {
    const options = optionsIn(this.info[classType], input);
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

  /** Draws what the form says. */
  async generate(): Promise<void> {
    const engine = this.#engine;
    if (this.phase !== "idle" || engine === null) return;
    if (this.form.newSeedEachTime) this.rollSeed();
    this.save();
    this.phase = "running";
    this.problem = null;
    this.notices = [];
    this.preview = null;
    this.#clock = new Clock();
    this.progress = { fraction: null, text: "Reading the prompt" };
    this.announcement = "Drawing.";
    this.#abort = new AbortController();
    const started = performance.now();
    try {
      const { images, settings } = await engine.generate({
        ...optionsOf(this.form),
        signal: this.#abort.signal,
        onPreview: (preview) => (this.preview = preview),
      });
      const seconds = (performance.now() - started) / 1000;
      const made = images.map((file, index) => ({
        key: this.#nextKey++,
        url: URL.createObjectURL(file),
        file,
        settings,
        index,
        seconds,
        device: engine.device.kind === "webgpu" ? "WebGPU" : "CPU",
      }));
      this.pictures = [...made, ...this.pictures];
      this.selected = made[0]?.key ?? this.selected;
      this.announcement = `${made.length === 1 ? "The picture is" : `${made.length} pictures are`} ready, after ${duration(seconds)}.`;
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
        const doing = DOING[event.data.node ?? ""];
        if (doing !== undefined && this.phase === "running") {
          this.progress = { fraction: this.#clock.begun ? 1 : null, text: doing };
        }
        break;
      }
      case "notice":
        this.notices = [...new Set([...this.notices, event.data.message])];
        break;
      default:
        break;
    }
  }

  // One bar for each file: how many there will be is not known before the last one.
  #showModel({ file, loaded, total, phase }: EngineEvents["model_progress"]): void {
    const folder = file.split("/").at(-2) ?? "";
    const part = PARTS[folder] ?? file;
    const doing = { fetch: "Fetching", load: "Loading", warmup: "Warming up" }[phase];
    this.progress = {
      fraction: total > 0 ? loaded / total : null,
      text: `${doing} the model, ${part}: ${bytes(loaded)}${total > 0 ? ` of ${bytes(total)}` : ""}`,
    };
  }
}

// What the nodes of the graph that `generate` builds are doing (engine/generate.ts gives them in this order).
const DOING: Record<string, string> = {
  "1": "Opening the model",
  "2": "Reading the prompt",
  "3": "Reading the prompt",
  "5": "Drawing",
  "6": "Developing the picture",
  "7": "Saving",
};

// The folders of a model, in words.
const PARTS: Record<string, string> = {
  text_encoder: "text encoder",
  text_encoder_2: "second text encoder",
  unet: "network",
  vae: "picture decoder",
};

function optionsIn(info: NodeInfo | undefined, input: string): string[] {
  const spec = info?.input.required?.[input] ?? info?.input.optional?.[input];
  const list = Array.isArray(spec?.[0]) ? spec[0] : spec?.[1]?.options;
  return Array.isArray(list) ? list.map(String) : [];
}
