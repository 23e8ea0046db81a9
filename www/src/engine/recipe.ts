/** Settings as a graph: from words alone, over a picture, inside its mask, or around it; with LoRAs. */

import type { LoraUse, Settings } from "./generate";
import type { Graph } from "./graph";
import type { Output } from "./nodes";

/** Pixels that a picture grows by on each side. */
export interface Pad {
  left: number;
  top: number;
  right: number;
  bottom: number;
}

/** Where a drawing starts from, by the names of the engine's inputs. */
export interface Source {
  image: string;
  /** A picture that is transparent where it may change. */
  mask: string | null;
  pad: Pad | null;
}

/** All that makes a picture. */
export interface Recipe {
  settings: Settings;
  source: Source | null;
}

/** Checkpoints that take the hole as an input say so in their names; nothing else in the file does. */
const TAKES_THE_HOLE = /inpaint/i;

/** Fills `graph`. The order of the nodes is the one that a person reads them in. */
export function fillGraph(graph: Graph, { settings, source }: Recipe, prefix = "tintype"): void {
  const { width, height, batchSize } = settings;
  let [model, clip, vae] = graph.CheckpointLoaderSimple({ ckpt_name: settings.model });
  [model, clip] = withLoras(graph, settings.loras, model, clip);
  let positive = graph.CLIPTextEncode({ clip, text: settings.prompt })[0];
  let negative = graph.CLIPTextEncode({ clip, text: settings.negativePrompt })[0];

  const start = source === null ? null : load(graph, source);
  const repeat = (samples: ReturnType<typeof graph.VAEEncode>[0]) =>
    batchSize === 1 ? samples : graph.RepeatLatentBatch({ samples, amount: batchSize })[0];
  let latent;
  if (start === null) {
    latent = graph.EmptyLatentImage({ width, height, batch_size: batchSize })[0];
  } else if (start.mask === null) {
    latent = repeat(graph.VAEEncode({ pixels: start.pixels, vae })[0]);
  } else if (TAKES_THE_HOLE.test(settings.model)) {
    const hole = graph.InpaintModelConditioning({ positive, negative, vae, pixels: start.pixels, mask: start.mask, noise_mask: true });
    [positive, negative] = [hole[0], hole[1]];
    latent = repeat(hole[2]);
  } else if (source?.pad != null) {
    latent = repeat(graph.VAEEncodeForInpaint({ pixels: start.pixels, vae, mask: start.mask, grow_mask_by: 8 })[0]);
  } else {
    const samples = graph.VAEEncode({ pixels: start.pixels, vae })[0];
    latent = repeat(graph.SetLatentNoiseMask({ samples, mask: start.mask })[0]);
  }

  const samples = graph.KSampler({
    model,
    seed: settings.seed,
    steps: settings.steps,
    cfg: settings.cfg,
    sampler_name: settings.sampler,
    scheduler: settings.scheduler,
    positive,
    negative,
    latent_image: latent,
    denoise: settings.denoise,
  })[0];
  let images = graph.VAEDecode({ samples, vae })[0];
  if (start?.mask != null) {
    // What lies outside of the mask stays to the pixel: the autoencoder would change it a little.
    const destination = batchSize === 1 ? start.pixels : graph.RepeatImageBatch({ image: start.pixels, amount: batchSize })[0];
    images = graph.ImageCompositeMasked({ destination, source: images, x: 0, y: 0, resize_source: false, mask: start.mask })[0];
  }
  graph.SaveImage({ images, filename_prefix: prefix });
}

/** The model and its text encoders with LoRAs, one after the other. */
function withLoras(graph: Graph, loras: readonly LoraUse[], model: Output<"MODEL">, clip: Output<"CLIP">): [Output<"MODEL">, Output<"CLIP">] {
  for (const { name, strength } of loras) {
    [model, clip] = graph.LoraLoader({ model, clip, lora_name: name, strength_model: strength, strength_clip: strength });
  }
  return [model, clip];
}

function load(graph: Graph, { image, mask, pad }: Source) {
  const pixels = graph.LoadImage({ image })[0];
  if (pad !== null) {
    const [padded, hole] = graph.ImagePadForOutpaint({ image: pixels, ...pad, feathering: feather(pad) });
    return { pixels: padded, mask: hole };
  }
  return { pixels, mask: mask === null ? null : graph.LoadImage({ image: mask })[1] };
}

/** Over how many pixels the seam fades: an eighth of what is added. */
function feather({ left, top, right, bottom }: Pad): number {
  return Math.round(Math.max(left, top, right, bottom) / 8);
}

/** An upscaler's work on a picture. */
export function fillUpscale(graph: Graph, upscaler: string, image: string, prefix = "tintype_x4"): void {
  graph.SaveImage({ images: upscaled(graph, upscaler, graph.LoadImage({ image })[0]), filename_prefix: prefix });
}

function upscaled(graph: Graph, upscaler: string, image: ReturnType<typeof graph.LoadImage>[0]) {
  return graph.ImageUpscaleWithModel({ upscale_model: graph.UpscaleModelLoader({ model_name: upscaler })[0], image })[0];
}

/** How a picture is repainted. */
export interface Repainting {
  /** The file of a style network. */
  network: string;
  /** Number of one of its styles, from 1. */
  style: number;
  /** 0 … 1: how far from the picture as it is. */
  strength: number;
  /** Enlarges the picture first: strokes have a size in pixels, and would hide a small one. */
  upscaler: string | null;
}

/** A style network's work on a picture. */
export function fillRepaint(graph: Graph, { network, style, strength, upscaler }: Repainting, image: string, prefix = "tintype_repainted"): void {
  const given = graph.LoadImage({ image })[0];
  const style_model = graph.StyleTransferModelLoader({ model_name: network })[0];
  const pixels = upscaler === null ? given : upscaled(graph, upscaler, given);
  const images = graph.ImageStyleTransfer({ style_model, image: pixels, style, second_style: style, mix: 0, strength })[0];
  graph.SaveImage({ images, filename_prefix: prefix });
}
