//! What a graph will take, told before it runs.

use serde_json::{Value, json};
use tintype::nodes::Plan;

use crate::checkpoints::{engine, graph, node};
use crate::nodes::open;
use crate::support::block_on;
use crate::support::tiny::{Models, single_file};

fn plan(engine: &tintype::engine::Engine, graph: &Value) -> Plan {
    block_on(engine.plan(&graph.to_string())).unwrap()
}

fn tiny() -> (Models, Value) {
    let models = Models::new().with("checkpoints/tiny.safetensors", &single_file("tiny_sd1"));
    let loader =
        json!({ "4": node("CheckpointLoaderSimple", json!({ "ckpt_name": "tiny.safetensors" })) });
    (models, graph(loader, [("4", 0), ("4", 1), ("4", 2)]))
}

#[test]
fn a_checkpoint_and_its_run_are_planned_as_they_will_be() {
    let (models, graph) = tiny();
    let engine = engine(&models);
    let plan = plan(&engine, &graph);
    let [file] = &plan.files[..] else { panic!("{:?}", plan.files) };
    assert_eq!(file.file, "checkpoints/tiny.safetensors");
    assert_eq!((file.node.as_str(), file.kind), ("4", Some("a checkpoint")));
    assert_eq!(file.bytes, single_file("tiny_sd1").len() as u64);
    assert_eq!((file.place, file.format, file.fetch_bytes), ("device", "f32", 0));
    assert!(file.weights_bytes > 0 && file.weights_bytes == plan.weights_bytes);
    let what: Vec<_> = plan.steps.iter().map(|s| (s.node.as_str(), s.what, s.width)).collect();
    assert_eq!(what, [("3", "denoise", 64), ("8", "autoencode", 64)]);
    assert!(plan.fits && plan.notes.is_empty(), "{:?}", plan.notes);
    assert!(plan.steps.iter().all(|step| !step.guessed && !step.tiled && step.largest_bytes > 0));
}

#[test]
fn what_does_not_fit_is_said_with_its_numbers_and_a_way_out() {
    let (models, mut graph) = tiny();
    let engine = engine(&models);
    graph["5"]["inputs"] = json!({ "width": 16384, "height": 16384, "batch_size": 64 });
    let plan = plan(&engine, &graph);
    assert!(!plan.fits);
    let denoise = plan.notes.iter().find(|note| note.contains("Node 3")).unwrap();
    assert!(denoise.contains("16384 × 16384") && denoise.contains("smaller"), "{denoise}");
    // The autoencoder goes through it in tiles.
    assert!(plan.steps[1].tiled && plan.notes.iter().any(|note| note.contains("tiles")));
}

#[test]
fn weights_that_stay_in_their_file_take_no_memory() {
    let (models, graph) = tiny();
    let engine = engine(&models);
    engine.environment().set_held_weights_bytes(0);
    let plan = plan(&engine, &graph);
    assert_eq!((plan.files[0].place, plan.weights_bytes), ("file", 0));
    assert!(plan.notes[0].contains("read from it as they are used"), "{:?}", plan.notes);
}

/// A folder with a file of 5 GB, of which the disk holds the header alone.
fn huge() -> (Models, u64) {
    let small = single_file("tiny_sd1");
    let header = u64::from_le_bytes(small[..8].try_into().unwrap()) as usize;
    let mut tensors: Value = serde_json::from_slice(&small[8..8 + header]).unwrap();
    let end = (small.len() - 8 - header) as u64;
    let added = 5_000_000_000;
    tensors["model.diffusion_model.more.weight"] = json!({
        "dtype": "F16", "shape": [added / 2, 1], "data_offsets": [end, end + added],
    });
    let text = tensors.to_string();
    let start = [&(text.len() as u64).to_le_bytes()[..], text.as_bytes(), &small[8 + header..]];
    let start = start.concat();
    let models = Models::new().with("checkpoints/huge.safetensors", &start);
    let bytes = start.len() as u64 + added;
    let path = models.path().join("checkpoints/huge.safetensors");
    let file = std::fs::OpenOptions::new().write(true).open(path).unwrap();
    file.set_len(bytes).unwrap();
    (models, bytes)
}

