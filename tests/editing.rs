//! Editing models: a picture, an instruction, and three-way guidance.

use half::f16;
use serde_json::{Value, json};
use tintype::graph::RunError;
use tintype::image::{Image, codec};

use crate::checkpoints::{engine, node};
use crate::nodes::{TestHost, run};
use crate::support::tiny::{Models, networks, single_file, write};
use crate::support::{Closeness, references};

/// The picture of `tests/reference/pix2pix.py`.
fn picture() -> Vec<u8> {
    let value = |i: usize| (7 * (i / 3 % 64) + 3 * (i / 192) + 50 * (i % 3)) % 256;
    // Halfway between two bytes, which rounds down to the wanted one.
    let data = (0..64 * 64 * 3).map(|i| (value(i) as f32 + 0.5) / 255.0).collect();
    codec::encode_png(&Image::new([1, 64, 64, 3], data).unwrap(), 0, &[]).unwrap()
}

/// The graph of the script; the prompt without the picture is `negative`.
fn graph(checkpoint: &str, negative: Value) -> Value {
    json!({
        "3": node("SamplerCustomAdvanced", json!({
            "noise": ["12", 0], "guider": ["13", 0], "sampler": ["14", 0], "sigmas": ["15", 0], "latent_image": ["11", 2],
        })),
        "4": node("CheckpointLoaderSimple", json!({ "ckpt_name": checkpoint })),
        "6": node("CLIPTextEncode", json!({ "text": "a photo of a cat", "clip": ["4", 1] })),
        "7": node("CLIPTextEncode", json!({ "text": "", "clip": ["4", 1] })),
        "9": node("SaveLatent", json!({ "samples": ["3", 0], "filename_prefix": "latent" })),
        "10": node("LoadImage", json!({ "image": "picture.png" })),
        "11": node("InstructPixToPixConditioning", json!({
            "positive": ["6", 0], "negative": ["7", 0], "vae": ["4", 2], "pixels": ["10", 0],
        })),
        "12": node("RandomNoise", json!({ "noise_seed": 7 })),
        "13": node("DualCFGGuider", json!({
            "model": ["4", 0], "cond1": ["11", 0], "cond2": ["11", 1], "negative": negative,
            "cfg_conds": 5.0, "cfg_cond2_negative": 1.5, "style": "regular",
        })),
        "14": node("KSamplerSelect", json!({ "sampler_name": "euler" })),
        "15": node("BasicScheduler", json!({
            "model": ["4", 0], "scheduler": "normal", "steps": 4, "denoise": 1.0,
        })),
    })
}

fn latent(models: &Models, graph: &Value) -> Result<Vec<f32>, RunError> {
    let (engine, host) = (engine(models), TestHost::default());
    engine.environment().put_input("picture.png", picture());
    run(&engine, graph, &host)?;
    let bytes = &host.files()[0].bytes;
    let header = u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
    let numbers = bytes[8 + header..].as_chunks::<4>().0.iter();
    // An empty tensor marks the format's version: nothing follows the samples.
    Ok(numbers.map(|word| f32::from_le_bytes(*word)).collect())
}

#[test]
fn an_edited_picture_is_that_of_diffusers_pipeline() {
    let models = Models::new().with("checkpoints/edit.safetensors", &single_file("tiny_pix2pix"));
    let reference = &references("checkpoints/pix2pix.safetensors")["latent"].data;
    let ours = latent(&models, &graph("edit.safetensors", json!(["7", 0]))).unwrap();
    Closeness::within(1e-4).check("latent", &ours, reference);
    // The picture is not guided by where the negative prompt sees it, too.
    let same = latent(&models, &graph("edit.safetensors", json!(["11", 1]))).unwrap();
    assert_ne!(ours, same);
}

#[test]
fn a_model_with_channels_of_another_kind_is_refused_with_what_there_is() {
    let mut networks = networks("tiny_pix2pix");
    let unet = networks.get_mut("unet").unwrap();
    for (name, shape, numbers) in unet {
        if name == "conv_in.weight" {
            shape[1] = 5;
            *numbers = vec![f16::ONE; shape.iter().product()];
        }
    }
    let prefixed = networks.into_iter().flat_map(|(place, tensors)| {
        tensors
            .into_iter()
            .map(move |(name, shape, numbers)| (format!("{place}.{name}"), shape, numbers))
    });
    let models = Models::new().with("checkpoints/odd.safetensors", &write(prefixed.collect()));
    let Err(RunError::Failed(error)) = latent(&models, &graph("odd.safetensors", json!(["7", 0])))
    else {
        panic!("not refused");
    };
    let text = error.to_string();
    assert!(text.contains("8 for editing, 9 for inpainting") && text.contains("got 5"), "{text}");
}
