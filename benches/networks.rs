//! The GPU engine's networks on this machine's own GPU, one after the other as they are asked for: the native half of
//! `benches/native.py`.
//!
//! `cargo bench --features webgpu --bench networks -- MODELS CHECKPOINT SIDE STEPS`, then a line on standard input for each
//! round: `unet1`, `unet2` or `vae`. Each is answered by a line with the milliseconds of one evaluation. The first answer is
//! the device's name.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a native program for developers"
)]

use std::cell::RefCell;
use std::io::{Write, stdin, stdout};
use std::rc::Rc;
use std::time::Instant;

use futures_util::future::LocalBoxFuture;
use serde_json::{Value, json};
use tintype::device::DeviceKind;
use tintype::engine::{Engine, RunRequest};
use tintype::graph::{Event, Host};
use tintype::store::native::FolderStore;

/// When each node began, by its id; the run's end has none.
#[derive(Default)]
struct Clock(RefCell<Vec<(Option<String>, Instant)>>);

impl Host for Clock {
    fn yield_now(&self) -> LocalBoxFuture<'static, ()> {
        Box::pin(async {})
    }

    fn now_millis(&self) -> f64 {
        0.0
    }

    fn emit(&self, event: Event) {
        if let Event::Executing { node, .. } = event {
            let id = node.map(|id| id.as_str().to_owned());
            self.0.borrow_mut().push((id, Instant::now()));
        }
    }

    fn cancelled(&self) -> bool {
        false
    }
}

struct Bench {
    engine: Engine,
    checkpoint: String,
    side: usize,
    steps: usize,
    /// Another one for each run, so that nothing comes from the cache.
    seed: usize,
}

impl Bench {
    /// Milliseconds of one evaluation.
    fn part(&mut self, part: &str) -> f64 {
        match part {
            "unet1" => self.step(1.0),
            "unet2" => self.step(5.0),
            "vae" => self.node(0, 0.0),
            part => panic!("`{part}` is none of unet1, unet2, vae"),
        }
    }

    /// What a run takes longer for having more steps: its latents are read from the GPU at its end only.
    fn step(&mut self, cfg: f64) -> f64 {
        let few = self.node(1, cfg);
        (self.node(1 + self.steps, cfg) - few) / self.steps as f64
    }

    /// Milliseconds of the sampler with so many steps, or of the decoder without any.
    fn node(&mut self, steps: usize, cfg: f64) -> f64 {
        self.seed += 1;
        let node = |class: &str, inputs: Value| json!({ "class_type": class, "inputs": inputs });
        let empty = json!({ "width": self.side, "height": self.side, "batch_size": 1 });
        let mut graph = json!({
            "1": node("CheckpointLoaderSimple", json!({ "ckpt_name": self.checkpoint })),
            "4": node("EmptyLatentImage", empty),
        });
        if steps == 0 {
            let factor = 1.0 + self.seed as f64 / 1000.0;
            graph["5"] =
                node("LatentMultiply", json!({ "samples": ["4", 0], "multiplier": factor }));
            graph["6"] = node("VAEDecode", json!({ "samples": ["5", 0], "vae": ["1", 2] }));
            graph["7"] = node("PreviewImage", json!({ "images": ["6", 0] }));
        } else {
            let prompt =
                |text: &str| node("CLIPTextEncode", json!({ "clip": ["1", 1], "text": text }));
            graph["2"] = prompt("a robot on a teal background, 3d");
            graph["3"] = prompt("");
            graph["6"] = node(
                "KSampler",
                json!({
                    "model": ["1", 0], "positive": ["2", 0], "negative": ["3", 0], "latent_image": ["4", 0],
                    "seed": self.seed, "steps": steps, "cfg": cfg, "sampler_name": "euler",
                    "scheduler": "sgm_uniform", "denoise": 1.0,
                }),
            );
            graph["7"] =
                node("SaveLatent", json!({ "samples": ["6", 0], "filename_prefix": "bench" }));
        }
        let (graph, clock) = (graph.to_string(), Clock::default());
        let run = self.engine.run(&graph, RunRequest::default(), &clock);
        pollster::block_on(run).unwrap_or_else(|error| panic!("{error}"));
        let times = clock.0.take();
        let begun = times.iter().position(|(id, _)| id.as_deref() == Some("6")).unwrap();
        times[begun + 1].1.duration_since(times[begun].1).as_secs_f64() * 1000.0
    }
}

fn main() {
    // Cargo adds `--bench`.
    let arguments: Vec<_> = std::env::args().skip(1).filter(|a| !a.starts_with("--")).collect();
    let [models, checkpoint, side, steps] = &arguments[..] else {
        panic!("usage: networks MODELS CHECKPOINT SIDE STEPS");
    };
    let store = Rc::new(FolderStore::new(models));
    let engine = pollster::block_on(Engine::open(DeviceKind::WebGpu, store, |why| panic!("{why}")));
    let engine = engine.unwrap_or_else(|error| panic!("{error}"));
    println!("{}", engine.device_info().name);
    let (side, steps) = (side.parse().unwrap(), steps.parse().unwrap());
    let mut bench = Bench { engine, checkpoint: checkpoint.clone(), side, steps, seed: 0 };
    for line in stdin().lines() {
        println!("{}", bench.part(line.unwrap().trim()));
        stdout().flush().unwrap();
    }
}
