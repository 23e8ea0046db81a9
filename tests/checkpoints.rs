//! Checkpoints of the person's own, through the graph: one picture, however the file is laid out.

use std::collections::BTreeMap;
use std::rc::Rc;

use half::{bf16, f16};
use serde_json::{Value, json};
use tintype::device::DeviceKind;
use tintype::engine::Engine;
use tintype::graph::RunError;
use tintype::graph::event::Event;
use tintype::store::native::FolderStore;

use crate::nodes::{TestHost, run};
use crate::support::block_on;
use crate::support::tiny::{Models, names, networks, single_file, theirs, write};

pub(crate) fn engine(models: &Models) -> Engine {
    let store = Rc::new(FolderStore::new(models.path()));
    block_on(Engine::open(DeviceKind::Cpu, store, |_| {})).unwrap()
}

pub(crate) fn node(class: &str, inputs: Value) -> Value {
    json!({ "class_type": class, "inputs": inputs })
}

/// Two steps at 64 × 64, and the picture, from these three loaded networks.
pub(crate) fn graph(loaders: Value, [model, clip, vae]: [(&str, usize); 3]) -> Value {
    let mut graph = json!({
        "3": node("KSampler", json!({
            "seed": 7, "steps": 2, "cfg": 5.0, "sampler_name": "euler", "scheduler": "normal", "denoise": 1.0,
            "model": model, "positive": ["6", 0], "negative": ["7", 0], "latent_image": ["5", 0],
        })),
        "5": node("EmptyLatentImage", json!({ "width": 64, "height": 64, "batch_size": 1 })),
        "6": node("CLIPTextEncode", json!({ "text": "a photo of a cat", "clip": clip })),
        "7": node("CLIPTextEncode", json!({ "text": "", "clip": clip })),
        "8": node("VAEDecode", json!({ "samples": ["3", 0], "vae": vae })),
        "9": node("SaveImage", json!({ "images": ["8", 0], "filename_prefix": "picture" })),
        "10": node("SaveLatent", json!({ "samples": ["3", 0], "filename_prefix": "latent" })),
    });
    graph.as_object_mut().unwrap().extend(loaders.as_object().unwrap().clone());
    graph
}

/// All three networks of one checkpoint.
fn simple(name: &str) -> Value {
    let loader = json!({ "4": node("CheckpointLoaderSimple", json!({ "ckpt_name": name })) });
    graph(loader, [("4", 0), ("4", 1), ("4", 2)])
}

/// The latent's file and the picture's.
pub(crate) fn made(models: &Models, graph: &Value) -> [Vec<u8>; 2] {
    made_by(&engine(models), graph)
}

/// As [`made`], by an engine that is open.
pub(crate) fn made_by(engine: &Engine, graph: &Value) -> [Vec<u8>; 2] {
    let host = TestHost::default();
    run(engine, graph, &host).unwrap_or_else(|error| panic!("{error}"));
    let files: BTreeMap<String, Vec<u8>> =
        host.files().into_iter().map(|file| (file.filename, file.bytes)).collect();
    let of = |prefix: &str| files.iter().find(|(name, _)| name.starts_with(prefix)).unwrap().1;
    // What follows the header of the one, and the pixels of the other: both carry the graph besides.
    let latent = of("latent");
    let header = u64::from_le_bytes(latent[..8].try_into().unwrap()) as usize;
    let picture = tintype::image::codec::decode("picture", of("picture")).unwrap().0;
    let pixels = picture.data.iter().flat_map(|value| value.to_le_bytes()).collect();
    [latent[8 + header..].to_vec(), pixels]
}

/// The networks of a checkpoint under prefixes, in one file with diffusers' names.
fn diffusers_file(checkpoint: &str) -> Vec<u8> {
    let prefixed = |(place, tensors): (&str, Vec<_>)| {
        let named = move |(name, shape, numbers): (String, _, Vec<f16>)| {
            (format!("{place}.{name}"), shape, numbers)
        };
        tensors.into_iter().map(named).collect::<Vec<_>>()
    };
    write(networks(checkpoint).into_iter().flat_map(prefixed).collect())
}

