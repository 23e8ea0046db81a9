/** Prompt in, pictures out: the settings of the usual graph, and what is left open filled. */

import type { SamplerName, SchedulerName } from "./nodes";
import type { Wildcards } from "./prompts";
import type { EngineEvent, RunResult } from "./types";

/** A LoRA of the models folder's `loras`. */
export interface LoraUse {
  name: string;
  /** 1 as it was trained, 0 not at all. */
  strength: number;
}

/** What `engine.generate` takes; only `prompt` is needed. */
export interface GenerateOptions {
  prompt: string;
  negativePrompt?: string;
  /** 0 … 2^64 − 1. Left out, one is drawn; the result says which. */
  seed?: bigint | number;
  steps?: number;
  cfg?: number;
  sampler?: SamplerName;
  scheduler?: SchedulerName;
  /** Pixels, a multiple of 8. With `image`, its size counts. */
  width?: number;
  height?: number;
  batchSize?: number;
  model?: string;
  /** LoRAs on top of the model, in their order. */
  loras?: readonly LoraUse[];
  /** A picture to start from. */
  image?: Blob | Uint8Array;
  /** With `image`: a picture of the same size that is transparent where the picture may change. */
  mask?: Blob | Uint8Array;
  /** With `image`: how far to leave it, 0 … 1. Left out, 0.75; with a mask 1, since the rest is protected. */
  denoise?: number;
  /**
   * Takes comments out of both prompts and draws one of `{a|b}` and one line of `__wildcard__`, with the seed. True
   * if left out.
   */
  dynamicPrompts?: boolean;
  wildcards?: Wildcards;
  /** Beginning of the files' names. */
  filenamePrefix?: string;
  signal?: AbortSignal;
  onEvent?: (event: EngineEvent) => void;
  onPreview?: (preview: Preview) => void;
}

/** The picture as it stands after a step: RGBA, ready for `new ImageData`. */
export interface Preview {
  width: number;
  height: number;
  data: Uint8ClampedArray<ArrayBuffer>;
}

/** Every setting that made the pictures; giving them again gives the same pictures. */
export type Settings = Required<
  Pick<
    GenerateOptions,
    "prompt" | "negativePrompt" | "steps" | "cfg" | "sampler" | "scheduler" | "width" | "height" | "batchSize" | "model" | "loras" | "denoise"
  >
> & { seed: bigint };

/** What `engine.generate` gives. */
export interface GenerateResult extends RunResult {
  settings: Settings;
  /** What was drawn from the choices in the prompts. */
  drawn: Pick<Settings, "prompt" | "negativePrompt">;
}

/** What counts where the options leave it open. The bundled model is sampled in ways of its own, {@link FAST} and {@link FINE}. */
export const DEFAULTS = {
  negativePrompt: "",
  steps: 20,
  cfg: 5,
  sampler: "dpmpp_2m",
  scheduler: "sgm_uniform",
  width: 128,
  height: 128,
  batchSize: 1,
  model: "sprite",
  loras: [],
  denoise: 1,
} as const satisfies Partial<GenerateOptions>;

/** The bundled model's student: a LoRA that draws in four steps, without guidance, what its teacher does in twenty. */
export const FAST = {
  steps: 4,
  cfg: 1,
  sampler: "lcm",
  scheduler: "sgm_uniform",
  loras: [{ name: "sprite-lcm.safetensors", strength: 1 }],
} as const satisfies Partial<GenerateOptions>;

/**
 * The bundled model without its student, as soon as one of these is given: trained for v-prediction with trailing timesteps, which
 * `sgm_uniform` follows. More guidance makes its pictures obey less (its MODEL_CARD.md has the figures).
 */
export const FINE = {
  steps: DEFAULTS.steps,
  cfg: 3,
  sampler: DEFAULTS.sampler,
  scheduler: DEFAULTS.scheduler,
  loras: DEFAULTS.loras,
} as const satisfies Partial<GenerateOptions>;

type Sampling = Pick<Settings, keyof typeof FAST>;

/** How pictures are sampled where the options leave it open. */
function samplingOf(options: GenerateOptions): Sampling {
  if ((options.model ?? DEFAULTS.model) !== DEFAULTS.model) return DEFAULTS;
  const isOpen = Object.keys(FAST).every((name) => options[name as keyof Sampling] === undefined);
  return isOpen ? FAST : FINE;
}

/** How far a picture is left when nothing else is said; AUTOMATIC1111's number. */
const IMAGE_DENOISE = 0.75;

/** `options` with every gap filled. */
export function settingsOf(options: GenerateOptions): Settings {
  const sampling = samplingOf(options);
  return {
    prompt: options.prompt,
    negativePrompt: options.negativePrompt ?? DEFAULTS.negativePrompt,
    // A number beyond 2^53 or a fraction goes on as it is: the graph's writer refuses it by name.
    seed: typeof options.seed === "number" && Number.isSafeInteger(options.seed) ? BigInt(options.seed) : ((options.seed as bigint | undefined) ?? randomSeed()),
    steps: options.steps ?? sampling.steps,
    cfg: options.cfg ?? sampling.cfg,
    sampler: options.sampler ?? sampling.sampler,
    scheduler: options.scheduler ?? sampling.scheduler,
    loras: (options.loras ?? sampling.loras).map((use) => ({ ...use })),
    width: options.width ?? DEFAULTS.width,
    height: options.height ?? DEFAULTS.height,
    batchSize: options.batchSize ?? DEFAULTS.batchSize,
    model: options.model ?? DEFAULTS.model,
    denoise: options.denoise ?? (options.image === undefined || options.mask !== undefined ? DEFAULTS.denoise : IMAGE_DENOISE),
  };
}

/** A seed that is short enough to read aloud: 0 … 2^32 − 1. */
export function randomSeed(): bigint {
  return BigInt(crypto.getRandomValues(new Uint32Array(1))[0] ?? 0);
}
