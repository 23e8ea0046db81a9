/** The attributes of the widget as properties, and what they ask for. */

import type { GenerateOptions } from "../engine/generate";
import { TintypeError } from "../engine/errors";

/** Properties that are attributes with text in them, by their names. */
export const TEXTS = {
  negativePrompt: "negative-prompt",
  model: "model",
  steps: "steps",
  cfg: "cfg",
  seed: "seed",
  width: "width",
  height: "height",
  size: "size",
  sampler: "sampler",
  scheduler: "scheduler",
  loading: "load",
  poster: "poster",
  alt: "alt",
  device: "device",
  models: "models",
  assets: "assets",
  name: "name",
} as const;

/** Properties that are attributes which are there or not. */
export const FLAGS = { disabled: "disabled", required: "required", fixed: "fixed" } as const;

export const ATTRIBUTES = ["prompt", "workflow", ...Object.values(TEXTS), ...Object.values(FLAGS)];

const SIDE = { width: 128, height: 128 };

/** The size asked for: `size="192x128"`, `size="192"`, or `width` and `height`. */
export function sizeOf(element: Element): { width: number; height: number } {
  const size = /^\s*(\d+)(?:\s*[x×]\s*(\d+))?\s*$/i.exec(element.getAttribute("size") ?? "");
  const side = (name: "width" | "height", from: string | undefined) =>
    numberOf(element, name) ?? (from === undefined ? SIDE[name] : Number(from));
  return { width: side("width", size?.[1]), height: side("height", size?.[2] ?? size?.[1]) };
}

/** The options that the attributes ask for. What is no number is refused by name. */
export function optionsOf(element: Element, prompt: string): GenerateOptions {
  const text = (name: string) => element.getAttribute(name) ?? undefined;
  const found = {
    negativePrompt: text("negative-prompt"),
    steps: numberOf(element, "steps"),
    cfg: numberOf(element, "cfg"),
    sampler: text("sampler"),
    scheduler: text("scheduler"),
    model: text("model"),
    seed: seedOf(text("seed")),
  };
  const given = Object.fromEntries(Object.entries(found).filter(([, value]) => value !== undefined));
  return { prompt, ...sizeOf(element), ...(given as Partial<GenerateOptions>) };
}

/** A seed as it stands: seeds are longer than JavaScript's numbers. Empty or `random` draws one. */
function seedOf(text: string | undefined): bigint | undefined {
  if (text === undefined || text.trim() === "" || text === "random") return undefined;
  if (!/^\d+$/.test(text.trim())) throw notA("seed", text, "a whole number");
  return BigInt(text.trim());
}

function numberOf(element: Element, name: string): number | undefined {
  const text = element.getAttribute(name);
  if (text === null || text.trim() === "") return undefined;
  const number = Number(text);
  if (!Number.isFinite(number)) throw notA(name, text, "a number");
  return number;
}

function notA(name: string, text: string, expected: string): TintypeError {
  return new TintypeError(`\`${name}\` is ${JSON.stringify(text)}, expected ${expected}`, "invalid_input_type", {
    hint: `Correct the attribute \`${name}\` of the widget.`,
  });
}

/** The address of a model that is not one of the bundled ones; null for a name. */
export function modelAddress(model: string, base: string): string | null {
  if (!/\.safetensors([?#].*)?$/i.test(model) || !model.includes("/")) return null;
  return /^\.{0,2}\//.test(model) ? new URL(model, base).href : model;
}
