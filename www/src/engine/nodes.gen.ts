/** Generated from the node classes by `make docs`; do not edit. What is not here is in `nodes.ts`. */

import type { Handle, In } from "./nodes";

/** Names of the engine; any other string is checked when a graph runs. */
export type SamplerName =
  | "euler"
  | "euler_cfg_pp"
  | "euler_ancestral"
  | "euler_ancestral_cfg_pp"
  | "heun"
  | "heunpp2"
  | "exp_heun_2_x0"
  | "exp_heun_2_x0_sde"
  | "dpm_2"
  | "dpm_2_ancestral"
  | "lms"
  | "dpm_fast"
  | "dpm_adaptive"
  | "dpmpp_2s_ancestral"
  | "dpmpp_2s_ancestral_cfg_pp"
  | "dpmpp_sde"
  | "dpmpp_sde_gpu"
  | "dpmpp_2m"
  | "dpmpp_2m_cfg_pp"
  | "dpmpp_2m_sde"
  | "dpmpp_2m_sde_gpu"
  | "dpmpp_2m_sde_heun"
  | "dpmpp_2m_sde_heun_gpu"
  | "dpmpp_3m_sde"
  | "dpmpp_3m_sde_gpu"
  | "ddpm"
  | "lcm"
  | "ipndm"
  | "ipndm_v"
  | "deis"
  | "res_multistep"
  | "res_multistep_cfg_pp"
  | "res_multistep_ancestral"
  | "res_multistep_ancestral_cfg_pp"
  | "gradient_estimation"
  | "gradient_estimation_cfg_pp"
  | "er_sde"
  | "seeds_2"
  | "seeds_3"
  | "sa_solver"
  | "sa_solver_pece"
  | "ddim"
  | "uni_pc"
  | "uni_pc_bh2"
  | (string & {});

/** Names of the engine; any other string is checked when a graph runs. */
export type SchedulerName =
  | "simple"
  | "sgm_uniform"
  | "karras"
  | "exponential"
  | "ddim_uniform"
  | "beta"
  | "normal"
  | "linear_quadratic"
  | "kl_optimal"
  | (string & {});

/** The built-in node classes: inputs and output types. An input that may be left out has a default. */
export interface Nodes {
  /** Loads a model: the network that paints, the one that reads the prompt, and the one that turns latents into pictures. */
  CheckpointLoaderSimple(inputs: {
    /** The model's name in the models folder. */
    ckpt_name: string | In<"COMBO">;
  }): Handle<["MODEL", "CLIP", "VAE"]>;
  /** Reads a prompt, or a negative prompt, for the network that paints. Longer than 75 tokens is read in several parts. */
  CLIPTextEncode(inputs: {
    /** What the picture should, or should not, show. */
    text: string | In<"STRING">;
    /** The text encoder of a loaded model. */
    clip: In<"CLIP">;
  }): Handle<["CONDITIONING"]>;
  /** The start of a new picture: its size, and how many of them. */
  EmptyLatentImage(inputs?: {
    /** Width of the picture in pixels, a multiple of 8. */
    width?: number | In<"INT">;
    /** Height of the picture in pixels, a multiple of 8. */
    height?: number | In<"INT">;
    /** How many pictures; the first is the one you get with 1. */
    batch_size?: number | In<"INT">;
  }): Handle<["LATENT"]>;
  /** Lets only the masked part of a picture change. */
  SetLatentNoiseMask(inputs: {
    /** The latent of the picture. */
    samples: In<"LATENT">;
    /** White where the picture may change. */
    mask: In<"MASK">;
  }): Handle<["LATENT"]>;
  /** Saves a latent as a file, to go on from later. */
  SaveLatent(inputs: {
    /** The latent. */
    samples: In<"LATENT">;
    /** Start of the file's name; a / makes a folder. */
    filename_prefix?: string | In<"STRING">;
  }): Handle<[]>;
  /** Loads a latent that was saved as a file. */
  LoadLatent(inputs: {
    /** The file, added to the inputs before. */
    latent: string | In<"COMBO">;
  }): Handle<["LATENT"]>;
  /** Turns latents into pictures. */
  VAEDecode(inputs: {
    /** The latents. */
    samples: In<"LATENT">;
    /** The autoencoder of a loaded model. */
    vae: In<"VAE">;
  }): Handle<["IMAGE"]>;
  /** Turns pictures into latents, to change them with a sampler. */
  VAEEncode(inputs: {
    /** The pictures; their sides are cut to multiples of 8. */
    pixels: In<"IMAGE">;
    /** The autoencoder of a loaded model. */
    vae: In<"VAE">;
  }): Handle<["LATENT"]>;
  /** Paints: starts from noise, or from a picture with noise added, and removes it step by step, guided by the prompts. */
  KSampler(inputs: {
    /** The network that paints. */
    model: In<"MODEL">;
    /** Which noise to start from: the same seed and settings give the same picture. */
    seed?: bigint | number | In<"INT">;
    /** More steps, finer and slower. */
    steps?: number | In<"INT">;
    /** How closely the picture follows the prompt; 1 leaves the negative prompt out. */
    cfg?: number | In<"FLOAT">;
    /** The way from noise to picture. */
    sampler_name?: SamplerName | In<"COMBO">;
    /** How much noise is removed in which step. */
    scheduler?: SchedulerName | In<"COMBO">;
    /** What the picture should show. */
    positive: In<"CONDITIONING">;
    /** What it should not show. */
    negative: In<"CONDITIONING">;
    /** Where to start: empty, or a picture to change. */
    latent_image: In<"LATENT">;
    /** How much may change: 1 makes a new picture, less keeps some of the given one. */
    denoise?: number | In<"FLOAT">;
  }): Handle<["LATENT"]>;
  /** Loads a picture. What is transparent in it becomes the mask. */
  LoadImage(inputs: {
    /** The file, added to the inputs before. */
    image: string | In<"COMBO">;
  }): Handle<["IMAGE", "MASK"]>;
  /** Saves pictures as PNG files that carry the graph they were made with. */
  SaveImage(inputs: {
    /** The pictures. */
    images: In<"IMAGE">;
    /** Start of the files' names; a / makes a folder. */
    filename_prefix?: string | In<"STRING">;
  }): Handle<[]>;
  /** Shows pictures without keeping them. */
  PreviewImage(inputs: {
    /** The pictures. */
    images: In<"IMAGE">;
  }): Handle<[]>;
}
