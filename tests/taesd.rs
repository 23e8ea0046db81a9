//! Tiny autoencoders in graphs: in place of a checkpoint's own, and for the previews of a run.

use serde_json::{Value, json};
use tintype::graph::Event;
use tintype::image::codec;
use tintype::nodes::Previews;

use crate::checkpoints::{engine, graph, node};
use crate::nodes::{TestHost, run};
use crate::support::tiny::{Models, single_file};
use crate::support::{assert_close, fixture};

/// The tiny checkpoint with every file of the tiny autoencoder.
fn models() -> Models {
    let file = |path: &str| std::fs::read(fixture(&format!("taesd/{path}"))).unwrap();
    let mut models = Models::new().with("checkpoints/tiny.safetensors", &single_file("tiny_sd1"));
    for path in [
        "vae/small.safetensors",
        "vae/both.safetensors",
        "vae_approx/taesd_encoder.safetensors",
        "vae_approx/taesd_decoder.safetensors",
    ] {
        models = models.with(path, &file(path));
    }
    models
}

/// A picture encoded and decoded again.
fn there_and_back(vae: &str) -> Value {
    json!({
        "1": node("LoadImage", json!({ "image": "picture.png" })),
        "2": node("VAELoader", json!({ "vae_name": vae })),
        "3": node("VAEEncode", json!({ "pixels": ["1", 0], "vae": ["2", 0] })),
        "4": node("VAEDecode", json!({ "samples": ["3", 0], "vae": ["2", 0] })),
        "5": node("SaveImage", json!({ "images": ["4", 0], "filename_prefix": "picture" })),
        "6": node("SaveLatent", json!({ "samples": ["3", 0], "filename_prefix": "latent" })),
    })
}

#[test]
fn a_graph_names_it_or_its_file() {
    let models = models();
    let engine = engine(&models);
    let picture = std::fs::read(fixture("controlnets/hint.png")).unwrap();
    engine.environment().put_input("picture.png", picture);
    let made = |vae: &str| {
        let host = TestHost::default();
        run(&engine, &there_and_back(vae), &host).unwrap_or_else(|error| panic!("{error}"));
        let files = host.files();
        let of = |prefix: &str| {
            files.iter().find(|file| file.filename.starts_with(prefix)).unwrap().bytes.clone()
        };
        let latent = of("latent");
        let header = u64::from_le_bytes(latent[..8].try_into().unwrap()) as usize;
        let numbers = latent[8 + header..].chunks_exact(4);
        let numbers: Vec<f32> =
            numbers.map(|b| f32::from_le_bytes(b.try_into().unwrap())).collect();
        (numbers, codec::decode("picture", &of("picture")).unwrap().0.data)
    };
    let halves = made("taesd");
    assert!(halves.1.iter().any(|v| (v - halves.1[0]).abs() > 0.1), "a picture of one colour");
    assert!(halves == made("small.safetensors"), "Stable Diffusion 1's unless its name says XL");
    // This file says that its latents are the family's halves.
    let (latent, pixels) = made("both.safetensors");
    let scaled: Vec<f32> = latent.iter().map(|v| v * 0.5 / 0.18215).collect();
    assert_close("latent", &scaled, &halves.0, 1e-5);
    assert_close("picture", &pixels, &halves.1, 1.0 / 255.0);
}

/// Width, height and pixels of a preview.
type Preview = (u32, u32, Vec<u8>);

/// The previews of two steps at 64 × 64, and the notices.
fn previews(models: &Models, kind: Previews) -> (Vec<Preview>, Vec<String>) {
    let engine = engine(models);
    engine.environment().set_previews(kind);
    let loader =
        json!({ "4": node("CheckpointLoaderSimple", json!({ "ckpt_name": "tiny.safetensors" })) });
    let host = TestHost::default();
    run(&engine, &graph(loader, [("4", 0), ("4", 1), ("4", 2)]), &host).unwrap();
    let preview = |event: &Event| match event {
        Event::Preview { width, height, rgba, .. } => Some((*width, *height, rgba.clone())),
        _ => None,
    };
    (host.events(preview), host.notices())
}