#[test]
fn one_picture_whatever_the_names_and_the_files() {
    for family in ["tiny_sd1", "tiny_sdxl", "tiny_ssd_1b", "tiny_small_sd"] {
        let mut models = Models::new()
            .with("checkpoints/theirs.safetensors", &single_file(family))
            .with("checkpoints/sub/ours.safetensors", &diffusers_file(family));
        for (place, tensors) in networks(family) {
            let folder = match place {
                "unet" => "diffusion_models",
                "vae" => "vae",
                _ => "clip",
            };
            models = models.with(&format!("{folder}/{place}.safetensors"), &write(tensors));
        }
        let theirs = made(&models, &simple("theirs.safetensors"));
        assert!(theirs[0].iter().any(|byte| *byte != 0));
        assert!(
            theirs == made(&models, &simple("sub/ours.safetensors")),
            "{family}: diffusers' names"
        );
        let clip = match family {
            "tiny_sdxl" | "tiny_ssd_1b" => node(
                "DualCLIPLoader",
                json!({
                    // In the wrong order: the loader knows which is which.
                    "clip_name1": "text_encoder_2.safetensors", "clip_name2": "text_encoder.safetensors", "type": "sdxl",
                }),
            ),
            _ => node(
                "CLIPLoader",
                json!({ "clip_name": "text_encoder.safetensors", "type": "stable_diffusion" }),
            ),
        };
        let loaders = json!({
            "20": node("UNETLoader", json!({ "unet_name": "unet.safetensors", "weight_dtype": "default" })),
            "21": clip,
            "22": node("VAELoader", json!({ "vae_name": "vae.safetensors" })),
        });
        let apart = graph(loaders, [("20", 0), ("21", 0), ("22", 0)]);
        assert!(theirs == made(&models, &apart), "{family}: a file for each network");
    }
}

#[test]
fn pruned_networks_take_the_place_of_a_checkpoint_s_own() {
    for family in crate::parity::checkpoints::PRUNED {
        let rest = if family.contains("bk_sdm") { "tiny_sd1" } else { "tiny_sdxl" };
        let unet = networks(family).remove("unet").unwrap();
        let models = Models::new()
            .with("checkpoints/rest.safetensors", &single_file(rest))
            .with("diffusion_models/theirs.safetensors", &single_file(family))
            .with("diffusion_models/ours.safetensors", &write(unet));
        let latent = |name: &str| {
            let loaders = json!({
                "4": node("CheckpointLoaderSimple", json!({ "ckpt_name": "rest.safetensors" })),
                "20": node("UNETLoader", json!({ "unet_name": name, "weight_dtype": "default" })),
            });
            made(&models, &graph(loaders, [("20", 0), ("4", 1), ("4", 2)]))
        };
        let theirs = latent("theirs.safetensors");
        assert!(theirs == latent("ours.safetensors"), "{family}");
        assert!(theirs != made(&models, &simple("rest.safetensors")), "{family}");
    }
}

#[test]
fn a_network_that_predicts_v_is_told_by_its_mark() {
    let marked = single_file("tiny_sd2");
    let unmarked = rewritten(&marked, |name| (name != "v_pred").then(|| name.to_owned()));
    let models = Models::new()
        .with("checkpoints/v.safetensors", &marked)
        .with("checkpoints/eps.safetensors", &unmarked);
    let latents =
        ["v", "eps"].map(|name| made(&models, &simple(&format!("{name}.safetensors")))[0].clone());
    assert!(latents[0] != latents[1]);
}

/// The same file with other names; a tensor without a name is left out.
fn rewritten(file: &[u8], rename: impl Fn(&str) -> Option<String>) -> Vec<u8> {
    let header = u64::from_le_bytes(file[..8].try_into().unwrap()) as usize;
    let entries: BTreeMap<String, Value> = serde_json::from_slice(&file[8..8 + header]).unwrap();
    let body = &file[8 + header..];
    let tensor = |(name, entry): (String, Value)| {
        let numbers =
            |key: &str| -> Vec<usize> { serde_json::from_value(entry[key].clone()).unwrap() };
        let [start, end] = numbers("data_offsets")[..].try_into().unwrap();
        let words =
            body[start..end].as_chunks::<2>().0.iter().map(|word| f16::from_le_bytes(*word));
        Some((rename(&name)?, numbers("shape"), words.collect()))
    };
    write(entries.into_iter().filter_map(tensor).collect())
}

