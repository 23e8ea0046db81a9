/** What is drawn, what waits, and the pictures of this visit. One run at a time; the others wait and can be moved. */

import {
  isAbort,
  type ApiGraph,
  type Engine,
  type EngineEvent,
  type Graph,
  type Preview,
  type ResultFile,
  type RunRequest,
  type RunResult,
  type Settings,
} from "../engine/index";
import * as progress from "./progress";
import type { Progress } from "./progress";
import type { Studio } from "./studio.svelte";
import { Clock, duration, ended, Pace } from "./words";

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
  /** The picture it was made from, to compare with. */
  before: Blob | null;
  /** What was done besides drawing, in words. */
  note: string | null;
}

/** A picture of a run that has just ended. */
export type Made = Pick<Picture, "file" | "title" | "settings"> & Partial<Pick<Picture, "before" | "note">>;

/** Work that waits for its turn. */
export interface Job {
  /** What it draws, as the queue lists it. */
  title: string;
  run(work: Work): Promise<void>;
  /** What goes wrong is shown and said by the view that it came from. */
  tells?: boolean;
}

/** A job in the queue. */
export interface Queued extends Job {
  id: number;
}

/** What a job works with. */
export interface Work {
  engine: Engine;
  signal: AbortSignal;
  /** Runs a graph with its previews and its progress shown. */
  draw(graph: Graph | ApiGraph, request?: RunRequest): Promise<RunResult>;
  /** Puts pictures on the page; each run of a job shows its own when it has ended. */
  show(files: Made[]): void;
}

/** The queue and its results. */
export class Runs {
  /** The job in progress. */
  current: Queued | null = $state.raw(null);
  waiting: readonly Queued[] = $state.raw([]);
  progress: Progress | null = $state.raw(null);
  preview: Preview | null = $state.raw(null);
  pictures: readonly Picture[] = $state.raw([]);
  selected: number | null = $state(null);

  readonly #studio: Studio;
  #abort: AbortController | null = null;
  #clock = new Clock();
  #pace = new Pace();
  #graph: ApiGraph | null = null;
  #nextId = 1;
  #started = 0;

  constructor(studio: Studio) {
    this.#studio = studio;
  }

  /** The picture on the plate. */
  get picture(): Picture | null {
    return this.pictures.find(({ key }) => key === this.selected) ?? null;
  }

  /** Lets a job run as soon as those before it have ended. */
  add(job: Job): void {
    const queued = { ...job, id: this.#nextId++ };
    this.waiting = [...this.waiting, queued];
    if (this.current !== null) this.#studio.announcement = `Added to the queue; ${this.waiting.length} waiting.`;
    else void this.#next();
  }

  /** Stops the running job at its next step; those that wait go on. */
  cancel(): void {
    if (this.#abort === null || this.#abort.signal.aborted) return;
    this.#abort.abort();
    this.progress = { fraction: this.progress?.fraction ?? null, text: "Stopping after this step" };
  }

  /** Takes a job out of the queue. */
  drop(id: number): void {
    this.waiting = this.waiting.filter((job) => job.id !== id);
    this.#studio.announcement = "Taken out of the queue.";
  }

  /** Lets a job be the next. */
  toFront(id: number): void {
    const job = this.waiting.find((one) => one.id === id);
    if (job !== undefined) this.waiting = [job, ...this.waiting.filter((one) => one !== job)];
    this.#studio.announcement = "It is the next one.";
  }

  /** Takes a picture off the plate; the gallery keeps it. */
  close(picture: Picture): void {
    const at = this.pictures.findIndex(({ key }) => key === picture.key);
    this.pictures = this.pictures.filter(({ key }) => key !== picture.key);
    URL.revokeObjectURL(picture.url);
    if (this.selected === picture.key) this.selected = (this.pictures[at] ?? this.pictures[at - 1])?.key ?? null;
    this.#studio.announcement = "The picture was closed.";
  }

  /** The engine says how far it is. */
  hear(event: EngineEvent): void {
    const stopping = this.#abort?.signal.aborted === true;
    const now = performance.now();
    switch (event.type) {
      case "engine_progress":
        this.progress = progress.program(event.data);
        break;
      case "model_progress":
        if (event.data.phase === "fetch") this.#pace.step(event.data.file, event.data.loaded, now);
        this.progress = progress.model(event.data, this.#pace.rate);
        break;
      case "progress":
        this.#clock.step(event.data.value, event.data.max, now);
        this.progress = progress.step(event.data, this.#clock.left(now));
        if (stopping) this.progress = { ...this.progress, text: "Stopping after this step" };
        break;
      case "executing": {
        const text = progress.doing(this.#graph, event.data.node);
        if (text !== undefined && this.current !== null) this.progress = { fraction: this.#clock.begun ? 1 : null, text };
        break;
      }
      default:
        break;
    }
  }

  /** From the first word to the last picture of the next job, and then the one after it. */
  async #next(): Promise<void> {
    const studio = this.#studio;
    const engine = studio.engine;
    const job = this.waiting[0];
    if (engine === null || job === undefined || this.current !== null) return;
    this.waiting = this.waiting.slice(1);
    this.current = job;
    studio.problem = null;
    studio.notices = [];
    this.progress = { fraction: null, text: "Reading the prompt" };
    studio.announcement = "Drawing.";
    const abort = new AbortController();
    this.#abort = abort;
    this.#begin();
    const started = this.#started;
    let count = 0;
    const show = (files: Made[]) => {
      this.#show(engine, files);
      count += files.length;
    };
    const draw = async (graph: Graph | ApiGraph, request: RunRequest = {}) => await this.#draw(engine, abort.signal, graph, request);
    try {
      await job.run({ engine, signal: abort.signal, draw, show });
      const after = duration((performance.now() - started) / 1000);
      // What it needed is here now.
      void studio.offline.keepModel(engine.device.build);
      studio.announcement = `${ended(count)}, after ${after}.`;
    } catch (error) {
      if (isAbort(error)) studio.announcement = "Cancelled.";
      else if (job.tells === true) studio.announcement = "";
      else studio.fail(error);
    } finally {
      // After a restart of the engine it may be another device.
      if (studio.engine === engine) studio.device = engine.device;
      this.current = null;
      this.progress = null;
      this.preview = null;
      this.#graph = null;
      this.#abort = null;
    }
    await this.#next();
  }

  async #draw(engine: Engine, signal: AbortSignal, graph: Graph | ApiGraph, request: RunRequest): Promise<RunResult> {
    this.#graph = ("toJSON" in graph && typeof graph.toJSON === "function" ? graph.toJSON() : graph) as ApiGraph;
    return await engine.run(graph, {
      signal,
      ...request,
      onEvent: (event) => {
        request.onEvent?.(event);
        if (event.type !== "preview") return;
        const { width, height, rgba } = event.data;
        this.preview = { width, height, data: new Uint8ClampedArray(rgba) };
      },
    });
  }

  #begin(): void {
    this.#clock = new Clock();
    this.preview = null;
    this.#started = performance.now();
  }

  #show(engine: Engine, files: Made[]): void {
    const seconds = (performance.now() - this.#started) / 1000;
    const device = engine.device.kind === "webgpu" ? "WebGPU" : "CPU";
    const made = files.map((file, index): Picture => ({
      before: null,
      note: null,
      ...file,
      key: this.#nextId++,
      url: URL.createObjectURL(file.file),
      index,
      seconds,
      device,
    }));
    this.pictures = [...made, ...this.pictures];
    for (const picture of made) void this.#studio.gallery.keep(picture);
    this.selected = made[0]?.key ?? this.selected;
    this.#begin();
  }
}
