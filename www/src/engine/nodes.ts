/**
 * The built-in nodes as TypeScript types. Only types: at run time node methods come from `objectInfo`,
 * so a node that is missing here still works through `graph.add("ItsClass", { … })`, or is declared by
 * augmenting `Nodes`:
 *
 *     declare module "tintype" { interface Nodes { MyNode(inputs: { image: In<"IMAGE"> }): Handle<["IMAGE"]> } }
 */

/** One output of a node, to be given to an input. */
export interface Output<T extends string = string> {
  readonly node: string;
  readonly slot: number;
  readonly type: T;
}

/**
 * A node in a graph: the list of its outputs, to be destructured or indexed. A node with exactly one
 * output is that output as well.
 */
export type Handle<Types extends readonly string[] = readonly string[]> = {
  readonly [I in keyof Types]: Output<Types[I]>;
} & { readonly id: string; readonly classType: string } & (Types extends readonly [infer Only extends string]
    ? Output<Only>
    : unknown);

/** What an input of type `T` takes from another node. */
export type In<T extends string> = Output<T>;

/** Sampler names, ComfyUI's; any other string is checked by the engine. */
export type SamplerName =
  | "euler"
  | "euler_ancestral"
  | "heun"
  | "dpmpp_2m"
  | "dpmpp_sde"
  | "ddim"
  | "lcm"
  | "uni_pc"
  | (string & {});

/** Scheduler names, ComfyUI's. */
export type SchedulerName =
  | "normal"
  | "karras"
  | "exponential"
  | "simple"
  | "sgm_uniform"
  | "ddim_uniform"
  | "beta"
  | (string & {});

/** The node classes that TypeScript knows: inputs and output types. */
export interface Nodes {
  /** A checkpoint's network, text encoder and autoencoder. */
  CheckpointLoaderSimple(inputs: { ckpt_name: string }): Handle<["MODEL", "CLIP", "VAE"]>;
  /** A prompt as the network understands it. */
  CLIPTextEncode(inputs: { text: string | In<"STRING">; clip: In<"CLIP"> }): Handle<["CONDITIONING"]>;
  /** An empty canvas; width and height in pixels, multiples of 8. */
  EmptyLatentImage(inputs: { width: number; height: number; batch_size?: number }): Handle<["LATENT"]>;
  /** Denoises a latent, step by step. */
  KSampler(inputs: {
    model: In<"MODEL">;
    /** 0 … 2^64 − 1; a number is exact up to 2^53. */
    seed: bigint | number;
    steps: number;
    cfg: number;
    sampler_name: SamplerName;
    scheduler: SchedulerName;
    positive: In<"CONDITIONING">;
    negative: In<"CONDITIONING">;
    latent_image: In<"LATENT">;
    /** 1 starts from noise alone; less keeps that much of `latent_image`. */
    denoise?: number;
  }): Handle<["LATENT"]>;
  /** Latent → picture. */
  VAEDecode(inputs: { samples: In<"LATENT">; vae: In<"VAE"> }): Handle<["IMAGE"]>;
  /** Picture → latent. */
  VAEEncode(inputs: { pixels: In<"IMAGE">; vae: In<"VAE"> }): Handle<["LATENT"]>;
  /** A picture given with `engine.putInput(name, …)`. */
  LoadImage(inputs: { image: string }): Handle<["IMAGE", "MASK"]>;
  /** PNGs with the prompt and workflow inside. */
  SaveImage(inputs: { images: In<"IMAGE">; filename_prefix?: string }): Handle<[]>;
  /** PNGs that are only to be looked at. */
  PreviewImage(inputs: { images: In<"IMAGE"> }): Handle<[]>;
  /** A safetensors file with the latent. */
  SaveLatent(inputs: { samples: In<"LATENT">; filename_prefix?: string }): Handle<[]>;
  /** A latent given with `engine.putInput(name, …)`. */
  LoadLatent(inputs: { latent: string }): Handle<["LATENT"]>;
}
