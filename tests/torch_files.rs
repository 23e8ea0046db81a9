//! torch's own files: what torch put into them is found, what would do harm is refused by name, and nothing is run.

use std::cell::Cell;

use futures_util::future::LocalBoxFuture;
use serde_json::{Map, Value, json};
use tintype::error::{ErrorKind, Result};
use tintype::nodes::identify;
use tintype::store::{ByteSource, MemorySource};
use tintype::weights::WeightsFile;

use crate::checkpoints::{engine, graph, made, node};
use crate::hostile::damage::{Random, mutate};
use crate::support::tiny::{Models, Tensors, names, networks, single_file, theirs};
use crate::support::torch::torch_file;
use crate::support::{block_on, fixture};

fn file(name: &str) -> MemorySource {
    MemorySource::new(name, std::fs::read(fixture(&format!("torch/{name}"))).unwrap())
}

fn listed<T: serde::de::DeserializeOwned>(name: &str) -> T {
    let text = std::fs::read_to_string(fixture(&format!("torch/{name}"))).unwrap();
    serde_json::from_str(&text).unwrap()
}

#[test]
fn what_torch_saved_is_found() {
    let good: Map<String, Value> = listed("good.json");
    assert_eq!(good.len(), 6);
    for (name, tensors) in good {
        let source = file(&name);
        let opened = block_on(WeightsFile::open(&source)).unwrap();
        let tensors = tensors.as_object().unwrap();
        assert_eq!(opened.tensors().len(), tensors.len(), "{name}");
        for tensor in opened.tensors() {
            let [dtype, shape, numbers] =
                serde_json::from_value::<[Value; 3]>(tensors[&tensor.name].clone()).unwrap();
            assert_eq!(json!(tensor.shape), shape, "{name} {}", tensor.name);
            let found = block_on(opened.numbers(&tensor.name));
            match dtype.as_str().unwrap() {
                "int64" | "bool" => {
                    assert!(matches!(found.unwrap_err().kind(), ErrorKind::UnknownDtype { .. }));
                }
                _ => {
                    let expected: Vec<f64> = serde_json::from_value(numbers).unwrap();
                    let expected: Vec<f32> = expected.into_iter().map(|v| v as f32).collect();
                    assert_eq!(found.unwrap(), Some(expected), "{name} {}", tensor.name);
                }
            }
        }
    }
}

#[test]
fn what_would_do_harm_is_refused_by_name() {
    let bad: Vec<Value> = listed("bad.json");
    let files = std::fs::read_dir(fixture("torch")).unwrap().count();
    assert_eq!(bad.len() + 6 + 2, files, "a file is in no list");
    for entry in bad {
        let name = entry["file"].as_str().unwrap();
        let error = block_on(WeightsFile::open(&file(name)))
            .err()
            .unwrap_or_else(|| panic!("{name} opened"));
        let text = error.to_string();
        assert_eq!(error.kind().code(), entry["code"].as_str().unwrap(), "{text}");
        assert!(text.contains(&format!("`{name}`")), "{text}");
        for word in entry["words"].as_array().unwrap() {
            assert!(text.contains(word.as_str().unwrap()), "{name}: `{word}` is not in: {text}");
        }
    }
    assert!(!std::path::Path::new("tintype-was-here").exists());
}

/// A file damaged at random is refused, or every tensor lies inside it.
#[test]
fn random_damage_never_panics() {
    let mut random = Random(0x746f_7263_6866_696c);
    let mut accepted = 0;
    for name in ["state.pth", "lightning.ckpt", "embedding_old.pt", "protocol4.pt"] {
        let whole = std::fs::read(fixture(&format!("torch/{name}"))).unwrap();
        for case in 0..2500 {
            let mut bytes = whole.clone();
            for _ in 0..1 + random.below(3) {
                mutate(&mut bytes, &mut random);
            }
            let len = bytes.len() as u64;
            match block_on(WeightsFile::open(&MemorySource::new(name, bytes))) {
                Ok(opened) => {
                    accepted += 1;
                    for tensor in opened.tensors() {
                        let numbers: usize = tensor.shape.iter().product();
                        assert_eq!(numbers * tensor.dtype.bytes(), tensor.bytes(), "{name} {case}");
                        assert!(tensor.end <= len, "{name} {case}");
                    }
                }
                Err(error) => assert!(error.to_string().contains(name), "{error}"),
            }
        }
    }
    assert!((100..9000).contains(&accepted), "{accepted}");
}

/// Counts what is read of a file.
struct Counting(MemorySource, Cell<usize>);

