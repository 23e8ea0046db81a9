//! A few of ComfyUI's classes without their work, for the tests of the formats.

use std::rc::Rc;

use crate::graph::{Function, Input, Kind, Output, Outputs, Registry, Schema};

const CHECKPOINT: Schema = Schema::new("CheckpointLoaderSimple", "", "")
    .inputs(&[Input::folder("ckpt_name", "checkpoints")])
    .outputs(&[Output::new(Kind::MODEL), Output::new(Kind::CLIP), Output::new(Kind::VAE)]);
const CLIP_SKIP: Schema = Schema::new("CLIPSetLastLayer", "", "")
    .inputs(&[Input::link("clip", Kind::CLIP), Input::int("stop_at_clip_layer", -1, -24..=-1)])
    .outputs(&[Output::new(Kind::CLIP)]);
const TEXT: Schema = Schema::new("CLIPTextEncode", "", "")
    .inputs(&[Input::prompt("text"), Input::link("clip", Kind::CLIP)])
    .outputs(&[Output::new(Kind::CONDITIONING)]);
const EMPTY: Schema = Schema::new("EmptyLatentImage", "", "")
    .inputs(&[
        Input::int("width", 512, 16..=16384),
        Input::int("height", 512, 16..=16384),
        Input::int("batch_size", 1, 1..=4096),
    ])
    .outputs(&[Output::new(Kind::LATENT)]);
const SAMPLER: Schema = Schema::new("KSampler", "", "")
    .inputs(&[
        Input::link("model", Kind::MODEL),
        Input::int("seed", 0, 0..=u64::MAX as i128).control_after_generate(),
        Input::int("steps", 20, 1..=10000),
        Input::float("cfg", 8.0, 0.0..=100.0, 0.1),
        Input::combo("sampler_name", &["euler", "euler_ancestral", "dpmpp_2m"]),
        Input::combo("scheduler", &["simple", "normal", "karras"]),
        Input::link("positive", Kind::CONDITIONING),
        Input::link("negative", Kind::CONDITIONING),
        Input::link("latent_image", Kind::LATENT),
        Input::float("denoise", 1.0, 0.0..=1.0, 0.01),
    ])
    .outputs(&[Output::new(Kind::LATENT)]);
const UPSCALE: Schema = Schema::new("LatentUpscaleBy", "", "")
    .inputs(&[
        Input::link("samples", Kind::LATENT),
        Input::combo("upscale_method", &["nearest-exact", "bilinear", "bicubic"]),
        Input::float("scale_by", 1.5, 0.01..=8.0, 0.01),
    ])
    .outputs(&[Output::new(Kind::LATENT)]);
const DECODE: Schema = Schema::new("VAEDecode", "", "")
    .inputs(&[Input::link("samples", Kind::LATENT), Input::link("vae", Kind::VAE)])
    .outputs(&[Output::new(Kind::IMAGE)]);
const SAVE: Schema = Schema::new("SaveImage", "", "")
    .inputs(&[Input::link("images", Kind::IMAGE), Input::string("filename_prefix").or("ComfyUI")])
    .output_node();
const PREVIEW: Schema =
    Schema::new("PreviewImage", "", "").inputs(&[Input::link("images", Kind::IMAGE)]).output_node();
const LOAD: Schema = Schema::new("LoadImage", "", "")
    .inputs(&[Input::folder("image", "input").image_upload()])
    .outputs(&[Output::new(Kind::IMAGE), Output::new(Kind::MASK)]);
const LOAD_MASK: Schema = Schema::new("LoadImageMask", "", "")
    .inputs(&[
        Input::folder("image", "input").image_upload(),
        Input::combo("channel", &["alpha", "red"]),
    ])
    .outputs(&[Output::new(Kind::MASK)]);
const INVERT: Schema = Schema::new("ImageInvert", "", "")
    .inputs(&[Input::link("image", Kind::IMAGE)])
    .outputs(&[Output::new(Kind::IMAGE)]);
const BLEND: Schema = Schema::new("Blend", "", "")
    .inputs(&[
        Input::link("mask", Kind::MASK).optional(),
        Input::float("late", 0.5, 0.0..=1.0, 0.1).optional(),
        Input::link("image1", Kind::IMAGE),
        Input::link("image2", Kind::IMAGE),
        Input::combo("mode", &["normal", "screen"]),
    ])
    .outputs(&[Output::new(Kind::IMAGE), Output::new(Kind::MASK)]);

const SCHEMAS: &[&Schema] = &[
    &CHECKPOINT,
    &CLIP_SKIP,
    &TEXT,
    &EMPTY,
    &SAMPLER,
    &UPSCALE,
    &DECODE,
    &SAVE,
    &PREVIEW,
    &LOAD,
    &LOAD_MASK,
    &INVERT,
    &BLEND,
];

pub(super) fn registry() -> Registry {
    let mut registry = Registry::new();
    for schema in SCHEMAS {
        registry.register(Rc::new(Function::new(schema, |_, _| Ok(Outputs::default()))));
    }
    registry
}