#[test]
fn a_file_larger_than_the_memory_stays_where_it_is() {
    let (models, bytes) = huge();
    let loader =
        json!({ "4": node("CheckpointLoaderSimple", json!({ "ckpt_name": "huge.safetensors" })) });
    let graph = graph(loader, [("4", 0), ("4", 1), ("4", 2)]);
    let engine = engine(&models);
    let plan = plan(&engine, &graph);
    let [file] = &plan.files[..] else { panic!("{:?}", plan.files) };
    assert_eq!((file.bytes, file.place, file.weights_bytes), (bytes, "file", 0));
    assert!(plan.fits && plan.notes[0].contains("read from it as they are used"), "{plan:?}");
    // Room for all of it, as f32.
    engine.environment().set_held_weights_bytes(u64::MAX);
    let held = self::plan(&engine, &graph);
    assert_eq!(held.files[0].place, "device");
    assert!(held.weights_bytes > 10_000_000_000 && held.weights_bytes < 10_100_000_000);
}

#[test]
fn a_large_text_encoder_stays_in_its_file() {
    let (models, graph) = tiny();
    let engine = engine(&models);
    let held = plan(&engine, &graph);
    assert_eq!(held.files[0].encoder_place, Some("device"));
    engine.environment().set_held_encoder_bytes(0);
    let plan = plan(&engine, &graph);
    let file = &plan.files[0];
    assert_eq!((file.place, file.encoder_place), ("device", Some("file")));
    assert!(plan.weights_bytes > 0 && plan.weights_bytes < held.weights_bytes);
    let [note] = &plan.notes[..] else { panic!("{:?}", plan.notes) };
    assert!(note.contains("read from `checkpoints/tiny.safetensors` for each new one"), "{note}");
    // What loads it agrees.
    let encoder = held.weights_bytes - plan.weights_bytes;
    engine.environment().set_held_encoder_bytes(encoder);
    assert_eq!(self::plan(&engine, &graph), held);
}

#[test]
fn a_folder_counts_file_by_file_and_a_second_loader_counts_once() {
    let graph = json!({
        "1": node("CheckpointLoaderSimple", json!({ "ckpt_name": "sprite" })),
        "2": node("CheckpointLoaderSimple", json!({ "ckpt_name": "sprite" })),
        "3": node("LoadImage", json!({ "image": "a.png" })),
        "4": node("VAEEncode", json!({ "pixels": ["3", 0], "vae": ["2", 2] })),
        "5": node("KSampler", json!({
            "seed": 7, "steps": 2, "cfg": 5.0, "sampler_name": "euler", "scheduler": "normal", "denoise": 0.5,
            "model": ["1", 0], "positive": ["9", 0], "negative": ["9", 0], "latent_image": ["4", 0],
        })),
        "6": node("CheckpointLoaderSimple", json!({ "ckpt_name": "nowhere.safetensors" })),
    });
    let plan = plan(&open(), &graph);
    let files: Vec<_> = plan.files.iter().map(|file| file.file.as_str()).collect();
    assert_eq!(
        files,
        [
            "sprite/text_encoder/model.safetensors",
            "sprite/unet/diffusion_pytorch_model.safetensors",
            "sprite/vae/diffusion_pytorch_model.safetensors",
        ]
    );
    // The picture's size is not in the graph.
    let steps: Vec<_> = plan.steps.iter().map(|step| (step.what, step.guessed)).collect();
    assert_eq!(steps, [("autoencode", true), ("denoise", true)]);
}

#[test]
fn graphs_in_circles_end() {
    let graph = json!({
        "1": node("KSampler", json!({ "model": ["2", 0], "latent_image": ["2", 0] })),
        "2": node("KSampler", json!({ "model": ["1", 0], "latent_image": ["1", 0] })),
    });
    assert!(plan(&open(), &graph).steps.is_empty());
}
