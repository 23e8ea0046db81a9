/** Generated from the node classes by `make docs`; do not edit. What is not here is in `nodes.ts`. */

import type { Handle, In } from "./nodes";

/** Names of the engine; any other string is checked when a graph runs. */
export type ModeName =
  | "ADD"
  | "CLEAR"
  | "DARKEN"
  | "DST"
  | "DST_ATOP"
  | "DST_IN"
  | "DST_OUT"
  | "DST_OVER"
  | "LIGHTEN"
  | "MULTIPLY"
  | "OVERLAY"
  | "SCREEN"
  | "SRC"
  | "SRC_ATOP"
  | "SRC_IN"
  | "SRC_OUT"
  | "SRC_OVER"
  | "XOR"
  | (string & {});

/** Names of the engine; any other string is checked when a graph runs. */
export type OperationName =
  | "erode"
  | "dilate"
  | "open"
  | "close"
  | "gradient"
  | "bottom_hat"
  | "top_hat"
  | (string & {});

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
  /** Loads the network that turns latents into pictures from a file of its own. */
  VAELoader(inputs: {
    /** The file's name in the models folder, or `taesd` or `taesdxl` where both halves of it are in `vae_approx`. */
    vae_name: string | In<"COMBO">;
  }): Handle<["VAE"]>;
  /** Loads the network that paints from a file of its own. */
  UNETLoader(inputs: {
    /** The file's name in the models folder. */
    unet_name: string | In<"COMBO">;
    /** The others than `default` keep weights in eight bits, half of the memory of FP16: integers with a scale for each channel, nearer to the file's than FP8. */
    weight_dtype?: "default" | "fp8_e4m3fn" | "fp8_e4m3fn_fast" | "fp8_e5m2" | In<"COMBO">;
  }): Handle<["MODEL"]>;
  /** Loads the network that reads the prompt from a file of its own. */
  CLIPLoader(inputs: {
    /** The file's name in the models folder. */
    clip_name: string | In<"COMBO">;
    /** The family of the network that is to be guided. */
    type?: "stable_diffusion" | In<"COMBO">;
    /** The engine's own device, whichever is chosen. */
    device?: "default" | "cpu" | In<"COMBO">;
  }): Handle<["CLIP"]>;
  /** Loads SDXL's two networks that read the prompt from files of their own, in any order. */
  DualCLIPLoader(inputs: {
    /** The name of the one file. */
    clip_name1: string | In<"COMBO">;
    /** The name of the other. */
    clip_name2: string | In<"COMBO">;
    /** The family of the network that is to be guided. */
    type?: "sdxl" | In<"COMBO">;
    /** The engine's own device, whichever is chosen. */
    device?: "default" | "cpu" | In<"COMBO">;
  }): Handle<["CLIP"]>;
  /** Loads a network that steers another one by a picture: by its outlines, depths or poses. */
  ControlNetLoader(inputs: {
    /** The file's name in the models folder: a ControlNet or a T2I-Adapter. */
    control_net_name: string | In<"COMBO">;
  }): Handle<["CONTROL_NET"]>;
  /** As ControlNetLoader, also for files that hold the difference to a model's weights, and for Control-LoRAs. */
  DiffControlNetLoader(inputs: {
    /** The model that the control net will steer. */
    model: In<"MODEL">;
    /** The file's name in the models folder: a ControlNet or a T2I-Adapter. */
    control_net_name: string | In<"COMBO">;
  }): Handle<["CONTROL_NET"]>;
  /** Adds a LoRA, a small file that teaches a model a style, a subject or a trick. Several in a row add up. */
  LoraLoader(inputs: {
    /** The network that paints. */
    model: In<"MODEL">;
    /** The network that reads the prompt. */
    clip: In<"CLIP">;
    /** The LoRA's name in the models folder. */
    lora_name: string | In<"COMBO">;
    /** How much of it the network that paints gets; negative turns it round. */
    strength_model?: number | In<"FLOAT">;
    /** How much of it the network that reads the prompt gets. */
    strength_clip?: number | In<"FLOAT">;
  }): Handle<["MODEL", "CLIP"]>;
  /** Adds a LoRA to the network that paints only. */
  LoraLoaderModelOnly(inputs: {
    /** The network that paints. */
    model: In<"MODEL">;
    /** The LoRA's name in the models folder. */
    lora_name: string | In<"COMBO">;
    /** How much of it the network that paints gets; negative turns it round. */
    strength_model?: number | In<"FLOAT">;
  }): Handle<["MODEL"]>;
  /** Reads a prompt, or a negative prompt, for the network that paints. `(word:1.2)` weighs more, `(word:0.8)` less. Longer than 75 tokens is read in several parts. */
  CLIPTextEncode(inputs: {
    /** What the picture should, or should not, show. */
    text: string | In<"STRING">;
    /** The text encoder of a loaded model. */
    clip: In<"CLIP">;
  }): Handle<["CONDITIONING"]>;
  /** Reads a prompt for each of SDXL's two text encoders, and tells it what kind of picture to think of: small originals look blurred, crops cut off. */
  CLIPTextEncodeSDXL(inputs: {
    /** The text encoders of a loaded SDXL model. */
    clip: In<"CLIP">;
    /** Width of the picture it was cut from, in pixels. */
    width?: number | In<"INT">;
    /** Height of the picture it was cut from, in pixels. */
    height?: number | In<"INT">;
    /** Pixels cut off on the left. */
    crop_w?: number | In<"INT">;
    /** Pixels cut off at the top. */
    crop_h?: number | In<"INT">;
    /** Width of the picture wanted. */
    target_width?: number | In<"INT">;
    /** Height of the picture wanted. */
    target_height?: number | In<"INT">;
    /** What the larger encoder reads. */
    text_g: string | In<"STRING">;
    /** What the smaller encoder reads. */
    text_l: string | In<"STRING">;
  }): Handle<["CONDITIONING"]>;
  /** Reads a prompt for SDXL's refiner, and tells it how well the picture should be liked. */
  CLIPTextEncodeSDXLRefiner(inputs: {
    /** Aesthetic score: about 6 for the prompt, 2.5 for the negative prompt. */
    ascore?: number | In<"FLOAT">;
    /** Width of the picture, in pixels. */
    width?: number | In<"INT">;
    /** Height of the picture, in pixels. */
    height?: number | In<"INT">;
    /** What the picture should, or should not, show. */
    text: string | In<"STRING">;
    /** The text encoder of the refiner. */
    clip: In<"CLIP">;
  }): Handle<["CONDITIONING"]>;
  /** Reads a prompt as AUTOMATIC1111's web UI does: weights multiply, `[cat:dog:0.5]` changes the words halfway, `[cat|dog]` at each step, `BREAK` begins a new part, `AND` joins several prompts. */
  CLIPTextEncodeA1111(inputs: {
    /** The text encoder of a loaded model. */
    clip: In<"CLIP">;
    /** What the picture should, or should not, show. */
    text: string | In<"STRING">;
    /** Steps of the sampler that this goes to: the words may change from step to step. */
    steps?: number | In<"INT">;
    /** What weights do: `Original` keeps the embeddings' mean, `No norm` does not, `Ignore` reads them without effect, `None` takes brackets as text. */
    emphasis?: "Original" | "No norm" | "Ignore" | "None" | In<"COMBO">;
    /** For the second pass, after enlarging: steps of the first. Step numbers in the prompt go on after them. */
    first_pass_steps?: number | In<"INT">;
  }): Handle<["CONDITIONING"]>;
  /** Makes prompts be read from an earlier layer of the text encoder. AUTOMATIC1111's "Clip skip" 2 is -2 here. */
  CLIPSetLastLayer(inputs: {
    /** The text encoder of a loaded model. */
    clip: In<"CLIP">;
    /** The layer whose output counts; -1 is the last. */
    stop_at_clip_layer?: number | In<"INT">;
  }): Handle<["CLIP"]>;
  /** Follows two prompts at once: the network is asked for each, and the answers are averaged by weight. */
  ConditioningCombine(inputs: {
    /** The one. */
    conditioning_1: In<"CONDITIONING">;
    /** The other. */
    conditioning_2: In<"CONDITIONING">;
  }): Handle<["CONDITIONING"]>;
  /** Mixes the numbers of two prompts into one prompt between them. */
  ConditioningAverage(inputs: {
    /** The one; its length, areas and times are kept. */
    conditioning_to: In<"CONDITIONING">;
    /** The other; only the first of several combined prompts is used. */
    conditioning_from: In<"CONDITIONING">;
    /** How much of the one; the rest is of the other. */
    conditioning_to_strength?: number | In<"FLOAT">;
  }): Handle<["CONDITIONING"]>;
  /** Puts one prompt behind another, read apart from it: a `BREAK` between the two. */
  ConditioningConcat(inputs: {
    /** The first part. */
    conditioning_to: In<"CONDITIONING">;
    /** The second part; only the first of several combined prompts is used. */
    conditioning_from: In<"CONDITIONING">;
  }): Handle<["CONDITIONING"]>;
  /** Lets a prompt count in a rectangle of the picture; combine it with a prompt for the rest. */
  ConditioningSetArea(inputs: {
    /** The prompt, or several combined. */
    conditioning: In<"CONDITIONING">;
    /** Width in pixels, in steps of 8. */
    width?: number | In<"INT">;
    /** Height in pixels, in steps of 8. */
    height?: number | In<"INT">;
    /** Left edge in pixels, in steps of 8. */
    x?: number | In<"INT">;
    /** Top edge in pixels, in steps of 8. */
    y?: number | In<"INT">;
    /** How much it counts against other prompts at the same place. */
    strength?: number | In<"FLOAT">;
  }): Handle<["CONDITIONING"]>;
  /** Lets a prompt count in a rectangle of the picture, given in parts of its sides. */
  ConditioningSetAreaPercentage(inputs: {
    /** The prompt, or several combined. */
    conditioning: In<"CONDITIONING">;
    /** Width; 1 is the picture's. */
    width?: number | In<"FLOAT">;
    /** Height; 1 is the picture's. */
    height?: number | In<"FLOAT">;
    /** Left edge; 0.5 is the middle. */
    x?: number | In<"FLOAT">;
    /** Top edge; 0.5 is the middle. */
    y?: number | In<"FLOAT">;
    /** How much it counts against other prompts at the same place. */
    strength?: number | In<"FLOAT">;
  }): Handle<["CONDITIONING"]>;
  /** Sets how much a prompt counts against the others it is combined with. */
  ConditioningSetAreaStrength(inputs: {
    /** The prompt, or several combined. */
    conditioning: In<"CONDITIONING">;
    /** How much it counts against other prompts at the same place. */
    strength?: number | In<"FLOAT">;
  }): Handle<["CONDITIONING"]>;
  /** Lets a prompt count where a mask is white; combine it with a prompt for the rest. */
  ConditioningSetMask(inputs: {
    /** The prompt, or several combined. */
    conditioning: In<"CONDITIONING">;
    /** White where the prompt counts; stretched over the picture. */
    mask: In<"MASK">;
    /** How much it counts against other prompts at the same place. */
    strength?: number | In<"FLOAT">;
    /** With bounds only the rectangle around the mask is painted, as a picture of its own. */
    set_cond_area?: "default" | "mask bounds" | In<"COMBO">;
  }): Handle<["CONDITIONING"]>;
  /** Lets a prompt count in a part of the run: the beginning makes the composition, the end the details. */
  ConditioningSetTimestepRange(inputs: {
    /** The prompt, or several combined. */
    conditioning: In<"CONDITIONING">;
    /** From when on; 0 is the beginning. */
    start?: number | In<"FLOAT">;
    /** Until when; 1 is the end. */
    end?: number | In<"FLOAT">;
  }): Handle<["CONDITIONING"]>;
  /** Puts noughts in place of a prompt: the negative prompt of some distilled models. */
  ConditioningZeroOut(inputs: {
    /** A prompt; its length, areas and times are kept. */
    conditioning: In<"CONDITIONING">;
  }): Handle<["CONDITIONING"]>;
  /** Lets a picture say where things are: its outlines, depths or poses, as the control net knows them. What was applied before adds up with it. */
  ControlNetApplyAdvanced(inputs: {
    /** What the picture should show. */
    positive: In<"CONDITIONING">;
    /** What it should not show. */
    negative: In<"CONDITIONING">;
    /** A loaded control net. */
    control_net: In<"CONTROL_NET">;
    /** The picture it looks at, of the kind it was trained on: outlines, depths, poses. It is cut around the middle to the latent's shape; several are for a batch. */
    image: In<"IMAGE">;
    /** How much it counts; 0 leaves it out. */
    strength?: number | In<"FLOAT">;
    /** From when on it counts; 0 is the beginning of the run. */
    start_percent?: number | In<"FLOAT">;
    /** Until when it counts; 1 is the end. Earlier leaves the details to the model. */
    end_percent?: number | In<"FLOAT">;
    /** For control nets that look at latents; those of Stable Diffusion and SDXL do not need it. */
    vae?: In<"VAE">;
  }): Handle<["CONDITIONING", "CONDITIONING"]>;
  /** As ControlNetApplyAdvanced, for one prompt and the whole run. A negative prompt without a control net gets it as well. */
  ControlNetApply(inputs: {
    /** What the picture should show. */
    conditioning: In<"CONDITIONING">;
    /** A loaded control net. */
    control_net: In<"CONTROL_NET">;
    /** The picture it looks at, of the kind it was trained on: outlines, depths, poses. It is cut around the middle to the latent's shape; several are for a batch. */
    image: In<"IMAGE">;
    /** How much it counts; 0 leaves it out. */
    strength?: number | In<"FLOAT">;
  }): Handle<["CONDITIONING"]>;
  /** Shows an inpainting model the picture around the hole, and gives the latent to sample from. */
  InpaintModelConditioning(inputs: {
    /** What the picture should be. */
    positive: In<"CONDITIONING">;
    /** What it should not be. */
    negative: In<"CONDITIONING">;
    /** The autoencoder of the model. */
    vae: In<"VAE">;
    /** The pictures; their sides are cut to multiples of 8. */
    pixels: In<"IMAGE">;
    /** White where the hole is. */
    mask: In<"MASK">;
    /** Lets only the hole change; without it the model may touch the rest, too. */
    noise_mask?: boolean | In<"BOOLEAN">;
  }): Handle<["CONDITIONING", "CONDITIONING", "LATENT"]>;
  /** Shows an editing model the picture that it is to change as the prompt says, and gives an empty latent of its size. */
  InstructPixToPixConditioning(inputs: {
    /** What to do with the picture. */
    positive: In<"CONDITIONING">;
    /** What not to do with it; mostly an empty prompt. */
    negative: In<"CONDITIONING">;
    /** The autoencoder of the model. */
    vae: In<"VAE">;
    /** The pictures; their sides are cut to multiples of 8. */
    pixels: In<"IMAGE">;
  }): Handle<["CONDITIONING", "CONDITIONING", "LATENT"]>;
  /** The start of a new picture: its size, and how many of them. */
  EmptyLatentImage(inputs?: {
    /** Width of the picture in pixels, a multiple of 8. */
    width?: number | In<"INT">;
    /** Height of the picture in pixels, a multiple of 8. */
    height?: number | In<"INT">;
    /** How many pictures; the first is the one you get with 1. */
    batch_size?: number | In<"INT">;
  }): Handle<["LATENT"]>;
  /** The start of a new picture for models whose latents have 16 channels. */
  EmptySD3LatentImage(inputs?: {
    /** Width of the picture in pixels, a multiple of 8. */
    width?: number | In<"INT">;
    /** Height of the picture in pixels, a multiple of 8. */
    height?: number | In<"INT">;
    /** How many pictures; the first is the one you get with 1. */
    batch_size?: number | In<"INT">;
  }): Handle<["LATENT"]>;
  /** Makes latents larger or smaller, to a size. */
  LatentUpscale(inputs: {
    /** The latents. */
    samples: In<"LATENT">;
    /** How new places are made of old ones; bislerp is bilinear without weakening the latents. */
    upscale_method?: "nearest-exact" | "bilinear" | "area" | "bicubic" | "bislerp" | In<"COMBO">;
    /** Width in pixels; 0 follows from the height. */
    width?: number | In<"INT">;
    /** Height in pixels; 0 follows from the width. */
    height?: number | In<"INT">;
    /** Whether another shape stretches the picture or cuts off what is too much. */
    crop?: "disabled" | "center" | In<"COMBO">;
  }): Handle<["LATENT"]>;
  /** Makes latents larger or smaller, by a factor. */
  LatentUpscaleBy(inputs: {
    /** The latents. */
    samples: In<"LATENT">;
    /** How new places are made of old ones; bislerp is bilinear without weakening the latents. */
    upscale_method?: "nearest-exact" | "bilinear" | "area" | "bicubic" | "bislerp" | In<"COMBO">;
    /** The factor for both sides. */
    scale_by?: number | In<"FLOAT">;
  }): Handle<["LATENT"]>;
  /** Puts latents on others. */
  LatentComposite(inputs: {
    /** The latents below. */
    samples_to: In<"LATENT">;
    /** The latents put on them. */
    samples_from: In<"LATENT">;
    /** Its left edge there, in pixels. */
    x?: number | In<"INT">;
    /** Its top edge there, in pixels. */
    y?: number | In<"INT">;
    /** Pixels over which the edges fade, except along the border of the picture. */
    feather?: number | In<"INT">;
  }): Handle<["LATENT"]>;
  /** Puts latents on others, where a mask lets them through. */
  LatentCompositeMasked(inputs: {
    /** The latents below. */
    destination: In<"LATENT">;
    /** The latents put on them. */
    source: In<"LATENT">;
    /** Its left edge there, in pixels. */
    x?: number | In<"INT">;
    /** Its top edge there, in pixels. */
    y?: number | In<"INT">;
    /** Stretches what is put on to the size of what is below. */
    resize_source?: boolean | In<"BOOLEAN">;
    /** White where it is put on; stretched over it. Everywhere if left out. */
    mask?: In<"MASK">;
  }): Handle<["LATENT"]>;
  /** Cuts a rectangle out of latents. */
  LatentCrop(inputs: {
    /** The latents. */
    samples: In<"LATENT">;
    /** Its width in pixels. */
    width?: number | In<"INT">;
    /** Its height in pixels. */
    height?: number | In<"INT">;
    /** Its left edge in pixels. */
    x?: number | In<"INT">;
    /** Its top edge in pixels. */
    y?: number | In<"INT">;
  }): Handle<["LATENT"]>;
  /** Turns latents clockwise. */
  LatentRotate(inputs: {
    /** The latents. */
    samples: In<"LATENT">;
    /** How far. */
    rotation?: "none" | "90 degrees" | "180 degrees" | "270 degrees" | In<"COMBO">;
  }): Handle<["LATENT"]>;
  /** Mirrors latents. */
  LatentFlip(inputs: {
    /** The latents. */
    samples: In<"LATENT">;
    /** Upside down, or left to right. */
    flip_method?: "x-axis: vertically" | "y-axis: horizontally" | In<"COMBO">;
  }): Handle<["LATENT"]>;
  /** Takes some columns, rows or channels of latents. */
  LatentCut(inputs: {
    /** The latents. */
    samples: In<"LATENT">;
    /** Columns, rows, or, in pictures' latents, channels. */
    dim?: "x" | "y" | "t" | In<"COMBO">;
    /** The first of them, counted in the latent; below 0 from the end. */
    index?: number | In<"INT">;
    /** How many. */
    amount?: number | In<"INT">;
  }): Handle<["LATENT"]>;
  /** Puts latents beside, below or behind each other. */
  LatentConcat(inputs: {
    /** The first latents. */
    samples1: In<"LATENT">;
    /** The second. */
    samples2: In<"LATENT">;
    /** Beside, below, or, in pictures' latents, as more channels; with a minus the second comes first. */
    dim?: "x" | "-x" | "y" | "-y" | "t" | "-t" | In<"COMBO">;
  }): Handle<["LATENT"]>;
  /** Mixes latents. */
  LatentBlend(inputs: {
    /** The first latents; their size and mask are kept. */
    samples1: In<"LATENT">;
    /** The second latents. */
    samples2: In<"LATENT">;
    /** How much of the first: 1 is all of it, 0 only the second. */
    blend_factor?: number | In<"FLOAT">;
  }): Handle<["LATENT"]>;
  /** Adds latents. */
  LatentAdd(inputs: {
    /** The first latents; their size and mask are kept. */
    samples1: In<"LATENT">;
    /** The second latents. */
    samples2: In<"LATENT">;
  }): Handle<["LATENT"]>;
  /** Takes the second latents from the first. */
  LatentSubtract(inputs: {
    /** The first latents; their size and mask are kept. */
    samples1: In<"LATENT">;
    /** The second latents. */
    samples2: In<"LATENT">;
  }): Handle<["LATENT"]>;
  /** Multiplies latents with a number. */
  LatentMultiply(inputs: {
    /** The latents. */
    samples: In<"LATENT">;
    /** The number. */
    multiplier?: number | In<"FLOAT">;
  }): Handle<["LATENT"]>;
  /** Mixes latents without weakening them: directions and lengths are mixed apart. */
  LatentInterpolate(inputs: {
    /** The first latents; their size and mask are kept. */
    samples1: In<"LATENT">;
    /** The second latents. */
    samples2: In<"LATENT">;
    /** How much of the first: 1 is all of it, 0 only the second. */
    ratio?: number | In<"FLOAT">;
  }): Handle<["LATENT"]>;
  /** Takes some latents of a batch; each keeps the noise of its place there. */
  LatentFromBatch(inputs: {
    /** The batch. */
    samples: In<"LATENT">;
    /** The first one taken, counted from 0; below 0 from the end. */
    batch_index?: number | In<"INT">;
    /** How many are taken. */
    length?: number | In<"INT">;
  }): Handle<["LATENT"]>;
  /** Makes a batch of copies, each of which gets noise of its own. */
  RepeatLatentBatch(inputs: {
    /** The latents. */
    samples: In<"LATENT">;
    /** How many times. */
    amount?: number | In<"INT">;
  }): Handle<["LATENT"]>;
  /** Joins two batches of latents; a noise mask is the first one's. */
  LatentBatch(inputs: {
    /** The first batch; its size is kept. */
    samples1: In<"LATENT">;
    /** The second; another size is stretched to the first one's. */
    samples2: In<"LATENT">;
  }): Handle<["LATENT"]>;
  /** Says whether each latent of a batch gets noise of its own, or all get the same. */
  LatentBatchSeedBehavior(inputs: {
    /** The batch. */
    samples: In<"LATENT">;
    /** Noise of its own, or that of the first. */
    seed_behavior?: "random" | "fixed" | In<"COMBO">;
  }): Handle<["LATENT"]>;
  /** Joins and cuts a list of latents so that each batch has as many as wanted; what follows runs once for each. */
  RebatchLatents(inputs: {
    /** The latents. */
    latents: In<"LATENT">;
    /** How many a batch has; the last of each size may have fewer. */
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
  /** Turns pictures into latents with a grey hole that a sampler fills; use it with denoise 1. */
  VAEEncodeForInpaint(inputs: {
    /** The pictures; their sides are cut to multiples of 8. */
    pixels: In<"IMAGE">;
    /** The autoencoder of a loaded model. */
    vae: In<"VAE">;
    /** White where the hole is. */
    mask: In<"MASK">;
    /** How many pixels wider the part that may change is than the hole. */
    grow_mask_by?: number | In<"INT">;
  }): Handle<["LATENT"]>;
  /** Turns latents into pictures in overlapping tiles, so that large ones need less memory. */
  VAEDecodeTiled(inputs: {
    /** The latents. */
    samples: In<"LATENT">;
    /** The autoencoder of a loaded model. */
    vae: In<"VAE">;
    /** Side of a tile in pixels: smaller tiles need less memory, larger ones agree better. */
    tile_size?: number | In<"INT">;
    /** Pixels that neighbouring tiles share and fade over, at most a quarter of a tile. */
    overlap?: number | In<"INT">;
    /** For videos only: frames a tile holds. Pictures take no notice of it. */
    temporal_size?: number | In<"INT">;
    /** For videos only: frames that tiles share. Pictures take no notice of it. */
    temporal_overlap?: number | In<"INT">;
  }): Handle<["IMAGE"]>;
  /** Turns pictures into latents in overlapping tiles, so that large ones need less memory. */
  VAEEncodeTiled(inputs: {
    /** The pictures; their sides are cut to multiples of 8. */
    pixels: In<"IMAGE">;
    /** The autoencoder of a loaded model. */
    vae: In<"VAE">;
    /** Side of a tile in pixels: smaller tiles need less memory, larger ones agree better. */
    tile_size?: number | In<"INT">;
    /** Pixels that neighbouring tiles share and fade over, at most a quarter of a tile. */
    overlap?: number | In<"INT">;
    /** For videos only: frames a tile holds. Pictures take no notice of it. */
    temporal_size?: number | In<"INT">;
    /** For videos only: frames that tiles share. Pictures take no notice of it. */
    temporal_overlap?: number | In<"INT">;
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
  /** Paints a part of the steps, so that another sampler, model or prompt can do the others. */
  KSamplerAdvanced(inputs: {
    /** The network that paints. */
    model: In<"MODEL">;
    /** Disable where the latent still has the noise that another sampler left. */
    add_noise?: "enable" | "disable" | In<"COMBO">;
    /** Which noise to start from: the same seed and settings give the same picture. */
    noise_seed?: bigint | number | In<"INT">;
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
    /** The first step done here. */
    start_at_step?: number | In<"INT">;
    /** The first step not done here. */
    end_at_step?: number | In<"INT">;
    /** Enable to leave the noise of the steps that are not done here for another sampler. */
    return_with_leftover_noise?: "disable" | "enable" | In<"COMBO">;
  }): Handle<["LATENT"]>;
  /** Paints with a sampler and noise levels of your choice. */
  SamplerCustom(inputs: {
    /** The network that paints. */
    model: In<"MODEL">;
    /** Off where the latent still has the noise that another sampler left. */
    add_noise?: boolean | In<"BOOLEAN">;
    /** Which noise to start from: the same seed and settings give the same picture. */
    noise_seed?: bigint | number | In<"INT">;
    /** How closely the picture follows the prompt; 1 leaves the negative prompt out. */
    cfg?: number | In<"FLOAT">;
    /** What the picture should show. */
    positive: In<"CONDITIONING">;
    /** What it should not show. */
    negative: In<"CONDITIONING">;
    /** The way from noise to picture. */
    sampler: In<"SAMPLER">;
    /** The noise levels to go through. */
    sigmas: In<"SIGMAS">;
    /** Where to start: empty, or a picture to change. */
    latent_image: In<"LATENT">;
  }): Handle<["LATENT", "LATENT"]>;
  /** Paints with noise, guidance, sampler and noise levels of your choice. */
  SamplerCustomAdvanced(inputs: {
    /** The noise to start from. */
    noise: In<"NOISE">;
    /** The model with its prompts. */
    guider: In<"GUIDER">;
    /** The way from noise to picture. */
    sampler: In<"SAMPLER">;
    /** The noise levels to go through. */
    sigmas: In<"SIGMAS">;
    /** Where to start: empty, or a picture to change. */
    latent_image: In<"LATENT">;
  }): Handle<["LATENT", "LATENT"]>;
  /** A sampler, set as its name alone means. */
  KSamplerSelect(inputs?: {
    /** The way from noise to picture. */
    sampler_name?: SamplerName | In<"COMBO">;
  }): Handle<["SAMPLER"]>;
  /** First order, with fresh noise in every step. */
  SamplerEulerAncestral(inputs?: {
    /** How much of each step's noise is drawn anew: 0 draws none. */
    eta?: number | In<"FLOAT">;
    /** Multiplies the noise that is added. */
    s_noise?: number | In<"FLOAT">;
  }): Handle<["SAMPLER"]>;
  /** As SamplerEulerAncestral, for low guidance: it keeps the noise that the negative prompt sees. */
  SamplerEulerAncestralCFGPP(inputs?: {
    /** How much of each step's noise is drawn anew: 0 draws none. */
    eta?: number | In<"FLOAT">;
    /** Multiplies the noise that is added. */
    s_noise?: number | In<"FLOAT">;
  }): Handle<["SAMPLER"]>;
  /** Steps along a curve through the last few steps. */
  SamplerLMS(inputs?: {
    /** How many steps at most the curve goes through. */
    order?: number | In<"INT">;
  }): Handle<["SAMPLER"]>;
  /** Second order by the middle of a step, with fresh noise: two network calls a step. */
  SamplerDPMPP_2S_Ancestral(inputs?: {
    /** How much of each step's noise is drawn anew: 0 draws none. */
    eta?: number | In<"FLOAT">;
    /** Multiplies the noise that is added. */
    s_noise?: number | In<"FLOAT">;
  }): Handle<["SAMPLER"]>;
  /** Second order for the stochastic equation: two network calls a step. */
  SamplerDPMPP_SDE(inputs?: {
    /** How much of each step's noise is drawn anew: 0 draws none. */
    eta?: number | In<"FLOAT">;
    /** Multiplies the noise that is added. */
    s_noise?: number | In<"FLOAT">;
    /** Where in a step the second call is made. */
    r?: number | In<"FLOAT">;
    /** Whose random numbers are drawn: a graphics card's, or a processor's. */
    noise_device?: "gpu" | "cpu" | In<"COMBO">;
  }): Handle<["SAMPLER"]>;
  /** Second order for the stochastic equation, looking one step back. */
  SamplerDPMPP_2M_SDE(inputs?: {
    /** How the last step counts: as at its middle, or exactly. */
    solver_type?: "midpoint" | "heun" | In<"COMBO">;
    /** How much of each step's noise is drawn anew: 0 draws none. */
    eta?: number | In<"FLOAT">;
    /** Multiplies the noise that is added. */
    s_noise?: number | In<"FLOAT">;
    /** Whose random numbers are drawn: a graphics card's, or a processor's. */
    noise_device?: "gpu" | "cpu" | In<"COMBO">;
  }): Handle<["SAMPLER"]>;
  /** Third order for the stochastic equation, looking two steps back. */
  SamplerDPMPP_3M_SDE(inputs?: {
    /** How much of each step's noise is drawn anew: 0 draws none. */
    eta?: number | In<"FLOAT">;
    /** Multiplies the noise that is added. */
    s_noise?: number | In<"FLOAT">;
    /** Whose random numbers are drawn: a graphics card's, or a processor's. */
    noise_device?: "gpu" | "cpu" | In<"COMBO">;
  }): Handle<["SAMPLER"]>;
  /** Chooses its own steps, as long as the error allows; of the levels only the ends count. */
  SamplerDPMAdaptative(inputs?: {
    /** The order of its steps. */
    order?: number | In<"INT">;
    /** Error allowed in proportion to the latent. */
    rtol?: number | In<"FLOAT">;
    /** Error always allowed. */
    atol?: number | In<"FLOAT">;
    /** The first step, in logarithms of the level. */
    h_init?: number | In<"FLOAT">;
    /** How much the last error counts for the next step. */
    pcoeff?: number | In<"FLOAT">;
    /** How much the sum of the errors counts. */
    icoeff?: number | In<"FLOAT">;
    /** How much the change of the errors counts. */
    dcoeff?: number | In<"FLOAT">;
    /** A step is kept if the next may be that much longer. */
    accept_safety?: number | In<"FLOAT">;
    /** How much of each step's noise is drawn anew: 0 draws none. */
    eta?: number | In<"FLOAT">;
    /** Multiplies the noise that is added. */
    s_noise?: number | In<"FLOAT">;
  }): Handle<["SAMPLER"]>;
  /** Third order for a stochastic equation whose noise can be chosen. */
  SamplerER_SDE(inputs?: {
    /** The noise: as its authors advise, by eta, or none. */
    solver_type?: "ER-SDE" | "Reverse-time SDE" | "ODE" | In<"COMBO">;
    /** The highest order of its steps. */
    max_stage?: number | In<"INT">;
    /** How much noise there is with Reverse-time SDE. */
    eta?: number | In<"FLOAT">;
    /** Multiplies the noise that is added. */
    s_noise?: number | In<"FLOAT">;
  }): Handle<["SAMPLER"]>;
  /** Predicts each latent from the last few, and corrects it with what the network sees there. */
  SamplerSASolver(inputs: {
    /** The network, for its noise levels. */
    model: In<"MODEL">;
    /** How much of each step's noise is drawn anew: 0 draws none. */
    eta?: number | In<"FLOAT">;
    /** After which part of the run noise is added. */
    sde_start_percent?: number | In<"FLOAT">;
    /** Up to which part of the run. */
    sde_end_percent?: number | In<"FLOAT">;
    /** Multiplies the noise that is added. */
    s_noise?: number | In<"FLOAT">;
    /** The highest order of the prediction. */
    predictor_order?: number | In<"INT">;
    /** The highest order of the correction; 0 leaves it out. */
    corrector_order?: number | In<"INT">;
    /** Calls the network again after each correction. */
    use_pece?: boolean | In<"BOOLEAN">;
    /** Takes simpler weights at order 2. */
    simple_order_2?: boolean | In<"BOOLEAN">;
  }): Handle<["SAMPLER"]>;
  /** The noise that a picture starts from. */
  RandomNoise(inputs?: {
    /** Which noise: the same seed gives the same. */
    noise_seed?: bigint | number | In<"INT">;
  }): Handle<["NOISE"]>;
  /** No noise: for a latent that still has the noise another sampler left. */
  DisableNoise(inputs?: Record<string, never>): Handle<["NOISE"]>;
  /** Adds noise to a latent, as much as lies between the first and the last level. */
  AddNoise(inputs: {
    /** The network that will remove it. */
    model: In<"MODEL">;
    /** The noise. */
    noise: In<"NOISE">;
    /** The levels; of one, all of it is added. */
    sigmas: In<"SIGMAS">;
    /** The latent. */
    latent_image: In<"LATENT">;
  }): Handle<["LATENT"]>;
  /** Follows one prompt, as models do that were distilled to need no negative one. */
  BasicGuider(inputs: {
    /** The network that paints. */
    model: In<"MODEL">;
    /** What the picture should show. */
    conditioning: In<"CONDITIONING">;
  }): Handle<["GUIDER"]>;
  /** Follows a prompt and keeps away from another. */
  CFGGuider(inputs: {
    /** The network that paints. */
    model: In<"MODEL">;
    /** What the picture should show. */
    positive: In<"CONDITIONING">;
    /** What it should not show. */
    negative: In<"CONDITIONING">;
    /** How closely the picture follows the prompt; 1 leaves the negative prompt out. */
    cfg?: number | In<"FLOAT">;
  }): Handle<["GUIDER"]>;
  /** Follows two prompts, each as closely as it is told. */
  DualCFGGuider(inputs: {
    /** The network that paints. */
    model: In<"MODEL">;
    /** What the picture should show first of all. */
    cond1: In<"CONDITIONING">;
    /** What it should show besides: for editing models, the picture to edit alone. */
    cond2: In<"CONDITIONING">;
    /** What it should not show. */
    negative: In<"CONDITIONING">;
    /** How far the picture goes from the second prompt to the first. */
    cfg_conds?: number | In<"FLOAT">;
    /** How far it goes from the negative prompt to the second. */
    cfg_cond2_negative?: number | In<"FLOAT">;
    /** Whether the first two are mixed before the negative prompt counts. */
    style?: "regular" | "nested" | In<"COMBO">;
  }): Handle<["GUIDER"]>;
  /** Keeps away only from what the negative prompt has apart from the positive one. */
  PerpNegGuider(inputs: {
    /** The network that paints. */
    model: In<"MODEL">;
    /** What the picture should show. */
    positive: In<"CONDITIONING">;
    /** What it should not show. */
    negative: In<"CONDITIONING">;
    /** An empty prompt, encoded. */
    empty_conditioning: In<"CONDITIONING">;
    /** How closely the picture follows the prompt. */
    cfg?: number | In<"FLOAT">;
    /** How much the negative prompt counts. */
    neg_scale?: number | In<"FLOAT">;
  }): Handle<["GUIDER"]>;
  /** The noise levels that a scheduler chooses for a model. */
  BasicScheduler(inputs: {
    /** The network whose levels they are. */
    model: In<"MODEL">;
    /** How much noise is removed in which step. */
    scheduler?: SchedulerName | In<"COMBO">;
    /** How many steps. */
    steps?: number | In<"INT">;
    /** How much may change: less than 1 keeps only the last levels, for a picture to change. */
    denoise?: number | In<"FLOAT">;
  }): Handle<["SIGMAS"]>;
  /** Many levels where there is little noise. */
  KarrasScheduler(inputs?: {
    /** How many steps. */
    steps?: number | In<"INT">;
    /** The highest level. */
    sigma_max?: number | In<"FLOAT">;
    /** The lowest level. */
    sigma_min?: number | In<"FLOAT">;
    /** How many: 1 spaces the levels evenly. */
    rho?: number | In<"FLOAT">;
  }): Handle<["SIGMAS"]>;
  /** Every step removes the same share of the noise. */
  ExponentialScheduler(inputs?: {
    /** How many steps. */
    steps?: number | In<"INT">;
    /** The highest level. */
    sigma_max?: number | In<"FLOAT">;
    /** The lowest level. */
    sigma_min?: number | In<"FLOAT">;
  }): Handle<["SIGMAS"]>;
  /** As exponential, with more steps at one of the ends. */
  PolyexponentialScheduler(inputs?: {
    /** How many steps. */
    steps?: number | In<"INT">;
    /** The highest level. */
    sigma_max?: number | In<"FLOAT">;
    /** The lowest level. */
    sigma_min?: number | In<"FLOAT">;
    /** At 1 as exponential; above it there are more steps where there is little noise. */
    rho?: number | In<"FLOAT">;
  }): Handle<["SIGMAS"]>;
  /** Many levels in the middle of the run. */
  LaplaceScheduler(inputs?: {
    /** How many steps. */
    steps?: number | In<"INT">;
    /** The highest level. */
    sigma_max?: number | In<"FLOAT">;
    /** The lowest level. */
    sigma_min?: number | In<"FLOAT">;
    /** The logarithm of the middle level. */
    mu?: number | In<"FLOAT">;
    /** How far the levels are spread. */
    beta?: number | In<"FLOAT">;
  }): Handle<["SIGMAS"]>;
  /** The levels of the process that most models were trained with, without their table. */
  VPScheduler(inputs?: {
    /** How many steps. */
    steps?: number | In<"INT">;
    /** How fast the noise grows faster. */
    beta_d?: number | In<"FLOAT">;
    /** How fast it grows at first. */
    beta_min?: number | In<"FLOAT">;
    /** The time of the lowest level. */
    eps_s?: number | In<"FLOAT">;
  }): Handle<["SIGMAS"]>;
  /** Many levels at the beginning, at the end, or at both. */
  BetaSamplingScheduler(inputs: {
    /** The network whose levels they are. */
    model: In<"MODEL">;
    /** How many steps. */
    steps?: number | In<"INT">;
    /** Less is more steps at the end. */
    alpha?: number | In<"FLOAT">;
    /** Less is more steps at the beginning. */
    beta?: number | In<"FLOAT">;
  }): Handle<["SIGMAS"]>;
  /** The noise levels of turbo models: 10 at most, from the top. */
  SDTurboScheduler(inputs: {
    /** The network whose levels they are. */
    model: In<"MODEL">;
    /** How many steps. */
    steps?: number | In<"INT">;
    /** How much may change: less than 1 keeps only the last levels, for a picture to change. */
    denoise?: number | In<"FLOAT">;
  }): Handle<["SIGMAS"]>;
  /** Splits the noise levels after a step, for two samplers. */
  SplitSigmas(inputs: {
    /** The noise levels. */
    sigmas: In<"SIGMAS">;
    /** How many steps come before. */
    step?: number | In<"INT">;
  }): Handle<["SIGMAS", "SIGMAS"]>;
  /** Splits the noise levels so that this share of the steps comes after. */
  SplitSigmasDenoise(inputs: {
    /** The noise levels. */
    sigmas: In<"SIGMAS">;
    /** The share of steps after the split. */
    denoise?: number | In<"FLOAT">;
  }): Handle<["SIGMAS", "SIGMAS"]>;
  /** Turns the noise levels round, to go from a picture to the noise behind it. */
  FlipSigmas(inputs: {
    /** The noise levels. */
    sigmas: In<"SIGMAS">;
  }): Handle<["SIGMAS"]>;
  /** Sets the noise level that a run begins at. */
  SetFirstSigma(inputs: {
    /** The noise levels. */
    sigmas: In<"SIGMAS">;
    /** The first level. */
    sigma?: number | In<"FLOAT">;
  }): Handle<["SIGMAS"]>;
  /** Puts further noise levels between those of a part of the run. */
  ExtendIntermediateSigmas(inputs: {
    /** The noise levels. */
    sigmas: In<"SIGMAS">;
    /** How many steps each step of that part becomes. */
    steps?: number | In<"INT">;
    /** The level that part begins at; -1 is the first. */
    start_at_sigma?: number | In<"FLOAT">;
    /** The level it ends at. */
    end_at_sigma?: number | In<"FLOAT">;
    /** Whether the new levels lie evenly, nearer to the next one, or nearer to the one before. */
    spacing?: "linear" | "cosine" | "sine" | In<"COMBO">;
  }): Handle<["SIGMAS"]>;
  /** Noise levels of your own. */
  ManualSigmas(inputs?: {
    /** The levels, first to last, with commas. */
    sigmas?: string | In<"STRING">;
  }): Handle<["SIGMAS"]>;
  /** The noise level at a part of the run. */
  SamplingPercentToSigma(inputs: {
    /** The network whose levels they are. */
    model: In<"MODEL">;
    /** The part: 0 is the beginning, 1 the end. */
    sampling_percent?: number | In<"FLOAT">;
    /** At the ends give the model's highest and lowest level, not a number beyond them. */
    return_actual_sigma?: boolean | In<"BOOLEAN">;
  }): Handle<["FLOAT"]>;
  /** Says what a model predicts, where its file does not: noise, velocity, a consistency model's jump, or the picture. */
  ModelSamplingDiscrete(inputs: {
    /** The model; it stays as it is. */
    model: In<"MODEL">;
    /** What it predicts; `lcm` also keeps only the 50 levels that such models know. */
    sampling?: "eps" | "v_prediction" | "lcm" | "x0" | "img_to_img" | In<"COMBO">;
    /** Whether it was trained to start from pure noise, without a trace of a picture. */
    zsnr?: boolean | In<"BOOLEAN">;
  }): Handle<["MODEL"]>;
  /** For models that were trained on noise levels without a table, and are told their logarithm. */
  ModelSamplingContinuousEDM(inputs: {
    /** The model; it stays as it is. */
    model: In<"MODEL">;
    /** What the model predicts. */
    sampling?: "v_prediction" | "edm" | "eps" | In<"COMBO">;
    /** The highest level. */
    sigma_max?: number | In<"FLOAT">;
    /** The lowest level. */
    sigma_min?: number | In<"FLOAT">;
  }): Handle<["MODEL"]>;
  /** For models that were trained on noise levels without a table, and are told the angle between picture and noise. */
  ModelSamplingContinuousV(inputs: {
    /** The model; it stays as it is. */
    model: In<"MODEL">;
    /** What the model predicts. */
    sampling?: "v_prediction" | In<"COMBO">;
    /** The highest level. */
    sigma_max?: number | In<"FLOAT">;
    /** The lowest level. */
    sigma_min?: number | In<"FLOAT">;
  }): Handle<["MODEL"]>;
  /** Takes back the glare that strong guidance gives, above all to models that predict velocity. */
  RescaleCFG(inputs: {
    /** The model; it stays as it is. */
    model: In<"MODEL">;
    /** How much of it is taken back. */
    multiplier?: number | In<"FLOAT">;
  }): Handle<["MODEL"]>;
  /** Keeps away only from what the negative prompt has apart from the positive one. */
  PerpNeg(inputs: {
    /** The model; it stays as it is. */
    model: In<"MODEL">;
    /** An empty prompt, encoded. */
    empty_conditioning: In<"CONDITIONING">;
    /** How much the negative prompt counts. */
    neg_scale?: number | In<"FLOAT">;
  }): Handle<["MODEL"]>;
  /** Reads a grey noise mask as how much each place may change: the lighter, the earlier it is let free. */
  DifferentialDiffusion(inputs: {
    /** The model; it stays as it is. */
    model: In<"MODEL">;
    /** How much that counts against the mask as it is. */
    strength?: number | In<"FLOAT">;
  }): Handle<["MODEL"]>;
  /** Makes pictures clearer by scaling what meets inside the network. */
  FreeU(inputs: {
    /** The model; it stays as it is. */
    model: In<"MODEL">;
    /** Factor of what comes from the lowest stage: more is clearer. */
    b1?: number | In<"FLOAT">;
    /** Factor of what comes from the stage above it. */
    b2?: number | In<"FLOAT">;
    /** Factor of the large shapes that skip over the lowest stage: less is less clutter. */
    s1?: number | In<"FLOAT">;
    /** Factor of the large shapes that skip over the stage above it. */
    s2?: number | In<"FLOAT">;
  }): Handle<["MODEL"]>;
  /** Makes pictures clearer by scaling what meets inside the network, most where most is to be seen. */
  FreeU_V2(inputs: {
    /** The model; it stays as it is. */
    model: In<"MODEL">;
    /** Factor of what comes from the lowest stage: more is clearer. */
    b1?: number | In<"FLOAT">;
    /** Factor of what comes from the stage above it. */
    b2?: number | In<"FLOAT">;
    /** Factor of the large shapes that skip over the lowest stage: less is less clutter. */
    s1?: number | In<"FLOAT">;
    /** Factor of the large shapes that skip over the stage above it. */
    s2?: number | In<"FLOAT">;
  }): Handle<["MODEL"]>;
  /** Paints large pictures faster: parts of the picture see those in their tile only. */
  HyperTile(inputs: {
    /** The model; it stays as it is. */
    model: In<"MODEL">;
    /** Smallest side of a tile, in pixels; fewer than 32 count as 32. */
    tile_size?: number | In<"INT">;
    /** From how many sizes one is drawn for each layer and step, so that no edge stays where it is. The same step draws the same. */
    swap_size?: number | In<"INT">;
    /** Down to which level of the network maps are cut; 0 is the largest maps. */
    max_depth?: number | In<"INT">;
    /** Whether tiles grow where maps are smaller. */
    scale_depth?: boolean | In<"BOOLEAN">;
  }): Handle<["MODEL"]>;
  /** Paints faster: places of the picture that look alike ask together what is around them. */
  TomePatchModel(inputs: {
    /** The model; it stays as it is. */
    model: In<"MODEL">;
    /** Share of the places that are merged with others, of which there are at most three in four. */
    ratio?: number | In<"FLOAT">;
    /** Maps that are so many times smaller than the latent merge as well: 1, 2, 4 or 8. More saves little, and changes more. */
    max_downsample?: number | In<"INT">;
  }): Handle<["MODEL"]>;
  /** Paints faster: what the network's inner levels saw is used again for some steps, and only the outer layers work anew. The more steps a run has, the less it changes the picture. */
  DeepCache(inputs: {
    /** The model; it stays as it is. */
    model: In<"MODEL">;
    /** One step in so many computes everything; 1 changes nothing. */
    cache_interval?: number | In<"INT">;
    /** How many of the outermost layers every step computes: more keeps closer to the picture, and saves less. */
    cache_depth?: number | In<"INT">;
    /** From which share of the run on, by the noise that is left. */
    start_percent?: number | In<"FLOAT">;
    /** Up to which share of the run. */
    end_percent?: number | In<"FLOAT">;
  }): Handle<["MODEL"]>;
  /** Lets the negative prompt, and the strength of guidance, count in a part of the run only. The other steps follow the prompt as it is and take half the time; at high noise that also keeps pictures more varied. */
  GuidanceInterval(inputs: {
    /** The model; it stays as it is. */
    model: In<"MODEL">;
    /** From which share of the run on, by the noise that is left. */
    start_percent?: number | In<"FLOAT">;
    /** Up to which share of the run. */
    end_percent?: number | In<"FLOAT">;
  }): Handle<["MODEL"]>;
  /** Loads a picture. What is transparent in it becomes the mask. */
  LoadImage(inputs: {
    /** The file, added to the inputs before. */
    image: string | In<"COMBO">;
  }): Handle<["IMAGE", "MASK"]>;
  /** Loads one colour of a picture, or where it is transparent, as a mask. */
  LoadImageMask(inputs: {
    /** The file, added to the inputs before; of an animation the first picture. */
    image: string | In<"COMBO">;
    /** The colour that becomes white; alpha makes white what is transparent. */
    channel?: "alpha" | "red" | "green" | "blue" | In<"COMBO">;
  }): Handle<["MASK"]>;
  /** Saves pictures as PNG files that carry the graph they were made with. */
  SaveImage(inputs: {
    /** The pictures. */
    images: In<"IMAGE">;
    /** Start of the file's name; a / makes a folder. %width%, %date:yyyy-MM-dd% or %KSampler.seed% are filled in. */
    filename_prefix?: string | In<"STRING">;
  }): Handle<[]>;
  /** Saves pictures with as many bits as wanted, and with the graph they were made with. */
  SaveImageAdvanced(inputs: {
    /** The pictures. */
    images: In<"IMAGE">;
    /** Start of the file's name; a / makes a folder. %width%, %date:yyyy-MM-dd% or %KSampler.seed% are filled in. */
    filename_prefix?: string | In<"STRING">;
    /** The kind of file: png for looking at, exr for working on. */
    format?: "png" | "exr";
    /** Bits of each number. */
    "format.bit_depth"?: "8-bit" | "16-bit" | In<"COMBO"> | "32-bit float";
    /** What the numbers mean. */
    "format.input_color_space"?: "sRGB" | In<"COMBO"> | "sRGB" | "linear";
  }): Handle<[]>;
  /** Shows pictures without keeping them. */
  PreviewImage(inputs: {
    /** The pictures. */
    images: In<"IMAGE">;
  }): Handle<[]>;
  /** Shows masks without keeping them. */
  MaskPreview(inputs: {
    /** The masks. */
    mask: In<"MASK">;
  }): Handle<[]>;
  /** Saves a batch of pictures as one animated WebP that carries its graph. */
  SaveAnimatedWEBP(inputs: {
    /** The pictures. */
    images: In<"IMAGE">;
    /** Start of the file's name; a / makes a folder. %width%, %date:yyyy-MM-dd% or %KSampler.seed% are filled in. */
    filename_prefix?: string | In<"STRING">;
    /** How many pictures are shown in a second. */
    fps?: number | In<"FLOAT">;
    /** Whether every pixel is kept. For now it always is. */
    lossless?: boolean | In<"BOOLEAN">;
    /** Counts only where pixels may be lost. */
    quality?: number | In<"INT">;
    /** How hard a file is packed. For now there is one way. */
    method?: "default" | "fastest" | "slowest" | In<"COMBO">;
  }): Handle<[]>;
  /** Saves a batch of pictures as one animated PNG that carries its graph. */
  SaveAnimatedPNG(inputs: {
    /** The pictures. */
    images: In<"IMAGE">;
    /** Start of the file's name; a / makes a folder. %width%, %date:yyyy-MM-dd% or %KSampler.seed% are filled in. */
    filename_prefix?: string | In<"STRING">;
    /** How many pictures are shown in a second. */
    fps?: number | In<"FLOAT">;
    /** How hard the file is packed: 0 is fast and large, 9 slow and small. */
    compress_level?: number | In<"INT">;
  }): Handle<[]>;
  /** Sends pictures to a chat or another program: a function of the page, another window, or a web address. Only places that were allowed get anything. */
  SendImage(inputs: {
    /** The pictures. */
    images: In<"IMAGE">;
    /** Where to: callback:NAME, postMessage:https://chat.example or an https address. */
    target?: string | In<"STRING">;
    /** Words to go with them. */
    caption?: string | In<"STRING">;
    /** What a web address gets: the PNG itself, or a form with file and caption, as chat services take it. */
    body?: "image" | "form" | In<"COMBO">;
    /** Start of the files' names. */
    filename_prefix?: string | In<"STRING">;
  }): Handle<["IMAGE"]>;
  /** Loads a network that enlarges pictures: an ESRGAN, a Real-ESRGAN or one of its compact kind. */
  UpscaleModelLoader(inputs: {
    /** The file's name in the folder `upscale_models`. */
    model_name: string | In<"COMBO">;
  }): Handle<["UPSCALE_MODEL"]>;
  /** Enlarges pictures by the factor that the upscaler was trained for, and paints the detail they lack. */
  ImageUpscaleWithModel(inputs: {
    /** The upscaler. */
    upscale_model: In<"UPSCALE_MODEL">;
    /** The pictures; their opacity is dropped. */
    image: In<"IMAGE">;
  }): Handle<["IMAGE"]>;
  /** Loads a small network that repaints pictures in the manner of paintings. This node is Tintype's own. */
  StyleTransferModelLoader(inputs: {
    /** The file's name in the folder `style_transfer`. */
    model_name: string | In<"COMBO">;
  }): Handle<["STYLE_TRANSFER_MODEL"]>;
  /** Repaints pictures in one of the styles that a network learned, or between two of them. This node is Tintype's own. */
  ImageStyleTransfer(inputs: {
    /** The network. */
    style_model: In<"STYLE_TRANSFER_MODEL">;
    /** The pictures; their opacity is dropped. */
    image: In<"IMAGE">;
    /** Number of the style. */
    style?: number | In<"INT">;
    /** Number of another style. */
    second_style?: number | In<"INT">;
    /** How far from the first style to the second: at 0 only the first counts, at 1 only the second. */
    mix?: number | In<"FLOAT">;
    /** How far from the picture as it is to the repainted one. */
    strength?: number | In<"FLOAT">;
  }): Handle<["IMAGE"]>;
  /** Brings pictures to a size. */
  ImageScale(inputs: {
    /** The pictures. */
    image: In<"IMAGE">;
    /** How new pixels are made of old ones: lanczos is sharpest, area best for making smaller. */
    upscale_method?: "nearest-exact" | "bilinear" | "area" | "bicubic" | "lanczos" | In<"COMBO">;
    /** Width in pixels; 0 keeps the shape. */
    width?: number | In<"INT">;
    /** Height in pixels; 0 keeps the shape. */
    height?: number | In<"INT">;
    /** Whether another shape is stretched, or cut at both ends. */
    crop?: "disabled" | "center" | In<"COMBO">;
  }): Handle<["IMAGE"]>;
  /** Makes pictures so many times as large. */
  ImageScaleBy(inputs: {
    /** The pictures. */
    image: In<"IMAGE">;
    /** How new pixels are made of old ones: lanczos is sharpest, area best for making smaller. */
    upscale_method?: "nearest-exact" | "bilinear" | "area" | "bicubic" | "lanczos" | In<"COMBO">;
    /** How many times as wide and high. */
    scale_by?: number | In<"FLOAT">;
  }): Handle<["IMAGE"]>;
  /** Brings pictures to a number of pixels, in the shape they have. */
  ImageScaleToTotalPixels(inputs: {
    /** The pictures. */
    image: In<"IMAGE">;
    /** How new pixels are made of old ones: lanczos is sharpest, area best for making smaller. */
    upscale_method?: "nearest-exact" | "bilinear" | "area" | "bicubic" | "lanczos" | In<"COMBO">;
    /** How many million pixels, of 1024 × 1024 each. */
    megapixels?: number | In<"FLOAT">;
    /** What both sides are a multiple of. */
    resolution_steps?: number | In<"INT">;
  }): Handle<["IMAGE"]>;
  /** Brings the longer side of pictures to a length, in the shape they have. */
  ImageScaleToMaxDimension(inputs: {
    /** The pictures. */
    image: In<"IMAGE">;
    /** How new pixels are made of old ones. */
    upscale_method?: "area" | "lanczos" | "bilinear" | "nearest-exact" | "bicubic" | In<"COMBO">;
    /** Length of the longer side. */
    largest_size?: number | In<"INT">;
  }): Handle<["IMAGE"]>;
  /** Brings pictures or masks to a size that is told in one of several ways. */
  ResizeImageMaskNode(inputs: {
    /** The pictures or masks. */
    input: In<"IMAGE" | "MASK">;
    /** How the size is told. */
    resize_type?: "scale dimensions" | "scale by multiplier" | "scale longer dimension" | "scale shorter dimension" | "scale width" | "scale height" | "scale total pixels" | "match size" | "scale to multiple";
    /** Width in pixels; 0 keeps the shape. */
    "resize_type.width"?: number | In<"INT">;
    /** Height in pixels; 0 keeps the shape. */
    "resize_type.height"?: number | In<"INT">;
    /** Whether another shape is stretched, or cut at both ends. */
    "resize_type.crop"?: "disabled" | "center" | In<"COMBO">;
    /** How many times as wide and high. */
    "resize_type.multiplier"?: number | In<"FLOAT">;
    /** Length of the longer side. */
    "resize_type.longer_size"?: number | In<"INT">;
    /** Length of the shorter side. */
    "resize_type.shorter_size"?: number | In<"INT">;
    /** How many million pixels, of 1024 × 1024 each. */
    "resize_type.megapixels"?: number | In<"FLOAT">;
    /** What has the size. */
    "resize_type.match"?: In<"IMAGE" | "MASK">;
    /** What both sides are cut to a multiple of. */
    "resize_type.multiple"?: number | In<"INT">;
    /** How new pixels are made of old ones. */
    scale_method?: "nearest-exact" | "bilinear" | "area" | "bicubic" | "lanczos" | In<"COMBO">;
  }): Handle<["*"]>;
  /** Brings the longer side of pictures to a length, by lanczos. */
  ResizeImagesByLongerEdge(inputs: {
    /** The pictures. */
    images: In<"IMAGE">;
    /** Length of the longer side. */
    longer_edge?: number | In<"INT">;
  }): Handle<["IMAGE"]>;
  /** Brings the shorter side of pictures to a length, by lanczos. */
  ResizeImagesByShorterEdge(inputs: {
    /** The pictures. */
    images: In<"IMAGE">;
    /** Length of the shorter side. */
    shorter_edge?: number | In<"INT">;
  }): Handle<["IMAGE"]>;
  /** Fits pictures whole into a size, with bars where they are too narrow or too flat. */
  ResizeAndPadImage(inputs: {
    /** The pictures. */
    image: In<"IMAGE">;
    /** Width in pixels. */
    target_width?: number | In<"INT">;
    /** Height in pixels. */
    target_height?: number | In<"INT">;
    /** Colour of the bars. */
    padding_color?: "white" | "black" | In<"COMBO">;
    /** How new pixels are made of old ones. */
    interpolation?: "area" | "bicubic" | "nearest-exact" | "bilinear" | "lanczos" | In<"COMBO">;
  }): Handle<["IMAGE"]>;
  /** Cuts a rectangle out of pictures. */
  ImageCrop(inputs: {
    /** The pictures. */
    image: In<"IMAGE">;
    /** Its width in pixels. */
    width?: number | In<"INT">;
    /** Its height in pixels. */
    height?: number | In<"INT">;
    /** Its left edge. */
    x?: number | In<"INT">;
    /** Its upper edge. */
    y?: number | In<"INT">;
  }): Handle<["IMAGE"]>;
  /** Mirrors pictures. */
  ImageFlip(inputs: {
    /** The pictures. */
    image: In<"IMAGE">;
    /** Upside down, or left for right. */
    flip_method?: "x-axis: vertically" | "y-axis: horizontally" | In<"COMBO">;
  }): Handle<["IMAGE"]>;
  /** Turns pictures clockwise. */
  ImageRotate(inputs: {
    /** The pictures. */
    image: In<"IMAGE">;
    /** How far. */
    rotation?: "none" | "90 degrees" | "180 degrees" | "270 degrees" | In<"COMBO">;
  }): Handle<["IMAGE"]>;
  /** Puts a picture beside, above or below another. */
  ImageStitch(inputs: {
    /** The first pictures. */
    image1: In<"IMAGE">;
    /** On which side of the first the second is put. */
    direction?: "right" | "down" | "left" | "up" | In<"COMBO">;
    /** Whether the second is brought to the first's size; else the smaller is put in the middle of black. */
    match_image_size?: boolean | In<"BOOLEAN">;
    /** Pixels between the two, an even number. */
    spacing_width?: number | In<"INT">;
    /** Their colour. */
    spacing_color?: "white" | "black" | "red" | "green" | "blue" | In<"COMBO">;
    /** The second pictures. */
    image2?: In<"IMAGE">;
  }): Handle<["IMAGE"]>;
  /** Puts grey around pictures, and a mask over it, for a sampler to fill. */
  ImagePadForOutpaint(inputs: {
    /** The pictures. */
    image: In<"IMAGE">;
    /** Pixels to the left. */
    left?: number | In<"INT">;
    /** Pixels above. */
    top?: number | In<"INT">;
    /** Pixels to the right. */
    right?: number | In<"INT">;
    /** Pixels below. */
    bottom?: number | In<"INT">;
    /** Pixels inside the picture over which the mask fades. */
    feathering?: number | In<"INT">;
  }): Handle<["IMAGE", "MASK"]>;
  /** Pictures of one colour. */
  EmptyImage(inputs?: {
    /** Width in pixels. */
    width?: number | In<"INT">;
    /** Height in pixels. */
    height?: number | In<"INT">;
    /** How many. */
    batch_size?: number | In<"INT">;
    /** The colour: red · 65536 + green · 256 + blue. */
    color?: number | In<"INT">;
  }): Handle<["IMAGE"]>;
  /** Makes one batch of two; the second is brought to the first's size. */
  ImageBatch(inputs: {
    /** The pictures that come first. */
    image1: In<"IMAGE">;
    /** The pictures that follow. */
    image2: In<"IMAGE">;
  }): Handle<["IMAGE"]>;
  /** Makes one batch of several; all are brought to the first's size. */
  BatchImagesNode(inputs: {
    /** The pictures, in order. */
    [name: `images.image${number}`]: In<"IMAGE">;
  }): Handle<["IMAGE"]>;
  /** Takes some pictures of a batch. */
  ImageFromBatch(inputs: {
    /** The pictures. */
    image: In<"IMAGE">;
    /** The first; they are counted from 0. */
    batch_index?: number | In<"INT">;
    /** How many, as far as there are. */
    length?: number | In<"INT">;
  }): Handle<["IMAGE"]>;
  /** Repeats a batch as a whole. */
  RepeatImageBatch(inputs: {
    /** The pictures. */
    image: In<"IMAGE">;
    /** How many times. */
    amount?: number | In<"INT">;
  }): Handle<["IMAGE"]>;
  /** Makes a list of batches of one size, whatever batches the pictures come in. */
  RebatchImages(inputs: {
    /** The pictures. */
    images: In<"IMAGE">;
    /** How many in each batch; the last may be smaller. */
    batch_size?: number | In<"INT">;
  }): Handle<["IMAGE"]>;
  /** Tells how large pictures are, and how many. */
  GetImageSize(inputs: {
    /** The pictures. */
    image: In<"IMAGE">;
  }): Handle<["INT", "INT", "INT"]>;
  /** Makes a negative. */
  ImageInvert(inputs: {
    /** The pictures. */
    image: In<"IMAGE">;
  }): Handle<["IMAGE"]>;
  /** Mixes two pictures; the second is brought to the first's size. */
  ImageBlend(inputs: {
    /** The first pictures. */
    image1: In<"IMAGE">;
    /** The second pictures. */
    image2: In<"IMAGE">;
    /** How much of the mix there is; the rest is the first picture. */
    blend_factor?: number | In<"FLOAT">;
    /** How two colours become one. */
    blend_mode?: "normal" | "multiply" | "screen" | "overlay" | "soft_light" | "difference" | In<"COMBO">;
  }): Handle<["IMAGE"]>;
  /** Lays a picture onto another, where a mask shows it. */
  ImageCompositeMasked(inputs: {
    /** The pictures below. */
    destination: In<"IMAGE">;
    /** The pictures that are laid onto them. */
    source: In<"IMAGE">;
    /** Left edge of the source. */
    x?: number | In<"INT">;
    /** Upper edge of the source. */
    y?: number | In<"INT">;
    /** Whether the source is first stretched to the destination's size. */
    resize_source?: boolean | In<"BOOLEAN">;
    /** White where the source is shown; everywhere without one. */
    mask?: In<"MASK">;
  }): Handle<["IMAGE"]>;
  /** Adds random grain to pictures. */
  ImageAddNoise(inputs: {
    /** The pictures. */
    image: In<"IMAGE">;
    /** Start of the random numbers: the same seed, the same grain. */
    seed?: bigint | number | In<"INT">;
    /** How strong it is. */
    strength?: number | In<"FLOAT">;
  }): Handle<["IMAGE"]>;
  /** Blurs pictures. */
  ImageBlur(inputs: {
    /** The pictures. */
    image: In<"IMAGE">;
    /** How many neighbours count on each side. */
    blur_radius?: number | In<"INT">;
    /** How evenly they count: small, the nearest most; large, all alike. */
    sigma?: number | In<"FLOAT">;
  }): Handle<["IMAGE"]>;
  /** Sharpens pictures: what a blur would take away is added. */
  ImageSharpen(inputs: {
    /** The pictures. */
    image: In<"IMAGE">;
    /** How many neighbours count on each side. */
    sharpen_radius?: number | In<"INT">;
    /** How evenly they count: small, the nearest most; large, all alike. */
    sigma?: number | In<"FLOAT">;
    /** How strong it is. */
    alpha?: number | In<"FLOAT">;
  }): Handle<["IMAGE"]>;
  /** Reduces pictures to few colours. */
  ImageQuantize(inputs: {
    /** The pictures. */
    image: In<"IMAGE">;
    /** How many colours a picture has at most. */
    colors?: number | In<"INT">;
    /** How colours between them are shown: not at all, by grain, or by a pattern. */
    dither?: "none" | "floyd-steinberg" | "bayer-2" | "bayer-4" | "bayer-8" | "bayer-16" | In<"COMBO">;
  }): Handle<["IMAGE"]>;
  /** Draws the edges in pictures, white on black. */
  Canny(inputs: {
    /** The pictures. */
    image: In<"IMAGE">;
    /** From here on an edge is followed. */
    low_threshold?: number | In<"FLOAT">;
    /** From here on an edge begins. */
    high_threshold?: number | In<"FLOAT">;
  }): Handle<["IMAGE"]>;
  /** Grows, shrinks or outlines what is bright. */
  Morphology(inputs: {
    /** The pictures. */
    image: In<"IMAGE">;
    /** What is done. */
    operation?: OperationName | In<"COMBO">;
    /** Side of the square that counts around a pixel. */
    kernel_size?: number | In<"INT">;
  }): Handle<["IMAGE"]>;
  /** Takes pictures apart into brightness and two differences of colour. */
  ImageRGBToYUV(inputs: {
    /** The pictures. */
    image: In<"IMAGE">;
  }): Handle<["IMAGE", "IMAGE", "IMAGE"]>;
  /** Puts pictures together from brightness and two differences of colour. */
  ImageYUVToRGB(inputs: {
    /** Brightness. */
    Y: In<"IMAGE">;
    /** How blue it is. */
    U: In<"IMAGE">;
    /** How red it is. */
    V: In<"IMAGE">;
  }): Handle<["IMAGE"]>;
  /** Shows two pictures over each other, to compare them. */
  ImageCompare(inputs?: {
    /** The pictures on the one side. */
    image_a?: In<"IMAGE">;
    /** The pictures on the other. */
    image_b?: In<"IMAGE">;
  }): Handle<[]>;
  /** Joins two texts. */
  StringConcatenate(inputs?: {
    /** The first text. */
    string_a?: string | In<"STRING">;
    /** The second text. */
    string_b?: string | In<"STRING">;
    /** What comes between them. */
    delimiter?: string | In<"STRING">;
  }): Handle<["STRING"]>;
  /** Takes a part of a text. */
  StringSubstring(inputs?: {
    /** The text. */
    string?: string | In<"STRING">;
    /** The first character taken, counted from 0; below 0 from the end. */
    start?: number | In<"INT">;
    /** The first character no longer taken; below 0 from the end. */
    end?: number | In<"INT">;
  }): Handle<["STRING"]>;
  /** Counts the characters of a text. */
  StringLength(inputs?: {
    /** The text. */
    string?: string | In<"STRING">;
  }): Handle<["INT"]>;
  /** Writes a text in capitals or small letters. */
  CaseConverter(inputs?: {
    /** The text. */
    string?: string | In<"STRING">;
    /** Which letters are large: all, none, the first, or the first of every word. */
    mode?: "UPPERCASE" | "lowercase" | "Capitalize" | "Title Case" | In<"COMBO">;
  }): Handle<["STRING"]>;
  /** Takes blanks and empty lines off the ends of a text. */
  StringTrim(inputs?: {
    /** The text. */
    string?: string | In<"STRING">;
    /** At which end. */
    mode?: "Both" | "Left" | "Right" | In<"COMBO">;
  }): Handle<["STRING"]>;
  /** Replaces every occurrence of one text in another. */
  StringReplace(inputs?: {
    /** The text. */
    string?: string | In<"STRING">;
    /** What is looked for. */
    find?: string | In<"STRING">;
    /** What comes in its place. */
    replace?: string | In<"STRING">;
  }): Handle<["STRING"]>;
  /** Tells whether one text is in another. */
  StringContains(inputs?: {
    /** The text. */
    string?: string | In<"STRING">;
    /** What is looked for. */
    substring?: string | In<"STRING">;
    /** Whether `a` and `A` differ. */
    case_sensitive?: boolean | In<"BOOLEAN">;
  }): Handle<["BOOLEAN"]>;
  /** Tells whether a text starts with, ends with or is another. */
  StringCompare(inputs?: {
    /** The first text. */
    string_a?: string | In<"STRING">;
    /** The second text. */
    string_b?: string | In<"STRING">;
    /** What is asked of the first text. */
    mode?: "Starts With" | "Ends With" | "Equal" | In<"COMBO">;
    /** Whether `a` and `A` differ. */
    case_sensitive?: boolean | In<"BOOLEAN">;
  }): Handle<["BOOLEAN"]>;
  /** Tells whether a regular expression matches anywhere in a text. */
  RegexMatch(inputs?: {
    /** The text. */
    string?: string | In<"STRING">;
    /** The regular expression, as Python writes it. */
    regex_pattern?: string | In<"STRING">;
    /** Whether `a` matches `A` as well. */
    case_insensitive?: boolean | In<"BOOLEAN">;
    /** Whether `^` and `$` match at every line. */
    multiline?: boolean | In<"BOOLEAN">;
    /** Whether `.` matches the end of a line. */
    dotall?: boolean | In<"BOOLEAN">;
  }): Handle<["BOOLEAN"]>;
  /** Takes what a regular expression matches out of a text; several matches are lines. */
  RegexExtract(inputs?: {
    /** The text. */
    string?: string | In<"STRING">;
    /** The regular expression, as Python writes it. */
    regex_pattern?: string | In<"STRING">;
    /** The first match or all, and the whole of it or one group. */
    mode?: "First Match" | "All Matches" | "First Group" | "All Groups" | In<"COMBO">;
    /** Whether `a` matches `A` as well. */
    case_insensitive?: boolean | In<"BOOLEAN">;
    /** Whether `^` and `$` match at every line. */
    multiline?: boolean | In<"BOOLEAN">;
    /** Whether `.` matches the end of a line. */
    dotall?: boolean | In<"BOOLEAN">;
    /** Which group, counted from 1; 0 is the whole match. */
    group_index?: number | In<"INT">;
  }): Handle<["STRING"]>;
  /** Replaces what a regular expression matches in a text. */
  RegexReplace(inputs?: {
    /** The text. */
    string?: string | In<"STRING">;
    /** The regular expression, as Python writes it. */
    regex_pattern?: string | In<"STRING">;
    /** What comes in its place; `\1` and `\g<name>` are groups of the match. */
    replace?: string | In<"STRING">;
    /** Whether `a` matches `A` as well. */
    case_insensitive?: boolean | In<"BOOLEAN">;
    /** Whether `^` and `$` match at every line. */
    multiline?: boolean | In<"BOOLEAN">;
    /** Whether `.` matches the end of a line. */
    dotall?: boolean | In<"BOOLEAN">;
    /** How many matches are replaced at most; 0 means all. */
    count?: number | In<"INT">;
  }): Handle<["STRING"]>;
  /** Holds a line of text. */
  PrimitiveString(inputs?: {
    /** The text. */
    value?: string | In<"STRING">;
  }): Handle<["STRING"]>;
  /** Holds a text. */
  PrimitiveStringMultiline(inputs?: {
    /** The text. */
    value?: string | In<"STRING">;
  }): Handle<["STRING"]>;
  /** Holds a whole number. */
  PrimitiveInt(inputs?: {
    /** The number. */
    value?: bigint | number | In<"INT">;
  }): Handle<["INT"]>;
  /** Holds a number. */
  PrimitiveFloat(inputs?: {
    /** The number. */
    value?: number | In<"FLOAT">;
  }): Handle<["FLOAT"]>;
  /** Holds a yes or a no. */
  PrimitiveBoolean(inputs?: {
    /** Yes or no. */
    value?: boolean | In<"BOOLEAN">;
  }): Handle<["BOOLEAN"]>;
  /** Passes one of two values on; what leads to the other is not computed. */
  ComfySwitchNode(inputs?: {
    /** Which one: yes or no. */
    switch?: boolean | In<"BOOLEAN">;
    /** The value for no. */
    on_false?: number | string | boolean | In<string>;
    /** The value for yes. */
    on_true?: number | string | boolean | In<string>;
  }): Handle<["*"]>;
  /** Calculates with the values given, as Python does. */
  ComfyMathExpression(inputs: {
    /** What to calculate: + - * / // % **, comparisons, and, or, not, x if y else z, and abs, ceil, cos, exp, float, floor, int, log, log10, log2, max, min, pow, round, sin, sqrt, tan. */
    expression?: string | In<"STRING">;
    /** The values, called a, b, c and so on. */
    [name: `values.${string}`]: number | boolean | In<"FLOAT" | "INT" | "BOOLEAN">;
  }): Handle<["FLOAT", "INT", "BOOLEAN"]>;
  /** Shows a value as text. */
  PreviewAny(inputs: {
    /** The value. */
    source: number | string | boolean | In<string>;
  }): Handle<["STRING"]>;
  /** Makes a mask that is the same everywhere. */
  SolidMask(inputs?: {
    /** How much may change: 1 is all, 0 is nothing. */
    value?: number | In<"FLOAT">;
    /** Width in pixels. */
    width?: number | In<"INT">;
    /** Height in pixels. */
    height?: number | In<"INT">;
  }): Handle<["MASK"]>;
  /** Swaps what may change and what may not. */
  InvertMask(inputs: {
    /** The mask. */
    mask: In<"MASK">;
  }): Handle<["MASK"]>;
  /** Cuts a rectangle out of a mask; what lies outside the mask is left away. */
  CropMask(inputs: {
    /** The mask. */
    mask: In<"MASK">;
    /** Left edge in pixels. */
    x?: number | In<"INT">;
    /** Top edge in pixels. */
    y?: number | In<"INT">;
    /** Width in pixels. */
    width?: number | In<"INT">;
    /** Height in pixels. */
    height?: number | In<"INT">;
  }): Handle<["MASK"]>;
  /** Lays one mask on another. */
  MaskComposite(inputs: {
    /** The mask below, whose size is kept. */
    destination: In<"MASK">;
    /** The mask on top. */
    source: In<"MASK">;
    /** Where its left edge comes, in pixels. */
    x?: number | In<"INT">;
    /** Where its top edge comes, in pixels. */
    y?: number | In<"INT">;
    /** What is done where both are. The last three take values above a half for white. */
    operation?: "multiply" | "add" | "subtract" | "and" | "or" | "xor" | In<"COMBO">;
  }): Handle<["MASK"]>;
  /** Fades a mask out towards its edges. */
  FeatherMask(inputs: {
    /** The mask. */
    mask: In<"MASK">;
    /** Width of the fade at the left, in pixels. */
    left?: number | In<"INT">;
    /** Height of the fade at the top, in pixels. */
    top?: number | In<"INT">;
    /** Width of the fade at the right, in pixels. */
    right?: number | In<"INT">;
    /** Height of the fade at the bottom, in pixels. */
    bottom?: number | In<"INT">;
  }): Handle<["MASK"]>;
  /** Grows the white of a mask, or shrinks it. */
  GrowMask(inputs: {
    /** The mask. */
    mask: In<"MASK">;
    /** By how many pixels; below 0 it shrinks. */
    expand?: number | In<"INT">;
    /** Whether corners become slanted rather than square. */
    tapered_corners?: boolean | In<"BOOLEAN">;
  }): Handle<["MASK"]>;
  /** Makes a mask black and white. */
  ThresholdMask(inputs: {
    /** The mask. */
    mask: In<"MASK">;
    /** What is above it becomes white. */
    value?: number | In<"FLOAT">;
  }): Handle<["MASK"]>;
  /** Makes a grey picture of a mask. */
  MaskToImage(inputs: {
    /** The mask. */
    mask: In<"MASK">;
  }): Handle<["IMAGE"]>;
  /** Takes one colour of a picture as a mask. */
  ImageToMask(inputs: {
    /** The picture. */
    image: In<"IMAGE">;
    /** The colour; alpha is the opacity. */
    channel?: "red" | "green" | "blue" | "alpha" | In<"COMBO">;
  }): Handle<["MASK"]>;
  /** Makes a mask that is white where a picture has exactly one colour. */
  ImageColorToMask(inputs: {
    /** The picture. */
    image: In<"IMAGE">;
    /** The colour: red · 65536 + green · 256 + blue. */
    color?: number | In<"INT">;
  }): Handle<["MASK"]>;
  /** Lays one picture on another where both may be transparent. */
  PorterDuffImageComposite(inputs: {
    /** The picture on top; scaled to fill the one below. */
    source: In<"IMAGE">;
    /** Where it is transparent. */
    source_alpha: In<"MASK">;
    /** The picture below, whose size is kept. */
    destination: In<"IMAGE">;
    /** Where it is transparent. */
    destination_alpha: In<"MASK">;
    /** How they are put together: SRC is the one on top, DST the one below. */
    mode?: ModeName | In<"COMBO">;
  }): Handle<["IMAGE", "MASK"]>;
  /** Takes a picture apart into its colours and a mask of where it is transparent. */
  SplitImageWithAlpha(inputs: {
    /** The picture. */
    image: In<"IMAGE">;
  }): Handle<["IMAGE", "MASK"]>;
  /** Makes a picture transparent where a mask is white. */
  JoinImageWithAlpha(inputs: {
    /** The picture. */
    image: In<"IMAGE">;
    /** Where it becomes transparent; stretched to the picture's size. */
    alpha: In<"MASK">;
  }): Handle<["IMAGE"]>;
}