/// Why a run of this file as a checkpoint fails.
fn refusal(file: &[u8]) -> String {
    let models = Models::new().with("checkpoints/a.safetensors", file);
    match run(&engine(&models), &simple("a.safetensors"), &TestHost::default()) {
        Err(RunError::Failed(error)) => error.to_string(),
        Err(other) => panic!("{other}"),
        Ok(_) => panic!("not refused"),
    }
}

pub(crate) fn tensor(name: &str, shape: &[usize]) -> (String, Vec<usize>, Vec<f16>) {
    (name.to_owned(), shape.to_vec(), vec![f16::ONE; shape.iter().product()])
}

#[test]
fn files_that_are_no_checkpoint_are_refused_with_what_they_are() {
    let whole = single_file("tiny_sd1");
    let without = |prefix: &'static str| {
        rewritten(&whole, move |name| (!name.starts_with(prefix)).then(|| name.to_owned()))
    };
    let cases: [(Vec<u8>, &[&str]); 10] = [
        (
            write(vec![]),
            &["`checkpoints/a.safetensors` is a file without tensors", "use a Stable Diffusion"],
        ),
        (
            write(vec![tensor("blocks.0.weight", &[2, 2])]),
            &["whose first tensor is `blocks.0.weight`"],
        ),
        (
            write(vec![tensor("model.diffusion_model.double_blocks.0.x.weight", &[2, 2])]),
            &[
                "`checkpoints/a.safetensors` is a model of another family, Flux",
                "use a Stable Diffusion",
            ],
        ),
        (
            crate::parity::loras::file("kohya"),
            &["is a LoRA", "put it into `loras` and load it with `LoraLoader`"],
        ),
        (
            write(vec![
                tensor("control_model.input_blocks.0.0.weight", &[2, 2]),
                tensor("control_model.zero_convs.0.0.weight", &[2, 2]),
            ]),
            &["is a ControlNet", "load it with `ControlNetLoader`"],
        ),
        (without("model.diffusion_model."), &["a file without denoising network", "CLIPLoader"]),
        (
            without("cond_stage_model."),
            &["clip: expected a text encoder, got a checkpoint without one"],
        ),
        (
            without("first_stage_model."),
            &["vae: expected an autoencoder, got a checkpoint without one", "VAELoader"],
        ),
        (
            rewritten(&whole, |name| {
                Some(name.replace(
                    "middle_block.0.in_layers.2.weight",
                    "middle_block.0.in_layers.9.weight",
                ))
            }),
            &["`mid_block.resnets.0.conv1.weight` is missing from `checkpoints/a.safetensors`"],
        ),
        (
            write(vec![
                tensor("model.diffusion_model.input_blocks.0.0.weight", &[0, 4, 3, 3]),
                tensor(
                    "model.diffusion_model.input_blocks.1.0.in_layers.2.weight",
                    &[32, 32, 3, 3],
                ),
            ]),
            &["`checkpoints/a.safetensors`"],
        ),
    ];
    for (file, parts) in cases {
        let text = refusal(&file);
        for part in parts {
            assert!(text.contains(part), "{text}\nlacks {part}");
        }
    }
}

