/** Generated from the node classes by `make docs`; do not edit. What is not here is in `nodes.ts`. */

import type { Handle, In } from "./nodes";

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
}
