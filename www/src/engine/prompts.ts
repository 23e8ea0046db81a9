/** Prompts before they are run: choices and wildcards drawn, MidJourney's flags turned into settings. */

import { TintypeError } from "./errors";
import { DEFAULTS, type GenerateOptions } from "./generate";
import type { ApiGraph } from "./graph";
import type { InputSpec, NodeInfo, ObjectInfo } from "./types";

/** Lines to draw from, by name: `__name__` in a prompt stands for one of them. */
export type Wildcards = Record<string, string[]>;

/** A prompt of which nothing is left to draw. */
export interface ExpandedPrompt {
  text: string;
  /** Wildcards of which no lines were given; their names stay in the text. */
  unknown: string[];
}

/** One prompt of MidJourney's, as `engine.generate` takes it. */
export interface MidjourneyPrompt {
  /** Only what the prompt says; the words are final, so that nothing in them is drawn again. */
  options: GenerateOptions;
  /** Where the pictures to start from are. The engine fetches none: hand the first to `generate` as `image`. */
  images: string[];
  /** The `denoise` that goes with that `image`. */
  denoise: number;
  /** What was passed over, and why. */
  notices: string[];
}

/** What the prompt is not asked about; a shape (`--ar`) is given this area, quality multiplies the steps. */
export type MidjourneyBase = Partial<Pick<GenerateOptions, "width" | "height" | "steps">>;

/** What the engine says of one of MidJourney's prompts (src/prompt/midjourney/settings.rs). */
export interface MidjourneySettings {
  prompt: string;
  negative: string;
  width: number;
  height: number;
  seed: number | null;
  steps: number;
  end_step: number;
  tile: boolean;
  repeat: number;
  images: string[];
  denoise: number;
  notices: string[];
}

/** Draws a text with a seed. */
export type Expand = (text: string, seed: bigint) => Promise<ExpandedPrompt>;

/** The base with every gap filled. */
export function baseOf(base: MidjourneyBase): Required<MidjourneyBase> {
  const { width = DEFAULTS.width, height = DEFAULTS.height, steps = DEFAULTS.steps } = base;
  for (const [name, value] of Object.entries({ width, height, steps })) {
    if (Number.isInteger(value) && value > 0 && value < 2 ** 32) continue;
    throw new TintypeError(`\`${name}\` expected a whole number above 0, got ${value}`, "mismatch");
  }
  return { width, height, steps };
}

/** What `engine.generate` takes of the engine's settings of a prompt; `text` is the prompt as it was written. */
export function midjourneyPrompt(settings: MidjourneySettings, text: string): MidjourneyPrompt {
  const { prompt, negative, width, height, steps, seed, repeat, images, denoise } = settings;
  const notices = [...settings.notices];
  if (images.length > 0) notices.push("the picture to start from is not fetched; save it and give it as `image`");
  if (settings.end_step < steps) notices.push("`--stop` is ignored: the run goes on to its end");
  if (settings.tile) notices.push("`--tile` is ignored: the picture's edges do not fit each other");
  if (/\{[^{},]*\|[^{},]*\}/.test(text)) notices.push("`{a|b}` is not drawn in a MidJourney prompt; write `{a, b}` for both");
  const options: GenerateOptions = { prompt, width, height, steps, dynamicPrompts: false };
  if (negative !== "") options.negativePrompt = negative;
  if (seed !== null) options.seed = seed;
  if (repeat > 1) options.batchSize = repeat;
  return { options, images, denoise, notices };
}

/** True if a prompt has flags as MidJourney's do: two dashes, or the long one phones make of them, and a letter. */
export function hasFlags(prompt: string): boolean {
  return /(^|\s)(--|—)[a-z]/i.test(prompt);
}

/** True if there may be something to draw or to take out; most prompts need not be sent to the engine. */
export function isDynamic(text: string): boolean {
  return /[{}]|__|\/[/*]/.test(text);
}

/** Told when a prompt names a wildcard that nobody gave. */
export function unknownNotice(name: string): string {
  return `no lines were given for the wildcard \`__${name}__\`, so its name stays in the prompt`;
}

/**
 * The graph with every prompt drawn, as ComfyUI's front end does before it queues. The texts of inputs marked
 * `dynamicPrompts` are drawn with `seed`, `seed + 1`, … in the order of the nodes.
 */
export async function expandGraph(
  graph: ApiGraph,
  info: ObjectInfo,
  seed: bigint,
  expand: Expand,
): Promise<{ graph: ApiGraph; unknown: string[] }> {
  const drawn: ApiGraph = {};
  const unknown = new Set<string>();
  for (const [id, node] of Object.entries(graph)) {
    const inputs = { ...node.inputs };
    for (const [name, [, options]] of specsOf(info[node.class_type])) {
      const text = inputs[name];
      if (options?.dynamicPrompts !== true || typeof text !== "string") continue;
      const expanded = await expand(text, seed++);
      inputs[name] = expanded.text;
      for (const wildcard of expanded.unknown) unknown.add(wildcard);
    }
    drawn[id] = { ...node, inputs };
  }
  return { graph: drawn, unknown: [...unknown] };
}

/** The seed of a graph: the first number that the editor would change after a run. 0 if there is none. */
export function seedOf(graph: ApiGraph, info: ObjectInfo): bigint {
  for (const node of Object.values(graph)) {
    for (const name of seedInputs(info[node.class_type])) {
      const value = node.inputs[name];
      if (typeof value === "bigint") return value;
      if (typeof value === "number" && Number.isSafeInteger(value)) return BigInt(value);
    }
  }
  return 0n;
}

/** Inputs of a class that the editor can change after each run, in order. */
export function seedInputs(node: NodeInfo | undefined): string[] {
  return specsOf(node).flatMap(([name, [, options]]) => (options?.control_after_generate === true ? [name] : []));
}

function specsOf(node: NodeInfo | undefined): [string, InputSpec][] {
  return Object.entries({ ...node?.input.required, ...node?.input.optional });
}
