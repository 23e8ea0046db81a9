/** The form's settings in a graph of the usual shape, so that any picture's can be used again. Plain data, no engine. */

import type { ApiGraph, ApiNode, LoraUse, Settings } from "../engine/index";

/** As many of the settings as are found; null if nothing is sampled. */
export function settingsIn(graph: ApiGraph): Partial<Settings> | null {
  const sampler = Object.values(graph).find(({ class_type }) => class_type === "KSampler" || class_type === "KSamplerAdvanced");
  if (sampler === undefined) return null;
  const found: Partial<Settings> = {};
  const put = <K extends keyof Settings>(key: K, value: Settings[K] | null) => {
    if (value !== null) found[key] = value;
  };
  put("prompt", textOf(graph, sampler, "positive"));
  put("negativePrompt", textOf(graph, sampler, "negative"));
  put("seed", wholeOf(sampler.inputs.seed ?? sampler.inputs.noise_seed));
  put("steps", numberOf(sampler.inputs.steps));
  put("cfg", numberOf(sampler.inputs.cfg));
  put("denoise", numberOf(sampler.inputs.denoise));
  put("sampler", stringOf(sampler.inputs.sampler_name) as Settings["sampler"] | null);
  put("scheduler", stringOf(sampler.inputs.scheduler) as Settings["scheduler"] | null);
  const empty = upstream(graph, sampler, "latent_image", ({ inputs }) => typeof inputs.width === "number" && typeof inputs.height === "number");
  put("width", numberOf(empty?.inputs.width));
  put("height", numberOf(empty?.inputs.height));
  put("batchSize", numberOf(empty?.inputs.batch_size));
  const loader = upstream(graph, sampler, "model", ({ inputs }) => typeof inputs.ckpt_name === "string");
  put("model", stringOf(loader?.inputs.ckpt_name));
  put("loras", lorasOf(graph, sampler));
  return found;
}

/** The LoRAs between the sampler and its checkpoint, the first the one next to the checkpoint. */
function lorasOf(graph: ApiGraph, sampler: ApiNode): LoraUse[] {
  const found: LoraUse[] = [];
  let [node] = linked(graph, sampler.inputs.model);
  // As many as there are nodes, at most: a file may hold a circle.
  for (let left = Object.keys(graph).length; node !== undefined && left > 0; left--) {
    const [name, strength] = [stringOf(node.inputs.lora_name), numberOf(node.inputs.strength_model)];
    if (name !== null && strength !== null) found.unshift({ name, strength });
    [node] = linked(graph, node.inputs.model);
  }
  return found;
}

function textOf(graph: ApiGraph, from: ApiNode, input: string): string | null {
  const encoder = upstream(graph, from, input, ({ class_type, inputs }) => class_type.startsWith("CLIPTextEncode") && textIn(inputs) !== null);
  return encoder === null ? null : textIn(encoder.inputs);
}

function textIn(inputs: ApiNode["inputs"]): string | null {
  return stringOf(inputs.text) ?? stringOf(inputs.text_g);
}

/** The nearest node before an input that is what was asked for. */
function upstream(graph: ApiGraph, from: ApiNode, input: string, wanted: (node: ApiNode) => boolean): ApiNode | null {
  const seen = new Set<ApiNode>();
  let next = linked(graph, from.inputs[input]);
  while (next.length > 0) {
    const hit = next.find(wanted);
    if (hit !== undefined) return hit;
    for (const node of next) seen.add(node);
    next = next.flatMap(({ inputs }) => Object.values(inputs).flatMap((value) => linked(graph, value))).filter((node) => !seen.has(node));
  }
  return null;
}

function linked(graph: ApiGraph, value: unknown): ApiNode[] {
  const node = Array.isArray(value) ? graph[String(value[0])] : undefined;
  return node === undefined ? [] : [node];
}

function stringOf(value: unknown): string | null {
  return typeof value === "string" ? value : null;
}

function numberOf(value: unknown): number | null {
  return typeof value === "number" ? value : null;
}

function wholeOf(value: unknown): bigint | null {
  if (typeof value === "bigint") return value;
  return typeof value === "number" && Number.isSafeInteger(value) ? BigInt(value) : null;
}
