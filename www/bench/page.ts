/** The two sides of the comparison as `globalThis.bench`, for `bench.mjs`. Each lives in a worker of its own. */

import { open, type Engine, type EngineEvent } from "../src/engine/index";
import type { FromOrt, ToOrt } from "./ort-worker";

/** What is drawn: the job of the comparison. */
export interface Job {
  /** Name of the checkpoint. */
  model: string;
  prompt: string;
  steps: number;
  cfg: number;
  sampler: "dpmpp_2m";
  scheduler: "sgm_uniform";
  width: number;
  height: number;
}

/** The first picture of a visitor who has nothing yet, in seconds; the server is on the same machine. */
export interface FirstVisit {
  /** Worker, engine fetched and compiled. */
  engine: number;
  /** Model fetched, checked and loaded: the time in CheckpointLoaderSimple. */
  model: number;
  /** From the call to the PNG, the model's time included. */
  picture: number;
}

/** onnxruntime-web, seen from the page. */
class Ort {
  #worker = new Worker(new URL("./ort-worker.ts", import.meta.url), { type: "module", name: "onnxruntime" });

  ask(message: ToOrt): Promise<number[]> {
    return new Promise((resolve, reject) => {
      this.#worker.onmessage = ({ data }: MessageEvent<FromOrt>) => {
        if ("error" in data) reject(new Error(data.error));
        else resolve(data.milliseconds);
      };
      this.#worker.onerror = (event) => reject(new Error(event.message || "the worker could not be loaded"));
      this.#worker.postMessage(message);
    });
  }
}

let engine: Engine;
let ort: Ort;
let seed = 0n;

const bench = {
  /** Opens the engine as on a first visit and draws one picture. */
  async openTintype(device: "cpu" | "webgpu", job: Job, added: string | null): Promise<FirstVisit & { device: string }> {
    const start = performance.now();
    const hubUrl = new URL("../hub", location.href);
    engine = await open({ device, modelsUrl: new URL("../models/", location.href), hubUrl, storage: "none" });
    if (added !== null) await engine.addModel(added);
    const opened = performance.now();
    let loading = opened;
    let loaded = opened;
    let inLoader = false;
    await engine.generate({
      ...job,
      seed: seed++,
      onEvent: ({ type, data }: EngineEvent) => {
        if (type !== "executing") return;
        // The graph's first node is the loader; the next one starts when the model is there.
        if (inLoader) loaded = performance.now();
        inLoader = loading === opened && data.node !== null;
        if (inLoader) loading = performance.now();
      },
    });
    const seconds = (from: number, to: number) => (to - from) / 1000;
    const { kind, name } = engine.device;
    return {
      device: name === "" ? kind : `${kind} (${name})`,
      engine: seconds(start, opened),
      model: seconds(loading, loaded),
      picture: seconds(opened, performance.now()),
    };
  },

  /**
   * Draws one picture; another seed each time, so that nothing but the prompt comes from the cache. Gives the
   * seconds from the call to the PNG.
   */
  async picture(job: Job): Promise<number> {
    const start = performance.now();
    await engine.generate({ ...job, seed: seed++ });
    return (performance.now() - start) / 1000;
  },

  /**
   * The same without the decoder: nearly nothing but UNet evaluations. Gives the milliseconds from each step's end to
   * the next one's, by the worker's clock (devtools.mjs): an evaluation and all that goes with it.
   */
  async sample({ model: name, prompt, width, height, ...settings }: Job): Promise<number[]> {
    const g = engine.graph();
    const [model, clip] = g.CheckpointLoaderSimple({ ckpt_name: name });
    const samples = g.KSampler({
      model,
      seed: seed++,
      steps: settings.steps,
      cfg: settings.cfg,
      sampler_name: settings.sampler,
      scheduler: settings.scheduler,
      denoise: 1,
      positive: g.CLIPTextEncode({ clip, text: prompt }),
      negative: g.CLIPTextEncode({ clip, text: "" }),
      latent_image: g.EmptyLatentImage({ width, height, batch_size: 1 }),
    });
    g.SaveLatent({ samples, filename_prefix: "bench" });
    const times: number[] = [];
    await engine.run(g, {
      onEvent: ({ type, data }: EngineEvent) => {
        if (type === "progress") times.push((data as unknown as { at: number }).at);
      },
    });
    return times.slice(1).map((time, i) => time - (times[i] as number));
  },

  /** Opens onnxruntime-web; gives the seconds until the session is ready. */
  async openOrt(device: "cpu" | "webgpu"): Promise<number> {
    ort = new Ort();
    const start = performance.now();
    await ort.ask({ type: "open", device, modelUrl: new URL("unet.onnx", location.href).href });
    return (performance.now() - start) / 1000;
  },

  /** Evaluates the UNet this many times; gives the milliseconds of each. */
  ort: (times: number): Promise<number[]> => ort.ask({ type: "run", times }),
};

declare global {
  var bench: Bench;
}

/** What `bench.mjs` may call. */
export type Bench = typeof bench;

globalThis.bench = bench;