#[test]
fn previews_are_decoded_where_its_decoder_is_there() {
    let models = models();
    assert!(previews(&models, Previews::None).0.is_empty());
    let (colours, _) = previews(&models, Previews::Latent2Rgb);
    assert!(colours.len() == 2 && colours.iter().all(|(w, h, _)| (*w, *h) == (8, 8)));
    // The picture of the last step is the result's own.
    let (decoded, notices) = previews(&models, Previews::Auto);
    let [(64, 64, rgba)] = &decoded[..] else { panic!("{} previews", decoded.len()) };
    assert!(notices.is_empty(), "{notices:?}");

    // The clean latent of the first step alone, decoded by the node.
    let alone = json!({
        "1": node("CheckpointLoaderSimple", json!({ "ckpt_name": "tiny.safetensors" })),
        "2": node("VAELoader", json!({ "vae_name": "taesd" })),
        "3": node("BasicScheduler", json!({ "model": ["1", 0], "scheduler": "normal", "steps": 2, "denoise": 1.0 })),
        "4": node("SplitSigmas", json!({ "sigmas": ["3", 0], "step": 1 })),
        "5": node("EmptyLatentImage", json!({ "width": 64, "height": 64, "batch_size": 1 })),
        "6": node("CLIPTextEncode", json!({ "text": "a photo of a cat", "clip": ["1", 1] })),
        "7": node("CLIPTextEncode", json!({ "text": "", "clip": ["1", 1] })),
        "8": node("KSamplerSelect", json!({ "sampler_name": "euler" })),
        "9": node("SamplerCustom", json!({
            "model": ["1", 0], "add_noise": true, "noise_seed": 7, "cfg": 5.0, "positive": ["6", 0],
            "negative": ["7", 0], "sampler": ["8", 0], "sigmas": ["4", 0], "latent_image": ["5", 0],
        })),
        "10": node("VAEDecode", json!({ "samples": ["9", 1], "vae": ["2", 0] })),
        "11": node("SaveImage", json!({ "images": ["10", 0], "filename_prefix": "picture" })),
    });
    let host = TestHost::default();
    run(&engine(&models), &alone, &host).unwrap_or_else(|error| panic!("{error}"));
    let picture = codec::decode("picture", &host.files()[0].bytes).unwrap().0;
    let preview = rgba.chunks(4).flat_map(|pixel| &pixel[..3]);
    let preview: Vec<f32> = preview.map(|v| f32::from(*v) / 255.0).collect();
    assert!(picture.data.iter().any(|v| (v - picture.data[0]).abs() > 0.1));
    assert_close("preview", &preview, &picture.data, 1.5 / 255.0);
}

#[test]
fn a_damaged_one_spoils_no_run() {
    let file = std::fs::read(fixture("taesd/vae_approx/taesd_decoder.safetensors")).unwrap();
    let models = models().with("vae_approx/taesd_decoder.safetensors", &file[..file.len() - 4]);
    let (colours, notices) = previews(&models, Previews::Auto);
    assert_eq!(colours.len(), 2);
    let [notice] = &notices[..] else { panic!("{notices:?}") };
    assert!(notice.contains("vae_approx/taesd_decoder.safetensors"), "{notice}");
}

#[test]
fn halves_that_do_not_belong_together_are_refused() {
    let read = |path: &str| std::fs::read(fixture(&format!("taesd/{path}"))).unwrap();
    let refused = |models: Models, vae: &str| {
        let engine = engine(&models);
        let picture = std::fs::read(fixture("controlnets/hint.png")).unwrap();
        engine.environment().put_input("picture.png", picture);
        let error = run(&engine, &there_and_back(vae), &TestHost::default()).unwrap_err();
        error.to_string()
    };
    let encoder = read("vae_approx/taesd_encoder.safetensors");
    let alone = Models::new().with("vae_approx/taesd_encoder.safetensors", &encoder);
    let error = refused(alone, "taesd");
    assert!(error.contains("vae_name") && error.contains("`taesd`"), "{error}");
    let twice = Models::new()
        .with("vae_approx/taesd_encoder.safetensors", &encoder)
        .with("vae_approx/taesd_decoder.safetensors", &encoder);
    let error = refused(twice, "taesd");
    assert!(error.contains("taesd_decoder.safetensors"), "{error}");
    let half = Models::new().with("vae/half.safetensors", &encoder);
    let error = refused(half, "half.safetensors");
    assert!(
        error.contains("half of a tiny autoencoder") && error.contains("vae_approx"),
        "{error}"
    );
}