/// A checkpoint whose numbers every format has exactly, and the same in three formats at once.
fn exact_and_mixed(checkpoint: &str) -> [Vec<u8>; 2] {
    // Seven bits behind the point are those of bf16; f16 has them wherever it has the exponent.
    let exact = |number: f16| match f16::from_bits(number.to_bits() & 0xFFF8) {
        number if number.is_normal() => number,
        _ => f16::ZERO,
    };
    let tensors = names(checkpoint).into_iter().map(|one| {
        let numbers: Vec<f16> = theirs(&one).into_iter().map(exact).collect();
        (one.theirs, one.shape, numbers)
    });
    let tensors: Vec<_> = tensors.collect();
    let (mut header, mut body) = (serde_json::Map::new(), Vec::new());
    for (i, (name, shape, numbers)) in tensors.iter().enumerate() {
        let start = body.len();
        let dtype = ["F16", "F32", "BF16"][i % 3];
        let bytes = |number: &f16| match dtype {
            "F16" => number.to_le_bytes().to_vec(),
            "F32" => number.to_f32().to_le_bytes().to_vec(),
            _ => bf16::from_f32(number.to_f32()).to_le_bytes().to_vec(),
        };
        body.extend(numbers.iter().flat_map(bytes));
        let entry = json!({ "dtype": dtype, "shape": shape, "data_offsets": [start, body.len()] });
        header.insert(name.clone(), entry);
    }
    let header = serde_json::to_vec(&header).unwrap();
    let mixed = [&(header.len() as u64).to_le_bytes()[..], &header, &body].concat();
    [write(tensors), mixed]
}

#[test]
fn a_file_may_mix_formats() {
    for family in ["tiny_sd1", "tiny_sdxl"] {
        let [exact, mixed] = exact_and_mixed(family);
        let models = Models::new()
            .with("checkpoints/exact.safetensors", &exact)
            .with("checkpoints/mixed.safetensors", &mixed);
        let [exact, mixed] =
            ["exact.safetensors", "mixed.safetensors"].map(|name| made(&models, &simple(name)));
        assert!(exact == mixed, "{family}");
    }
}

#[test]
fn an_autoencoder_with_other_channels_is_refused_with_both_numbers() {
    let mut vae = networks("tiny_sd1").remove("vae").unwrap();
    for (name, shape, numbers) in &mut vae {
        let side = match &**name {
            "encoder.conv_out.weight" | "encoder.conv_out.bias" => 0,
            "quant_conv.weight" | "quant_conv.bias" | "post_quant_conv.bias" => 0,
            "post_quant_conv.weight" => 0,
            "decoder.conv_in.weight" => 1,
            _ => continue,
        };
        shape[side] *= 4;
        if matches!(&**name, "quant_conv.weight" | "post_quant_conv.weight") {
            shape[1] *= 4;
        }
        *numbers = vec![f16::ONE; shape.iter().product()];
    }
    let models = Models::new()
        .with("checkpoints/a.safetensors", &single_file("tiny_sd1"))
        .with("vae/sixteen.safetensors", &write(vae));
    let loaders = json!({
        "4": node("CheckpointLoaderSimple", json!({ "ckpt_name": "a.safetensors" })),
        "20": node("VAELoader", json!({ "vae_name": "sixteen.safetensors" })),
    });
    let graph = graph(loaders, [("4", 0), ("4", 1), ("20", 0)]);
    let Err(RunError::Failed(error)) = run(&engine(&models), &graph, &TestHost::default()) else {
        panic!("not refused");
    };
    let text = error.to_string();
    assert!(text.starts_with("node 8 (VAEDecode)"), "{text}");
    assert!(text.contains("expected 16, got 4"), "{text}");
}

#[test]
fn the_same_tensor_under_two_names_is_refused() {
    let mut tensors = networks("tiny_sd1").remove("unet").unwrap();
    tensors.push(tensor("input_blocks.0.0.bias", &[32]));
    let models = Models::new()
        .with("unet/a.safetensors", &write(tensors))
        .with("checkpoints/b.safetensors", &single_file("tiny_sd1"));
    let loaders = json!({
        "4": node("CheckpointLoaderSimple", json!({ "ckpt_name": "b.safetensors" })),
        "20": node("UNETLoader", json!({ "unet_name": "a.safetensors", "weight_dtype": "default" })),
    });
    let graph = graph(loaders, [("20", 0), ("4", 1), ("4", 2)]);
    let Err(RunError::Failed(error)) = run(&engine(&models), &graph, &TestHost::default()) else {
        panic!("not refused");
    };
    assert!(error.to_string().contains("`conv_in.bias` under another name"), "{error}");
}