impl ByteSource for Counting {
    fn name(&self) -> &str {
        self.0.name()
    }

    fn len(&self) -> u64 {
        self.0.len()
    }

    fn read(&self, offset: u64, len: usize) -> LocalBoxFuture<'_, Result<Vec<u8>>> {
        self.1.set(self.1.get() + 1);
        self.0.read(offset, len)
    }

    fn read_now(&self, offset: u64, len: usize) -> Result<Vec<u8>> {
        self.1.set(self.1.get() + 1);
        self.0.read_now(offset, len)
    }
}

#[test]
fn a_file_laid_out_as_torch_does_is_opened_in_few_reads() {
    let source = Counting(file("state.pth"), Cell::default());
    let opened = block_on(WeightsFile::open(&source)).unwrap();
    // Its kind, twice; the end, the record before it, the list; the program, the order of bytes; and the header of the
    // array without numbers.
    assert!(source.1.get() <= 8, "{} reads", source.1.get());
    assert_eq!(opened.tensors().len(), 12);
}

#[test]
fn one_picture_from_safetensors_and_from_torch() {
    let ckpt: Tensors = names("tiny_sd1")
        .iter()
        .map(|one| (one.theirs.clone(), one.shape.clone(), theirs(one)))
        .collect();
    let ckpt = torch_file(&ckpt);
    let mut models = Models::new()
        .with("checkpoints/a.safetensors", &single_file("tiny_sd1"))
        .with("checkpoints/a.ckpt", &ckpt);
    for (place, tensors) in networks("tiny_sd1") {
        let place = match place {
            "unet" => "diffusion_models/a.bin",
            "vae" => "vae/a.pt",
            _ => "text_encoders/a.pth",
        };
        models = models.with(place, &torch_file(&tensors));
    }
    let whole = |name: &str| {
        let loader = json!({ "4": node("CheckpointLoaderSimple", json!({ "ckpt_name": name })) });
        graph(loader, [("4", 0), ("4", 1), ("4", 2)])
    };
    let simple = |name: &str| made(&models, &whole(name));
    let plan = block_on(engine(&models).plan(&whole("a.ckpt").to_string())).unwrap();
    assert_eq!((plan.files.len(), plan.steps.len()), (1, 2));
    let picture = simple("a.safetensors");
    assert!(simple("a.ckpt") == picture);
    let loaders = json!({
        "20": node("UNETLoader", json!({ "unet_name": "a.bin", "weight_dtype": "default" })),
        "21": node("CLIPLoader", json!({ "clip_name": "a.pth", "type": "stable_diffusion" })),
        "22": node("VAELoader", json!({ "vae_name": "a.pt" })),
    });
    assert!(made(&models, &graph(loaders, [("20", 0), ("21", 0), ("22", 0)])) == picture);
    let identity = block_on(identify(&MemorySource::new("a.ckpt", ckpt))).unwrap();
    assert_eq!((identity.folder, identity.family), ("checkpoints", Some("Stable Diffusion 1.x")));
}

#[test]
fn embeddings_and_upscalers_of_torch_are_told() {
    let upscaler = block_on(identify(&file("upscaler.pth"))).unwrap();
    assert_eq!(upscaler.folder, "upscale_models");
    // Vectors of 32 numbers are those of the tests' text encoder, which no file tells.
    let vectors = torch_file(&vec![("*".to_owned(), vec![2, 768], vec![half::f16::ONE; 1536])]);
    let embedding = block_on(identify(&MemorySource::new("a.pt", vectors))).unwrap();
    assert_eq!(embedding.folder, "embeddings");
    let bytes = |name: &str| std::fs::read(fixture(&format!("torch/{name}"))).unwrap();
    let models = Models::new()
        .with("checkpoints/a.safetensors", &single_file("tiny_sd1"))
        .with("embeddings/new.pt", &bytes("embedding.pt"))
        .with("embeddings/sub/old.pt", &bytes("embedding_old.pt"));
    let latent = |text: &str| {
        let loader =
            json!({ "4": node("CheckpointLoaderSimple", json!({ "ckpt_name": "a.safetensors" })) });
        let mut graph = graph(loader, [("4", 0), ("4", 1), ("4", 2)]);
        graph["6"] = node("CLIPTextEncode", json!({ "text": text, "clip": ["4", 1] }));
        made(&models, &graph)[0].clone()
    };
    let plain = latent("a photo");
    let [new, old] = ["a photo embedding:new", "a photo embedding:old.pt"].map(latent);
    assert!(new != plain && old != plain && new != old);
    assert!(latent("a photo embedding:new.pt") == new);
}
