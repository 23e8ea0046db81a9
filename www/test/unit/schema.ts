/** A few node classes in the shape of `object_info`, enough for a text-to-picture graph. */

import type { NodeInfo, ObjectInfo } from "../../src/engine/types";

const node = (name: string, required: NodeInfo["input"]["required"], output: string[], more = {}): NodeInfo => ({
  name,
  input: { required: required ?? {} },
  input_order: { required: Object.keys(required ?? {}) },
  output,
  output_name: output,
  ...more,
});

export const INFO: ObjectInfo = Object.fromEntries(
  [
    node("CheckpointLoaderSimple", { ckpt_name: [["sprite"]] }, ["MODEL", "CLIP", "VAE"]),
    node("CLIPTextEncode", { text: ["STRING", { multiline: true }], clip: ["CLIP"] }, ["CONDITIONING"]),
    node(
      "EmptyLatentImage",
      { width: ["INT", { default: 512 }], height: ["INT", { default: 512 }], batch_size: ["INT", { default: 1 }] },
      ["LATENT"],
    ),
    node(
      "KSampler",
      {
        model: ["MODEL"],
        seed: ["INT", { default: 0, control_after_generate: true }],
        steps: ["INT", { default: 20 }],
        cfg: ["FLOAT", { default: 8 }],
        sampler_name: [["euler", "dpmpp_2m"]],
        scheduler: [["normal", "sgm_uniform"]],
        positive: ["CONDITIONING"],
        negative: ["CONDITIONING"],
        latent_image: ["LATENT"],
        denoise: ["FLOAT", { default: 1 }],
      },
      ["LATENT"],
    ),
    node(
      "LoraLoader",
      {
        model: ["MODEL"],
        clip: ["CLIP"],
        lora_name: [["sprite-lcm.safetensors"]],
        strength_model: ["FLOAT", { default: 1 }],
        strength_clip: ["FLOAT", { default: 1 }],
      },
      ["MODEL", "CLIP"],
    ),
    node("VAEDecode", { samples: ["LATENT"], vae: ["VAE"] }, ["IMAGE"]),
    node("VAEEncode", { pixels: ["IMAGE"], vae: ["VAE"] }, ["LATENT"]),
    node("SetLatentNoiseMask", { samples: ["LATENT"], mask: ["MASK"] }, ["LATENT"]),
    node("RepeatLatentBatch", { samples: ["LATENT"], amount: ["INT", { default: 1 }] }, ["LATENT"]),
    node("RepeatImageBatch", { image: ["IMAGE"], amount: ["INT", { default: 1 }] }, ["IMAGE"]),
    node(
      "ImageCompositeMasked",
      {
        destination: ["IMAGE"],
        source: ["IMAGE"],
        x: ["INT", { default: 0 }],
        y: ["INT", { default: 0 }],
        resize_source: ["BOOLEAN", { default: false }],
        mask: ["MASK"],
      },
      ["IMAGE"],
    ),
    node("LoadImage", { image: [["a.png"], { image_upload: true }] }, ["IMAGE", "MASK"]),
    node("SaveImage", { images: ["IMAGE"], filename_prefix: ["STRING", { default: "ComfyUI" }] }, [], {
      output_node: true,
    }),
  ].map((info) => [info.name, info]),
);