#[test]
fn tensors_of_no_network_are_told_and_do_no_harm() {
    let whole = single_file("tiny_sd1");
    let more = rewritten(&whole, |name| Some(name.replace("model_ema.decay", "lora_te.something")));
    let models = Models::new()
        .with("checkpoints/whole.safetensors", &whole)
        .with("checkpoints/more.safetensors", &more);
    assert!(
        made(&models, &simple("whole.safetensors")) == made(&models, &simple("more.safetensors"))
    );
    let host = TestHost::default();
    run(&engine(&models), &simple("more.safetensors"), &host).unwrap();
    let told = |event: &Event| matches!(event, Event::Notice { message, .. } if message.contains("`lora_te.something`"));
    assert!(host.any(told));
}

/// The condition of a prompt, as the latent that it guides to.
fn guided(models: &Models, class: &str, checkpoint: &str, text: &str) -> (Vec<u8>, Vec<String>) {
    let mut graph = simple(checkpoint);
    graph["6"] = match class {
        "CLIPTextEncode" => node(class, json!({ "text": text, "clip": ["4", 1] })),
        _ => node(class, json!({ "text": text, "clip": ["4", 1], "steps": 2 })),
    };
    let host = TestHost::default();
    run(&engine(models), &graph, &host).unwrap_or_else(|error| panic!("{error}"));
    let notices = std::cell::RefCell::new(Vec::new());
    host.any(|event| {
        if let Event::Notice { message, .. } = event {
            notices.borrow_mut().push(message.clone());
        }
        false
    });
    let latent = host.files().into_iter().find(|file| file.filename.starts_with("latent")).unwrap();
    let header = u64::from_le_bytes(latent.bytes[..8].try_into().unwrap()) as usize;
    (latent.bytes[8 + header..].to_vec(), notices.into_inner())
}

#[test]
fn an_embedding_stands_for_the_vectors_of_its_file() {
    // Vectors that are those of "a cat": what is read is then the same prompt.
    let table = networks("tiny_sd1").remove("text_encoder").unwrap().remove(0);
    assert!(table.0.ends_with("token_embedding.weight"));
    let rows = |ids: &[usize]| {
        ids.iter().flat_map(|id| table.2[id * 32..(id + 1) * 32].to_vec()).collect()
    };
    let (a, photo, cat) = (320, 1125, 2368);
    let embedding = |name: &str, shape: &[usize], numbers: Vec<f16>| {
        write(vec![(name.to_owned(), shape.to_vec(), numbers)])
    };
    let models = Models::new()
        .with("checkpoints/a.safetensors", &single_file("tiny_sd1"))
        .with("checkpoints/xl.safetensors", &single_file("tiny_sdxl"))
        .with("embeddings/acat.safetensors", &embedding("emb_params", &[2, 32], rows(&[a, cat])))
        .with(
            "embeddings/sub/photo-style.safetensors",
            &embedding("<photo>", &[32], rows(&[photo])),
        )
        .with(
            "embeddings/other.safetensors",
            &embedding("emb_params", &[1, 768], vec![f16::ONE; 768]),
        )
        .with(
            "embeddings/both.safetensors",
            &write(vec![tensor("clip_g", &[2, 64]), tensor("clip_l", &[2, 32])]),
        );
    let comfy = |text: &str| guided(&models, "CLIPTextEncode", "a.safetensors", text);
    let plain = comfy("a photo of a cat");
    assert_eq!(plain.1, [""; 0]);
    assert!(comfy("a photo of embedding:acat").0 == plain.0);
    assert!(comfy("a photo of embedding:acat.safetensors,").1.is_empty());
    assert!(comfy("a embedding:photo-style of a cat") == plain, "in a folder of its own");
    assert!(comfy("a photo of (embedding:acat:1.3)").0 == comfy("a photo of (a cat:1.3)").0);
    let a1111 = |text: &str| guided(&models, "CLIPTextEncodeA1111", "a.safetensors", text).0;
    assert!(a1111("a photo of acat") == a1111("a photo of a cat"), "by its bare name");
    assert!(a1111("a photo-style of a cat") == a1111("a photo of a cat"));

    let (latent, told) = comfy("a photo of a cat embedding:nowhere");
    assert_eq!(told, ["the embedding `nowhere` is not there, and was left out of the prompt"]);
    assert!(latent == plain.0);
    let (latent, told) = comfy("a photo of a cat embedding:other");
    assert!(
        told[0].contains("`embeddings/other.safetensors`")
            && told[0].contains("768 numbers, this text encoder's 32"),
        "{told:?}"
    );
    assert!(latent == plain.0);
    let sdxl = |text: &str| guided(&models, "CLIPTextEncode", "xl.safetensors", text);
    let (with, told) = sdxl("a cat embedding:both");
    assert_eq!(told, [""; 0]);
    assert!(with != sdxl("a cat").0);
}

