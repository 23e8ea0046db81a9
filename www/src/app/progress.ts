/** The engine's events as the line under the picture says them. Plain data, no engine. */

import type { ApiGraph, EngineEvents } from "../engine/index";
import { bytes, duration } from "./words";

/** How far the present work is: a fraction, or null while that is unknown. */
export interface Progress {
  fraction: number | null;
  text: string;
}

// What a node of this class is doing.
const DOING: Record<string, string> = {
  CheckpointLoaderSimple: "Opening the model",
  CLIPTextEncode: "Reading the prompt",
  KSampler: "Drawing",
  KSamplerAdvanced: "Drawing",
  SamplerCustom: "Drawing",
  SamplerCustomAdvanced: "Drawing",
  LoraLoader: "Adding the LoRA",
  VAEEncode: "Looking at the picture",
  VAEEncodeForInpaint: "Looking at the picture",
  VAEDecode: "Developing the picture",
  VAEDecodeTiled: "Developing the picture",
  UpscaleModelLoader: "Opening the upscaler",
  ImageUpscaleWithModel: "Enlarging the picture",
  SaveImage: "Saving",
};

// The folders of a model, in words.
const PARTS: Record<string, string> = {
  text_encoder: "text encoder",
  text_encoder_2: "second text encoder",
  unet: "network",
  vae: "picture decoder",
};

/** What a node of a graph is doing; nothing for one that takes no time. */
export function doing(graph: ApiGraph | null, node: string | null): string | undefined {
  return DOING[graph?.[node ?? ""]?.class_type ?? ""];
}

/** A step that was finished, and the seconds that are left. */
export function step({ value, max }: Pick<EngineEvents["progress"], "value" | "max">, seconds: number | null): Progress {
  return {
    fraction: max > 0 ? value / max : null,
    text: `Step ${value} of ${max}${seconds === null ? "" : `, ${left(seconds)}`}`,
  };
}

/** The engine's own program on its way. */
export function program({ loaded, total }: EngineEvents["engine_progress"]): Progress {
  return {
    fraction: total > 0 ? loaded / total : null,
    text: `Loading the engine: ${bytes(loaded)}${total > 0 ? ` of ${bytes(total)}` : ""}`,
  };
}

/**
 * One file of a model. One bar for each: how many there will be is not known before the last one. While it is fetched, with
 * its bytes a second and the time they let expect, if `rate` is known.
 */
export function model({ file, loaded, total, phase }: EngineEvents["model_progress"], rate: number | null = null): Progress {
  if (phase === "warmup") return { fraction: null, text: "Preparing the graphics card for this model" };
  const part = PARTS[file.split("/").at(-2) ?? ""] ?? file;
  const verb = { fetch: "Fetching", load: "Loading", keep: "Keeping" }[phase];
  const pace = phase === "fetch" && rate !== null && loaded < total ? `, ${bytes(rate)} a second, ${left((total - loaded) / rate)}` : "";
  return {
    fraction: total > 0 ? loaded / total : null,
    text: `${verb} the model, ${part}: ${bytes(loaded)}${total > 0 ? ` of ${bytes(total)}` : ""}${pace}`,
  };
}

function left(seconds: number): string {
  return `${seconds < 1 ? "" : "about "}${duration(seconds)} left`;
}
