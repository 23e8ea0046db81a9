//! What saving steps costs in likeness and gives in time, with the bundled model on the CPU: `make bench-savers`.
//!
//! For each way: how near its pictures come to those of the whole run (PSNR, the mean of the prompts and the worst), and
//! how long a picture takes in proportion, both made in turns.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a native program for developers"
)]

use std::cell::RefCell;
use std::path::Path;
use std::rc::Rc;
use std::time::Instant;

use futures_util::future::LocalBoxFuture;
use serde_json::{Value, json};
use tintype::device::DeviceKind;
use tintype::engine::{Engine, RunRequest};
use tintype::graph::{Event, Host};
use tintype::store::native::FolderStore;

const PROMPTS: [&str; 8] = [
    "a robot on a teal background, 3d",
    "a cat, flat",
    "a pizza on a yellow background, flat",
    "a lion, 3d",
    "a castle on a hill, 3d",
    "a red bicycle, flat",
    "an angry face, 3d",
    "two apples, flat",
];

const STEPS: usize = 20;

/// Each way, the class of its node, and what that is told.
fn ways() -> Vec<(&'static str, &'static str, Value)> {
    let deep = |interval: usize, depth: usize| json!({ "cache_interval": interval, "cache_depth": depth, "start_percent": 0.0, "end_percent": 1.0 });
    let guided = |start: f64, end: f64| json!({ "start_percent": start, "end_percent": end });
    vec![
        // The model attends from its second level on.
        ("ToMe, 0.3", "TomePatchModel", json!({ "ratio": 0.3, "max_downsample": 2 })),
        ("ToMe, 0.5", "TomePatchModel", json!({ "ratio": 0.5, "max_downsample": 2 })),
        (
            "HyperTile, 32 pixels",
            "HyperTile",
            json!({ "tile_size": 32, "swap_size": 1, "max_depth": 1, "scale_depth": false }),
        ),
        ("DeepCache, every 2nd", "DeepCache", deep(2, 1)),
        ("DeepCache, every 2nd, 3 deep", "DeepCache", deep(2, 3)),
        ("DeepCache, every 3rd", "DeepCache", deep(3, 1)),
        ("guidance in the first 0.7", "GuidanceInterval", guided(0.0, 0.7)),
        ("guidance from 0.2 to 0.8", "GuidanceInterval", guided(0.2, 0.8)),
    ]
}

/// Keeps the files that a run writes.
#[derive(Default)]
struct Files(RefCell<Vec<Vec<u8>>>);

impl Host for Files {
    fn yield_now(&self) -> LocalBoxFuture<'static, ()> {
        Box::pin(async {})
    }

    fn now_millis(&self) -> f64 {
        0.0
    }

    fn emit(&self, event: Event) {
        if let Event::File { file, .. } = event {
            self.0.borrow_mut().push(file.bytes);
        }
    }

    fn cancelled(&self) -> bool {
        false
    }
}

fn graph(prompt: &str, seed: usize, way: Option<&(&str, &str, Value)>) -> String {
    let node = |class: &str, inputs: Value| json!({ "class_type": class, "inputs": inputs });
    let mut graph = json!({
        "1": node("CheckpointLoaderSimple", json!({ "ckpt_name": "sprite" })),
        "3": node("CLIPTextEncode", json!({ "clip": ["1", 1], "text": prompt })),
        "4": node("CLIPTextEncode", json!({ "clip": ["1", 1], "text": "" })),
        "5": node("EmptyLatentImage", json!({ "width": 128, "height": 128, "batch_size": 1 })),
        "6": node("KSampler", json!({
            "model": ["1", 0], "positive": ["3", 0], "negative": ["4", 0], "latent_image": ["5", 0], "seed": seed,
            "steps": STEPS, "cfg": 5.0, "sampler_name": "dpmpp_2m", "scheduler": "sgm_uniform", "denoise": 1.0,
        })),
        "7": node("VAEDecode", json!({ "samples": ["6", 0], "vae": ["1", 2] })),
        "8": node("SaveImage", json!({ "images": ["7", 0], "filename_prefix": "bench" })),
    });
    if let Some((_, class, inputs)) = way {
        graph["2"] = node(class, inputs.clone());
        graph["2"]["inputs"]["model"] = json!(["1", 0]);
        graph["6"]["inputs"]["model"] = json!(["2", 0]);
    }
    graph.to_string()
}

/// The picture's bytes, and the seconds it took.
fn picture(engine: &Engine, graph: &str) -> (Vec<u8>, f64) {
    let (files, begin) = (Files::default(), Instant::now());
    let run = engine.run(graph, RunRequest::default(), &files);
    pollster::block_on(run).unwrap_or_else(|error| panic!("{error}"));
    let seconds = begin.elapsed().as_secs_f64();
    let png = files.0.take().remove(0);
    (image::load_from_memory(&png).unwrap().to_rgb8().into_raw(), seconds)
}

/// Peak signal-to-noise ratio in decibels.
fn psnr(a: &[u8], b: &[u8]) -> f64 {
    let squares = a.iter().zip(b).map(|(a, b)| (f64::from(*a) - f64::from(*b)).powi(2));
    10.0 * (255.0 * 255.0 / (squares.sum::<f64>() / a.len() as f64).max(1e-9)).log10()
}

fn main() {
    let models = Path::new(env!("CARGO_MANIFEST_DIR")).join("www/public/models");
    let store = Rc::new(FolderStore::new(models));
    let engine = pollster::block_on(Engine::open(DeviceKind::Cpu, store, |_| {})).unwrap();
    // Loads the model.
    picture(&engine, &graph("warm", 0, None));
    let ways = ways();
    let mut results = vec![(Vec::new(), 0.0, 0.0); ways.len()];
    for (seed, prompt) in PROMPTS.into_iter().enumerate() {
        let (whole, whole_seconds) = picture(&engine, &graph(prompt, seed + 1, None));
        for (way, (near, seconds, of)) in ways.iter().zip(&mut results) {
            let (saved, took) = picture(&engine, &graph(prompt, seed + 1, Some(way)));
            near.push(psnr(&whole, &saved));
            *seconds += took;
            *of += whole_seconds;
        }
    }
    println!("{:<30} {:>10} {:>10} {:>8}", "", "PSNR, mean", "worst", "time");
    for ((name, ..), (near, seconds, of)) in ways.iter().zip(&results) {
        let mean = near.iter().sum::<f64>() / near.len() as f64;
        let worst = near.iter().copied().fold(f64::INFINITY, f64::min);
        println!("{name:<30} {mean:>7.1} dB {worst:>7.1} dB {:>6.0} %", 100.0 * seconds / of);
    }
}