#[test]
fn steps_are_saved_where_they_are_told_to_be() {
    let models = Models::new().with("checkpoints/a.safetensors", &single_file("tiny_sd1"));
    let latent = |patch: Value, cfg: f64| {
        let loaders = json!({
            "4": node("CheckpointLoaderSimple", json!({ "ckpt_name": "a.safetensors" })),
            "20": patch,
        });
        let mut graph = graph(loaders, [("20", 0), ("4", 1), ("4", 2)]);
        for node in graph.as_object_mut().unwrap().values_mut() {
            if node["class_type"] == "KSampler" {
                node["inputs"]["cfg"] = json!(cfg);
            }
        }
        made(&models, &graph)[0].clone()
    };
    let cached = |interval: usize, depth: usize, [start, end]: [f64; 2]| {
        let inputs = json!({
            "model": ["4", 0], "cache_interval": interval, "cache_depth": depth, "start_percent": start, "end_percent": end,
        });
        latent(node("DeepCache", inputs), 5.0)
    };
    let between = |[start, end]: [f64; 2], cfg: f64| {
        let inputs = json!({ "model": ["4", 0], "start_percent": start, "end_percent": end });
        latent(node("GuidanceInterval", inputs), cfg)
    };
    let plain = cached(1, 1, [0.0, 1.0]);
    assert!(cached(3, 1, [0.0, 0.0]) == plain && cached(3, 1, [1.0, 1.0]) == plain);
    let (one, more) = (cached(2, 1, [0.0, 1.0]), cached(2, 12, [0.0, 1.0]));
    assert!(one != plain && more != plain && one != more);
    assert!(cached(2, 1, [0.0, 1.0]) == one, "a run begins without the maps of the one before");

    assert!(between([0.0, 1.0], 5.0) == plain);
    let alone = between([0.0, 1.0], 1.0);
    assert!(between([0.5, 0.5], 5.0) == alone && alone != plain);
    let half = between([0.0, 0.5], 5.0);
    assert!(half != plain && half != alone);
}

#[test]
fn patches_of_attention_change_nothing_where_they_save_nothing() {
    let models = Models::new().with("checkpoints/a.safetensors", &single_file("tiny_sd1"));
    let latent = |patch: Value| {
        let loaders = json!({
            "4": node("CheckpointLoaderSimple", json!({ "ckpt_name": "a.safetensors" })),
            "20": patch,
        });
        made(&models, &graph(loaders, [("20", 0), ("4", 1), ("4", 2)]))[0].clone()
    };
    let plain = made(&models, &simple("a.safetensors"))[0].clone();
    let tiles = |size: usize, depth: usize, grow: bool| {
        let inputs = json!({
            "model": ["4", 0], "tile_size": size, "swap_size": 1, "max_depth": depth, "scale_depth": grow,
        });
        latent(node("HyperTile", inputs))
    };
    let merged =
        |ratio: f64| latent(node("TomePatchModel", json!({ "model": ["4", 0], "ratio": ratio })));
    let deeper = json!({ "model": ["4", 0], "ratio": 0.5, "max_downsample": 2 });
    // The latent has 8 × 8 places, and a tile of 64 pixels as many.
    assert!(tiles(64, 10, true) == plain && merged(0.0) == plain);
    let (cut, less) = (tiles(32, 0, false), merged(0.5));
    assert!(cut != plain && less != plain && cut != less);
    assert!(tiles(1, 0, true) == cut, "fewer than 32 pixels are 32");
    assert!(merged(0.5) == less, "the same is drawn again");
    assert!(latent(node("TomePatchModel", deeper)) != less, "smaller maps merge, too");
}
