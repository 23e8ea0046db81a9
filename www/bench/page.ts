/** The two sides of the comparison as `globalThis.bench`, for `networks.mjs`. Each lives in a worker of its own. */

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

/** A network, alone: text encoder, UNet for one and for two pictures at once, autoencoder and a tiny one. */
export type Part = "text" | "unet1" | "unet2" | "vae" | "taesd";

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
let ort: Ort | null = null;
let seed = 0n;

/** Runs a graph of one network; gives what {@link bench.part} does. */
async function evaluate(part: Part, { model: name, prompt, width, height, ...settings }: Job): Promise<number[]> {
  const g = engine.graph();
  const [model, clip, vae] = g.CheckpointLoaderSimple({ ckpt_name: name });
  const empty = g.EmptyLatentImage({ width, height, batch_size: 1 });
  if (part === "text") {
    g.add("Sink", { value: g.CLIPTextEncode({ clip, text: `${prompt} ${seed++}` }) });
  } else if (part === "unet1" || part === "unet2") {
    const samples = g.KSampler({
      model,
      seed: seed++,
      steps: settings.steps,
      cfg: part === "unet1" ? 1 : settings.cfg,
      sampler_name: settings.sampler,
      scheduler: settings.scheduler,
      denoise: 1,
      positive: g.CLIPTextEncode({ clip, text: prompt }),
      negative: g.CLIPTextEncode({ clip, text: "" }),
      latent_image: empty,
    });
    g.add("Sink", { value: samples });
  } else {
    const samples = g.LatentMultiply({ samples: empty, multiplier: 1 + Number(seed++) / 1000 });
    g.add("Sink", { value: g.VAEDecode({ samples, vae: part === "vae" ? vae : g.VAELoader({ vae_name: "taesd.safetensors" }) }) });
  }
  const steps: number[] = [];
  const nodes: { at: number; isIt: boolean }[] = [];
  const classes = new Map(Object.entries(g.toJSON()).map(([id, { class_type }]) => [id, class_type]));
  await engine.run(g, {
    onEvent: ({ type, data }: EngineEvent) => {
      const { at } = data as unknown as { at: number };
      if (type === "progress") steps.push(at);
      if (type !== "executing") return;
      const name = classes.get(data.node ?? "");
      nodes.push({ at, isIt: name === "CLIPTextEncode" || name === "VAEDecode" });
    },
  });
  if (part.startsWith("unet")) return steps.slice(1).map((time, i) => time - (steps[i] as number));
  return nodes.flatMap(({ at, isIt }, i) => (isIt ? [(nodes[i + 1]?.at ?? Number.NaN) - at] : []));
}

const bench = {
  /** Opens the engine as on a first visit and draws one picture. */
  async openTintype(device: "cpu" | "webgpu", job: Job, added: string | null, tiny: boolean): Promise<FirstVisit & { device: string }> {
    const start = performance.now();
    const hubUrl = new URL("../hub", location.href);
    engine = await open({ device, modelsUrl: new URL("../models/", location.href), hubUrl, storage: "none" });
    if (added !== null) await engine.addModel(added);
    if (tiny) {
      const file = await (await fetch(new URL("taesd.safetensors", location.href))).blob();
      await engine.addModel(file, { name: "taesd.safetensors", folder: "vae" });
    }
    await engine.registerNode({ class_type: "Sink", inputs: { value: ["*"] }, outputs: [], output_node: true, run: () => [] });
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
   * A network's evaluations as they are in a picture, alone: milliseconds by the worker's clock (devtools.mjs). Those of a UNet
   * are from each step's end to the next one's, with all that goes with it; the others are from their node's begin to its
   * end. Inputs are others each time, so that nothing comes from the cache.
   */
  async part(part: Part, job: Job, runs: number): Promise<number[]> {
    const times: number[] = [];
    for (let run = 0; run < runs; run++) times.push(...(await evaluate(part, job)));
    return times;
  },

  /** Starts its worker, with nothing in it yet. */
  startOrt(): void {
    ort ??= new Ort();
  },

  /** Opens a network in onnxruntime-web, in place of the one before. */
  async openOrt(device: "cpu" | "webgpu", part: Part): Promise<void> {
    ort ??= new Ort();
    await ort.ask({ type: "open", device, modelUrl: new URL(`onnx/${part}.onnx`, location.href).href });
  },

  /** Evaluates it this many times; gives the milliseconds of each. */
  ort: (times: number): Promise<number[]> => (ort as Ort).ask({ type: "run", times }),
};

declare global {
  var bench: Bench;
}

/** What `networks.mjs` may call. */
export type Bench = typeof bench;

globalThis.bench = bench;
