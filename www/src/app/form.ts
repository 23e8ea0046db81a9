/** What the form holds, its defaults, and how it survives a reload. */

import { DEFAULTS, type DeviceWish, type GenerateOptions } from "../engine/index";

/** The form as the visitor left it. Numbers are null while their field is empty. */
export interface Form {
  /** The checkpoint, by its name among the models. */
  model: string;
  prompt: string;
  negativePrompt: string;
  /** Digits; a seed can be larger than a JavaScript number. */
  seed: string;
  newSeedEachTime: boolean;
  steps: number | null;
  cfg: number | null;
  sampler: string;
  scheduler: string;
  width: number | null;
  height: number | null;
  batchSize: number | null;
  device: DeviceWish;
}

const KEY = "tintype.form";

/** The form of a first visit. */
export const FIRST: Form = {
  model: DEFAULTS.model,
  prompt: "a red dragon, 3d render",
  negativePrompt: DEFAULTS.negativePrompt,
  seed: "7",
  newSeedEachTime: true,
  steps: DEFAULTS.steps,
  cfg: DEFAULTS.cfg,
  sampler: DEFAULTS.sampler,
  scheduler: DEFAULTS.scheduler,
  width: DEFAULTS.width,
  height: DEFAULTS.height,
  batchSize: DEFAULTS.batchSize,
  device: "auto",
};

/** Prompts that the bundled model has a chance with. */
export const EXAMPLES = [
  "a red dragon, 3d render",
  "a cat on a blue background, flat",
  "a blue car",
  "a smiling face with sunglasses",
  "a purple butterfly",
  "a ghost on a black background",
];

/** Sizes offered by name; 128 × 128 is what the bundled model was trained on. */
export const SIZES: { label: string; width: number; height: number }[] = [
  { label: "Square, 128 × 128 (the model’s own)", width: 128, height: 128 },
  { label: "Small square, 64 × 64", width: 64, height: 64 },
  { label: "Portrait, 96 × 128", width: 96, height: 128 },
  { label: "Landscape, 128 × 96", width: 128, height: 96 },
  { label: "Wide, 192 × 128", width: 192, height: 128 },
  { label: "Large square, 192 × 192", width: 192, height: 192 },
];

/** The stored form; whatever is missing or of another kind is as on a first visit. */
export function loadForm(): Form {
  const form = { ...FIRST };
  try {
    const stored = JSON.parse(localStorage.getItem(KEY) ?? "{}") as Record<string, unknown>;
    for (const key of Object.keys(FIRST) as (keyof Form)[]) {
      if (typeof stored[key] === typeof FIRST[key]) Object.assign(form, { [key]: stored[key] });
    }
  } catch {
    // Storage is blocked or holds something else: the first visit's form is as good.
  }
  const wish = new URLSearchParams(location.search).get("device");
  if (wish === "cpu" || wish === "webgpu" || wish === "auto") form.device = wish;
  return form;
}

/** Keeps the form for the next visit. */
export function saveForm(form: Form): void {
  try {
    localStorage.setItem(KEY, JSON.stringify(form));
  } catch {
    // Blocked or full: the page works without.
  }
}

/** The form as the engine's options. An empty number becomes NaN, which the engine refuses by name. */
export function optionsOf(form: Form): GenerateOptions {
  const number = (value: number | null) => value ?? Number.NaN;
  const seed = form.seed.trim();
  return {
    model: form.model,
    prompt: form.prompt,
    negativePrompt: form.negativePrompt,
    seed: /^\d+$/.test(seed) ? BigInt(seed) : Number.NaN,
    steps: number(form.steps),
    cfg: number(form.cfg),
    sampler: form.sampler,
    scheduler: form.scheduler,
    width: number(form.width),
    height: number(form.height),
    batchSize: number(form.batchSize),
  };
}

/** True for the name of a file of weights, whether it can be read or not. */
export function isModel(name: string): boolean {
  return /\.(safetensors|ckpt|pt|pth|bin|gguf)$/i.test(name);
}
